"""The ways to watch a camera: WebRTC, fragmented MP4 over a socket, JPEGs one after the other."""

from __future__ import annotations

import asyncio
import contextlib
import socket as sockets
import struct
import time
from typing import Any

from aiohttp import WSMsgType, web
from aiortc import RTCSessionDescription

from stream_unmask.errors import UnmaskError
from stream_unmask.web.feeds import Piece, Viewer
from stream_unmask.web.inputs import Input
from stream_unmask.web.security import refusal
from stream_unmask.web.site import site
from stream_unmask.web.uploads import read_json

_MOST_SDP = 256 << 10
_UNSEEN = 12
"""Fragments under way that a browser has not said to have; what waits on the way there would be delay."""

_BUFFER = 256 << 10
"""Bytes that wait in the kernel for who reads JPEGs, who says nothing."""

_BOUNDARY = "picture"
_PATIENCE = 10.0


def input_of(request: web.Request) -> Input:
    """The camera that a request names.

    Raises:
        HTTPNotFound: there is none.
    """
    try:
        return site(request).inputs[request.match_info["name"]]
    except KeyError:
        raise web.HTTPNotFound(reason="There is no such input.") from None


async def read_offer(request: web.Request) -> dict[str, Any]:
    """A WebRTC offer out of a request.

    Raises:
        HTTPException: it is none, too large, or too slow.
    """
    said = await read_json(request, site(request).options.limits, _MOST_SDP)
    if said.get("type") != "offer" or not isinstance(said.get("sdp"), str):
        raise web.HTTPBadRequest(reason="This is no offer: it wants type and sdp.")
    return said


def _check_room(request: web.Request) -> None:
    watching = sum(each.viewers for each in site(request).inputs)
    if watching >= site(request).options.limits.viewers:
        raise web.HTTPServiceUnavailable(reason="As many watch as may; try again later.")


async def webrtc(request: web.Request) -> web.Response:
    """Answer an offer."""
    camera = input_of(request)
    _check_room(request)
    said = await read_offer(request)
    offer = RTCSessionDescription(said["sdp"], said["type"])
    try:
        answer = await site(request).peers.answer(offer, camera.packets)
    except UnmaskError as error:
        return refusal(400, str(error))
    return web.json_response({"sdp": answer.sdp, "type": answer.type})


async def fragments(request: web.Request) -> web.WebSocketResponse:
    """Send fragments of an MP4: first what they are, as text, and the MP4's head, then each after 16 bytes.

    These are two doubles, little endian: its time in seconds, and when the camera's frame came, in
    milliseconds of ``time.time`` (0 where that is not known). The browser answers each with any text.
    """
    camera = input_of(request)
    _check_room(request)
    socket = web.WebSocketResponse(heartbeat=20, max_msg_size=1024, compress=False)
    await socket.prepare(request)
    under_way = _UnderWay()
    with camera.fragments.join() as viewer:
        sending = asyncio.create_task(_send_fragments(socket, viewer, under_way))
        try:
            async for message in socket:
                if message.type != WSMsgType.TEXT:
                    break
                under_way.seen()
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
    return socket


class _UnderWay:
    """How many fragments a browser has not said to have."""

    def __init__(self) -> None:
        self._count = 0
        self._room = asyncio.Event()
        self._room.set()

    async def add(self) -> None:
        await self._room.wait()
        self._count += 1
        if self._count >= _UNSEEN:
            self._room.clear()

    def seen(self) -> None:
        self._count = max(0, self._count - 1)
        self._room.set()


async def _send_fragments(socket: web.WebSocketResponse, viewer: Viewer, under_way: _UnderWay) -> None:
    head = None
    async for piece in viewer:
        if piece.head is not head:
            head = piece.head
            width, height = head.size
            await socket.send_json({"kind": head.kind, "width": width, "height": height})
            await socket.send_bytes(head.data)
        await under_way.add()
        await socket.send_bytes(struct.pack("<dd", piece.time, _arrival(piece)) + piece.data)


async def jpegs(request: web.Request) -> web.StreamResponse:
    """Send JPEGs one after the other, as cameras do (``multipart/x-mixed-replace``)."""
    camera = input_of(request)
    _check_room(request)
    response = web.StreamResponse(
        headers={"Content-Type": f"multipart/x-mixed-replace; boundary={_BOUNDARY}"}
    )
    await response.prepare(request)
    _keep_little(request)
    with camera.stills.join() as viewer, contextlib.suppress(ConnectionResetError):
        async for piece in viewer:
            head = (
                f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(piece.data)}\r\n"
                f"X-Arrival: {_arrival(piece):.1f}\r\n\r\n"
            )
            await response.write(head.encode() + piece.data + b"\r\n")
    return response


def _keep_little(request: web.Request) -> None:
    """Have a slow reader hold up the server early: then it gets fewer pictures, and none that are old."""
    transport = request.transport
    if transport is None:
        return
    transport.set_write_buffer_limits(high=_BUFFER)
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, _BUFFER)


def _arrival(piece: Piece) -> float:
    """When the camera's frame came, in milliseconds of ``time.time``; 0 where that is not known."""
    return 0.0 if piece.arrival is None else 1000 * (time.time() - time.monotonic() + piece.arrival)
