"""Faces laid on other meshes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stream_unmask.faces.alignment import mean_face
from stream_unmask.faces.warping import OVAL, mesh_triangles, warp_face, with_ring

SIZE = 160


def placed(yaw: float = 0.0, roll: float = 0.0, size: int = SIZE) -> NDArray[np.float64]:
    """(468, 3) the mean face, turned, in a crop of ``size`` pixels."""
    cos, sin = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
    turn = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
    cos, sin = np.cos(np.radians(roll)), np.sin(np.radians(roll))
    tilt = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    face = mean_face() - (0, 0.55, 0)
    return np.asarray(face @ turn.T @ tilt.T * size / 3.4 + (size / 2, size / 2, 0))


def pattern(size: int = SIZE) -> NDArray[np.float32]:
    """Smooth colours that differ everywhere."""
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    return np.stack([np.sin(9 * x) * np.cos(7 * y), x - y, x * y], -1).astype(np.float32)


def inside(points: NDArray[np.floating], margin: int = 3) -> NDArray[np.bool_]:
    area = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(area, [np.rint(points[OVAL, :2]).astype(np.int32)], 1)
    return np.asarray(cv2.erode(area, np.ones((2 * margin + 1,) * 2, np.uint8)) > 0)


def test_triangles_cover_the_face_and_its_ring_once() -> None:
    front = with_ring(mean_face())[:, :2]
    a, b, c = (front[mesh_triangles()[:, corner]] for corner in range(3))
    areas = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    hull = cv2.contourArea(cv2.convexHull(front.astype(np.float32)))
    assert (areas >= 0).all()
    assert areas.sum() / 2 == pytest.approx(hull, rel=0.02)


def test_a_picture_on_its_own_mesh_stays_as_it_is() -> None:
    points, picture = placed(), pattern()
    warped = warp_face(picture, points, points, SIZE)
    here = inside(points)
    assert np.abs(warped.picture - picture)[here].max() < 0.02
    assert warped.picture.dtype == warped.trust.dtype == np.float32
    forehead = np.rint(points[151, :2]).astype(int)
    assert warped.trust[forehead[1], forehead[0]] == 1
    assert warped.trust[0, 0] == 0


def test_bytes_come_back_in_their_own_range() -> None:
    points = placed()
    picture = np.full((SIZE, SIZE, 3), 200, np.uint8)
    assert warp_face(picture, points, points, SIZE).picture[SIZE // 2, SIZE // 2].tolist() == [200] * 3


def test_a_face_that_rolls_takes_its_picture_along() -> None:
    picture = pattern()
    moved = warp_face(picture, placed(), placed(roll=20), SIZE)
    matrix = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), -20, 1)
    wanted = cv2.warpAffine(picture, matrix, (SIZE, SIZE), flags=cv2.INTER_CUBIC)
    here = inside(placed(roll=20))
    assert np.abs(moved.picture - wanted)[here].max() < 0.03


def test_a_large_picture_is_shrunk_without_a_shift() -> None:
    large = np.asarray(
        cv2.resize(pattern(), (4 * SIZE, 4 * SIZE), interpolation=cv2.INTER_LINEAR), np.float32
    )
    source = placed() * 4 + (1.5, 1.5, 0)
    warped = warp_face(large, source, placed(), SIZE)
    assert np.abs(warped.picture - pattern())[inside(placed())].max() < 0.03


def test_what_lies_behind_does_not_show() -> None:
    # The head is turned so far that its nose covers a part of the far cheek.
    source, target = placed(), placed(yaw=40)
    colours = np.zeros((SIZE, SIZE, 3), np.float32)
    tip = np.rint(source[1, :2]).astype(int)
    colours[tip[1] - 4 : tip[1] + 5, tip[0] - 4 : tip[0] + 5] = 1
    seen = warp_face(colours, source, target, SIZE)
    place = np.rint(target[1, :2]).astype(int)
    assert seen.picture[place[1], place[0]].min() > 0.9
    behind = target.copy()
    behind[[50, 280, 205, 425]] = target[1] + (0.0, 0.0, SIZE)  # the cheeks folded in behind the nose
    still = warp_face(colours, source, behind, SIZE)
    assert still.picture[place[1], place[0]].min() > 0.9


def test_trust_falls_where_the_picture_saw_the_face_at_a_grazing_angle() -> None:
    halves = {}
    for yaw in (0, 60):
        trust = warp_face(pattern(), placed(yaw), placed(), SIZE).trust
        halves[yaw] = sorted(float(half.mean()) for half in np.hsplit(trust, 2))
    assert halves[0][0] == pytest.approx(halves[0][1], rel=0.1)
    assert halves[60][0] < 0.3 * halves[0][0]
    assert halves[60][1] > 0.9 * halves[0][1]


def test_what_the_picture_does_not_show_is_not_trusted() -> None:
    points = placed()
    cut = pattern()[: SIZE // 2]
    warped = warp_face(cut, points, points, SIZE)
    assert warped.trust[SIZE // 2 + 10 :].max() == 0
    assert warped.trust[: SIZE // 2 - 2].max() > 0.99


def test_normals_look_out_of_the_picture() -> None:
    points = placed()
    normals = warp_face(pattern(), points, points, SIZE, normals=True).normals
    assert normals is not None
    nose = np.rint(points[[5, 49, 279], :2]).astype(int)
    _, left, right = (normals[y, x] for x, y in nose)
    assert left[0] < 0 < right[0]
    assert normals[inside(points)][:, 2].mean() > 0.6
