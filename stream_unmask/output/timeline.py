"""Time that only moves on, also where the source's clock starts again."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

_MOST_DISORDER, _LEAST_DISORDER, _DISORDER_STEPS = Fraction(1), Fraction(1, 4), 4
"""Seconds back in time from which on it is no disorder but a clock that was set anew: so many times the
distance of two frames or packets, within these bounds."""

_ROUNDING = Fraction(1, 100)
"""Seconds by which times of sound go back where containers round them."""

_LONGEST_STEP = Fraction(1)
"""Seconds that the last frame or packet before such a restart is taken to last at most."""


@dataclass(slots=True)
class _Track:
    """How far one stream is.

    Attributes:
        offset: seconds that are added to its times.
        last: the latest of its times so far, moved.
        step: between the two latest of them.
    """

    offset: Fraction
    last: Fraction
    step: Fraction = Fraction(0)

    @property
    def end(self) -> Fraction:
        return self.last + min(self.step, _LONGEST_STEP)

    @property
    def disorder(self) -> Fraction:
        """Seconds by which times may go back without meaning anything."""
        return min(max(_DISORDER_STEPS * self.step, _LEAST_DISORDER), _MOST_DISORDER)


class Timeline:
    """Joins the parts of a recording whose clock was set back (joined streams, a camera that came back).

    One serves all streams of an output, so that sound and picture are moved by the same amount. It goes by
    when things begin and never by how long they claim to last: in MP4 that is the distance of decoding times,
    which belongs to another frame than the one that bears it, and subtitles may overlap.

    Attributes:
        restarts: how often the clock was found set back.
    """

    def __init__(self) -> None:
        self.restarts = 0
        self._shared = Fraction(0)
        self._tracks: dict[int, _Track] = {}

    def place(self, stream: int, time: Fraction) -> Fraction:
        """How many seconds to add to a time of a stream of pictures or sound.

        Args:
            stream: any number that stands for it.
            time: of its next frame or packet in the source, in seconds. Times may go back by a quarter of a
                second, or by some frames, which is left as it is.
        """
        track = self._tracks.get(stream)
        if track is None:
            track = self._tracks[stream] = _Track(self._shared, time + self._shared)
            return track.offset
        back = track.last - (time + track.offset)
        joins = track.offset != self._shared and back > _ROUNDING  # where another stream was set back before
        if back > track.disorder or joins:
            if track.last - (time + self._shared) > track.disorder:
                self._shared = max(each.end for each in self._tracks.values()) - time
                self.restarts += 1
            track.offset = self._shared
        moved = time + track.offset
        if moved > track.last:
            track.step, track.last = moved - track.last, moved
        return track.offset

    def follow(self) -> Fraction:
        """How many seconds to add to a time of a stream of subtitles or data, as of now.

        Such a stream says nothing of the clock: its times may overlap, and stand in any order.
        """
        return self._shared
