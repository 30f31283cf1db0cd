"""Crops seen on a coarse grid: its cells average noise away and make statistics cheap."""

from __future__ import annotations

from typing import Any

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from stream_unmask.inpainting.geometry import on_face
from stream_unmask.inpainting.parameters import CELL, GAP_SIDE, MASKED_CELL, RING_SIDE

_GAP = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (GAP_SIDE, GAP_SIDE))
_RING = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (RING_SIDE, RING_SIDE))


def to_coarse(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means over the cells of (C, S, S) or (S, S): (C, S / 4, S / 4) or (S / 4, S / 4)."""
    planes = picture[None] if picture.ndim == 2 else picture
    side = picture.shape[-1] // CELL
    coarse = np.empty((len(planes), side, side), np.float32)
    _average(planes, coarse)
    return coarse[0] if picture.ndim == 2 else coarse


def from_coarse(coarse: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Coarse (C, S / 4, S / 4) or (S / 4, S / 4) enlarged to (C, S, S) or (S, S), bilinearly."""
    planes = coarse[None] if coarse.ndim == 2 else coarse
    large = np.empty((len(planes), size, size), np.float32)
    for plane, out in zip(planes, large, strict=True):
        cv2.resize(plane, (size, size), dst=out, interpolation=cv2.INTER_LINEAR)
    return large[0] if coarse.ndim == 2 else large


def face_ring(coarse_mask: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Cells around the mask, four wide, one cell away from it for its soft edge.

    Args:
        coarse_mask: (S / 4, S / 4) in 0..1.

    Returns:
        (S / 4, S / 4).
    """
    near = _near(coarse_mask, 1)
    ring = cv2.dilate(near, _RING) > near
    ring[:2], ring[-2:], ring[:, :2], ring[:, -2:] = 0, 0, 0, 0
    return np.asarray(ring, np.bool_)


def visible_face(coarse_mask: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Cells that most likely show face, two away from the mask: for its soft edge, and for what blurs bring.

    Args:
        coarse_mask: (S / 4, S / 4) in 0..1.

    Returns:
        (S / 4, S / 4).
    """
    return np.asarray((_near(coarse_mask, 2) == 0) & (on_face(len(coarse_mask)) > 0.5))


def _near(coarse_mask: NDArray[np.float32], cells: int) -> NDArray[np.uint8]:
    """(S / 4, S / 4) of 0 and 1: the mask's cells, and those at most so many away."""
    mask = (coarse_mask > MASKED_CELL).astype(np.uint8)
    return np.asarray(cv2.dilate(mask, _GAP, iterations=cells), np.uint8)


def warm_up() -> None:
    """Compile (or load from numba's cache) what averages cells."""
    to_coarse(np.zeros((1, CELL, CELL), np.float32))


@numba.njit(nogil=True, cache=True, fastmath=True)
def _average(planes: Any, coarse: Any) -> None:
    share = np.float32(1 / CELL**2)
    for k in range(coarse.shape[0]):
        for i in range(coarse.shape[1]):
            for j in range(coarse.shape[2]):
                total = np.float32(0)
                for row in range(CELL):
                    for column in range(CELL):
                        total += planes[k, CELL * i + row, CELL * j + column]
                coarse[k, i, j] = share * total
