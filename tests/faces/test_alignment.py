"""Faces in the frame from the little that a mask leaves to be seen."""

from __future__ import annotations

import numpy as np
import pytest

from stream_unmask.faces.alignment import _FIVE, align, fit_pose, mean_face, place_mean_face, roomy_to_usual


def seen_from(yaw: float, roll: float, points: np.ndarray) -> np.ndarray:
    """Points of the mean face, 50 pixels between the eyes, nose to the right for a yaw above 0."""
    across, along = np.radians(-yaw), np.radians(roll)
    turn = np.array([[np.cos(across), 0, np.sin(across)], [0, 1, 0], [-np.sin(across), 0, np.cos(across)]])
    lean = np.array([[np.cos(along), -np.sin(along), 0], [np.sin(along), np.cos(along), 0], [0, 0, 1]])
    return points @ (lean @ turn).T * 50 + (200.0, 120.0, 0.0)


@pytest.mark.parametrize(("yaw", "roll"), [(0, 0), (30, 0), (-45, 20), (15, -80)])
def test_five_points_and_a_mesh_tell_the_same_pose(yaw: float, roll: float) -> None:
    of_mesh = fit_pose(seen_from(yaw, roll, mean_face()))
    placed = place_mean_face(seen_from(yaw, roll, _FIVE)[:, :2])
    assert placed is not None
    of_five = fit_pose(placed)
    assert of_mesh.yaw == pytest.approx(yaw, abs=0.5)
    for name in ("x", "y", "roll", "scale", "yaw"):
        assert getattr(of_five, name) == pytest.approx(getattr(of_mesh, name), abs=0.01), name


def test_points_that_no_head_can_have_give_no_face() -> None:
    five = seen_from(0, 0, _FIVE)[:, :2]
    assert place_mean_face(five * (0.5, 1.0)) is None
    assert place_mean_face(five * (1.0, 0.5)) is None


def test_a_crop_with_more_room_reaches_further_down_and_no_less_aside() -> None:
    usual = align(seen_from(10, 25, mean_face()), 256)
    roomy = usual.with_room()
    corners = np.array([[0.0, 255, 0, 255], [0, 0, 255, 255], [1, 1, 1, 1]])
    in_usual = roomy_to_usual(256) @ corners
    back = np.linalg.inv(np.vstack([usual.matrix, (0, 0, 1)])) @ np.vstack([in_usual, np.ones(4)])
    np.testing.assert_allclose(roomy.matrix @ back, corners[:2], atol=1e-9)
    assert in_usual[1, 2:] == pytest.approx([255 + 0.08 * 256] * 2, abs=1)
    assert in_usual[1, 0] < 0.03 * 256
    assert in_usual[0, 0] < 0
    assert in_usual[0, 1] > 255
    assert roomy.roomy
    assert roomy.with_room() is roomy
    assert roomy.eye_distance == usual.eye_distance
