"""Before anything is read: no more connections than may be, and none that never says what it wants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from aiohttp import web

_END = b"\r\n\r\n"
"""What ends the head of a request."""


class Runner(web.AppRunner):
    """Runs an app behind a door.

    Args:
        app: the app.
        connections: that may be open at the same time; further ones are closed at once.
        head_seconds: in which a new connection must have brought the head of its first request, whole. The
            ones after it, aiohttp itself waits for no longer than ``keepalive_timeout``.
        kwargs: those of :class:`aiohttp.web.AppRunner`.
    """

    def __init__(self, app: web.Application, *, connections: int, head_seconds: float, **kwargs: Any) -> None:
        super().__init__(app, **kwargs)
        self.most, self.head_seconds = connections, head_seconds
        self.inside: set[_Visit] = set()

    @property
    def server(self) -> web.Server | None:
        """What makes a protocol for each connection."""
        server = super().server
        if server is None:
            return None
        # Sites do nothing with it but to call it.
        make = cast(Callable[[], asyncio.Protocol], server)
        return cast(web.Server, lambda: _Visit(self, make()))


class _Visit(asyncio.Protocol):
    """One connection, on its way to the protocol of the app."""

    def __init__(self, runner: Runner, inner: asyncio.Protocol) -> None:
        self._runner, self._inner = runner, inner
        self._late: asyncio.TimerHandle | None = None
        self._tail = b""
        self._refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if len(self._runner.inside) >= self._runner.most:
            self._refused = True
            cast(asyncio.Transport, transport).abort()
            return
        self._runner.inside.add(self)
        loop = asyncio.get_running_loop()
        self._late = loop.call_later(self._runner.head_seconds, cast(asyncio.Transport, transport).abort)
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._runner.inside.discard(self)
        self._arrived()
        if not self._refused:
            self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if self._late is not None:
            seen = self._tail + data
            self._tail = seen[-len(_END) :]
            if _END in seen:
                self._arrived()
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return None if self._refused else self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def _arrived(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
