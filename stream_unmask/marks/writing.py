"""Making a mark: a small picture for each frame, which goes into the frame with the inpainted crop."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from stream_unmask.marks.carriers import GRID, MOVING, STILL, Plan, chips, drawing
from stream_unmask.marks.code import Message, encode

MarkPicture = NDArray[np.float32]
"""(3, 64, 64) what a mark adds over a crop to luma, blue and red difference, as shares of their spans."""


class Marker:
    """Makes the marks of one stream's frames."""

    def __init__(self, message: Message, *, still: bool = False) -> None:
        """Choose a mark.

        Args:
            message: what it says.
            still: for a single picture.
        """
        self._plan = STILL if still else MOVING
        self._parts = _parts(self._plan, message)

    def at(self, time: float) -> MarkPicture:
        """The mark at a time in seconds. It changes smoothly, and begins anew after two seconds."""
        turns = 2 * np.pi * np.array(self._plan.rates) * time
        weights = np.concatenate([np.cos(turns), np.sin(turns)]).astype(np.float32)
        return np.asarray((weights @ self._parts).reshape(3, GRID, GRID), np.float32)


@cache
def _parts(plan: Plan, message: Message) -> NDArray[np.float32]:
    """(2 K, 3 * 64 * 64) what goes with the cosine of each rate, then what goes with the sine."""
    word, rates = encode(message), len(plan.rates)
    parts = np.zeros((2 * rates, 3, GRID, GRID))
    for band in plan.bands:
        there = chips(plan, band)
        signs = there.signs * word[there.bits]
        for k in range(rates):
            parts[k, band.channel] += drawing(band, there, signs[:, k].real.astype(np.float64))
            parts[rates + k, band.channel] += drawing(band, there, signs[:, k].imag.astype(np.float64))
        # Cosine and sine of a rate are each seen half of the time; without a rate the cosine is, always.
        mean = (parts[:, band.channel, 32:48, 20:44] ** 2).mean(axis=(1, 2))
        power = mean[:rates].sum() if plan.rates == (0.0,) else mean.sum() / 2
        parts[:, band.channel] *= band.level / np.sqrt(power)
    return parts.reshape(2 * rates, -1).astype(np.float32)
