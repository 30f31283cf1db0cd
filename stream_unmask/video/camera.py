"""Cameras: their time begins now, and they go away and come back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from fractions import Fraction

from av.stream import Stream

from stream_unmask.errors import UnmaskError
from stream_unmask.video.container import Closing, ContainerSource, CopiedPacket
from stream_unmask.video.frame import Frame
from stream_unmask.video.info import SourceInfo, SourceProblems
from stream_unmask.video.samples import Samples

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
"""Seconds before the first and between later calls; each pause is twice as long as the one before."""


class CameraSource(Closing):
    """A camera that is called again when it is lost; see :class:`stream_unmask.video.source.Source`.

    What a camera's clock shows at first means nothing, and each connection may start it anew: times begin
    with 0, and go on after a connection as much later as real time was lost.

    Args:
        first: the first connection.
        call: opens the next one; it raises :class:`UnmaskError` where the camera is not there.
        patience: seconds for which the camera is called once it is lost; 0 to not call it again.
        notify: gets a sentence when the camera is lost, called in vain, or there again.

    Attributes:
        info: of the first connection; one that differs in what is written is not taken.
        problems: those of all connections.
    """

    def __init__(
        self,
        first: ContainerSource,
        call: Callable[[], ContainerSource],
        patience: float,
        notify: Callable[[str], None],
    ) -> None:
        self.info: SourceInfo = first.info
        self.problems = SourceProblems(warnings=list(first.problems.warnings))
        self._connection = first
        self._call, self._patience, self._notify = call, patience, notify
        self._closed = threading.Event()
        self._frames = 0
        self._end = Fraction(0)
        self._last_seen: float | None = None
        self._items = self._read()

    @property
    def copied_streams(self) -> Mapping[int, Stream]:
        return self._connection.copied_streams

    def samples(self) -> Samples:
        return self._connection.samples()

    def __iter__(self) -> Iterator[Frame | CopiedPacket]:
        yield from self._items

    def close(self) -> None:
        """Let go of the camera, also in the middle of a pause."""
        self._closed.set()
        try:
            self._items.close()
        except ValueError:
            return  # Another thread, that nobody waited for, is in there; it ends by what was just set.
        self._connection.close()

    def _read(self) -> Generator[Frame | CopiedPacket, None, None]:
        connection: ContainerSource | None = self._connection
        while connection is not None:
            self._connection = connection
            try:
                yield from self._placed(connection)
            finally:
                self.problems.add_counts(connection.problems)
                connection.close()
            connection = self._reconnect()

    def _placed(self, connection: ContainerSource) -> Iterator[Frame | CopiedPacket]:
        """What one connection brings, with times that go on after the last one's."""
        reconnects = self.problems.reconnects
        offset: Fraction | None = None
        for item in connection:
            now, (start, end) = time.monotonic(), _span(item)
            if offset is None and start is not None:
                offset = self._end + Fraction(self._silence(now)) - start
            if offset is not None and end is not None:
                _move(item, offset)
                self._end = max(self._end, end + offset)
            if isinstance(item, Frame):
                item.index, item.connection = self._frames, reconnects
                self._frames += 1
            self._last_seen = now
            yield item

    def _silence(self, now: float) -> float:
        """Seconds since the camera last brought something; 0 before it did."""
        return 0.0 if self._last_seen is None else now - self._last_seen

    def _reconnect(self) -> ContainerSource | None:
        """The next connection; None where the camera is given up, or nobody wants it any more."""
        lost = why = f"Lost {self.info.uri}: {self._connection.broken or 'it hung up'}."
        pause, until = _FIRST_PAUSE, time.monotonic() + self._patience
        while (left := until - time.monotonic()) > 0:
            pause = min(pause, left)
            self._notify(f"{why} Trying again in {max(pause, 1):.0f} s.")
            if self._closed.wait(pause):
                return None
            try:
                return self._checked(self._call())
            except UnmaskError as error:
                why = str(error)
            pause = min(2 * pause, _LONGEST_PAUSE)
        vain = f" It did not come back within {self._patience:.0f} s." if self._patience else ""
        self.problems.warnings.append(f"{lost}{vain}")
        return None

    def _checked(self, connection: ContainerSource) -> ContainerSource | None:
        """The connection if it fits what has been written so far."""
        difference = _difference(self.info, connection.info)
        if difference:
            self.problems.warnings.append(f"{self.info.uri} came back with {difference}: it ends here.")
        if difference or self._closed.is_set():
            connection.close()
            return None
        lost = self._silence(time.monotonic())
        self.problems.reconnects += 1
        self.problems.lost_seconds += lost
        self._notify(f"{self.info.uri} is back after {lost:.0f} s.")
        return connection


def _difference(before: SourceInfo, now: SourceInfo) -> str:
    """In what a connection differs from the first one so that its frames or packets would not fit; or ''."""
    if (before.width, before.height) != (now.width, now.height):
        return f"{now.width}x{now.height} pixels instead of {before.width}x{before.height}"
    if (before.codec, before.other_streams) != (now.codec, now.other_streams):
        codecs = [", ".join((info.codec, *info.other_streams.values())) for info in (now, before)]
        return f"other codecs ({codecs[0]} instead of {codecs[1]})"
    return ""


def _span(item: Frame | CopiedPacket) -> tuple[Fraction | None, Fraction | None]:
    """When a frame or packet begins and ends in its source, in seconds; None where it does not say."""
    if isinstance(item, Frame):
        return item.pts * item.time_base, (item.pts + item.duration) * item.time_base
    packet = item.packet
    start = packet.pts if packet.pts is not None else packet.dts
    if start is None:
        return None, None
    return start * packet.time_base, (start + (packet.duration or 0)) * packet.time_base


def _move(item: Frame | CopiedPacket, offset: Fraction) -> None:
    """Make a frame or packet later by so many seconds."""
    if isinstance(item, Frame):
        item.pts += round(offset / item.time_base)
        item.picture.pts = item.pts
        return
    packet = item.packet
    ticks = round(offset / packet.time_base)
    packet.pts = packet.pts + ticks if packet.pts is not None else None
    packet.dts = packet.dts + ticks if packet.dts is not None else None
