"""Where a laid stand-in is shown."""

from __future__ import annotations

import numpy as np

from stream_unmask.faces.trusting import bare_skin, laid_trust
from stream_unmask.faces.warping import warp_face
from tests.inpainting.stand_ins.drawn import SIZE, mesh, portrait


def test_hair_beside_the_eyes_is_no_bare_skin_but_a_beard_is() -> None:
    picture, points = portrait(), mesh()
    row = int(points[234, 1])
    picture[row - 8 : row + 8, : int(points[234, 0]) + 10] = (20, 15, 10)
    chin = int(points[152, 1])
    picture[chin - 14 : chin - 4, 50:78] = (60, 40, 30)
    bare = bare_skin(picture, points)
    assert bare[row, int(points[234, 0]) + 4] < 60
    assert bare[chin - 9, SIZE // 2] > 250
    assert bare[int(points[1, 1]), int(points[1, 0])] == 255


def test_trust_is_full_inside_and_ends_before_the_outline() -> None:
    points = mesh()
    bare = bare_skin(portrait(), points)
    warped = warp_face(bare[:, :, None], points, points, SIZE)
    trust = laid_trust(warped.trust, warped.picture[:, :, 0] / np.float32(255), points, SIZE)
    assert trust.min() >= 0
    assert trust[int(points[13, 1]), int(points[13, 0])] > 0.99
    outline = points[[234, 454, 93, 323]]
    assert trust[np.rint(outline[:, 1]).astype(int), np.rint(outline[:, 0]).astype(int)].max() < 0.3
    assert max(trust[:4].max(), trust[:, :4].max()) < 0.01


def test_a_nose_that_hides_the_far_cheek_is_trusted_up_to_its_edge() -> None:
    points = mesh()
    turn = np.radians(50)
    turned = points - points[168]
    turned = turned @ np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    turned += points[168]
    warped = warp_face(bare_skin(portrait(), points)[:, :, None], points, turned, SIZE)
    trust = laid_trust(warped.trust, warped.picture[:, :, 0] / np.float32(255), turned, SIZE)
    row = int(turned[1, 1])
    near, far = np.flatnonzero(warped.trust[row] > 0.01)[[0, -1]]
    assert abs(far - turned[1, 0]) < 6 < abs(near - turned[1, 0])
    assert trust[row, far - 3] > 0.9


def test_what_is_not_bare_is_not_trusted() -> None:
    points = mesh()
    warped = warp_face(portrait(), points, points, SIZE)
    bare = np.ones_like(warped.trust)
    bare[:, : SIZE // 2] = 0
    trust = laid_trust(warped.trust, bare, points, SIZE)
    row = int(points[50, 1])
    assert trust[row, int(points[50, 0])] < 0.05
    assert trust[row, int(points[280, 0])] > 0.9


def test_the_eyes_are_those_of_the_head_that_the_face_is_laid_on() -> None:
    points = mesh()
    warped = warp_face(portrait(), points, points, SIZE)
    trust = laid_trust(warped.trust, np.ones_like(warped.trust), points, SIZE)
    for lids in ((159, 145), (386, 374)):
        x, y = np.rint(points[list(lids), :2].mean(0)).astype(int)
        assert trust[y, x] < 0.01
    assert trust[int(points[50, 1]), int(points[50, 0])] > 0.9
