"""Inpainted crops cover their mask, meet the face without a seam and end where they must."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from stream_unmask.inpainting.cpu.blending import blend
from stream_unmask.inpainting.parameters import BLENDS, Blend
from tests.inpainting.faces import SIZE, Picture, face, soft_mask

MASK = soft_mask()


def masked(picture: Picture) -> Picture:
    blue = np.array([-0.5, 0.2, 0.9], np.float32)[:, None, None]
    return np.ascontiguousarray(picture + MASK * (blue - picture), np.float32)


@pytest.mark.parametrize("kind", BLENDS)
def test_alpha_covers_the_mask_and_nothing_far_from_it(kind: Blend) -> None:
    mask = soft_mask(256)
    picture, alpha = blend(kind, face(256), face(256), mask, 1.0)
    away = cv2.distanceTransform((mask < 0.05).astype(np.uint8), cv2.DIST_L2, 5)
    assert alpha[away <= 3].min() > 0.98
    assert (alpha[away > 20] == 0).all()
    assert alpha.min() == 0
    assert alpha.max() == 1
    assert np.abs(picture).max() <= 1
    # It fades; it does not end.
    assert np.abs(np.diff(alpha, axis=0)).max() < 0.2


@pytest.mark.parametrize("kind", BLENDS)
def test_alpha_ends_before_the_crop_does(kind: Blend) -> None:
    _, alpha = blend(kind, face(), face(), np.ones((SIZE, SIZE), np.float32), 1.0)
    edge = int(0.015 * SIZE) + 1
    for side in (alpha[:edge], alpha[-edge:], alpha[:, :edge], alpha[:, -edge:]):
        assert not side.any()
    assert alpha[SIZE // 2, SIZE // 2] == 1


def test_a_thin_ear_loop_is_covered() -> None:
    mask = MASK.copy()
    mask[40:70, 100] = 0.5
    _, alpha = blend("feather", face(), face(), mask, 1.0)
    assert alpha[42:68, 100].min() > 0.9


def test_beside_a_loop_more_of_the_ear_stays_than_of_the_cheek_beside_the_mask() -> None:
    mask = np.zeros((256, 256), np.float32)
    mask[100:200, 60:160] = 1
    mask[100:160, 200:203] = 1
    _, alpha = blend("feather", face(256), face(256), mask, 1.0)
    beside_mask, beside_loop = np.argmax(alpha[150, 160:] == 0), np.argmax(alpha[150, 203:] == 0)
    assert alpha[110:150, 201].min() > 0.99
    assert 4 <= beside_loop <= beside_mask - 3


def test_doubt_about_bare_skin_is_no_mask() -> None:
    _, alpha = blend("feather", face(), face(), np.full((SIZE, SIZE), 0.1, np.float32), 1.0)
    assert not alpha.any()


@pytest.mark.parametrize("kind", BLENDS)
def test_strength_scales_alpha(kind: Blend) -> None:
    _, full = blend(kind, face(), face(), MASK, 1.0)
    _, faint = blend(kind, face(), face(), MASK, 0.25)
    np.testing.assert_allclose(faint, 0.25 * full, atol=1e-6)
    assert not blend(kind, face(), face(), MASK, 0.0)[1].any()


@pytest.mark.parametrize("kind", BLENDS)
def test_the_mask_does_not_shine_through(kind: Blend) -> None:
    truth = face()
    picture, alpha = blend(kind, masked(truth), truth, MASK, 1.0)
    np.testing.assert_allclose(picture[:, alpha > 0], truth[:, alpha > 0], atol=0.02)


@pytest.mark.parametrize(("kind", "left"), [("feather", 1.0), ("pyramid", 0.8), ("poisson", 0.2)])
def test_how_much_of_a_tint_is_left(kind: Blend, left: float) -> None:
    truth = face()
    picture, _ = blend(kind, masked(truth), truth + np.float32(0.1), MASK, 1.0)
    rim = (MASK > 0.5) & (cv2.erode(MASK, np.ones((13, 13), np.uint8)) < 0.5)
    assert np.abs(picture - truth)[:, rim].mean() <= left * 0.1 + 1e-6


def test_a_strange_background_does_not_spread_over_the_face() -> None:
    truth = face()
    inpainted = truth.copy()
    inpainted[:, :, :36] = -0.9  # the generator drew a wall where skin is
    picture, _ = blend("poisson", masked(truth), inpainted, MASK, 1.0)
    inner = np.zeros((SIZE, SIZE), bool)
    inner[70:95, 52:80] = True
    assert np.abs(picture - inpainted)[:, inner].mean() < 0.05


def test_crops_of_any_size_are_blended() -> None:
    for size in (64, 128, 256):
        picture, alpha = blend("pyramid", face(size), face(size), soft_mask(size), 1.0)
        assert picture.shape == (3, size, size)
        assert alpha.shape == (size, size)
