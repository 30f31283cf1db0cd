"""What a source is: its size, its timing, its colours, and what else its container holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, cast

import av
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition, Stream
from av.video.stream import VideoStream


@dataclass(frozen=True, slots=True)
class ColourTags:
    """Colour tags as FFmpeg numbers them (ITU-T H.273); 2 says unspecified, and for the range 0 does."""

    primaries: int
    transfer: int
    matrix: int
    range: int

    @property
    def hdr(self) -> bool:
        """The transfer is PQ (SMPTE ST 2084) or HLG (ARIB STD-B67)."""
        return self.transfer in (16, 18)


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What is known of a source before its frames are read.

    Attributes:
        uri: where it is read from, without passwords: fit for messages and logs.
        width: of a frame as coded, in pixels, before any display rotation.
        height: of a frame as coded, in pixels.
        pixel_format: of the frames handed out; one that planes can view.
        decoded_format: of the frames as the decoder gives them; another one where a conversion is needed.
        time_base: seconds in a tick of the frames' pts.
        average_rate: frames per second, None where unknown.
        rotation: degrees clockwise that show the frames upright: 0, 90, 180 or 270.
        display_matrix: the nine numbers behind ``rotation`` as the container had them, None without.
        sample_aspect: width of a pixel over its height, None where unknown.
        colours: colour tags.
        mastering_display: FFmpeg's AVMasteringDisplayMetadata of an HDR10 stream.
        content_light: FFmpeg's AVContentLightMetadata of an HDR10 stream.
        interlaced: its frames are made of two fields.
        field_order: FFmpeg's number for the order of these fields.
        frames: estimate of the number of frames.
        duration: seconds, as the container claims.
        live: it has no end that is known.
        real_time: its frames come when they are taken, and do not wait for whoever is slower.
        format: names of the container format, as FFmpeg calls it ("mov,mp4,m4a,3gp,3g2,mj2").
        codec: name of the video codec.
        stream_index: of the video among the container's streams.
        other_streams: codec names of the streams that are copied, by stream index.
        disposition: of the video stream, as FFmpeg's flags.
        metadata: the container's tags.
        stream_metadata: the video stream's tags (language, handler name, ...).
        chapters: as PyAV gives and takes them.
    """

    uri: str
    width: int
    height: int
    pixel_format: str
    decoded_format: str
    time_base: Fraction
    average_rate: Fraction | None
    rotation: int
    display_matrix: tuple[int, ...] | None
    sample_aspect: Fraction | None
    colours: ColourTags
    mastering_display: bytes | None
    content_light: bytes | None
    interlaced: bool
    field_order: int
    frames: int | None
    duration: float | None
    live: bool
    real_time: bool
    format: str
    codec: str
    stream_index: int
    other_streams: Mapping[int, str] = field(default_factory=dict)
    disposition: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)
    stream_metadata: Mapping[str, str] = field(default_factory=dict)
    chapters: tuple[Any, ...] = ()

    def summary(self) -> str:
        """What it is, in some words for a log."""
        rate = f", {float(self.average_rate):.5g} fps" if self.average_rate else ""
        hdr = ", HDR" if self.colours.hdr else ""
        turned = f", turned by {self.rotation} degrees" if self.rotation else ""
        return f"{self.width}x{self.height}{turned}{rate}, {self.codec} {self.decoded_format}{hdr}"


@dataclass(slots=True)
class SourceProblems:
    """What went wrong while reading and was lived with.

    Attributes:
        broken_packets: packets that could not be read or decoded.
        broken_frames: frames that the decoder repaired as well as it could.
        missing_timestamps: frames that came without a pts and were given one.
        dropped: frames of a source in real time that were passed over, since a newer one was there.
        reconnects: how often a camera was lost and came back.
        lost_seconds: how long it was away, all in all.
        given_up: why a camera was lost for good; empty where it was not.
        warnings: what a user should know, a sentence each.
    """

    broken_packets: int = 0
    broken_frames: int = 0
    missing_timestamps: int = 0
    dropped: int = 0
    reconnects: int = 0
    lost_seconds: float = 0.0
    given_up: str = ""
    warnings: list[str] = field(default_factory=list)

    def add_counts(self, others: SourceProblems) -> None:
        """Count what else was found broken."""
        self.broken_packets += others.broken_packets
        self.broken_frames += others.broken_frames
        self.missing_timestamps += others.missing_timestamps

    def __bool__(self) -> bool:
        return bool(self.sentences())

    def sentences(self) -> list[str]:
        """All of it, as a user reads it."""
        packets, damaged, unstamped = self.broken_packets, self.broken_frames, self.missing_timestamps
        found = []
        if packets:
            found.append(f"{counted(packets, 'packet')} could not be decoded.")
        if damaged:
            were, they = ("was", "it") if damaged == 1 else ("were", "they")
            found.append(
                f"{counted(damaged, 'frame')} {were} damaged and shown as far as {they} could be repaired."
            )
        if unstamped:
            was = "was" if unstamped == 1 else "were"
            found.append(f"{counted(unstamped, 'frame')} came without a timestamp and {was} given one.")
        if self.given_up:
            found.append(self.given_up)
        if self.reconnects:
            times = "once" if self.reconnects == 1 else f"{self.reconnects} times"
            seconds = round(self.lost_seconds)
            are = "is" if seconds == 1 else "are"
            found.append(f"The camera was lost {times}; {counted(seconds, 'second')} {are} missing.")
        return found + self.warnings


