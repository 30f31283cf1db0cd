"""Inpainted crops into planes on the device; see :mod:`stream_unmask.inpainting.cpu.compositing`."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from stream_unmask.inpainting.geometry import REACH, missing_blur, subsampled, texture_density, under
from stream_unmask.inpainting.gpu.coarse import from_coarse
from stream_unmask.inpainting.gpu.pictures import filtered, gaussian, look_up, places, wide_enough
from stream_unmask.inpainting.gpu.sampling import DevicePlanes, as_float, part_of
from stream_unmask.pixels.colours import from_rgb, sample_range
from stream_unmask.pixels.geometry import Affine, Box, chroma_positions, compose, invert
from stream_unmask.pixels.grain import NO_GRAIN, TEXTURE_SOFTNESS, TILE, Grain, noise_tile


def composite(
    planes: DevicePlanes,
    alignment: Affine,
    inpainted: Tensor,
    alpha: Tensor,
    grain: Grain = NO_GRAIN,
    mark: Tensor | None = None,
) -> Box | None:
    """Lay an inpainted crop over the part of a frame that is on the device, in place.

    Args:
        planes: hold all of the frame that lies under the crop.
        alignment: (2, 3) float64 similarity from frame pixels to crop pixels.
        inpainted: (3, S, S) float32 RGB in [-1, 1].
        alpha: (S, S) float32 in 0..1; exactly 0 where the frame must stay as it is.
        grain: noise to be added to luma together with the inpainted crop.
        mark: (3, s, s) what is added to the inpainted crop's luma and chroma, on a grid over the crop, as
            shares of their spans.

    Returns:
        The frame pixels outside which nothing changed, or None where nothing did.
    """
    frame, device = planes.frame, inpainted.device
    crop = Box(0, 0, alpha.shape[-1], alpha.shape[-1])
    touched = under(frame, alignment, crop)
    if touched.empty:
        return None
    red, green, blue = inpainted
    yuv = [red * row[0] + green * row[1] + (blue * row[2] + row[3]) for row in from_rgb(frame).tolist()]
    levels = sample_range(frame)
    if mark is not None:
        spans = (levels.luma_span, levels.chroma_span, levels.chroma_span)
        added = from_coarse(mark[None], alpha.shape[-1])[0]
        yuv = [each + span * more for each, span, more in zip(yuv, spans, added, strict=True)]

    value = _softened(torch.stack([yuv[0], alpha]), missing_blur(alignment))
    x, y = places(alignment, touched, device)
    speckle = None
    if grain != NO_GRAIN:
        speckle = levels.luma_span * _speckle(grain, x, y, touched, texture_density(alignment))
    _blend(part_of(planes.y, planes.luma, touched), x, y, value, levels.largest, speckle)

    below = subsampled(touched, frame)
    alignment = compose(alignment, invert(chroma_positions(frame)))
    value = _softened(torch.stack([*yuv[1:], alpha]), missing_blur(alignment))
    x, y = places(alignment, below, device)
    _blend(part_of(planes.uv, planes.chroma, below), x, y, value, levels.largest)
    return touched


def _softened(values: Tensor, blur: tuple[float, float]) -> Tensor:
    """(C, S, S) low-passed by Gaussians of these deviations along x and y."""
    if max(blur) < 0.1:
        return values
    row, column = (gaussian(max(each, 0.01), wide_enough(each, REACH), values.device) for each in blur)
    return filtered(values[None], row, column, "replicate")[0]


def _blend(
    samples: Tensor, x: Tensor, y: Tensor, value: Tensor, largest: float, speckle: Tensor | None = None
) -> None:
    """Blend into samples (C, h, w) what ``value`` (C + 1, S, S) has at ``x`` and ``y``; alpha comes last."""
    last = value.shape[-1] - 1
    made = look_up(value[None], x[None], y[None])[0]
    inside = (x >= 0) & (x <= last) & (y >= 0) & (y <= last)
    alpha, made = made[-1] * inside, made[:-1]
    if speckle is not None:
        made = made + speckle
    old = as_float(samples)
    new = torch.floor((old + alpha * (made - old) + 0.5).clamp_(0, largest))
    drawn = torch.where(alpha > 0, new, old)
    samples.copy_(drawn.to(torch.int32) if samples.dtype == torch.int16 else drawn)


def _speckle(grain: Grain, x: Tensor, y: Tensor, box: Box, density: float) -> Tensor:
    """(h, w) noise, in luma 0..1, for the frame pixels of ``box``, which lie in the crop at ``x``, ``y``."""
    columns = torch.arange(box.x0 + grain.shift_x, box.x1 + grain.shift_x, device=x.device) & (TILE - 1)
    rows = torch.arange(box.y0 + grain.shift_y, box.y1 + grain.shift_y, device=x.device) & (TILE - 1)
    noise = grain.noise * _tile(grain.softness, x.device)[rows[:, None], columns]
    if grain.texture == 0:
        return noise
    tile = _tile(TEXTURE_SOFTNESS, x.device)
    along, down = torch.remainder(x * density, TILE), torch.remainder(y * density, TILE)
    return noise + grain.texture * look_up(tile[None, None], along[None], down[None])[0, 0]


@cache
def _tile(softness: float, device: torch.device) -> Tensor:
    return torch.from_numpy(noise_tile(softness)).to(device)
