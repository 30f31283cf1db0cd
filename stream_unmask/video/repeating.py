"""A file that begins again at its end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction

from av.stream import Stream

from stream_unmask.video.container import Closing, Reconnected
from stream_unmask.video.frame import Frame
from stream_unmask.video.info import SourceInfo, SourceProblems
from stream_unmask.video.moving import move, span
from stream_unmask.video.samples import Samples
from stream_unmask.video.sounds import Sound
from stream_unmask.video.source import Item, Source


class Repeated(Closing):
    """Hands a file out again and again, each time behind the time before; see
    :class:`stream_unmask.video.source.Source`.

    Args:
        first: the file.
        again: opens it anew; it raises :class:`UnmaskError` where that fails.
    """

    def __init__(self, first: Source, again: Callable[[], Source]) -> None:
        self._source, self._again = first, again
        self._closed = threading.Event()
        self.info: SourceInfo = first.info
        self.problems: SourceProblems = first.problems
        self.copied_streams: Mapping[int, Stream] = first.copied_streams
        self.sounds: Mapping[int, Sound] = first.sounds

    def samples(self) -> Samples:
        return self._source.samples()

    def __iter__(self) -> Iterator[Item]:
        offset, frames = Fraction(0), 0
        begin = end = Fraction(0)  # sound may begin before the pictures, below 0
        while True:
            before = frames
            for item in self._source:
                if not isinstance(item, Reconnected):
                    start, duration = span(item)
                    begin = min(begin, start or begin)
                    end = max(end, (start or 0) + duration)
                    move(item, offset)
                if isinstance(item, Frame):
                    item.index, frames = frames, frames + 1
                yield item
            if self._closed.is_set() or frames == before:
                return
            self._source.close()
            self._source, offset = self._again(), offset + end - begin

    def close(self) -> None:
        self._closed.set()
        self._source.close()
