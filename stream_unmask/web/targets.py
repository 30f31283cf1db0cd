"""The page as two outputs of a camera: one that WebRTC and fragmented MP4 share, and one of JPEGs."""

from __future__ import annotations

import time
from dataclasses import dataclass

from stream_unmask.output.live.delays import Delays
from stream_unmask.output.live.encoding import Kind
from stream_unmask.output.live.muxing import Muxer, Place
from stream_unmask.output.live.packets import EncodedPacket, LiveProgram
from stream_unmask.output.live.targets import PlainTarget
from stream_unmask.web.feeds import Feed, Head, Piece

TICKS = 90_000
"""Of a second, as RTP counts video."""

_MOOF = b"moof"
_FRAGMENTS = {"movflags": "+frag_every_frame+empty_moov+default_base_moof", "frag_duration": "0"}
_START_CODE = b"\x00\x00\x01"


class Clock:
    """Times that never go back, whatever begins anew.

    The programs of one camera share it.
    """

    def __init__(self) -> None:
        self._last = 0

    def place(self, ticks: int) -> int:
        self._last = max(self._last + 1, ticks)
        return self._last


@dataclass(slots=True)
class PageTarget(PlainTarget):
    """Those who watch over WebRTC or fragmented MP4.

    Attributes:
        packets: gets H.264 in Annex B, with its parameters before each keyframe.
        fragments: gets the same as fragments of an MP4.
        delays: from the camera's frame to here.
        clock: for all programs of the camera.
    """

    packets: Feed
    fragments: Feed
    delays: Delays
    clock: Clock
    kind: Kind = "page"
    format: str = "page"
    shown: str = "the page"
    retries: bool = True

    @property
    def wanted(self) -> bool:
        return self.packets.viewers + self.fragments.viewers > 0

    def open(self, first: EncodedPacket) -> OpenPage:
        return OpenPage(self, first)


@dataclass(slots=True)
class StillsTarget(PlainTarget):
    """Those who watch JPEGs, one after the other.

    Attributes:
        stills: gets them.
        delays: from the camera's frame to here.
        clock: for all programs of the camera.
    """

    stills: Feed
    delays: Delays
    clock: Clock
    kind: Kind = "stills"
    format: str = "page"
    shown: str = "the page's stills"
    retries: bool = True

    @property
    def wanted(self) -> bool:
        return self.stills.viewers > 0

    def open(self, first: EncodedPacket) -> OpenStills:
        return OpenStills(self, first)


class _Open:
    """What both have in common: a program, and when it began."""

    started = True

    def __init__(self, first: EncodedPacket, clock: Clock) -> None:
        self.program: LiveProgram = first.program
        self._clock = clock
        self._start = first.time
        self._offset = round(time.monotonic() * TICKS)

    def place(self, packet: EncodedPacket) -> tuple[int, float]:
        """When a packet is due, by the camera's clock in ticks and by this program's in seconds."""
        seconds = float(packet.time - self._start)
        return self._clock.place(self._offset + round(seconds * TICKS)), seconds

    def is_over(self) -> bool:
        return False

    def kill(self) -> None:
        pass


class OpenPage(_Open):
    """One program on its way to those who watch."""

    def __init__(self, target: PageTarget, first: EncodedPacket) -> None:
        super().__init__(first, target.clock)
        self._target = target
        video = first.program.tracks[first.program.video].codec_context
        self._parameters = bytes(video.extradata or b"")
        kind = f'video/mp4; codecs="avc1.{_profile(self._parameters)}"'
        size = video.width // 2, video.height  # type: ignore[attr-defined]
        self._packets_head = Head(b"", "video/h264", size)
        self._bytes = _Bytes()
        self._muxer = Muxer(Place(self._bytes, "mp4", target.shown, _FRAGMENTS), first, {})
        self._fragments_head = Head(self._bytes.take(), kind, size)
        self._before: Piece | None = None

    def write(self, packet: EncodedPacket) -> bool:
        if packet.track != self.program.video:
            return False
        ticks, seconds = self.place(packet)
        data = self._parameters + packet.data if packet.keyframe else packet.data
        piece = Piece(self._packets_head, data, packet.keyframe, ticks, seconds, packet.arrival)
        self._target.packets.publish(piece)
        if packet.arrival is not None:
            self._target.delays.add(time.monotonic() - packet.arrival)
        self._fragment(packet, piece)
        return True

    def _fragment(self, packet: EncodedPacket, piece: Piece) -> None:
        """A fragment is written once the next picture is there, which ends its duration."""
        self._muxer.write(packet)
        data, before, self._before = self._bytes.take(), self._before, piece
        if _MOOF in data[4:8] and before is not None:
            fragment = Piece(
                self._fragments_head, data, before.keyframe, before.ticks, before.time, before.arrival
            )
            self._target.fragments.publish(fragment)

    def close(self, *, interrupted: bool) -> None:
        self._muxer.abandon()


class OpenStills(_Open):
    """JPEGs on their way to those who watch."""

    def __init__(self, target: StillsTarget, first: EncodedPacket) -> None:
        super().__init__(first, target.clock)
        self._target = target
        video = first.program.tracks[first.program.video].codec_context
        self._head = Head(b"", "image/jpeg", (video.width // 2, video.height))  # type: ignore[attr-defined]

    def write(self, packet: EncodedPacket) -> bool:
        ticks, seconds = self.place(packet)
        self._target.stills.publish(Piece(self._head, packet.data, True, ticks, seconds, packet.arrival))
        if packet.arrival is not None:
            self._target.delays.add(time.monotonic() - packet.arrival)
        return True

    def close(self, *, interrupted: bool) -> None:
        pass


class _Bytes:
    """A file as PyAV takes it, whose bytes are taken away as they come."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def _profile(parameters: bytes) -> str:
    """Profile, constraints and level out of H.264's sequence parameters, as RFC 6381 writes them."""
    for unit in parameters.split(_START_CODE):
        if len(unit) >= 4 and unit[0] & 0x1F == 7:
            return unit[1:4].hex()
    return "42e01f"
