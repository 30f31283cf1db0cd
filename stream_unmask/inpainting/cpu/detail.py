"""A laid face's own detail, put back on what a generator of fewer pixels made of it.

The generator decides light and colour, which are coarse; pores, lashes and stubble are the laid face's. Hence
the ratio of the generator's low frequencies to the laid face's becomes a gain on the laid face at full size.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from stream_unmask.inpainting.parameters import DETAIL_BLUR, DETAIL_FLOOR, MOST_DETAIL_GAIN
from stream_unmask.pixels.geometry import Box, same_place

Picture = NDArray[np.float32]

_BLUR_REACH = 4
"""Standard deviations that OpenCV's blur reaches."""


def put_back_detail(
    inpainted: Picture, guide: Picture, trust: Picture, laid: Picture, laid_trust: Picture, box: Box
) -> Picture:
    """Enlarge an inpainted crop with the detail of the face that guided it.

    Args:
        inpainted: (3, s, s) RGB in [-1, 1] as the generator made it, C-contiguous.
        guide: (3, s, s) RGB in [-1, 1] that it was given, whatever was matched before.
        trust: (s, s) in 0..1 that it was given.
        laid: (S, S, 3) RGB in 0..1, the same face laid at full size; matched to nothing.
        laid_trust: (S, S) in 0..1: how far it is shown; elsewhere the inpainted crop is, enlarged.
        box: of the full size; outside of it both trusts are 0.

    Returns:
        (3, S, S) RGB in [-1, 1].
    """
    size, side = len(laid), len(trust)
    out = np.empty((3, size, size), np.float32)
    for plane, enlarged in zip(inpainted, out, strict=True):
        cv2.resize(plane, (size, size), dst=enlarged, interpolation=cv2.INTER_CUBIC)
    if not box.empty:
        # As far as the blur looks: so no border of the box is seen in it.
        reach = math.ceil(_BLUR_REACH * DETAIL_BLUR * size) + 1
        large, small = same_place(box.widened(reach).within(Box(0, 0, size, size)), size, side)
        shape = (large.x1 - large.x0, large.y1 - large.y0)
        gain = cv2.resize(_gain(inpainted, guide, trust, small), shape, interpolation=cv2.INTER_LINEAR)
        _mix(laid, gain, laid_trust, box, large, out)
    return np.clip(out, -1, 1, out=out)


def warm_up() -> None:
    """Compile (or load from numba's cache) what :func:`put_back_detail` runs."""
    small, plane = np.zeros((3, 4, 4), np.float32), np.zeros((4, 4), np.float32)
    put_back_detail(small, small, plane, np.zeros((4, 4, 3), np.float32), plane, Box(0, 0, 4, 4))


def _gain(inpainted: Picture, guide: Picture, trust: Picture, box: Box) -> Picture:
    """(h, w, 3) in a box: how much lighter what was made is than what was given, in the large."""
    deviation = DETAIL_BLUR * len(trust)
    gain = np.empty((box.y1 - box.y0, box.x1 - box.x0, 3), np.float32)
    part = np.ascontiguousarray(trust[box.slices])
    _ratios(inpainted, guide, box, gain)
    cv2.log(gain, gain)
    _weigh(gain, part)
    cv2.GaussianBlur(gain, (0, 0), deviation, dst=gain)
    _level(gain, cv2.GaussianBlur(part, (0, 0), deviation))
    return np.asarray(cv2.exp(gain, gain), np.float32)


@numba.njit(nogil=True, cache=True, fastmath=True)
def _ratios(inpainted: Any, guide: Any, box: Any, out: Any) -> None:
    """Fill (h, w, 3) ``out`` with the ratios, in a box, of two pictures (3, s, s) in [-1, 1]."""
    floor, one, half = np.float32(DETAIL_FLOOR), np.float32(1), np.float32(0.5)
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            y, x = box[1] + row, box[0] + column
            for channel in range(3):
                made = min(max(inpainted[channel, y, x], -one), one) * half + half
                given = min(max(guide[channel, y, x], -one), one) * half + half
                out[row, column, channel] = (made + floor) / (given + floor)


@numba.njit(nogil=True, cache=True, fastmath=True)
def _weigh(values: Any, weight: Any) -> None:
    """Multiply (h, w, 3) by (h, w)."""
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            for channel in range(3):
                values[row, column, channel] *= weight[row, column]


@numba.njit(nogil=True, cache=True, fastmath=True)
def _level(values: Any, weight: Any) -> None:
    """Divide sums (h, w, 3) by their weights (h, w), within what a gain may be."""
    least, most = np.float32(1e-3), np.float32(MOST_DETAIL_GAIN)
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            share = np.float32(1) / (weight[row, column] + least)
            for channel in range(3):
                values[row, column, channel] = min(max(values[row, column, channel] * share, -most), most)


@numba.njit(nogil=True, cache=True, fastmath=True)
def _mix(laid: Any, gain: Any, trust: Any, box: Any, gained: Any, out: Any) -> None:
    """Show a laid face (S, S, 3) with its gain in (3, S, S) ``out``, as far as it is trusted.

    Args:
        laid: the face.
        gain: (h, w, 3) in the box ``gained``.
        trust: (S, S).
        box: where there is trust.
        gained: a box around that.
        out: holds in [-1, 1] what shows elsewhere.
    """
    floor, one, two = np.float32(DETAIL_FLOOR), np.float32(1), np.float32(2)
    for row in range(box[1], box[3]):
        for column in range(box[0], box[2]):
            share = trust[row, column]
            y, x = row - gained[1], column - gained[0]
            for channel in range(3):
                face = (laid[row, column, channel] + floor) * gain[y, x, channel] - floor
                value = out[channel, row, column]
                out[channel, row, column] = value + share * (face * two - one - value)
