"""A face laid on another picture of itself, found again to a fraction of a pixel."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stream_unmask.bundled import BUNDLED_SETS
from stream_unmask.faces.laying import Rigid, carried
from stream_unmask.faces.matching import BLURS, SIDE, Looseness, Scene, Spots, at_side, lay, spots
from stream_unmask.inpainting.laid import PicturedFace
from stream_unmask.inpainting.stand_ins.bundled import bundled_stand_ins

LOOSE = Looseness(turn=(0.1, 0.1, 0.1), growth=0.1, shift=8.0)
STEPS = (0, 0, 0, 1, 1, 1, 2, 2, 2, 2)
STAYS = Rigid(1.0, np.eye(3), np.zeros(3))


def face(name: str) -> PicturedFace:
    bank = bundled_stand_ins(BUNDLED_SETS["open"].folder)
    return bank[bank.names.index(f"{name}.webp")]


def spots_of(shown: PicturedFace) -> Spots:
    return spots(shown.picture, shown.points, np.ascontiguousarray(shown.with_bare[:, :, 3]))


def seen(shown: PicturedFace, by: NDArray[np.float64], *, light: float = 0.7) -> Scene:
    """A face moved by a similarity of the picture, in other light, with its lower half masked."""
    size = len(shown.picture)
    moved = cv2.warpAffine(shown.picture, by, (size, size), borderMode=cv2.BORDER_REPLICATE)
    crop = np.ascontiguousarray(moved.transpose(2, 0, 1) / 127.5 - 1, np.float32)
    ramp = np.linspace(light, 1.0, size, dtype=np.float32)
    crop = (crop + 1) * ramp - 1
    mask = np.zeros((size, size), np.float32)
    mask[int(by[1, 1] * shown.points[4, 1] + by[1, 2]) :] = 1
    crop[:, mask > 0] = 0.3
    return Scene(crop, mask)


def similarity(scale: float, degrees: float, x: float, y: float, size: int) -> NDArray[np.float64]:
    matrix = cv2.getRotationMatrix2D((size / 2, size / 2), degrees, scale)
    return np.asarray(matrix + np.array([[0, 0, x], [0, 0, y]]))


MOVES = [(1.0, 0, 5, -4), (0.95, 4, -6, 3), (1.06, -5, 2, 7)]


@pytest.mark.parametrize(("scale", "degrees", "x", "y"), MOVES)
def test_a_face_is_found_where_it_went(scale: float, degrees: float, x: float, y: float) -> None:
    shown = face("male_17")
    size = len(shown.picture)
    by = similarity(scale, degrees, x, y, size)
    match = lay(spots_of(shown), seen(shown, by), STAYS, STAYS, LOOSE, STEPS)
    own = at_side(shown.points, size)
    wanted = at_side(
        np.column_stack([shown.points[:, :2] @ by[:, :2].T + by[:, 2], shown.points[:, 2]]), size
    )
    assert match.correlation > 0.9
    assert np.linalg.norm((match.rigid(own) - wanted)[:, :2], axis=1).mean() < 0.6


def test_somebody_elses_face_is_less_alike() -> None:
    own = seen(face("male_17"), np.eye(2, 3))
    faces = [face(name) for name in ("female_04", "female_92", "male_45")]
    others = [lay(spots_of(each), own, STAYS, STAYS, LOOSE, STEPS).correlation for each in faces]
    assert max(others) < 0.85
    same = lay(spots_of(face("male_17")), own, STAYS, STAYS, LOOSE, STEPS)
    assert same.correlation > 0.95


def test_the_prior_holds_what_may_not_stray() -> None:
    shown = face("male_17")
    by = similarity(1.0, 0, 8, 0, len(shown.picture))
    tight = Looseness(turn=(1e-3, 1e-3, 1e-3), growth=1e-3, shift=0.02)
    match = lay(spots_of(shown), seen(shown, by), STAYS, STAYS, tight, STEPS)
    own = at_side(shown.points, len(shown.picture))
    assert np.abs(match.rigid(own) - own).max() < 1


def test_where_nothing_is_visible_nothing_is_believed() -> None:
    shown = face("male_17")
    size = len(shown.picture)
    hidden = Scene(np.zeros((3, size, size), np.float32), np.ones((size, size), np.float32))
    match = lay(spots_of(shown), hidden, STAYS, STAYS, LOOSE, STEPS)
    assert match.correlation == 0
    assert match.rigid is STAYS


def test_spots_lie_on_the_face_and_look_at_the_camera() -> None:
    shown = face("male_17")
    found = spots_of(shown)
    places = found.places + found.centre
    own = at_side(shown.points, len(shown.picture))
    assert found.values.shape == (len(BLURS), len(places))
    assert (places[:, :2] >= own[:, :2].min(0) - 1).all()
    assert (places[:, :2] <= own[:, :2].max(0) + 1).all()
    assert found.normals[:, 2].max() < 0
    assert np.allclose(np.linalg.norm(found.normals, axis=1), 1, atol=0.1)
    assert places[:, :2].max() < SIDE


def test_a_similarity_is_carried_along_within_the_picture() -> None:
    turn = np.asarray(cv2.Rodrigues(np.array([0.1, -0.2, 0.3]))[0], np.float64)
    rigid = Rigid(1.3, turn, np.array([4.0, -2.0, 1.0]))
    cos, sin = 2 * math.cos(0.4), 2 * math.sin(0.4)
    affine = np.array([[cos, -sin, 5.0], [sin, cos, -3.0]])
    points = np.random.default_rng(0).normal(size=(20, 3))
    moved, there = carried(rigid, affine)(points), rigid(points)
    assert np.allclose(moved[:, :2], there[:, :2] @ affine[:, :2].T + affine[:, 2])
    assert np.allclose(moved[:, 2], 2 * there[:, 2])
