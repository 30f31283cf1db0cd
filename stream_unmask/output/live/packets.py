"""What encoders hand to muxers: one packet for all of them, and the tracks that it may belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

from stream_unmask.video.info import SourceInfo
from stream_unmask.video.sounds import Sound

Variant = Literal["copy", "aac", "opus"]
"""How sound is written: as the camera sent it, or encoded anew."""


@dataclass(frozen=True, slots=True)
class TrackKey:
    """A track of a program.

    Attributes:
        stream: index of the source's stream that it comes from.
        variant: how a track of sound is written; None for the video.
    """

    stream: int
    variant: Variant | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LiveProgram:
    """What belongs together until the camera comes back as another one.

    Attributes:
        info: the source as it is now.
        video: the track of the video.
        tracks: templates for a container's streams.
        size: width and height of the written pictures.
        sounds: the source's sound, by index of the stream.
    """

    info: SourceInfo
    video: TrackKey
    tracks: dict[TrackKey, Stream]
    size: tuple[int, int]
    sounds: Mapping[int, Sound]
    _holder: OutputContainer = field(repr=False)


@dataclass(frozen=True, slots=True)
class EncodedPacket:
    """A packet of a track, as any number of muxers may take it.

    Attributes:
        program: what it belongs to.
        track: whose it is.
        data: what was encoded.
        pts: presentation time in ticks.
        dts: decoding time in ticks.
        duration: in ticks; 0 where unknown.
        time_base: seconds in a tick.
        keyframe: a player can start here.
        arrival: when the camera's frame came, by ``time.monotonic``; None where that is not known.
    """

    program: LiveProgram
    track: TrackKey
    data: bytes
    pts: int
    dts: int
    duration: int
    time_base: Fraction
    keyframe: bool
    arrival: float | None

    @property
    def time(self) -> Fraction:
        """Presentation time in seconds."""
        return self.pts * self.time_base

    @property
    def starts_video(self) -> bool:
        """A muxer may begin with it."""
        return self.keyframe and self.track == self.program.video


def encoded(
    program: LiveProgram, track: TrackKey, packet: Packet[Stream], arrival: float | None
) -> EncodedPacket | None:
    """A packet out of PyAV; None for an empty one, or one without a time."""
    start = packet.pts if packet.pts is not None else packet.dts
    if start is None or not packet.size:
        return None
    dts = packet.dts if packet.dts is not None else start
    return EncodedPacket(
        program=program,
        track=track,
        data=bytes(packet),
        pts=start,
        dts=dts,
        duration=packet.duration or 0,
        time_base=packet.time_base,
        keyframe=packet.is_keyframe,
        arrival=arrival,
    )
