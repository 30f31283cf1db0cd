"""Flicker goes, real changes stay, and nothing leaves a ghost."""

from __future__ import annotations

import cv2
import numpy as np

from stream_unmask.inpainting.cpu.blending import blend
from stream_unmask.inpainting.timing import FRAME
from tests.inpainting.faces import SIZE, Picture, Smoother, alignment, face, soft_mask


def flicker(random: np.random.Generator, amount: float) -> Picture:
    coarse = random.normal(0, amount, (6, 6, 3)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC), np.float32).transpose(
        2, 0, 1
    )


def test_flicker_of_a_still_face_is_more_than_halved() -> None:
    smoother, random, crop, mask = Smoother(), np.random.default_rng(0), face(), soft_mask()
    given, made = [], []
    for _ in range(20):
        inpainted = np.ascontiguousarray(crop + flicker(random, 0.02))
        _, smooth = smoother.smooth(crop, mask, inpainted, alignment(), FRAME)
        given.append(inpainted)
        made.append(smooth.copy())
    before = np.abs(np.diff(given[5:], axis=0)).mean()
    after = np.abs(np.diff(made[5:], axis=0)).mean()
    assert 0 < after < 0.5 * before


def test_an_opening_mouth_opens_at_once() -> None:
    smoother, crop, mask = Smoother(), face(), soft_mask()
    for _ in range(5):
        smoother.smooth(crop, mask, crop, alignment(), FRAME)
    opened = crop.copy()
    opened[:, 84:100, 48:80] -= 0.5
    _, smooth = smoother.smooth(crop, mask, opened, alignment(), FRAME)
    np.testing.assert_allclose(smooth[:, 88:96, 54:74], opened[:, 88:96, 54:74], atol=0.05)
    for _ in range(2):
        _, smooth = smoother.smooth(crop, mask, opened, alignment(), FRAME)
    np.testing.assert_allclose(smooth, opened, atol=0.1)


def test_a_small_lasting_change_is_reached() -> None:
    smoother, crop, mask = Smoother(), face(), soft_mask()
    for _ in range(5):
        smoother.smooth(crop, mask, crop, alignment(), FRAME)
    for _ in range(12):
        _, smooth = smoother.smooth(crop, mask, crop + np.float32(0.06), alignment(), FRAME)
    np.testing.assert_allclose(smooth, crop + 0.06, atol=0.004)


def test_a_cut_leaves_no_ghost() -> None:
    smoother, crop, mask = Smoother(), face(), soft_mask()
    for _ in range(5):
        smoother.smooth(crop, mask, crop, alignment(), FRAME)
    other, elsewhere = -crop, soft_mask(x=0.3, y=0.7, radius=0.12)
    _, smooth = smoother.smooth(other, elsewhere, other, alignment(), FRAME)
    np.testing.assert_allclose(smooth, other, atol=0.02)
    for _ in range(3):
        seen, smooth = smoother.smooth(other, elsewhere, other, alignment(), FRAME)
    np.testing.assert_allclose(smooth, other, atol=1e-3)
    _, alpha = blend("feather", other, smooth, seen, 1.0)
    _, expected = blend("feather", other, smooth, elsewhere, 1.0)
    np.testing.assert_allclose(alpha, expected, atol=0.08)


def test_a_mask_taken_off_leaves_no_alpha_after_three_frames() -> None:
    smoother, crop = Smoother(), face()
    for _ in range(5):
        smoother.smooth(crop, soft_mask(), crop, alignment(), FRAME)
    for _ in range(4):
        mask, _ = smoother.smooth(crop, np.zeros((SIZE, SIZE), np.float32), crop, alignment(), FRAME)
    _, alpha = blend("feather", crop, crop, mask, 1.0)
    assert not alpha.any()


def test_one_missed_frame_does_not_show_the_mask() -> None:
    for moved in (0.0, 20.0):  # still, and moving fast
        smoother, crop, mask = Smoother(), face(), soft_mask()
        for _ in range(5):
            smoother.smooth(crop, mask, crop, alignment(), FRAME)
        held, _ = smoother.smooth(crop, np.zeros((SIZE, SIZE), np.float32), crop, alignment(x=moved), FRAME)
        _, alpha = blend("feather", crop, crop, held, 1.0)
        worn = soft_mask(x=0.5 - moved / SIZE) > 0.9
        assert alpha[worn].min() > 0.9


def test_a_face_that_moves_with_what_is_inpainted_keeps_its_detail() -> None:
    smoother, mask = Smoother(), soft_mask()
    columns = np.mgrid[:SIZE, :SIZE][1]
    lines = np.broadcast_to(0.3 * np.sin(columns / 2), (3, SIZE, SIZE)).astype(np.float32)
    contrast = []
    for step in range(12):
        _, smooth = smoother.smooth(lines, mask, lines, alignment(x=7.3 * step, y=3.1 * step), FRAME)
        contrast.append(smooth[:, 40:90, 40:90].std())
    assert min(contrast) > 0.9 * contrast[0]


def test_a_first_frame_stays_as_it_is() -> None:
    crop, mask = face(), soft_mask()
    seen, smooth = Smoother().smooth(crop, mask, crop + np.float32(0.02), alignment(), FRAME)
    np.testing.assert_array_equal(smooth, crop + np.float32(0.02))
    np.testing.assert_array_equal(seen, mask)
    assert not np.shares_memory(seen, mask)
