"""Threads that wait for a camera, so that nobody else has to."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

from stream_unmask.errors import UnmaskError
from stream_unmask.video.container import ContainerSource, CopiedPacket
from stream_unmask.video.frame import Frame

PATIENCE = 0.1
"""Seconds between two looks at whether anybody still waits."""

_AHEAD = 8
"""Frames and packets that a reader may be ahead of who takes them."""


class StoppedError(Exception):
    """Nobody wants what was waited for any more."""


class Caller:
    """Opens something in a thread of its own, which can be left alone with it."""

    def __init__(self, call: Callable[[], ContainerSource]) -> None:
        self._call = call
        self._lock = threading.Lock()
        self._left = False
        self._done = threading.Event()
        self._opened: ContainerSource | None = None
        self._error: BaseException | None = None
        threading.Thread(target=self._run, name="call", daemon=True).start()

    def wait(self, stopped: Callable[[], bool], seconds: float, late: str) -> ContainerSource:
        """What was opened, once it is there.

        Args:
            stopped: whether nobody wants it any more.
            seconds: how long it may take.
            late: the sentence for what takes longer.

        Raises:
            StoppedError: ``stopped`` says so.
            UnmaskError: it cannot be opened, or not in this time.
        """
        until = time.monotonic() + seconds
        while not self._done.wait(PATIENCE):
            if stopped() or time.monotonic() > until:
                break
        with self._lock:
            self._left = not self._done.is_set()
        if stopped():
            self._let_go()
            raise StoppedError
        if self._left:
            raise UnmaskError(late)
        if self._error is not None:
            raise self._error
        assert self._opened is not None
        return self._opened

    def _run(self) -> None:
        try:
            self._opened = self._call()
        except BaseException as error:
            self._error = error
        with self._lock:
            self._done.set()
        if self._left:
            self._let_go()

    def _let_go(self) -> None:
        if self._opened is not None:
            self._opened.close()


class Reader:
    """Reads a connection in a thread of its own, which can be left alone with it.

    Attributes:
        connection: what is read. It is closed when it has ended, or when the reader is left.
    """

    def __init__(self, connection: ContainerSource) -> None:
        self.connection = connection
        self._items: queue.Queue[Frame | CopiedPacket | None] = queue.Queue(_AHEAD)
        self._left = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self._thread.start()

    def take(self, stopped: Callable[[], bool], seconds: float) -> Frame | CopiedPacket | None:
        """The next frame or packet; None at the end.

        Raises:
            StoppedError: ``stopped`` says that nobody wants it any more.
            TimeoutError: nothing came for so many seconds.
        """
        until = time.monotonic() + seconds
        while not stopped():
            try:
                item = self._items.get(timeout=min(PATIENCE, max(0.0, until - time.monotonic())))
            except queue.Empty:
                if time.monotonic() >= until:
                    raise TimeoutError from None
                continue
            if item is None and self._error is not None:
                raise self._error
            return item
        raise StoppedError

    def leave(self) -> None:
        """Wait for it no longer; it closes its connection as soon as that lets go of it."""
        self._left.set()
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        try:
            for item in self.connection:
                self._put(item)
                if self._left.is_set():
                    return
        except Exception as error:
            self._error = error
        finally:
            self.connection.close()
            self._put(None)

    def _put(self, item: Frame | CopiedPacket | None) -> None:
        while not self._left.is_set():
            try:
                return self._items.put(item, timeout=PATIENCE)
            except queue.Full:
                continue
