"""A picture as its decoder left it: luma and chroma planes, and how to read colour out of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[Any]
"""A 2-D uint8 or uint16 view into a decoded frame; never a copy, not always contiguous."""


@dataclass(frozen=True, slots=True)
class Planes:
    """Views of one frame's Y, U and V samples.

    Semi-planar pictures (NV12, P010) appear here as strided views, so that one kernel serves them all.

    Attributes:
        y: (H, W) luma samples, uint8 where ``depth`` is 8, else uint16.
        u: (h, w) blue-difference samples; ``w = ceil(W / 2**shift_x)``, ``h = ceil(H / 2**shift_y)``.
        v: (h, w) red-difference samples.
        shift_x: log2 of the horizontal chroma subsampling (1 for 4:2:0, 0 for 4:4:4).
        shift_y: log2 of the vertical chroma subsampling.
        depth: significant bits of a sample, 8 to 16.
        kr: weight of red in luma (0.299 in BT.601, 0.2126 in BT.709, 0.2627 in BT.2020).
        kb: weight of blue in luma.
        full_range: samples span the whole range (JPEG) instead of 16..235 (video).
        cosited_x: chroma lies on the left luma sample (MPEG-2, H.264 default) and not between two.
        cosited_y: chroma lies on the upper luma sample (top-left siting) and not between two.
    """

    y: Plane
    u: Plane
    v: Plane
    shift_x: int
    shift_y: int
    depth: int
    kr: float
    kb: float
    full_range: bool
    cosited_x: bool
    cosited_y: bool

    @property
    def width(self) -> int:
        return int(self.y.shape[1])

    @property
    def height(self) -> int:
        return int(self.y.shape[0])

    def __post_init__(self) -> None:
        expected = (-(-self.height >> self.shift_y), -(-self.width >> self.shift_x))
        if self.u.shape != expected or self.v.shape != expected:
            found = f"{self.u.shape} and {self.v.shape}"
            raise ValueError(f"chroma planes must be {expected} for luma {self.y.shape}, got {found}")
        sample = np.uint8 if self.depth == 8 else np.uint16
        if {self.y.dtype, self.u.dtype, self.v.dtype} != {np.dtype(sample)}:
            raise ValueError(f"{self.depth}-bit samples must be {np.dtype(sample)}, got {self.y.dtype}")
