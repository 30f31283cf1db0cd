"""Operations on pictures (..., H, W) that several steps need, as OpenCV does them on the CPU."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from stream_unmask.pixels.geometry import Affine, Box


def places(affine: Affine, box: Box, device: torch.device) -> tuple[Tensor, Tensor]:
    """Where the pixels of a box are taken to: x and y, each (h, w) float32."""
    (a, b, x), (c, d, y) = affine.tolist()
    columns = torch.arange(box.x1 - box.x0, dtype=torch.float32, device=device)
    rows = torch.arange(box.y1 - box.y0, dtype=torch.float32, device=device)[:, None]
    # From the box's corner on, so that float32 is exact enough in a large frame.
    x, y = a * box.x0 + b * box.y0 + x, c * box.x0 + d * box.y0 + y
    return columns * a + (rows * b + x), columns * c + (rows * d + y)


def look_up(planes: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """(N, C, H, W) at positions (N, h, w), bilinearly: (N, C, h, w). Beyond the edge it goes on."""
    high, wide = planes.shape[-2:]
    grid = torch.stack([(2 * x + 1) / wide - 1, (2 * y + 1) / high - 1], dim=-1)
    return functional.grid_sample(planes, grid, padding_mode="border", align_corners=False)


def resized(planes: Tensor, side: int) -> Tensor:
    """(N, C, S, S) brought to another side, bilinearly."""
    if planes.shape[-1] == side:
        return planes
    return functional.interpolate(planes, (side, side), mode="bilinear", align_corners=False)


def filtered(planes: Tensor, row: Tensor, column: Tensor, border: str) -> Tensor:
    """(N, C, H, W) low-passed by odd numbers of taps along x and along y; ``border`` as ``pad`` has it."""
    across, down = len(row) // 2, len(column) // 2
    padded = functional.pad(planes, (across, across, down, down), mode=border)
    # Not as a convolution, which cuDNN would round to TF32: that can be forbidden to all threads only.
    mixed = (padded.unfold(-1, len(row), 1) * row).sum(-1)
    return (mixed.unfold(-2, len(column), 1) * column).sum(-1)


def gaussian(deviation: float, taps: int, device: torch.device) -> Tensor:
    """``taps`` of a Gaussian, computed where they are needed: to bring them there would make the GPU wait."""
    away = torch.arange(taps, dtype=torch.float32, device=device) - taps // 2
    weights = torch.exp(away**2 * (-0.5 / deviation**2))
    return weights / weights.sum()


def boxed(planes: Tensor, side: int, border: Literal["reflect", "replicate"] = "reflect") -> Tensor:
    """(N, C, H, W), each pixel the mean of the square of ``side`` around it.

    ``border`` says whether what lies beyond it is a mirror or goes on.
    """
    reach = side // 2
    return functional.avg_pool2d(functional.pad(planes, (reach,) * 4, mode=border), side, stride=1)


def wide_enough(blur: float, reach: float) -> int:
    """Odd number of taps that holds a Gaussian up to ``reach`` deviations."""
    return 2 * math.ceil(reach * blur) + 1
