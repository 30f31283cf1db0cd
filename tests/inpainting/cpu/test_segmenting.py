"""Masks are mended where they cannot be right, and nowhere else."""

from __future__ import annotations

import numpy as np

from stream_unmask.inpainting.cpu.segmenting import fill_holes, greyed, width_below, with_faint
from tests.inpainting.faces import SIZE, soft_mask


def test_a_hole_in_a_mask_is_closed() -> None:
    whole, hole = soft_mask(), soft_mask(radius=0.08)
    mended = fill_holes(np.clip(whole - hole, 0, 1))
    assert mended[hole > 0.5].min() > 0.9


def test_the_outline_of_a_mask_stays() -> None:
    whole = soft_mask()
    np.testing.assert_allclose(fill_holes(whole), whole, atol=0.02)
    square = np.zeros((SIZE, SIZE), np.float32)
    square[SIZE // 2 :, SIZE // 4 : -SIZE // 4] = 1
    np.testing.assert_array_equal(fill_holes(square), square)


def test_what_is_large_enough_to_be_no_hole_stays() -> None:
    whole, gap = soft_mask(radius=0.3), soft_mask(radius=0.17)
    left = np.clip(whole - gap, 0, 1)
    assert fill_holes(left)[round(0.64 * SIZE), SIZE // 2] == 0


def test_a_bare_face_stays_bare() -> None:
    assert not fill_holes(np.zeros((SIZE, SIZE), np.float32)).any()


def with_flap(faint: float, width: int, gap: int = 0) -> np.ndarray:
    """A mask with a strip ``gap`` pixels off its right side that is mask by a ``faint`` chance."""
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[SIZE // 2 : -SIZE // 8, SIZE // 4 : SIZE * 3 // 4] = 1
    start = SIZE * 3 // 4 + gap
    mask[SIZE // 2 : SIZE * 3 // 4, start : start + width] = faint
    return mask


def test_a_faint_flap_beside_a_mask_belongs_to_it() -> None:
    mask = with_flap(0.08, 6)
    row = slice(SIZE * 3 // 4, SIZE * 3 // 4 + 6)
    assert with_faint(mask)[SIZE * 5 // 8, row].min() > 0.4


def test_what_is_thin_or_far_or_hardly_a_mask_does_not() -> None:
    far = round(0.16 * SIZE)
    for mask in (with_flap(0.2, 2), with_flap(0.2, 8, gap=far), with_flap(0.005, 8)):
        assert with_faint(mask)[:, SIZE * 3 // 4 :].max() <= max(mask[:, SIZE * 3 // 4 :].max(), 0.04)


def test_the_outline_of_a_sure_mask_stays_where_nothing_is_beside_it() -> None:
    whole = soft_mask()
    assert np.abs(with_faint(whole) - whole).mean() < 0.005
    assert not with_faint(np.zeros((SIZE, SIZE), np.float32)).any()


def test_what_lies_outside_the_frame_is_grey() -> None:
    crop = np.full((3, 8, 8), 0.7, np.float32)
    # Crop pixel (x, y) shows frame pixel (2 x + 4, 2 y - 6) of a frame 16 wide and 100 high.
    alignment = np.array([[0.5, 0, -2], [0, 0.5, 3]])
    seen = greyed(crop, alignment, 16, 100)
    inside = np.zeros((8, 8), bool)
    inside[3:, :6] = True
    assert (seen[:, inside] == crop[:, inside]).all()
    assert not seen[:, ~inside].any()
    assert greyed(crop, np.array([[0.5, 0, -2], [0, 0.5, 0]]), 19, 100) is crop


def test_nothing_is_filled_between_a_mask_and_the_edge_of_the_crop() -> None:
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[SIZE // 2 : -SIZE // 16, SIZE // 4 : -SIZE // 4] = 1
    below = np.s_[-SIZE // 16 + 4 :, :]
    assert not fill_holes(mask)[below].any()
    assert not with_faint(mask)[below].any()


def test_the_width_of_a_mask_counts_where_it_should_have_ended() -> None:
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[SIZE // 2 : round(0.9 * SIZE), SIZE // 4 : -SIZE // 4] = 1
    assert width_below(mask) == 0
    mask[:, SIZE // 4 : SIZE // 2] = 1
    assert width_below(mask) == 0.25
