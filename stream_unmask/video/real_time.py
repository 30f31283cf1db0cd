"""A camera's own clock, held against real time."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

TOLERANCE = 5.0
"""Seconds by which a camera's clock may differ from what arrives, before it is another clock."""

_BACK = 1.0
"""Seconds back in time from which on it is no disorder of frames."""

_LATE = 3.0
"""Seconds for which what arrives may be late, as it is after a stall in the network, and catch up."""

_DRIFT = 0.001
"""Seconds a second by which a camera's clock may go wrong: ten times what quartz does."""

_TOGETHER = 0.5
"""Two streams whose clocks jump by amounts closer than this jumped together."""

_PAIRED = 30.0
"""Seconds within which they do: each hears of it with its next report of the camera's clock."""

_UNBROKEN = 0.25
"""Seconds later than usual that what comes next may arrive, and still be what was taken next."""


_STANDS = 0.25
"""Share of real time below which a camera's clock hardly goes on."""

_STOOD = 10
"""Frames or packets in a row of which that is true, until it is no clock. One alone may be late."""


@dataclass(slots=True)
class _Stream:
    """What is known of one stream's clock.

    Attributes:
        offset: seconds that are added to its times now.
        last: its newest time, as the camera had it.
        usual: seconds that it is placed ahead of real time, drift followed slowly.
        arrival: of its newest frame or packet.
        step: seconds between the newest two.
        late_since: arrival since which it is too late, None while it is not.
        stood: frames or packets in a row with which its clock hardly went on.
    """

    offset: Fraction
    last: Fraction
    usual: float
    arrival: float
    step: Fraction = Fraction(0)
    late_since: float | None = None
    stood: int = 0


@dataclass(frozen=True, slots=True)
class _Shift:
    """Seconds that were added to a stream's times when its clock was found to be another one."""

    stream: int
    seconds: Fraction
    arrival: float


class RealTime:
    """Gives frames and packets of a camera times that begin with 0 and go on as real time does.

    What a camera's clock shows at first means nothing, and each connection may start it anew. Within one, a
    step that real time does not explain (the camera's clock was set, its counter ran over) is a new clock,
    which goes on where the old one was. What comes late and catches up, as after a stall in the network,
    keeps its times. A clock that stands or crawls is none: what it should have timed goes by when it came.

    Args:
        tolerance: seconds by which a camera's clock may differ from what arrives.
        paced: things come when the camera sends them, and not when somebody is ready for them.

    Attributes:
        restarts: how often a clock was found to be another one within a connection.
    """

    def __init__(self, tolerance: float = TOLERANCE, *, paced: bool = True) -> None:
        self.restarts = 0
        self._tolerance, self._paced = tolerance, paced
        self._epoch: float | None = None
        self._end = Fraction(0)
        self._streams: dict[int, _Stream] = {}
        self._shared: Fraction | None = None
        self._shift: _Shift | None = None

    def reconnected(self) -> None:
        """What comes from now on is another connection's."""
        self._streams.clear()
        self._shared = self._shift = None

    def place(self, stream: int, start: Fraction, duration: Fraction, arrival: float) -> Fraction:
        """How many seconds to add to a time of a stream.

        Args:
            stream: any number that stands for it.
            start: of its next frame or packet by the camera's clock, in seconds.
            duration: of that, in seconds.
            arrival: when it came, in seconds of a clock that is never set.
        """
        if self._epoch is None:
            self._epoch = arrival
        real = arrival - self._epoch
        known = self._streams.get(stream)
        if known is None:
            known = self._streams[stream] = self._first(start, real, arrival)
        else:
            self._follow(stream, start, real, arrival)
            if 0 < start - known.last < 1:
                known.step = start - known.last
        known.last, known.arrival = max(known.last, start), arrival
        self._end = max(self._end, start + duration + known.offset)
        return known.offset

    def _first(self, start: Fraction, real: float, arrival: float) -> _Stream:
        now = Fraction(real).limit_denominator(1_000_000)
        offset = self._shared
        if offset is None:
            offset = self._shared = max(now, self._end) - start
        elif abs(start + offset - now) > self._tolerance:
            offset = now - start  # another clock than the other stream's
        return _Stream(offset, start, float(start + offset) - real, arrival)

    def _follow(self, stream: int, start: Fraction, real: float, arrival: float) -> None:
        known = self._streams[stream]
        ahead = float(start + known.offset) - real - known.usual
        if self._stands(known, start, arrival):
            known.offset -= Fraction(ahead).limit_denominator(1_000_000)
            self.restarts += known.stood == _STOOD
            return
        if ahead < -self._tolerance:
            known.late_since = known.late_since if known.late_since is not None else arrival
        else:
            known.late_since = None
        stays_late = known.late_since is not None and arrival - known.late_since > _LATE
        if start < known.last - _BACK or ahead > self._tolerance or stays_late:
            shift = self._shift_of(stream, start, ahead, arrival)
            self._shift = _Shift(stream, shift, arrival)
            known.offset += shift
            known.last, known.late_since = start, None
            self.restarts += 1
        elif known.late_since is None:
            most = _DRIFT * max(arrival - known.arrival, 0.0)
            known.usual += min(max(ahead, -most), most)

    def _stands(self, known: _Stream, start: Fraction, arrival: float) -> bool:
        """Whether a stream's clock is none, as of its next frame or packet."""
        if known.stood < _STOOD:
            step = float(start - known.last)
            hardly = self._paced and -_BACK <= step < _STANDS * (arrival - known.arrival)
            known.stood = known.stood + 1 if hardly else 0
        else:
            known.stood = _STOOD + 1
        return known.stood >= _STOOD

    def _shift_of(self, stream: int, start: Fraction, ahead: float, arrival: float) -> Fraction:
        """By how much a stream's clock has become another one; ``ahead`` says that by a single arrival."""
        known, other = self._streams[stream], self._shift
        if (
            other is not None
            and other.stream != stream
            and arrival - other.arrival < _PAIRED
            and abs(other.seconds + Fraction(ahead)) < _TOGETHER
        ):
            return other.seconds  # the camera's one clock: sound and picture stay together
        waited = arrival - known.arrival
        jumped = abs(float(start - known.last) - waited) > _BACK
        if jumped and known.step and waited < known.step + _UNBROKEN:
            # It is what was taken next. By when it came, sound and picture would part by how late each was.
            return known.last + known.step - start
        return -Fraction(ahead).limit_denominator(1_000_000)
