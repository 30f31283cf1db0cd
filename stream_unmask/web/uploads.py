"""Bodies of requests, bounded in bytes and in patience."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from pathlib import Path
from typing import Any

from aiohttp import web

from stream_unmask.web.jobs import StandIn
from stream_unmask.web.options import Limits

_MOST_JSON = 64 << 10
_CHUNK = 1 << 18
_LEAST_RATE = 8 << 10
"""Bytes a second that a body brings at least, taken over its whole time."""


async def read_json(request: web.Request, limits: Limits, most: int = _MOST_JSON) -> dict[str, Any]:
    """A small object out of a body, of ``most`` bytes; empty where there is none.

    Raises:
        HTTPException: it is too large, too slow, or no object.
    """
    body = b""
    try:
        async with asyncio.timeout(limits.body_seconds):
            while len(body) <= most and (more := await request.content.read(most + 1)):
                body += more
    except TimeoutError:
        raise web.HTTPRequestTimeout(reason="The body came too slowly.") from None
    if len(body) > most:
        raise web.HTTPRequestEntityTooLarge(most, len(body), reason="The body is too large.")
    try:
        said = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise web.HTTPBadRequest(reason="The body is no JSON.") from None
    if not isinstance(said, dict):
        raise web.HTTPBadRequest(reason="The body is no JSON object.")
    return said


async def receive(request: web.Request, target: Path, limits: Limits) -> int:
    """Write a body into a file; how many bytes it has. Nothing is left of one that is refused.

    Raises:
        HTTPException: it is too large, too slow, or empty.
    """
    most = limits.upload_bytes
    if request.content_length is not None and request.content_length > most:
        raise _too_large(most, request.content_length)
    began, size = time.monotonic(), 0
    try:
        with target.open("xb") as file:
            while chunk := await _chunk(request, limits.body_seconds):
                size += len(chunk)
                if size > most:
                    raise _too_large(most, size)
                passed = time.monotonic() - began
                if passed > limits.body_seconds and size < _LEAST_RATE * passed:
                    raise web.HTTPRequestTimeout(reason="The body came too slowly.")
                await asyncio.to_thread(file.write, chunk)
        if not size:
            raise web.HTTPBadRequest(reason="The body is empty: send the file as it is.")
    except BaseException:
        with contextlib.suppress(OSError):
            target.unlink()
        raise
    return size


async def _chunk(request: web.Request, seconds: float) -> bytes:
    try:
        async with asyncio.timeout(seconds):
            return await request.content.read(_CHUNK)
    except TimeoutError:
        raise web.HTTPRequestTimeout(reason="The body came too slowly.") from None


def _too_large(most: int, size: int) -> web.HTTPRequestEntityTooLarge:
    return web.HTTPRequestEntityTooLarge(
        most, size, reason=f"The file is too large: {most >> 20} MiB are allowed here."
    )


def stand_in_of(value: object) -> StandIn:
    """What faces are to wear: ``auto``, ``none``, or per face's number (0 for all) a number or ``none``.

    Raises:
        HTTPBadRequest: it is none of these.
    """
    if value in (None, "", "auto"):
        return "auto"
    if value == "none":
        return "none"
    if isinstance(value, str):
        value = dict(part.partition("=")[::2] for part in value.split(","))
    try:
        wishes = {int(face): "none" if wish == "none" else int(wish) for face, wish in value.items()}  # type: ignore[attr-defined]
    except (AttributeError, TypeError, ValueError, OverflowError):
        raise web.HTTPBadRequest(reason="stand_in is auto, none, or FACE=N,FACE=none.") from None
    if len(wishes) > 1000 or any(face < 0 for face in wishes):
        raise web.HTTPBadRequest(reason="stand_in is auto, none, or FACE=N,FACE=none.")
    return wishes  # type: ignore[return-value]
