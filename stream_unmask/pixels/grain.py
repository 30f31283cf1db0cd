"""Noise that makes a smooth inpainted crop as grainy as the picture it is written into."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

TILE = 256
"""Side of the noise tile in pixels, a power of two; it repeats without a seam."""

FINENESS = {0.3: 0.99, 0.5: 0.66, 0.7: 0.27, 1.0: 0.085}
"""The tiles there are. Deviation in pixels of the blur over white noise -> what is left of its finest
structure (the response of Immerkaer's operator, 1 for white noise of the same deviation)."""

TEXTURE_SOFTNESS = 0.5
"""Tile that texture is drawn with; always the same, for it must not change under a face."""


@dataclass(frozen=True, slots=True)
class Grain:
    """How much noise an inpainted crop gets in one frame, at the frame's own resolution, in luma.

    Attributes:
        texture: standard deviation, in luma 0..1, of the noise that stays on the face (pores, stubble).
        noise: standard deviation, in luma 0..1, of the noise that is fresh in each frame (the sensor's).
        softness: the tile of the fresh noise, one of :data:`FINENESS`; codecs leave little fine noise.
        shift_x: where in the tile this frame's fresh noise begins, 0..TILE - 1.
        shift_y: the same, vertically.
    """

    texture: float = 0.0
    noise: float = 0.0
    softness: float = 0.5
    shift_x: int = 0
    shift_y: int = 0


NO_GRAIN = Grain()


@cache
def noise_tile(softness: float) -> NDArray[np.float32]:
    """Noise of mean 0 and deviation 1, the same on every machine.

    Args:
        softness: deviation in pixels of the blur over white noise.

    Returns:
        (TILE + 1, TILE + 1) float32. It repeats after TILE pixels; the last row and column are the
        first ones again, for interpolation.
    """
    white = np.random.Generator(np.random.PCG64(7)).standard_normal((TILE, TILE)).astype(np.float32)
    wrapped = np.pad(white, 8, mode="wrap")
    soft = cv2.GaussianBlur(wrapped, (0, 0), softness)[8:-8, 8:-8]
    return np.pad((soft - soft.mean()) / soft.std(), (0, 1), mode="wrap")
