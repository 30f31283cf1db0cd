"""Threads and queues: decoding, computing and encoding overlap, and nothing piles up between them."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol

from stream_unmask.report import Stages
from stream_unmask.video.frame import Frame
from stream_unmask.video.info import SourceProblems
from stream_unmask.video.source import Item, Source

_DEPTH = 4
"""Items between two threads: enough to even out their pace, little enough to bound the memory for 4K."""

_BURST = 16
"""Frames of a camera that may come at once: half a second of most, and 200 MB at 4K."""

_LATEST = 1.5
"""Seconds after which a frame that still waits is too late, however few they are."""

_LIVE_DEPTH = 1
"""Items between computing and encoding of a source in real time: what waits there is late."""

_PATIENCE = 0.1
"""Seconds between two looks at whether the other side is still alive."""

_LIVE_GRACE = 1.0
"""Seconds that reading in real time gets to end. A camera that is silent is not waited for any longer."""


class Writer(Protocol):
    """What :func:`run` needs of a sink."""

    def write(self, item: Item) -> None: ...


class _StopError(Exception):
    """Somebody asked for the end, or the other side of a queue is gone."""


class _Newest(queue.Queue[Item | None]):
    """Takes what a source in real time hands out: every packet, and of the frames those there is time for.

    Frames that come in bursts wait for their turn, up to ``_BURST`` of them. When there are more, or one has
    waited too long, whoever takes them is too slow: only the newest waits from then on, so that no delay
    builds up, until whoever takes them has waited for frames again.
    """

    def __init__(self, problems: SourceProblems) -> None:
        super().__init__()
        self._problems = problems
        self._room = _BURST
        # Each item is in a list of its own, which is emptied where the item is dropped: to look for it among
        # the packets of minutes, with the lock held, would keep from them whoever is slow already.
        self._frames: deque[list[Frame]] = deque()

    # The hooks that queue.Queue has for other orders; it holds the lock here.

    def _put(self, item: Item | None) -> None:
        if not isinstance(item, Frame):
            self.queue.append([item])
            return
        waiting = self._frames
        if len(waiting) >= self._room or (waiting and _has_waited(waiting[0][0])):
            self._room = 1
            self._problems.dropped += len(waiting)
            while waiting:
                waiting.popleft().clear()
        waiting.append([item])
        self.queue.append(waiting[-1])

    def _get(self) -> Item | None:
        # What was dropped is never the last: a newer frame came.
        while not (place := self.queue.popleft()):
            pass
        item: Item | None = place[0]
        if isinstance(item, Frame):
            self._frames.popleft()
        return item

    def get(self, block: bool = True, timeout: float | None = None) -> Item | None:
        """The next item; who finds none is fast enough."""
        with self.mutex:
            if not self.queue:
                self._room = _BURST
        return super().get(block, timeout)


def _has_waited(frame: Frame) -> bool:
    return frame.arrival is not None and time.monotonic() - frame.arrival > _LATEST


class _Worker(threading.Thread):
    """A thread that keeps the error it died of."""

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._work()
        except _StopError:
            pass
        except BaseException as error:
            self.error = error


class _Ends:
    """Source and sink, each at work in a thread, and the queues between them and the caller's thread."""

    def __init__(self, source: Source, sink: Writer, stages: Stages) -> None:
        self._source, self._sink, self._stages = source, sink, stages
        live = source.info.real_time
        self._decoded: queue.Queue[Item | None] = _Newest(source.problems) if live else queue.Queue(_DEPTH)
        self._finished: queue.Queue[Item | None] = queue.Queue(_LIVE_DEPTH if live else _DEPTH)
        self._grace = _LIVE_GRACE if source.info.live else None
        self._reading_over = threading.Event()
        self._reader = _Worker("decode", self._read)
        self._writer = _Worker("encode", self._write)

    def take(self, stop: threading.Event) -> Item | None:
        """The next item that was read; None at the end.

        Raises:
            _StopError: ``stop`` was set.
        """
        return _get(self._decoded, stop.is_set)

    def pass_on(self, items: Iterable[Item]) -> None:
        """Have items written.

        Raises:
            _StopError: the writer is dead.
        """
        for item in items:
            _put(self._finished, item, self._writer_is_dead)

    def end(self) -> None:
        """Read no more, and let the writer work off what it was given."""
        self._reading_over.set()
        with suppress(_StopError):
            _put(self._finished, None, self._writer_is_dead)
            self._writer.join()
        self._reader.join(self._grace)

    def raise_errors(self) -> None:
        """Raise what the writer died of, else what the reader died of, if either did."""
        for worker in (self._writer, self._reader):
            if worker.error is not None:
                raise worker.error

    def _read(self) -> None:
        items = iter(self._source)
        try:
            while True:
                with self._stages("decode"):
                    item = next(items, None)
                _put(self._decoded, item, self._reading_over.is_set)
                if item is None:
                    return
        except Exception:
            _put(self._decoded, None, self._reading_over.is_set)
            raise

    def _write(self) -> None:
        while (item := self._finished.get()) is not None:
            with self._stages("encode"):
                self._sink.write(item)

    def _writer_is_dead(self) -> bool:
        return not self._writer.is_alive()


def run(
    source: Source,
    sink: Writer,
    process: Callable[[Frame], Iterable[Frame]],
    stages: Stages,
    stop: threading.Event,
    drain: Callable[[], Iterable[Frame]] = tuple,
) -> bool:
    """Move everything from a source to a sink, each frame through ``process``.

    Decoding and encoding have a thread each, ``process`` runs in the caller's. Order is kept. A source in
    real time never waits, so that no delay builds up: of a camera that is faster than ``process`` and the
    sink only the newest frame is taken, and the others are counted in the source's ``problems``. Frames that
    come in bursts are all taken if there is time. Sound is never dropped.

    Args:
        source: what is read, until its end or until ``stop``.
        sink: what is written; neither finished nor closed here.
        process: takes the next frame; returns those that are done by now, changed, or others in their place.
        stages: where the time of each thread is added up.
        stop: set it from anywhere to end early; Ctrl-C in the caller's thread does the same.
        drain: returns the frames that ``process`` has taken and not returned, once no more come.

    Returns:
        Whether it ended early. Every frame that was processed by then has been written.

    Raises:
        Exception: whatever the source, ``process``, ``drain`` or the sink raised.
    """
    ends = _Ends(source, sink, stages)
    try:
        try:
            while (item := ends.take(stop)) is not None:
                done: Iterable[Item] = (item,)
                if isinstance(item, Frame):
                    with stages("compute"):
                        done = process(item)
                ends.pass_on(done)
        except (_StopError, KeyboardInterrupt):
            stop.set()
        with suppress(_StopError):  # what became of the writer is told below
            ends.pass_on(drain())
    finally:
        ends.end()
    ends.raise_errors()
    return stop.is_set()


def _put(to: queue.Queue[Item | None], item: Item | None, over: Callable[[], bool]) -> None:
    while not over():
        try:
            return to.put(item, timeout=_PATIENCE)
        except queue.Full:
            continue
    raise _StopError


def _get(from_: queue.Queue[Item | None], over: Callable[[], bool]) -> Item | None:
    while not over():
        try:
            return from_.get(timeout=_PATIENCE)
        except queue.Empty:
            continue
    raise _StopError
