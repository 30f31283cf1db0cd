"""Which frames of a face need no look at its pixels, because nothing has changed since the last look.

A face that has surely been bare for a while is segmented some ten times a second. As soon as a glance at it
shows a change, it is looked at in full: a mask that is put on is noticed about as soon as ever.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from stream_unmask.inpainting.face import FaceView
from stream_unmask.pixels.glance import Glance, change, glance
from stream_unmask.pixels.planes import Planes

_SETTLED = 0.5
"""Seconds that a face must have been as it is before a frame of it is passed over."""

_SURELY_NOT = 0.05
"""Score of what is wanted below which a face surely is none for the task; bare faces mostly score 0.001."""


@dataclass(frozen=True, slots=True)
class _Pace:
    """How a face is looked at while nothing changes.

    Attributes:
        beat: seconds of which each has one look: counted from time 0, so that it does not matter where a
            stream begins.
        change: of a cell's luma, in shares of its span, from which it is looked at before that.
    """

    beat: float
    change: float


_BARE = _Pace(0.1, 0.1)
"""Talking faces change by 0.02 to 0.06 within this time, those that a mask is put on by 0.25 and more."""


class Rest:
    """Decides for one face which frames are passed over."""

    def __init__(self) -> None:
        self._pace: _Pace | None = None
        self._since = math.inf
        self._looked = math.inf
        self._seen: Glance | None = None
        self._person = 0

    def passes_over(self, planes: Planes, view: FaceView, time: float) -> bool:
        """Whether a frame may be passed over. Where it may not, it counts as looked at.

        Args:
            planes: the frame.
            view: how it shows the face.
            time: of the frame in seconds.
        """
        pace, now = self._pace, None
        if pace is not None and time - self._since >= _SETTLED and not view.coasting:
            now = glance(planes, view.alignment.matrix, view.alignment.size)
            seen = self._seen if self._is_early(pace, view, time) else None
            if seen is not None and change(seen, now) < pace.change:
                return True
        self._looked, self._seen, self._person = time, now, view.person
        return False

    def learn(self, wanted: float, strength: float, time: float) -> None:
        """Take what was decided on a frame that was looked at.

        Args:
            wanted: how surely the face is one for the task, 0..1.
            strength: how much of what is inpainted shows, 0..1.
            time: of the frame in seconds.
        """
        pace = _BARE if strength == 0 and wanted < _SURELY_NOT else None
        if pace is not self._pace or time < self._since:  # clocks of live sources may jump back
            self._pace, self._since = pace, time

    def _is_early(self, pace: _Pace, view: FaceView, time: float) -> bool:
        """Whether the last look was in the same beat, and at the same head."""
        first, last = (math.floor(each / pace.beat + 1e-6) for each in (self._looked, time))
        return first == last and self._looked <= time and view.person == self._person
