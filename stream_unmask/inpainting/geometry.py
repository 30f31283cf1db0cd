"""Where things lie in a crop, and where a crop lies in its frame; the same for CPU and GPU."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from stream_unmask.inpainting.parameters import CELL
from stream_unmask.pixels.geometry import Affine, Box, extent, invert, zoom
from stream_unmask.pixels.planes import Planes

_BORDER = 0.02
"""Outermost part of the crop, in crop sides, where alpha is 0; over as much again it fades in."""

REACH = 2.5
"""Deviations after which the low-pass filter between crop and frame is cut off."""

TO_COARSE: Affine = np.array([[1, 0, (1 - CELL) / 2], [0, 1, (1 - CELL) / 2]]) / CELL
"""Crop pixels -> positions in the coarse grid."""


@cache
def window(size: int) -> NDArray[np.float32]:
    """(S, S) 1 inside the crop, falling to exactly 0 before its border. Shared: only to be read."""
    border = _BORDER * size
    away = np.minimum(np.arange(size), np.arange(size)[::-1])
    fade = np.clip((away - border) / max(border, 1), 0, 1)
    fade = fade * fade * (3 - 2 * fade)
    square: NDArray[np.float32] = np.outer(fade, fade).astype(np.float32)
    return square


@cache
def on_face(side: int) -> NDArray[np.float64]:
    """(side, side) how likely each cell of a crop's grid is face, 0..1."""
    place = np.linspace(-1, 1, side)
    away = (place / 0.62) ** 2 + ((place[:, None] + 0.1) / 0.85) ** 2
    return np.asarray(0.1 + 0.9 / (1 + np.exp((away - 1) * 8)), np.float64)


def beyond(alignment: Affine, size: int, width: int, height: int) -> bool:
    """Whether a crop of ``size`` pixels shows something that lies outside of a frame."""
    x0, y0, x1, y1 = extent(invert(alignment), Box(0, 0, size, size))
    return x0 < 0 or y0 < 0 or x1 > width - 1 or y1 > height - 1


def displacement(affine: Affine, size: int) -> float:
    """How far, in crop pixels, ``affine`` moves the corner of a crop that it moves furthest."""
    corners = np.array([[0, size - 1, 0, size - 1], [0, 0, size - 1, size - 1], [1, 1, 1, 1]], np.float64)
    return float(np.abs(affine @ corners - corners[:2]).max())


def under(planes: Planes, alignment: Affine, part: Box) -> Box:
    """The frame pixels under a part of the crop, whole chroma samples only, cut to the frame."""
    x0, y0, x1, y1 = extent(invert(alignment), part)
    step_x, step_y = 1 << planes.shift_x, 1 << planes.shift_y
    return Box(
        max(0, math.floor(x0 / step_x) * step_x),
        max(0, math.floor(y0 / step_y) * step_y),
        min(planes.width, math.ceil((x1 + 1) / step_x) * step_x),
        min(planes.height, math.ceil((y1 + 1) / step_y) * step_y),
    )


def subsampled(box: Box, planes: Planes) -> Box:
    """The chroma samples of a box of frame pixels."""
    step_x, step_y = 1 << planes.shift_x, 1 << planes.shift_y
    return Box(box.x0 // step_x, box.y0 // step_y, -(-box.x1 // step_x), -(-box.y1 // step_y))


def texture_density(alignment: Affine) -> float:
    """Pixels of the texture's tile per crop pixel: about as many as the frame has, in few steps."""
    return float(2 ** round(math.log2(max(1.0, zoom(alignment)))))


def missing_blur(affine: Affine) -> tuple[float, float]:
    """Deviations, along the crop's axes, that widen a tent of one crop pixel to one of a sample.

    ``affine`` takes samples to crop pixels. A tent that reaches one pixel to each side has a variance
    of 1/6 square pixels; what the crop's own tent lacks of the sample's is left to a Gaussian.
    """
    reach = (affine[:, :2] ** 2).sum(axis=1)
    across, down = np.sqrt(np.maximum(reach - 1, 0) / 6).tolist()
    return across, down
