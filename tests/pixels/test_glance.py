"""A glance shows a crop's luma, and no more."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stream_unmask.pixels.glance import CELLS, change, glance
from stream_unmask.pixels.planes import Planes

SIZE = 64
IN_PLACE = np.eye(2, 3)


def grey(luma: np.ndarray, depth: int = 8) -> Planes:
    """Full-range 4:4:4 planes without colour."""
    chroma = np.full_like(luma, 1 << (depth - 1))
    return Planes(luma, chroma, chroma, 0, 0, depth, 0.2126, 0.0722, True, False, False)


@pytest.mark.parametrize(("depth", "sample"), [(8, np.uint8), (10, np.uint16)])
def test_cells_have_the_luma_beneath_them(depth: int, sample: type) -> None:
    largest = (1 << depth) - 1
    levels: NDArray[Any] = np.linspace(0, largest, CELLS).astype(sample)
    luma = np.repeat(np.repeat(levels[None], SIZE // CELLS, 1), SIZE, 0)
    seen = glance(grey(luma, depth), IN_PLACE, SIZE)
    assert seen == pytest.approx(np.broadcast_to(levels / largest, (CELLS, CELLS)), abs=1e-6)


def test_a_crop_goes_with_its_face() -> None:
    luma = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE)).astype(np.uint8)
    moved = np.pad(luma, ((5, 0), (9, 0)))
    there = np.array([[1.0, 0, -9], [0, 1.0, -5]])
    assert change(glance(grey(luma), IN_PLACE, SIZE), glance(grey(moved), there, SIZE)) < 1e-6


def test_beyond_a_frame_its_edge_goes_on() -> None:
    luma = np.full((SIZE, SIZE), 51, np.uint8)
    outside = np.array([[1.0, 0, -3 * SIZE], [0, 1.0, 3 * SIZE]])
    assert glance(grey(luma), outside, SIZE) == pytest.approx(np.full((CELLS, CELLS), 0.2), abs=1e-6)


def test_the_cell_that_changes_most_counts_but_for_the_rim() -> None:
    before, now = np.zeros((2, CELLS, CELLS), np.float32)
    now[0], now[:, 0] = 1, 1
    assert change(before, now) == 0
    now[8, 8], now[9, 9] = -0.5, 0.25
    assert change(before, now) == 0.5
