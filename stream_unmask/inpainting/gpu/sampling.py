"""Crops out of a frame's planes on the device; see :mod:`stream_unmask.pixels.sampling`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor
from torch.nn import functional

from stream_unmask.inpainting.gpu.pictures import look_up, places
from stream_unmask.pixels.colours import to_rgb
from stream_unmask.pixels.geometry import Box
from stream_unmask.pixels.planes import Planes
from stream_unmask.pixels.sampling import Reading


@dataclass(frozen=True, slots=True)
class DevicePlanes:
    """The part of a frame that its faces need.

    Attributes:
        y: (1, h, w) luma, uint8, or int16 with the bits of uint16, which torch hardly computes with.
        uv: (2, h', w') chroma.
        luma: where ``y`` lies in its plane.
        chroma: where ``uv`` lies in its planes.
        frame: the whole frame on the host; says what the samples mean.
    """

    y: Tensor
    uv: Tensor
    luma: Box
    chroma: Box
    frame: Planes


def part_of(planes: Tensor, corner: Box, box: Box) -> Tensor:
    """A view of those samples of ``planes``, which lie at ``corner``, that are in ``box``."""
    left, top = corner.x0, corner.y0
    return planes[:, box.y0 - top : box.y1 - top, box.x0 - left : box.x1 - left]


def as_float(samples: Tensor) -> Tensor:
    """Samples as float32."""
    if samples.dtype == torch.int16:
        samples = samples.to(torch.int32) & 0xFFFF
    return samples.float()


def sample_crop(planes: DevicePlanes, readings: tuple[Reading, Reading], size: int) -> Tensor:
    """Sample the crop of one face.

    Args:
        planes: hold all that is read.
        readings: how; see :func:`stream_unmask.pixels.sampling.plan_readings`.
        size: side S of the crop in pixels.

    Returns:
        (3, S, S) float32 RGB in [-1, 1].
    """
    of_luma, of_chroma = readings
    (y,) = _read(part_of(planes.y, planes.luma, of_luma.box), of_luma, size)
    u, v = _read(part_of(planes.uv, planes.chroma, of_chroma.box), of_chroma, size)
    rows = to_rgb(planes.frame).tolist()
    return torch.stack([y * row[0] + u * row[1] + (v * row[2] + row[3]) for row in rows]).clamp_(-1, 1)


def _read(samples: Tensor, reading: Reading, size: int) -> Tensor:
    """(C, h, w) samples of a reading's box as (C, S, S) sample values."""
    part = as_float(samples)[None]
    step_x, step_y = reading.step_x, reading.step_y
    if step_x > 1 or step_y > 1:
        right, bottom = -part.shape[-1] % step_x, -part.shape[-2] % step_y
        part = functional.pad(part, (0, right, 0, bottom), mode="replicate")
        part = functional.avg_pool2d(part, (step_y, step_x))
    part = _low_passed(part, reading)
    x, y = places(reading.to_part, Box(0, 0, size, size), part.device)
    return look_up(part, x[None], y[None])[0]


def _low_passed(part: Tensor, reading: Reading) -> Tensor:
    """Filtered by taps that the host knows: as numbers they travel with the work, as tensors ahead of it."""
    across, down = len(reading.row) // 2, len(reading.column) // 2
    if across == down == 0:
        return part
    padded = functional.pad(part, (across, across, down, down), mode="replicate")
    high, wide = part.shape[-2:]
    mixed = _total([float(tap) * padded[..., k : k + wide] for k, tap in enumerate(reading.row)])
    return _total([float(tap) * mixed[..., k : k + high, :] for k, tap in enumerate(reading.column)])


def _total(parts: list[Tensor]) -> Tensor:
    return reduce(torch.add, parts)