def counted(count: int, what: str) -> str:
    """A number and what it counts, of which there may be one: ``1 frame``, ``2 frames``."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def has_end(container: InputContainer) -> bool:
    """Whether a container says how long it is; servers of FLV say 0 of what is live."""
    return bool(container.duration)


def main_video(container: InputContainer) -> VideoStream | None:
    """The stream to work on: the container's best video that is not cover art."""
    videos = [stream for stream in container.streams.video if not is_cover(stream) and stream.codec_context]
    best = container.streams.best("video")
    return next((stream for stream in videos if stream is best), videos[0] if videos else None)


def is_cover(stream: Stream) -> bool:
    """A still picture that decorates the file, and not its video."""
    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))


def describe(
    uri: str,
    container: InputContainer,
    stream: VideoStream,
    first: av.VideoFrame,
    *,
    live: bool,
    real_time: bool,
) -> SourceInfo:
    """Gather what is known, from the container and from the first picture handed out."""
    rate = stream.average_rate or stream.guessed_rate or None
    duration = _duration(container, stream)
    return SourceInfo(
        uri=uri,
        width=first.width,
        height=first.height,
        pixel_format=first.format.name,
        decoded_format=stream.codec_context.pix_fmt or first.format.name,
        time_base=stream.time_base or Fraction(1, 90_000),
        average_rate=rate,
        # PyAV counts counterclockwise. Only quarter turns can be undone by moving pixels.
        rotation=round(-first.rotation / 90) * 90 % 360,
        display_matrix=_display_matrix(first),
        sample_aspect=stream.sample_aspect_ratio or None,
        colours=ColourTags(first.color_primaries, first.color_trc, first.colorspace, first.color_range),
        mastering_display=side_data(first, SideDataType.MASTERING_DISPLAY_METADATA),
        content_light=side_data(first, SideDataType.CONTENT_LIGHT_LEVEL),
        interlaced=first.interlaced_frame,
        field_order=stream.codec_context.field_order,
        frames=stream.frames or (round(duration * rate) if duration and rate else None),
        duration=duration,
        live=live,
        real_time=real_time,
        format=container.format.name,
        codec=stream.codec_context.name,
        stream_index=stream.index,
        other_streams={
            other.index: getattr(other, "name", None) or "none"
            for other in container.streams
            if other is not stream
        },
        disposition=int(stream.disposition),
        metadata=dict(container.metadata),
        stream_metadata=dict(stream.metadata),
        chapters=tuple(container.chapters()),
    )


_NEWER = {28: "LCEVC", 29: "VIEW_ID", 30: "REFERENCE_DISPLAYS", 31: "EXIF"}
"""Kinds of side data by FFmpeg's numbers that PyAV's list of them lacks."""


def _newer_kind(kinds: type[SideDataType], number: object) -> SideDataType:
    kind: SideDataType = object.__new__(kinds)
    kind._name_ = _NEWER.get(cast(int, number), f"KIND_{number}")
    kind._value_ = cast(Any, number)
    return kind


# Else nothing can be read of a picture that bears one of them, not even which way up it is.
SideDataType._missing_ = classmethod(_newer_kind)  # type: ignore[method-assign, assignment]

_LOST = {
    "SPHERICAL": "The video is a 360° one; its projection is not kept: players will show it flat.",
    "STEREO3D": "The video is stereoscopic (3D); that is not kept: both views will show as one picture.",
    "DYNAMIC_HDR_PLUS": "The video's HDR10+ data is not kept: players show it as its other tags say.",
    "DYNAMIC_HDR_VIVID": "The video's HDR Vivid data is not kept: players show it as its other tags say.",
    "LCEVC": "The video's LCEVC layer is not kept; what is written is the base that other players show.",
    "AMBIENT_VIEWING_ENVIRONMENT": "What the video says of the light it is to be watched in is not kept.",
}
"""What a picture may carry that no writer of files here can be given."""


def lost_properties(first: av.VideoFrame) -> list[str]:
    """A sentence for each property of a video, as its first picture bears it, that no output will have."""
    found = side_data_names(first)
    return list(dict.fromkeys(sentence for name, sentence in _LOST.items() if name in found))


def side_data_names(picture: av.VideoFrame) -> set[str]:
    """What a picture bears beside its pixels, as FFmpeg calls it."""
    # It iterates over its values although it is typed as a mapping.
    return {data.type.name for data in cast(Iterable[SideData], picture.side_data)}


def side_data(picture: av.VideoFrame, kind: SideDataType) -> bytes | None:
    """What a picture bears of a kind beside its pixels, as FFmpeg keeps it; None where there is nothing."""
    found = [data for data in cast(Iterable[SideData], picture.side_data) if data.type is kind]
    return bytes(found[0]) if found else None


def _duration(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def _display_matrix(picture: av.VideoFrame) -> tuple[int, ...] | None:
    data = side_data(picture, SideDataType.DISPLAYMATRIX)
    return tuple(memoryview(data).cast("i")) if data and any(data) else None
