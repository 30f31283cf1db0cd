"""Cameras: their time begins now, and they go away and come back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping

from av.stream import Stream

from stream_unmask.errors import UnmaskError
from stream_unmask.video.camera_options import CameraOptions
from stream_unmask.video.container import Closing, ContainerSource, CopiedPacket, Reconnected
from stream_unmask.video.frame import Frame
from stream_unmask.video.info import SourceInfo, SourceProblems
from stream_unmask.video.moving import move, span
from stream_unmask.video.opening import OPEN_SECONDS, RefusedError, is_segmented
from stream_unmask.video.reader import Caller, Reader, StoppedError
from stream_unmask.video.real_time import TOLERANCE, RealTime
from stream_unmask.video.replays import Replays
from stream_unmask.video.samples import Samples
from stream_unmask.video.sounds import Sound

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_GROWTH = 1.5
"""Seconds before the first and between later calls, and how much longer each pause is than the one before:
a camera that is back is called after half the time that it was away, at most."""

_REFUSED_PAUSE = 60.0
_LONGEST_REFUSED_PAUSE = 600.0
"""The same after a refusal: many cameras lock out who tries wrong passwords in a row."""

_LASTING = 30.0
"""Seconds that a connection must last until the pauses begin anew."""

_SEGMENTS = 3.0
"""What comes in segments may be silent for so many times longer, and be so much more ahead or late."""


class Backoff:
    """How long to wait before each call."""

    def __init__(self) -> None:
        self._pause = _FIRST_PAUSE
        self._refused = _REFUSED_PAUSE

    def lasted(self, seconds: float) -> None:
        """A connection was held for so long."""
        if seconds >= _LASTING:
            self._pause, self._refused = _FIRST_PAUSE, _REFUSED_PAUSE

    def next(self, *, refused: bool) -> float:
        """Seconds to wait now, after a call that was refused, or in vain for another reason."""
        if refused:
            pause, self._refused = self._refused, min(2 * self._refused, _LONGEST_REFUSED_PAUSE)
        else:
            pause, self._pause = self._pause, min(_GROWTH * self._pause, _LONGEST_PAUSE)
        return pause


class CameraSource(Closing):
    """A camera that is called again when it is lost; see :class:`stream_unmask.video.source.Source`.

    Times begin with 0 and go on as real time does; see :class:`stream_unmask.video.real_time.RealTime`. It is
    lost when it hangs up, or brings no packet or no picture for ``options.stall`` seconds. Nobody waits for
    a call or a read longer than that: each has a thread, which is left alone where it hangs.

    Args:
        first: the first connection.
        call: opens the next one; it raises :class:`UnmaskError` where the camera is not there.
        options: for how long it may be silent.
        patience: seconds for which the camera is called once it is lost; 0 to not call it again.
        notify: gets a sentence when the camera is lost, called in vain, or there again.

    Attributes:
        info: of the newest connection. One of another kind is announced by a :class:`Reconnected`.
        problems: those of all connections.
        away_since: since when the camera is lost, by ``time.monotonic``; None while it is there.
    """

    def __init__(
        self,
        first: ContainerSource,
        call: Callable[[], ContainerSource],
        options: CameraOptions,
        patience: float,
        notify: Callable[[str], None],
    ) -> None:
        self.info: SourceInfo = first.info
        self.problems = SourceProblems(warnings=list(first.problems.warnings))
        self.away_since: float | None = None
        segmented = _SEGMENTS if is_segmented(first.info.format) else 1.0
        self._stall = options.stall * segmented
        self._connection, self._call, self._notify = first, call, notify
        self._patience = patience
        self._backoff = Backoff()
        self._clock = RealTime(TOLERANCE * segmented**2, paced=segmented == 1.0)
        self._replays = Replays() if is_segmented(first.info.format) else None
        self._connections = 0
        self._lost = ""
        self._until = 0.0
        self._closed = threading.Event()
        self._frames = 0
        self._last_seen = time.monotonic()
        self._items = self._read()

    @property
    def copied_streams(self) -> Mapping[int, Stream]:
        return self._connection.copied_streams

    def samples(self) -> Samples:
        return self._connection.samples()

    @property
    def sounds(self) -> Mapping[int, Sound]:
        return self._connection.sounds

    def __iter__(self) -> Iterator[Frame | CopiedPacket | Reconnected]:
        yield from self._items

    def close(self) -> None:
        """Let go of the camera, also in the middle of a pause, a call or a read."""
        self._closed.set()
        try:
            self._items.close()
        except ValueError:
            return  # Another thread, that nobody waited for, is in there; it ends by what was just set.
        self._connection.close()

    def _read(self) -> Generator[Frame | CopiedPacket | Reconnected, None, None]:
        connection: ContainerSource | None = self._connection
        while connection is not None:
            began = time.monotonic()
            reader = Reader(connection)
            try:
                why = yield from self._placed(reader)
            except StoppedError:
                return
            finally:
                reader.leave()
                self.problems.add_counts(connection.problems)
            if self.away_since is None:
                self._backoff.lasted(time.monotonic() - began)
            connection = self._reconnect(why)
            if connection is not None and _differ(self.info, connection.info):
                yield Reconnected(connection.info, connection.sounds)
            if connection is not None:
                self.info, self._connection = connection.info, connection
                self._connections += 1
                self._clock.reconnected()

    def _placed(self, reader: Reader) -> Generator[Frame | CopiedPacket, None, str]:
        """What one connection brings, in real time; returns why it brings no more."""
        last_frame = time.monotonic()
        while True:
            try:
                item = reader.take(self._closed.is_set, self._stall)
            except TimeoutError:
                return f"nothing came for {self._stall:.0f} s"
            if item is None:
                return reader.connection.broken or "it hung up"
            if self._replays is not None and self._replays.is_one(item):
                continue
            arrival = item.arrival if item.arrival is not None else time.monotonic()
            if not isinstance(item, Frame) and arrival - last_frame > self._stall:
                return f"no picture came for {self._stall:.0f} s"
            self._place(item, arrival)
            if isinstance(item, Frame):
                if self.away_since is not None:
                    self._back(arrival)
                item.index, item.connection = self._frames, self._connections
                self._frames += 1
                self._last_seen = last_frame = arrival
            yield item

    def _place(self, item: Frame | CopiedPacket, arrival: float) -> None:
        """Move a frame or packet to its place in real time."""
        start, duration = span(item)
        if start is not None:
            stream = -1 if isinstance(item, Frame) else item.stream_index
            move(item, self._clock.place(stream, start, duration, arrival))

    def _reconnect(self, why: str) -> ContainerSource | None:
        """The next connection; None where the camera is given up, or nobody wants it any more."""
        if self.away_since is None:
            self.away_since = self._last_seen
            self._until = time.monotonic() + self._patience
            said = self._lost = f"Lost {self.info.uri}: {why}."
        else:
            said = f"{self.info.uri} shows nothing new: {why}."
        refused = False
        while (left := self._until - time.monotonic()) > 0:
            pause = min(self._backoff.next(refused=refused), left)
            self._notify(f"{said} Trying again in {max(pause, 1):.0f} s.")
            if self._pause(pause):
                return None
            try:
                return self._called()
            except StoppedError:
                return None
            except UnmaskError as error:
                said, refused = str(error), isinstance(error, RefusedError)
        vain = f" It did not come back within {self._patience:.0f} s." if self._patience else ""
        self.problems.given_up = f"{self._lost}{vain}"
        return None

    def _pause(self, seconds: float) -> bool:
        """Wait; whether nobody wants the camera any more."""
        return self._closed.wait(seconds)

    def _called(self) -> ContainerSource:
        seconds = OPEN_SECONDS + self._stall
        late = f"{self.info.uri} showed no picture within {seconds:.0f} s."
        return Caller(self._call).wait(self._closed.is_set, seconds, late)

    def _back(self, arrival: float) -> None:
        """It shows pictures again, since ``arrival``."""
        lost, self.away_since = arrival - self._last_seen, None
        self.problems.reconnects += 1
        self.problems.lost_seconds += lost
        self._notify(f"{self.info.uri} is back after {lost:.0f} s.")


def _differ(before: SourceInfo, now: SourceInfo) -> bool:
    """Whether what was begun for one connection holds what another one brings."""
    kinds = [
        (info.width, info.height, info.codec, info.stream_index, info.other_streams, info.pixel_format)
        for info in (before, now)
    ]
    return kinds[0] != kinds[1]
