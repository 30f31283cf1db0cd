"""What was made for the last crop of a face, brought into this one."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.pixels.geometry import Affine, compose, invert

_STILL = 0.02
"""Crop pixels that a crop may move before what is carried into it is resampled."""


def carry_planes(
    planes: NDArray[np.float32], previous_alignment: Affine, alignment: Affine
) -> NDArray[np.float32]:
    """Bring (C, S, S) pictures of an earlier crop into this one, bilinearly; a new array.

    Beyond the earlier crop its edge goes on.
    """
    to_previous = compose(previous_alignment, invert(alignment))
    if displacement(to_previous, planes.shape[-1]) < _STILL:
        return planes.copy()
    moved = np.empty(planes.shape, np.float32)
    for plane, out in zip(planes, moved, strict=True):
        cv2.warpAffine(
            plane,
            to_previous,
            plane.shape[::-1],
            dst=out,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return moved


def displacement(affine: Affine, size: int) -> float:
    """How far, in crop pixels, ``affine`` moves the corner of a crop that it moves furthest."""
    corners = np.array([[0, size - 1, 0, size - 1], [0, 0, size - 1, size - 1], [1, 1, 1, 1]], np.float64)
    return float(np.abs(affine @ corners - corners[:2]).max())
