"""Strangers' faces laid on others."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from stream_unmask.faces.alignment import mean_face
from stream_unmask.faces.warping import OVAL
from stream_unmask.synth.guides import GuideBank, fitted_on, misplaced, with_depth

SIZE = 96
MOUTH = [13, 14, 78, 308]


def points(size: int = SIZE, yaw: float = 0.0) -> NDArray[np.float32]:
    cos, sin = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
    face = (mean_face() - (0, 0.55, 0)) @ np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]]).T
    return np.asarray(face[:, :2] * size / 3.4 + size / 2, np.float32)


def skin(level: int, size: int = SIZE) -> NDArray[np.uint8]:
    return np.full((size, size, 3), (level, level * 3 // 4, level * 2 // 3), np.uint8)


def test_the_stranger_is_of_the_same_skin() -> None:
    bank = GuideBank([(skin(220), points()), (skin(70), points())])
    for level in (60, 230):
        guide = bank.draw(skin(level), points(), np.random.default_rng(1))
        shown = guide.picture[guide.trust > 200].mean(0)
        assert shown[0] == pytest.approx(70 if level == 60 else 220, abs=1)


def test_the_stranger_is_turned_alike() -> None:
    bank = GuideBank([(skin(100), points(yaw=-25)), (skin(101), points(yaw=25))])
    for yaw, level in ((-22, 100), (22, 101)):
        guide = bank.draw(skin(100), points(yaw=yaw), np.random.default_rng(1))
        assert np.median(guide.picture[guide.trust > 200][:, 0]) == level


def test_a_guide_is_trusted_on_the_face_alone() -> None:
    guide = GuideBank([(skin(100), points())]).draw(skin(100), points(), np.random.default_rng(1))
    nose = np.rint(points()[1]).astype(int)
    assert guide.trust[nose[1], nose[0]] == 255
    assert guide.trust[:4].max() == guide.trust[:, :4].max() == 0
    assert 0.2 < (guide.trust > 127).mean() < 0.45


def test_a_guide_ends_where_the_true_face_does() -> None:
    """Else whoever learns from it learns that a jaw may be anywhere around, and draws it soft."""
    large = 2 * SIZE
    face = points(large)
    bank = GuideBank([(skin(100, large), face)])
    jaw = face[OVAL[10:27]]
    outward = (jaw - face[1]) / np.linalg.norm(jaw - face[1], axis=1)[:, None]
    for seed in range(10):
        trust = bank.draw(skin(100, large), face, np.random.default_rng(seed)).trust
        for off, least, most in ((-9, 200, 255), (3, 0, 40)):
            x, y = np.rint(jaw + off * outward).astype(int).T
            assert least <= np.median(trust[y, x]) <= most


def test_depth_is_that_of_the_turn() -> None:
    mesh = with_depth(points(yaw=30))
    ear_side = mesh[[127, 356], 2]
    assert abs(ear_side[0] - ear_side[1]) > 0.25 * SIZE / 3.4
    assert np.ptp(with_depth(points())[[127, 356], 2]) < 0.5


def test_a_stranger_keeps_its_mouth_and_takes_the_outline() -> None:
    face, stranger = with_depth(points()), with_depth(points())
    stranger[14, 1] += 8  # its mouth is open
    face[OVAL, 0] += 3 * np.sign(face[OVAL, 0] - SIZE / 2)  # the face is wider
    laid = fitted_on(stranger, face)
    assert np.ptp(laid[[13, 14], 1]) == pytest.approx(np.ptp(stranger[[13, 14], 1]), rel=0.1)
    assert np.ptp(laid[OVAL, 0]) == pytest.approx(np.ptp(face[OVAL, 0]), rel=0.01)


def test_errors_of_a_mesh_are_largest_at_the_jaw() -> None:
    mesh = with_depth(points())
    off = np.array([misplaced(mesh, np.random.default_rng(seed)) - mesh for seed in range(200)])
    spread = off[:, :, 1].std(0) / (np.ptp(mesh[[33, 263], 0]))
    assert spread[152] > 1.2 * spread[168]
    assert 0.015 < spread[152] < 0.03
    assert not off[..., 2].any()
