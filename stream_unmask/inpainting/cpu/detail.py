"""A laid face's own detail, put back on what a generator of fewer pixels made of it.

The generator decides light and colour, which are coarse; pores, lashes and stubble are the laid face's. Hence
the ratio of the generator's low frequencies to the laid face's becomes a gain on the laid face at full size.
"""

from __future__ import annotations

from typing import Any

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from stream_unmask.inpainting.parameters import DETAIL_BLUR, DETAIL_FLOOR, MOST_DETAIL_GAIN

Picture = NDArray[np.float32]


def put_back_detail(
    inpainted: Picture, guide: Picture, trust: Picture, laid: Picture, laid_trust: Picture
) -> Picture:
    """Enlarge an inpainted crop with the detail of the face that guided it.

    Args:
        inpainted: (3, s, s) RGB in [-1, 1] as the generator made it.
        guide: (3, s, s) RGB in [-1, 1] that it was given, whatever was matched before.
        trust: (s, s) in 0..1 that it was given.
        laid: (S, S, 3) RGB in 0..1, the same face laid at full size; matched to nothing.
        laid_trust: (S, S) in 0..1: how far it is shown; elsewhere the inpainted crop is, enlarged.

    Returns:
        (3, S, S) RGB in [-1, 1].
    """
    size = laid.shape[0]
    made, given = _rows(inpainted), _rows(guide)
    weight = cv2.GaussianBlur(trust, (0, 0), DETAIL_BLUR * len(trust))
    ratio = (cv2.log(made + DETAIL_FLOOR) - cv2.log(given + DETAIL_FLOOR)) * trust[:, :, None]
    ratio = cv2.GaussianBlur(ratio, (0, 0), DETAIL_BLUR * len(trust)) / (weight + 1e-3)[:, :, None]
    gain = cv2.exp(np.clip(ratio, -MOST_DETAIL_GAIN, MOST_DETAIL_GAIN))
    gain = cv2.resize(gain, (size, size), interpolation=cv2.INTER_LINEAR)
    enlarged = cv2.resize(made, (size, size), interpolation=cv2.INTER_CUBIC)
    out = np.empty((3, size, size), np.float32)
    _mix(laid, gain, enlarged, laid_trust, out)
    return out


def warm_up() -> None:
    """Compile (or load from numba's cache) what :func:`put_back_detail` runs."""
    small, plane = np.zeros((3, 4, 4), np.float32), np.zeros((4, 4), np.float32)
    put_back_detail(small, small, plane, np.zeros((4, 4, 3), np.float32), plane)


def _rows(picture: Picture) -> Picture:
    """(h, w, 3) in 0..1 of (3, h, w) in [-1, 1]."""
    return np.asarray(np.clip(cv2.merge(tuple(picture)) * 0.5 + 0.5, 0, 1), np.float32)


@numba.njit(nogil=True, cache=True, fastmath=True)
def _mix(laid: Any, gain: Any, enlarged: Any, trust: Any, out: Any) -> None:
    """Fill (3, S, S) ``out``: the laid face with its gain where it is trusted, else what was enlarged."""
    floor, one, two = np.float32(DETAIL_FLOOR), np.float32(1), np.float32(2)
    for row in range(trust.shape[0]):
        for column in range(trust.shape[1]):
            share = trust[row, column]
            for channel in range(3):
                face = (laid[row, column, channel] + floor) * gain[row, column, channel] - floor
                value = enlarged[row, column, channel] * (one - share) + face * share
                out[channel, row, column] = min(max(value * two - one, -one), one)
