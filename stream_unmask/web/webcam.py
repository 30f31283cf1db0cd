"""A browser's webcam, unmasked and sent back; in the worker process, since it decodes what strangers send."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction

import av
import cv2
import numpy as np
from aiohttp import WSMsgType, web
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from stream_unmask.errors import UnmaskError
from stream_unmask.output.photo import written_exif
from stream_unmask.pipeline import Stream
from stream_unmask.video.frame import Frame
from stream_unmask.web.peers import answered, close_peers, new_peer

_log = logging.getLogger(__name__)

_LARGEST = 1280 * 720
"""Pixels of a webcam's picture; the page asks for less."""

_MOST_JPEG = 2 << 20
_SEQUENCE = 4
"""Bytes before a JPEG that say which one it is."""

_QUALITY = 85
_START, _EXIF = b"\xff\xd8", b"\xff\xe1"
"""What a JPEG begins with, and what an EXIF block in it begins with."""

_STEP = 1e-3


class Studio:
    """Unmasks the webcams of some browsers at the same time.

    Args:
        begin: begins on a new video.
        most: how many at the same time.
        label: what the metadata of pictures say; WebRTC has no place for it.
    """

    def __init__(self, begin: Callable[[int | None], Stream], most: int, label: str) -> None:
        self._begin, self._most = begin, most
        exif = b"Exif\0\0" + written_exif(b"", label, (0, 0))
        self._head = _START + _EXIF + (len(exif) + 2).to_bytes(2, "big") + exif
        self._guests = 0
        self._peers: set[RTCPeerConnection] = set()

    def enter(self, stand_in: int | None) -> Guest:
        """Another webcam; to be left with ``Guest.leave``.

        Raises:
            UnmaskError: there are as many as may be.
        """
        if self._guests >= self._most:
            raise UnmaskError(f"{self._guests} webcams are being unmasked already; try again later.")
        self._guests += 1
        return Guest(self._begin(stand_in), self._head, self._left)

    @contextmanager
    def visit(self, stand_in: int | None) -> Iterator[Guest]:
        """The same while entered."""
        guest = self.enter(stand_in)
        try:
            yield guest
        finally:
            guest.leave()

    async def answer(self, offer: RTCSessionDescription, stand_in: int | None) -> RTCSessionDescription:
        """Begin to unmask what a browser sends over WebRTC, and to send it back.

        Raises:
            UnmaskError: there are as many webcams as may be, or the offer makes no sense.
        """
        guest = self.enter(stand_in)
        peer = new_peer()
        self._peers.add(peer)

        def over() -> None:
            self._peers.discard(peer)
            guest.leave()

        @peer.on("track")
        def taken(track: MediaStreamTrack) -> None:
            if track.kind == "video":
                peer.addTrack(_Unmasked(track, guest))

        return await answered(peer, offer, over)

    async def close(self) -> None:
        """Leave all."""
        await close_peers(list(self._peers))

    def _left(self) -> None:
        self._guests -= 1


class Guest:
    """One webcam: its stream, and the thread that works on it.

    Args:
        stream: unmasks it.
        head: that a JPEG begins with.
        left: called when it goes.
    """

    def __init__(self, stream: Stream, head: bytes, left: Callable[[], None]) -> None:
        self._stream, self._head, self._left = stream, head, left
        self._thread = concurrent.futures.ThreadPoolExecutor(1, "webcam")
        self._began = time.monotonic()
        self._last = 0.0
        self._gone = False

    def leave(self) -> None:
        if not self._gone:
            self._gone = True
            self._thread.shutdown(wait=False, cancel_futures=True)
            self._left()

    async def unmask(self, picture: av.VideoFrame) -> av.VideoFrame:
        """The same picture, unmasked, with the same time."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._unmask, picture)

    async def unmask_jpeg(self, data: bytes) -> bytes:
        """A JPEG, unmasked, which says what in it is synthetic.

        Raises:
            ValueError: it is none, or too large.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._unmask_jpeg, data)

    def _now(self) -> float:
        """When a picture came: faces are smoothed by it, so it is never the same twice."""
        self._last = max(self._last + _STEP, time.monotonic() - self._began)
        return self._last

    def _unmask(self, picture: av.VideoFrame) -> av.VideoFrame:
        if picture.width * picture.height > _LARGEST:
            picture = picture.reformat(1280, 720)
        pts, time_base = picture.pts, picture.time_base
        base = Fraction(1, 1000)
        frame = Frame(picture, 0, round(self._now() / base), base, 0)
        self._stream.process(frame)
        frame.picture.pts, frame.picture.time_base = pts, time_base
        return frame.picture

    def _unmask_jpeg(self, data: bytes) -> bytes:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        if pixels is None or pixels.shape[0] * pixels.shape[1] > _LARGEST:
            raise ValueError("no picture of a webcam")
        frame = Frame.from_ndarray(np.asarray(pixels, np.uint8), self._now(), format="bgr24")
        self._stream.process(frame)
        _, done = cv2.imencode(".jpg", frame.to_ndarray("bgr24"), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        return self._head + done.tobytes().removeprefix(_START)


class _Unmasked(MediaStreamTrack):
    """A track that shows the newest frame of another one, unmasked: what comes too fast is passed over."""

    kind = "video"

    def __init__(self, track: MediaStreamTrack, guest: Guest) -> None:
        super().__init__()
        self._guest = guest
        self._newest: asyncio.Queue[av.VideoFrame | None] = asyncio.Queue(1)
        self._reading = asyncio.ensure_future(self._read(track))

    async def recv(self) -> av.VideoFrame:
        """The next frame, once it is unmasked."""
        picture = await self._newest.get()
        if picture is None:
            self.stop()
            raise MediaStreamError
        return await self._guest.unmask(picture)

    def stop(self) -> None:
        self._reading.cancel()
        super().stop()

    async def _read(self, track: MediaStreamTrack) -> None:
        picture: av.VideoFrame | None
        while True:
            try:
                picture = await track.recv()  # type: ignore[assignment]
            except MediaStreamError:
                picture = None
            if self._newest.full():
                self._newest.get_nowait()
            self._newest.put_nowait(picture)
            if picture is None:
                return


async def unmask_pictures(request: web.Request, guest: Guest) -> web.WebSocketResponse:
    """Send JPEGs of a socket back unmasked; before each are four bytes that say which one it is."""
    socket = web.WebSocketResponse(max_msg_size=_MOST_JPEG, compress=False)
    await socket.prepare(request)
    async for message in socket:
        if message.type != WSMsgType.BINARY or len(message.data) <= _SEQUENCE:
            break
        try:
            done = await guest.unmask_jpeg(message.data[_SEQUENCE:])
        except ValueError:
            break
        try:
            await socket.send_bytes(message.data[:_SEQUENCE] + done)
        except ConnectionResetError:
            break
    await socket.close()
    return socket
