"""A file that comes as a camera would, for those who watch it live."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace

from av.stream import Stream

from stream_unmask.video.container import Closing
from stream_unmask.video.frame import Frame
from stream_unmask.video.info import SourceInfo, SourceProblems
from stream_unmask.video.samples import Samples
from stream_unmask.video.sounds import Sound
from stream_unmask.video.source import Item, Source


class Paced(Closing):
    """Hands out a file's frames no earlier than they are to be shown; see
    :class:`stream_unmask.video.source.Source`.

    Args:
        source: the file.
        waits: for whoever is slower; else frames are left out, as a camera's are.
    """

    def __init__(self, source: Source, *, waits: bool = True) -> None:
        self._source = source
        self._closed = threading.Event()
        self.info: SourceInfo = source.info if waits else replace(source.info, real_time=True)
        self.problems: SourceProblems = source.problems

    @property
    def copied_streams(self) -> Mapping[int, Stream]:
        return self._source.copied_streams

    def samples(self) -> Samples:
        return self._source.samples()

    @property
    def sounds(self) -> Mapping[int, Sound]:
        return self._source.sounds

    def __iter__(self) -> Iterator[Item]:
        began: float | None = None
        for item in self._source:
            if isinstance(item, Frame):
                began = time.monotonic() - item.time if began is None else began
                if self._closed.wait(max(0.0, began + item.time - time.monotonic())):
                    return
                item.arrival = time.monotonic()
            yield item

    def close(self) -> None:
        self._closed.set()
        self._source.close()
