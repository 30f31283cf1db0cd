"""A face at a glance: so small a picture that it costs next to nothing, and tells whether it has changed."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from stream_unmask.pixels.colours import sample_range
from stream_unmask.pixels.geometry import Affine, invert
from stream_unmask.pixels.planes import Planes

CELLS = 16
"""Cells along each side of a crop."""

_POINTS = 5
"""Samples along each side of a cell: noise averages out over them, and no whole crop is read."""

Glance = NDArray[np.float32]


def glance(planes: Planes, alignment: Affine, size: int) -> Glance:
    """The luma of a crop on a grid of few cells.

    Args:
        planes: the frame; only read. Beyond it its edge is repeated.
        alignment: (2, 3) float64 similarity from frame pixels to crop pixels.
        size: side of the crop in pixels.

    Returns:
        (16, 16) mean luma of each cell in shares of its span, about 0..1.
    """
    cells = np.empty((CELLS, CELLS), np.float32)
    _look(planes.y, invert(alignment), size / (CELLS * _POINTS), 1 / sample_range(planes).luma_span, cells)
    return cells


def change(before: Glance, now: Glance) -> float:
    """The largest change of a cell from one glance to another, but for the crop's outermost ones."""
    return float(np.abs(now - before)[1:-1, 2:-2].max())


def warm_up(depth: int) -> None:
    """Compile (or load from numba's cache) what a glance runs for samples of ``depth`` bits."""
    sample = np.uint8 if depth == 8 else np.uint16
    # Some decoders' rows follow each other at once, others' do not.
    for step in (1, 2):
        _look(
            np.zeros((2, 2 * step), sample)[:, ::step], np.eye(2, 3), 1.0, 1.0, np.empty((1, 1), np.float32)
        )


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _look(luma: Any, to_frame: Any, apart: Any, unit: Any, cells: Any) -> None:
    """Fill ``cells`` with means, times ``unit``, of samples at points ``apart`` crop pixels apart."""
    low, right = luma.shape[0] - 1, luma.shape[1] - 1
    share = np.float32(unit / _POINTS**2)
    for i in range(cells.shape[0]):
        for j in range(cells.shape[1]):
            total = 0
            for row in range(_POINTS * i, _POINTS * (i + 1)):
                y = (row + 0.5) * apart - 0.5
                for column in range(_POINTS * j, _POINTS * (j + 1)):
                    x = (column + 0.5) * apart - 0.5
                    across = to_frame[0, 0] * x + to_frame[0, 1] * y + to_frame[0, 2] + 0.5
                    down = to_frame[1, 0] * x + to_frame[1, 1] * y + to_frame[1, 2] + 0.5
                    total += luma[int(min(max(down, 0), low)), int(min(max(across, 0), right))]
            cells[i, j] = share * np.float32(total)
