"""From one live encode to any number of viewers: bounded, newest first, and nothing for nobody."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """What a player needs before the first piece.

    Attributes:
        data: an MP4's first boxes; empty where pieces stand for themselves.
        kind: MIME type with the codec.
        size: width and height of one of the two pictures beside each other.
    """

    data: bytes
    kind: str
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Piece:
    """One coded picture: before and after beside each other.

    Attributes:
        head: what it belongs to.
        data: as viewers get it.
        keyframe: a player can start here.
        ticks: its time, in ticks of 90 kHz of a clock that never goes back.
        time: its time in seconds since the head's first piece.
        arrival: when the camera's frame came, by ``time.monotonic``; None where that is not known.
    """

    head: Head
    data: bytes
    keyframe: bool
    ticks: int
    time: float
    arrival: float | None


class Viewer:
    """What waits for one viewer; one that is too slow goes on with the next keyframe.

    Args:
        most: pieces that may wait.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: deque[Piece] = deque()
        self._there = asyncio.Event()
        self._needs_keyframe = True
        self._head: Head | None = None
        self.passed_over = 0

    def offer(self, piece: Piece) -> None:
        """Another piece is there."""
        if piece.head is not self._head:
            self._head, self._needs_keyframe = piece.head, True
        if len(self._waiting) >= self._most:
            self.passed_over += len(self._waiting)
            self._waiting.clear()
            self._needs_keyframe = True
        if self._needs_keyframe and not piece.keyframe:
            self.passed_over += 1
            return
        self._needs_keyframe = False
        self._waiting.append(piece)
        self._there.set()

    async def take(self) -> Piece:
        """The next piece."""
        while not self._waiting:
            self._there.clear()
            await self._there.wait()
        return self._waiting.popleft()

    async def __aiter__(self) -> AsyncIterator[Piece]:
        while True:
            yield await self.take()


class Feed:
    """One kind of pieces of one camera, for all its viewers.

    Args:
        loop: that of the viewers.
        most: pieces that may wait for one of them.
        refresh: called when somebody joins, for a keyframe.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, most: int, refresh: Callable[[], None]) -> None:
        self._loop, self._most, self._refresh = loop, most, refresh
        self._viewers: set[Viewer] = set()

    @property
    def viewers(self) -> int:
        return len(self._viewers)

    @contextmanager
    def join(self) -> Iterator[Viewer]:
        """Watch while entered; in the loop's thread."""
        viewer = Viewer(self._most)
        self._viewers.add(viewer)
        # It waits for an encoder; the loop does not.
        joined = self._loop.run_in_executor(None, self._refresh)
        try:
            yield viewer
        finally:
            joined.cancel()
            self._viewers.discard(viewer)

    def publish(self, piece: Piece) -> None:
        """Bring a piece to all viewers, from any thread."""
        if self._viewers and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._spread, piece)

    def _spread(self, piece: Piece) -> None:
        for viewer in self._viewers:
            viewer.offer(piece)
