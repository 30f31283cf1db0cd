"""Inpainted crops into a picture's planes: the only samples of a frame that ever change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from stream_unmask.inpainting.geometry import REACH, missing_blur, subsampled, texture_density, under
from stream_unmask.pixels.colours import from_rgb, sample_range
from stream_unmask.pixels.geometry import Affine, Box, chroma_positions, compose, invert, same_place
from stream_unmask.pixels.grain import NO_GRAIN, TEXTURE_SOFTNESS, TILE, Grain, noise_tile
from stream_unmask.pixels.planes import Planes


def composite(
    planes: Planes,
    alignment: Affine,
    inpainted: NDArray[np.float32],
    alpha: NDArray[np.float32],
    grain: Grain = NO_GRAIN,
    mark: NDArray[np.float32] | None = None,
) -> Box | None:
    """Lay an inpainted crop over a frame, in place.

    Each luma and chroma sample under the crop becomes ``sample + alpha * (inpainted - sample)``, with
    inpainted crop and alpha interpolated at the sample's own place. Where the crop is finer than the samples,
    both are low-passed to the samples' resolution first. A sample that sees no alpha keeps its value exactly.

    Args:
        planes: the frame, writable.
        alignment: (2, 3) float64 similarity from frame pixels to crop pixels.
        inpainted: (3, S, S) float32 RGB in [-1, 1], C-contiguous.
        alpha: (S, S) float32 in 0..1, C-contiguous; exactly 0 where the frame must stay as it is.
        grain: noise to be added to luma together with the inpainted crop.
        mark: (3, s, s) what is added to the inpainted crop's luma and chroma, on a grid over the crop, as
            shares of their spans.

    Returns:
        The frame pixels outside which nothing changed, or None where nothing did.
    """
    covered = Box(*_covered(alpha))
    if covered.empty:
        return None
    chroma_alignment = compose(alignment, invert(chroma_positions(planes)))
    luma_blur, chroma_blur = missing_blur(alignment), missing_blur(chroma_alignment)
    part = _grown(covered, 1 + math.ceil(REACH * max(chroma_blur)), alpha.shape[0])
    touched = under(planes, alignment, part)
    if touched.empty:
        return None
    values = np.empty((4, part.y1 - part.y0 + 1, part.x1 - part.x0 + 1), np.float32)
    _convert(inpainted, alpha, part.x0, part.y0, from_rgb(planes), values)
    levels = sample_range(planes)
    if mark is not None:
        _add(values, mark, alpha.shape[0], part, (levels.luma_span, levels.chroma_span, levels.chroma_span))
    alignment, chroma_alignment = _from_corner(alignment, part), _from_corner(chroma_alignment, part)

    luma, weight = _softened(values[0], luma_blur), _softened(values[3], luma_blur)
    if grain == NO_GRAIN:
        _blend(planes.y, touched, alignment, luma, weight, levels.largest)
    else:
        density = texture_density(alignment)
        amounts = (grain.texture * levels.luma_span, grain.noise * levels.luma_span)
        tiles = (noise_tile(TEXTURE_SOFTNESS), noise_tile(grain.softness))
        speckles = (*tiles, density, (part.x0, part.y0), *amounts, grain.shift_x, grain.shift_y)
        _blend_grainy(planes.y, touched, alignment, luma, weight, levels.largest, speckles)

    below, weight = subsampled(touched, planes), _softened(values[3], chroma_blur)
    for plane, value in ((planes.u, values[1]), (planes.v, values[2])):
        _blend(plane, below, chroma_alignment, _softened(value, chroma_blur), weight, levels.largest)
    return touched


def warm_up(depth: int) -> None:
    """Compile (or load from numba's cache) what :func:`composite` runs for samples of ``depth`` bits."""
    sample = np.uint8 if depth == 8 else np.uint16
    inpainted, alpha = np.zeros((3, 4, 4), np.float32), np.ones((4, 4), np.float32)
    # Some decoders' rows follow each other at once, others' do not.
    for step in (1, 2):
        y, c = np.zeros((4, 4 * step), sample)[:, ::step], np.zeros((2, 2 * step), sample)[:, ::step]
        planes = Planes(y, c, c, 1, 1, depth, 0.2126, 0.0722, False, True, False)
        for grain in (NO_GRAIN, Grain(noise=0.01)):
            composite(planes, np.eye(2, 3), inpainted, alpha, grain)


def _add(
    values: NDArray[np.float32], mark: NDArray[np.float32], size: int, part: Box, spans: Sequence[float]
) -> None:
    """Add a mark to the Y, U, V of what :func:`_convert` made of a part of a crop."""
    cells = mark.shape[-1]
    # Only the cells that the part needs are enlarged, and those next to them.
    wide = part.widened(-(-size // cells)).within(Box(0, 0, size, size))
    here, there = same_place(wide, size, cells)
    inner = part.moved(-here.x0, -here.y0).slices
    for value, added, span in zip(values, mark, spans, strict=False):
        near = added[there.slices] * np.float32(span)
        large = cv2.resize(near, (here.x1 - here.x0, here.y1 - here.y0), interpolation=cv2.INTER_LINEAR)
        value[:-1, :-1] += large[inner]


def _grown(box: Box, margin: int, size: int) -> Box:
    return Box(
        max(0, box.x0 - margin),
        max(0, box.y0 - margin),
        min(size, box.x1 + margin),
        min(size, box.y1 + margin),
    )


def _from_corner(affine: Affine, part: Box) -> Affine:
    """``affine`` with positions counted from the corner of ``part``."""
    moved: Affine = affine - np.array([[0, 0, part.x0], [0, 0, part.y0]])
    return moved


def _softened(part: NDArray[np.float32], blur: tuple[float, float]) -> NDArray[np.float32]:
    across, down = blur
    if max(blur) < 0.1:
        return part
    taps = (2 * math.ceil(REACH * across) + 1, 2 * math.ceil(REACH * down) + 1)
    sigmas = (max(across, 0.01), max(down, 0.01))
    soft = cv2.GaussianBlur(part, taps, sigmas[0], sigmaY=sigmas[1], borderType=cv2.BORDER_REPLICATE)
    return np.asarray(soft, np.float32)


@numba.njit(nogil=True, cache=True)
def _covered(alpha: Any) -> Any:
    """Corners of the smallest box around all alpha above 0; empty where there is none."""
    high, wide = alpha.shape
    left, top, right, bottom = wide, high, 0, 0
    for row in range(high):
        first = 0
        while first < wide and alpha[row, first] <= 0:
            first += 1
        if first == wide:
            continue
        last = wide
        while alpha[row, last - 1] <= 0:
            last -= 1
        left, right = min(left, first), max(right, last)
        top, bottom = min(top, row), row + 1
    return left, top, right, bottom


@numba.njit(nogil=True, cache=True, fastmath=True)
def _convert(inpainted: Any, alpha: Any, left: Any, top: Any, colour: Any, out: Any) -> None:
    """Fill ``out`` (4, h, w) with Y, U, V in sample values and alpha of the crop from (left, top) on.

    The last row and column repeat the ones before, so that every position has a next neighbour.
    """
    _, high, wide = out.shape
    for i in range(high):
        row = top + min(i, high - 2)
        for j in range(wide - 1):
            column = left + j
            red, green, blue = inpainted[0, row, column], inpainted[1, row, column], inpainted[2, row, column]
            for k in range(3):
                out[k, i, j] = colour[k, 0] * red + colour[k, 1] * green + colour[k, 2] * blue + colour[k, 3]
            out[3, i, j] = alpha[row, column]
        for k in range(4):
            out[k, i, wide - 1] = out[k, i, wide - 2]


@numba.njit(nogil=True, cache=True, inline="always")
def _columns(affine: Any, row: Any, first: Any, last: Any, wide: Any, high: Any) -> Any:
    """The columns of a row of samples whose positions lie within a part of the crop."""
    low, top = float(first), float(last - 1)
    for k in range(2):
        limit = wide - 2.0 if k == 0 else high - 2.0
        slope = affine[k, 0]
        start = affine[k, 1] * row + affine[k, 2]
        if abs(slope) < 1e-9:
            if start < 0 or start > limit:
                return first, first
        else:
            one, two = -start / slope, (limit - start) / slope
            low, top = max(low, min(one, two)), min(top, max(one, two))
    return int(np.ceil(low)), int(np.floor(top)) + 1


@numba.njit(nogil=True, cache=True, inline="always")
def _between(part: Any, column: Any, row: Any, fx: Any, fy: Any) -> Any:
    """Interpolate between a sample of ``part`` and its next neighbours; indices are unsigned."""
    one = np.uintp(1)
    a, b = part[row, column], part[row, column + one]
    c, d = part[row + one, column], part[row + one, column + one]
    upper, lower = a + fx * (b - a), c + fx * (d - c)
    return upper + fy * (lower - upper)


@numba.njit(nogil=True, cache=True, inline="always")
def _laid_over(sample: Any, made: Any, alpha: Any, top: Any) -> Any:
    """The sample with ``made`` laid over it, rounded, in 0..``top``."""
    old = np.float32(sample)
    new = old + alpha * (made - old)
    return np.int32(min(max(new + np.float32(0.5), np.float32(0)), top))


@numba.njit(nogil=True, cache=True, fastmath=True)
def _blend(plane: Any, box: Any, affine: Any, value: Any, weight: Any, largest: Any) -> None:
    """Blend ``value`` into the samples of ``box``; ``affine`` takes samples to positions in ``value``."""
    high, wide = value.shape
    zero, top = np.float32(0), np.float32(largest)
    slope_x, slope_y = np.float32(affine[0, 0]), np.float32(affine[1, 0])
    for row in range(box[1], box[3]):
        x0 = np.float32(affine[0, 1] * row + affine[0, 2])
        y0 = np.float32(affine[1, 1] * row + affine[1, 2])
        start, stop = _columns(affine, row, box[0], box[2], wide, high)
        for column in range(start, stop):
            x, y = x0 + slope_x * np.float32(column), y0 + slope_y * np.float32(column)
            p, q = np.int32(x), np.int32(y)
            fx, fy, i, j = x - np.float32(p), y - np.float32(q), np.uintp(p), np.uintp(q)
            alpha = _between(weight, i, j, fx, fy)
            if alpha > zero:
                plane[row, column] = _laid_over(plane[row, column], _between(value, i, j, fx, fy), alpha, top)


@numba.njit(nogil=True, cache=True, fastmath=True)
def _blend_grainy(
    plane: Any, box: Any, affine: Any, value: Any, weight: Any, largest: Any, speckles: Any
) -> None:
    """As :func:`_blend`, with noise.

    ``speckles`` are the tiles of the noise that stays on the face and of the fresh one, the first one's
    pixels per crop pixel, the crop pixel that ``value`` begins at, the amounts of both in sample values,
    and the fresh one's place in its tile.
    """
    high, wide = value.shape
    zero, top = np.float32(0), np.float32(largest)
    texture_tile, noise_tile, density, corner, texture, noise, shift_x, shift_y = speckles
    left, above = np.float32(corner[0]), np.float32(corner[1])
    texture, noise, finer, wrap = np.float32(texture), np.float32(noise), np.float32(density), TILE - 1
    slope_x, slope_y = np.float32(affine[0, 0]), np.float32(affine[1, 0])
    for row in range(box[1], box[3]):
        x0 = np.float32(affine[0, 1] * row + affine[0, 2])
        y0 = np.float32(affine[1, 1] * row + affine[1, 2])
        start, stop = _columns(affine, row, box[0], box[2], wide, high)
        fresh = noise_tile[np.uintp((row + shift_y) & wrap)]
        for column in range(start, stop):
            x, y = x0 + slope_x * np.float32(column), y0 + slope_y * np.float32(column)
            p, q = np.int32(x), np.int32(y)
            fx, fy, i, j = x - np.float32(p), y - np.float32(q), np.uintp(p), np.uintp(q)
            alpha = _between(weight, i, j, fx, fy)
            if alpha > zero:
                made = _between(value, i, j, fx, fy)
                speckle = noise * fresh[np.uintp((column + shift_x) & wrap)]
                if texture > zero:
                    x, y = (x + left) * finer, (y + above) * finer
                    p, q = np.int32(x), np.int32(y)
                    fx, fy = x - np.float32(p), y - np.float32(q)
                    i, j = np.uintp(p & wrap), np.uintp(q & wrap)
                    speckle += texture * _between(texture_tile, i, j, fx, fy)
                plane[row, column] = _laid_over(plane[row, column], made + speckle, alpha, top)
