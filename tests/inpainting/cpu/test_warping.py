"""What is warped from frame to frame."""

from __future__ import annotations

import numpy as np
import pytest

from stream_unmask.inpainting.cpu.warping import warp
from tests.inpainting.faces import SIZE, Picture, alignment


def waves(x: Picture, y: Picture) -> Picture:
    return np.stack([np.sin(x / 9) * 0.5, np.cos(y / 11) * 0.5, np.sin((x + y) / 14) * 0.5]).astype(
        np.float32
    )


@pytest.mark.parametrize("zoom", [0.8, 1.0, 1.25])
def test_an_inpainted_crop_is_warped_to_where_its_face_has_gone(zoom: float) -> None:
    before, after = alignment(10, 20, 1.0), alignment(13.5, 17.25, zoom)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    # An inpainted crop that is a picture of the frame must still be one after the crop has moved.
    inpainted = waves(columns + 10, rows + 20)
    warped = warp(inpainted, before.matrix, after.matrix)
    middle = slice(24, 96)
    expected = waves(columns * zoom + 13.5, rows * zoom + 17.25)
    np.testing.assert_allclose(warped[:, middle, middle], expected[:, middle, middle], atol=0.01)


def test_an_inpainted_crop_of_a_still_face_is_warped_exactly() -> None:
    inpainted = np.random.default_rng(0).uniform(-1, 1, (3, SIZE, SIZE)).astype(np.float32)
    warped = warp(inpainted, alignment(5, 5).matrix, alignment(5.01, 5).matrix)
    np.testing.assert_array_equal(warped, inpainted)
    assert not np.shares_memory(warped, inpainted)
