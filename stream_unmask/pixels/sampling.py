"""Crops out of a picture's planes: the only pixels of a frame that ever become RGB."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from stream_unmask.pixels.colours import to_rgb
from stream_unmask.pixels.geometry import Affine, Box, chroma_positions, compose, extent, invert, zoom
from stream_unmask.pixels.planes import Plane, Planes

_AVERAGED = 2.0
"""Means of whole samples per crop pixel that must be left for the filter that follows."""

_MARGIN = 6
"""Samples read beyond the crop's outline, for the interpolation and the filter before it."""


def sample_crop(
    planes: Planes, alignment: Affine, size: int, out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Sample the crop of one face.

    Pixel centres lie at whole numbers in the frame and in the crop. Outside the frame its edge is
    repeated. Interpolation is bilinear; where the face is larger than the crop the samples are
    low-passed first, so that every zoom sees about the same tent of two crop pixels and nothing aliases.

    Args:
        planes: the frame; only read.
        alignment: (2, 3) float64 similarity from frame pixels to crop pixels.
        size: side S of the crop in pixels.
        out: (3, S, S) float32, C-contiguous, to be filled; made when left out.

    Returns:
        (3, S, S) float32 RGB in [-1, 1].
    """
    if out is None:
        out = np.empty((3, size, size), np.float32)
    of_luma, of_chroma = plan_readings(planes, alignment, size)
    _sample_plane(planes.y, of_luma, out[0])
    _sample_plane(planes.u, of_chroma, out[1])
    _sample_plane(planes.v, of_chroma, out[2])
    _convert(out, to_rgb(planes))
    return out


@dataclass(frozen=True, slots=True)
class Reading:
    """How a crop is read out of one plane.

    Attributes:
        box: the samples that are read.
        step_x: how many samples in a row are averaged first.
        step_y: how many in a column.
        row: odd number of taps of the filter along x that comes next.
        column: the same along y.
        to_part: crop pixels -> positions in what has been averaged.
    """

    box: Box
    step_x: int
    step_y: int
    row: NDArray[np.float32]
    column: NDArray[np.float32]
    to_part: Affine


def plan_readings(planes: Planes, alignment: Affine, size: int) -> tuple[Reading, Reading]:
    """How the crop of one face is read: out of the luma plane, and out of either chroma plane.

    Args:
        planes: the frame; no sample is looked at.
        alignment: (2, 3) float64 similarity from frame pixels to crop pixels.
        size: side S of the crop in pixels.
    """
    to_frame = invert(alignment)
    to_chroma = compose(chroma_positions(planes), to_frame)
    scale = zoom(alignment)
    scale_x, scale_y = scale / (1 << planes.shift_x), scale / (1 << planes.shift_y)
    return (
        _plan(planes.y.shape, to_frame, size, scale, scale),
        _plan(planes.u.shape, to_chroma, size, scale_x, scale_y),
    )


def warm_up() -> None:
    """Compile (or load from numba's cache) what :func:`sample_crop` runs."""
    _convert(np.zeros((3, 2, 2), np.float32), np.zeros((3, 4), np.float32))


def _plan(shape: tuple[int, ...], to_plane: Affine, size: int, scale_x: float, scale_y: float) -> Reading:
    """How a crop is read out of a plane.

    Args:
        shape: (h, w) of the plane.
        to_plane: crop pixels -> positions in the plane.
        size: side of the crop.
        scale_x: plane samples per crop pixel, horizontally in the plane.
        scale_y: the same, vertically.
    """
    step_x = max(1, int(scale_x / _AVERAGED))
    step_y = max(1, int(scale_y / _AVERAGED))
    box = _seen(shape, to_plane, size, step_x, step_y)
    to_part = np.array([[1 / step_x, 0, 0.5 / step_x - 0.5], [0, 1 / step_y, 0.5 / step_y - 0.5]])
    to_part[:, 2] -= np.array([box.x0 / step_x, box.y0 / step_y])
    row, column = _taps(scale_x, step_x), _taps(scale_y, step_y)
    return Reading(box, step_x, step_y, row, column, compose(to_part, to_plane))


def _sample_plane(plane: Plane, reading: Reading, out: NDArray[np.float32]) -> None:
    """Sample one plane (h, w) into ``out`` (S, S), in sample values."""
    box = reading.box
    part: NDArray[Any] = np.ascontiguousarray(plane[box.y0 : box.y1, box.x0 : box.x1])
    if reading.step_x > 1 or reading.step_y > 1:
        part = _average(part, reading.step_x, reading.step_y)
    cv2.warpAffine(
        _filtered(part, reading.row, reading.column),
        reading.to_part,
        out.shape,
        dst=out,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _seen(shape: tuple[int, ...], to_plane: Affine, size: int, step_x: int, step_y: int) -> Box:
    """The samples under a crop and their margin, on the grid of the averaging; at least one sample."""
    high, wide = shape
    x0, y0, x1, y1 = extent(to_plane, Box(0, 0, size, size))

    def span(low: float, top: float, length: int, step: int) -> tuple[int, int]:
        start = int(min(max(low - _MARGIN * step, 0), length - 1)) // step * step
        stop = int(min(max(top + _MARGIN * step + 1, start + 1), length))
        return start, min(length, start - (start - stop) // step * step)

    left, right = span(x0, x1, wide, step_x)
    upper, lower = span(y0, y1, high, step_y)
    return Box(left, upper, right, lower)


def _average(part: NDArray[Any], step_x: int, step_y: int) -> NDArray[Any]:
    """The means of ``step_y`` by ``step_x`` samples; an incomplete last cell repeats the edge."""
    wide, high = -(-part.shape[1] // step_x), -(-part.shape[0] // step_y)
    right, bottom = wide * step_x - part.shape[1], high * step_y - part.shape[0]
    if right or bottom:
        part = cv2.copyMakeBorder(part, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
    return cv2.resize(part, (wide, high), interpolation=cv2.INTER_AREA)


def _taps(scale: float, step: int) -> NDArray[np.float32]:
    """Filter that widens a tent of one (averaged) sample to one of a crop pixel.

    A tent reaching one pixel to each side has a variance of 1/6 square pixels, a mean over ``step``
    samples about 1/12 of its square, and (a, 1 - 2 a, a) has 2 a, at most 1/2 where it must not ring.
    Variances add, so sharpness changes smoothly while a face comes nearer.
    """
    own = 1 / 6 if step == 1 else 1 / 4
    missing = max((scale / step) ** 2 / 6 - own, 0.0)
    times = math.ceil(missing / 0.5)
    taps = np.ones(1)
    for _ in range(times):
        side = missing / times / 2
        taps = np.convolve(taps, [side, 1 - 2 * side, side])
    return taps.astype(np.float32)


def _filtered(
    part: NDArray[Any], row: NDArray[np.float32], column: NDArray[np.float32]
) -> NDArray[np.float32]:
    """``part`` as float32, low-passed by ``row`` along x and by ``column`` along y."""
    # The 8-bit filter is vectorised in OpenCV, the 16-bit one is not.
    source = part if part.dtype == np.uint8 else part.astype(np.float32)
    if len(row) == len(column) == 1:
        return source.astype(np.float32, copy=False)
    mixed = cv2.sepFilter2D(source, cv2.CV_32F, row, column, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(mixed, np.float32)


@numba.njit(nogil=True, cache=True, fastmath=True)
def _convert(crop: Any, colour: Any) -> None:
    """Turn (3, S, S) samples into RGB in place: ``colour`` is (3, 4) as :func:`to_rgb` gives it."""
    one = np.float32(1)
    for i in range(crop.shape[1]):
        for j in range(crop.shape[2]):
            y, u, v = crop[0, i, j], crop[1, i, j], crop[2, i, j]
            red = colour[0, 0] * y + colour[0, 2] * v + colour[0, 3]
            green = colour[1, 0] * y + colour[1, 1] * u + colour[1, 2] * v + colour[1, 3]
            blue = colour[2, 0] * y + colour[2, 1] * u + colour[2, 3]
            crop[0, i, j] = min(max(red, -one), one)
            crop[1, i, j] = min(max(green, -one), one)
            crop[2, i, j] = min(max(blue, -one), one)
