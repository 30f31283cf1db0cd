"""What was made for the last crop of a face, brought into this one."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.inpainting.geometry import displacement
from stream_unmask.pixels.geometry import Affine, compose, invert

_STILL = 0.02
"""Crop pixels that a crop may move before what is warped into it is resampled."""


def warp(planes: NDArray[np.float32], last: Affine, now: Affine) -> NDArray[np.float32]:
    """Bring pictures of an earlier crop into this one, bilinearly; beyond the earlier crop its edge goes on.

    Args:
        planes: (C, S, S).
        last: (2, 3) frame pixels -> pixels of the earlier crop.
        now: (2, 3) frame pixels -> pixels of this crop.

    Returns:
        (C, S, S), a new array.
    """
    to_last = compose(last, invert(now))
    if displacement(to_last, planes.shape[-1]) < _STILL:
        return planes.copy()
    warped = np.empty(planes.shape, np.float32)
    for plane, out in zip(planes, warped, strict=True):
        cv2.warpAffine(
            plane,
            to_last,
            plane.shape[::-1],
            dst=out,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return warped
