"""A file that comes as a camera would, for those who watch it live."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

from stream_unmask.video.frame import Frame
from stream_unmask.video.source import Item, PartOf, Source


class Paced(PartOf):
    """Hands out a file's frames no earlier than they are to be shown; see
    :class:`stream_unmask.video.source.Source`.

    Args:
        source: the file.
        waits: for whoever is slower; else frames are left out, as a camera's are.
    """

    def __init__(self, source: Source, *, waits: bool = True) -> None:
        super().__init__(source)
        self._closed = threading.Event()
        if not waits:
            self.info = replace(source.info, real_time=True)

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
        """Let go of the file, also in the middle of a wait."""
        self._closed.set()
        super().close()
