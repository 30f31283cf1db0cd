"""Server-sent events."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

_AGAIN = 1500
"""Milliseconds after which a browser asks again where it was cut off."""


class Events:
    """One browser that listens."""

    def __init__(self) -> None:
        self._response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        )

    async def begin(self, request: web.Request) -> web.StreamResponse:
        await self._response.prepare(request)
        await self._response.write(f"retry: {_AGAIN}\n\n".encode())
        return self._response

    async def send(self, values: dict[str, Any]) -> None:
        """An event with an object.

        Raises:
            ConnectionResetError: nobody listens any more.
        """
        await self._response.write(f"data: {json.dumps(values)}\n\n".encode())
