"""Time that only moves on, also where the source's clock starts again."""

from __future__ import annotations

from fractions import Fraction

_RESTART = Fraction(1)
"""Seconds back in time from which on it is no disorder but a clock that was set anew."""


class Timeline:
    """Joins the parts of a recording whose clock was set back (joined streams, a camera that came back).

    One serves all streams of an output, so that sound and picture are moved by the same amount.

    Attributes:
        restarts: how often the clock was found set back.
    """

    def __init__(self) -> None:
        self.restarts = 0
        self._shared = Fraction(0)
        self._offsets: dict[int, Fraction] = {}
        self._ends: dict[int, Fraction] = {}

    def place(self, stream: int, time: Fraction, duration: Fraction) -> Fraction:
        """How many seconds to add to a time of a stream.

        Args:
            stream: any number that stands for it.
            time: of its next frame or packet in the source, in seconds. Times may go back by less than a
                second, which is left as it is.
            duration: of that frame or packet, in seconds.
        """
        offset = self._offsets.get(stream, self._shared)
        end = self._ends.get(stream)
        if end is not None and time + offset < end - _RESTART:
            if time + self._shared < end - _RESTART:
                self._shared = end - time
                self.restarts += 1
            offset = self._shared
        self._offsets[stream] = offset
        self._ends[stream] = max(end or time + offset, time + offset + duration)
        return offset
