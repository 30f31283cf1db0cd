"""Crops seen coarsely: cells average noise away and make statistics cheap."""

from __future__ import annotations

from typing import Any

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

CELL = 4
"""Crop pixels per side of a cell."""

MASK = 0.1
"""Mean map value from which a cell belongs to the mask."""

GAP = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
RING = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))


def to_cells(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means over the cells of (C, S, S) or (S, S): (C, S / 4, S / 4) or (S / 4, S / 4)."""
    planes = picture[None] if picture.ndim == 2 else picture
    side = picture.shape[-1] // CELL
    cells = np.empty((len(planes), side, side), np.float32)
    _average(planes, cells)
    return cells[0] if picture.ndim == 2 else cells


def from_cells(cells: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """(S / 4, S / 4) cells enlarged to (S, S), bilinearly."""
    return np.asarray(cv2.resize(cells, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)


def face_ring(map_cells: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Cells around the mask, four wide, one cell away from it for its soft edge.

    Args:
        map_cells: (S / 4, S / 4) cells of the map.

    Returns:
        (S / 4, S / 4).
    """
    mask = (map_cells > MASK).astype(np.uint8)
    near = cv2.dilate(mask, GAP)
    ring = cv2.dilate(near, RING) > near
    ring[:2], ring[-2:], ring[:, :2], ring[:, -2:] = 0, 0, 0, 0
    return np.asarray(ring, np.bool_)


def warm_up() -> None:
    """Compile (or load from numba's cache) what averages cells."""
    to_cells(np.zeros((1, CELL, CELL), np.float32))


@numba.njit(nogil=True, cache=True, fastmath=True)
def _average(planes: Any, cells: Any) -> None:
    share = np.float32(1 / CELL**2)
    for k in range(cells.shape[0]):
        for i in range(cells.shape[1]):
            for j in range(cells.shape[2]):
                total = np.float32(0)
                for row in range(CELL):
                    for column in range(CELL):
                        total += planes[k, CELL * i + row, CELL * j + column]
                cells[k, i, j] = share * total
