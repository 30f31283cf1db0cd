"""Noticing that a new scene has begun."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream_unmask.pixels.planes import Planes

_COLUMNS, _ROWS = 48, 32
_BINS = 32

_MOVED = 0.08
"""Mean absolute luma change, in shares of the sample range, below which a frame continues the scene."""

_RECOLOURED = 0.25
"""Share of the luma histogram that must have changed; a pan moves much but recolours little."""

_SURPRISE = 3.0
"""How many times more than it lately used to a frame must change: shaken cameras and flicker are no cuts."""


class CutDetector:
    """Compares each frame's luma, on a coarse grid, with that of the frame before."""

    def __init__(self) -> None:
        self._grid: NDArray[np.float32] | None = None
        self._size = (0, 0)
        self._usual = 0.0

    def is_cut(self, planes: Planes) -> bool:
        """Whether this frame begins a new scene; False for the first frame."""
        grid = _grid(planes)
        before, self._grid = self._grid, grid
        # Sizes that differ may well have grids that do not; places in one mean nothing in the other.
        size, self._size = self._size, (planes.width, planes.height)
        if before is None or size != self._size:
            return before is not None
        moved = float(np.abs(grid - before).mean())
        recoloured = float(np.abs(_histogram(grid) - _histogram(before)).sum()) / 2
        cut = moved > max(_MOVED, _SURPRISE * self._usual) and recoloured > _RECOLOURED
        self._usual = 0.0 if cut else 0.8 * self._usual + 0.2 * moved
        return cut


def _grid(planes: Planes) -> NDArray[np.float32]:
    """(rows, columns) of luma, 0..1, of some 48 x 32 spread samples."""
    step_y = max(1, planes.height // _ROWS)
    step_x = max(1, planes.width // _COLUMNS)
    samples = planes.y[step_y // 2 :: step_y, step_x // 2 :: step_x]
    return samples.astype(np.float32) / np.float32(2**planes.depth - 1)


def _histogram(grid: NDArray[np.float32]) -> NDArray[np.float64]:
    bins = np.minimum((grid * _BINS).astype(np.intp), _BINS - 1)
    return np.bincount(bins.ravel(), minlength=_BINS) / bins.size
