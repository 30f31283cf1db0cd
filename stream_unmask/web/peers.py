"""WebRTC: peers that ask no server of others for anything, and packets of the one live encode."""

from __future__ import annotations

import asyncio
import logging
import struct
import time
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.sdp import SessionDescription
from av.packet import Packet

from stream_unmask.errors import UnmaskError
from stream_unmask.web.feeds import Feed, Viewer
from stream_unmask.web.targets import TICKS

_log = logging.getLogger(__name__)

_BASE = Fraction(1, TICKS)
_H264 = "video/H264"
_CONNECT_SECONDS = 20.0
_CLOSE_SECONDS = 3.0
_WEBRTC = frozenset(("aiortc", "aioice"))
_OVER = frozenset(("failed", "closed"))


def new_peer() -> RTCPeerConnection:
    """A peer that is reached directly: no address goes to a server that finds addresses out."""
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


def _close_when_over(peer: RTCPeerConnection, over: Callable[[], None]) -> None:
    """Close a peer when it fails, or does not connect; ``over`` is called then, once or more often."""

    async def end() -> None:
        over()  # first: a peer may take its time
        await close_peers([peer])

    @peer.on("connectionstatechange")
    async def changed() -> None:
        if peer.connectionState in _OVER:
            looking.cancel()
            await end()

    async def look() -> None:
        await asyncio.sleep(_CONNECT_SECONDS)
        if peer.connectionState != "connected":
            await end()

    looking = asyncio.ensure_future(look())


async def answered(
    peer: RTCPeerConnection,
    offer: RTCSessionDescription,
    over: Callable[[], None],
    prepare: Callable[[], None] = lambda: None,
) -> RTCSessionDescription:
    """Answer a browser's offer.

    Args:
        peer: a new one.
        offer: what the browser says.
        over: called when the peer fails, is closed, or does not connect; once or more often.
        prepare: called before the offer is read.

    Raises:
        UnmaskError: the offer makes no sense. The peer is closed.
    """
    _close_when_over(peer, over)
    try:
        prepare()
        _check_fingerprints(offer)
        await peer.setRemoteDescription(offer)
        await peer.setLocalDescription(await peer.createAnswer())
    except Exception as error:
        over()
        await close_peers([peer])
        raise UnmaskError("The offer cannot be answered.") from error
    return peer.localDescription


def _check_fingerprints(offer: RTCSessionDescription) -> None:
    """Refuse what aiortc would accept, and fail at later."""
    for media in SessionDescription.parse(offer.sdp).media:
        if media.dtls is None or not media.dtls.fingerprints:
            raise ValueError("an offer without a fingerprint")


def hear_of_failures(loop: asyncio.AbstractEventLoop) -> None:
    """Have what fails in a task that nobody waits for logged, and by aiortc's own tasks in a line alone.

    They fail at offers that make no sense. Whoever sent one is left when no connection comes of it.
    """

    def heard(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        trace = None if error is None else error.__traceback__
        module = "" if trace is None else str(trace.tb_frame.f_globals.get("__name__"))
        if module.partition(".")[0] in _WEBRTC:
            _log.warning("A connection over WebRTC failed: %r", error)
        else:
            _log.error("%s", context["message"], exc_info=error)

    loop.set_exception_handler(heard)


async def close_peers(peers: Iterable[RTCPeerConnection]) -> None:
    """Close some peers; one that does not end is not waited for, nor one that its offer keeps from ending."""
    closing = [asyncio.ensure_future(peer.close()) for peer in peers]
    if not closing:
        return
    done, hanging = await asyncio.wait(closing, timeout=_CLOSE_SECONDS)
    for each in hanging:
        each.cancel()
    for failed in filter(None, (each.exception() for each in done if not each.cancelled())):
        _log.debug("A peer was not closed as it should: %r", failed)


class Peers:
    """Those who watch over WebRTC."""

    def __init__(self) -> None:
        self._peers: set[RTCPeerConnection] = set()

    async def answer(self, offer: RTCSessionDescription, feed: Feed) -> RTCSessionDescription:
        """Show a browser what a feed brings.

        A data channel of the browser's gets, for each picture, its RTP time less the sender's random origin
        and when the camera's frame came, in milliseconds of ``time.time``: two doubles, little endian.

        Raises:
            UnmaskError: the offer makes no sense, or has no H.264.
        """
        peer = new_peer()
        joined = feed.join()
        track = _Packets(joined.__enter__())
        self._peers.add(peer)

        def over() -> None:
            if peer in self._peers:
                self._peers.discard(peer)
                track.stop()
                joined.__exit__(None, None, None)

        def show() -> None:
            peer.addTrack(track)
            _only_h264(peer)

        @peer.on("datachannel")
        def opened(channel: RTCDataChannel) -> None:
            track.times = channel

        return await answered(peer, offer, over, show)

    async def close(self) -> None:
        """End all."""
        await close_peers(list(self._peers))


def _only_h264(peer: RTCPeerConnection) -> None:
    codecs = [codec for codec in RTCRtpSender.getCapabilities("video").codecs if codec.mimeType == _H264]
    for transceiver in peer.getTransceivers():
        if transceiver.kind == "video":
            transceiver.setCodecPreferences(codecs)


class _Packets(MediaStreamTrack):
    """A track of packets that are encoded already."""

    kind = "video"

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.times: RTCDataChannel | None = None
        self._viewer = viewer

    async def recv(self) -> Packet[Any]:
        """The next packet."""
        piece = await self._viewer.take()
        packet: Packet[Any] = Packet(piece.data)
        packet.pts = packet.dts = piece.ticks
        packet.time_base = _BASE
        times = self.times
        if times is not None and times.readyState == "open" and piece.arrival is not None:
            arrival = 1000 * (time.time() - time.monotonic() + piece.arrival)
            times.send(struct.pack("<dd", piece.ticks % (1 << 32), arrival))
        return packet
