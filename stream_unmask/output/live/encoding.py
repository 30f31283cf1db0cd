"""One encode for any number of muxers."""

from __future__ import annotations

import os
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, Literal, cast

import av
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

from stream_unmask.output.codecs import EncoderSettings
from stream_unmask.output.encoder import VideoEncoder
from stream_unmask.output.live.packets import EncodedPacket, LiveProgram, TrackKey, Variant, encoded
from stream_unmask.output.live.sound import LiveSoundEncoder
from stream_unmask.output.timeline import Timeline
from stream_unmask.video.container import CopiedPacket
from stream_unmask.video.frame import FULL_RANGE, LIMITED_RANGE, Frame
from stream_unmask.video.info import SourceInfo
from stream_unmask.video.sounds import Sound

RECORDING_GOP = 2.0
"""Seconds between keyframes of a recording: a player can start there, and a file can."""

_LIVE_GOP = 1.0
_LIVE_PRESET = "veryfast"
_LIVE_QUALITY = 23
_BITS_A_PIXEL = 0.12
_LEAST_BIT_RATE, _MOST_BIT_RATE = 500_000, 12_000_000
_USUAL_RATE = 25

_PAGE_PROFILE = "baseline"
"""Every browser decodes it, over WebRTC too: Safari stays black for more."""

_PAGE_WIDEST, _PAGE_HIGHEST = 1280, 720
_STILL_QUALITY = 5
_JPEG_MATRIX = 5
"""JPEG's matrix, that of BT.601, as H.273 numbers it."""

_MOST_WAITING = Fraction(1)
"""Seconds for which a recording's sound and pictures wait for each other."""

_ON_THE_WAY = 512
"""Frames whose arrival is remembered while the encoder holds them."""


Kind = Literal["recording", "live", "raw", "page", "stills"]
"""What a picture is encoded for: to be kept, to be seen now, for a program to read, or for the page, which
wants before and after beside each other, as a video or as JPEGs."""

BESIDE: frozenset[Kind] = frozenset(("page", "stills"))
"""Kinds that show the picture as it came beside what was made of it."""


def encoder_settings(kind: Kind, wanted: EncoderSettings, info: SourceInfo) -> EncoderSettings:
    """How pictures of a kind are encoded.

    A recording without frames held back: they would be lost with a death, and where unmasking is slower than
    the camera a few frames are seconds. Live with a keyframe a second and an even bit rate besides, which is
    what a server or a browser needs.

    Args:
        kind: what for.
        wanted: what the user wants of a recording.
        info: the source.
    """
    if kind == "recording":
        return replace(wanted, gop=RECORDING_GOP, lookahead=0)
    if kind == "raw":
        return EncoderSettings("rawvideo", gop=0)
    if kind == "stills":
        return EncoderSettings("mjpeg", _STILL_QUALITY, threads=wanted.threads, gop=0)
    rate = float(info.average_rate or _USUAL_RATE)
    shown = _small_enough(info) if kind in BESIDE else info
    pictures = 2 if kind in BESIDE else 1
    bits = int(shown.width * shown.height * pictures * rate * _BITS_A_PIXEL)
    bits = min(max(bits, _LEAST_BIT_RATE), _MOST_BIT_RATE)
    return EncoderSettings(
        "libx264",
        _LIVE_QUALITY,
        _LIVE_PRESET,
        wanted.threads,
        gop=_LIVE_GOP,
        lookahead=0,
        bit_rate=bits,
        profile=_PAGE_PROFILE if kind == "page" else None,
    )


def encoder_info(kind: Kind, info: SourceInfo) -> SourceInfo:
    """What is encoded: who watches live wants 8 bits and 4:2:0, as every player knows them."""
    if kind == "recording":
        return info
    if kind in BESIDE:
        info = _small_enough(info)
    if kind == "stills":
        colours = replace(info.colours, matrix=_JPEG_MATRIX, range=FULL_RANGE)
        return replace(info, pixel_format="yuvj420p", colours=colours)
    full = info.colours.range == FULL_RANGE or info.pixel_format.startswith("yuvj")
    colours = replace(info.colours, range=FULL_RANGE) if full else info.colours
    return replace(info, pixel_format="yuv420p", colours=colours)


def _small_enough(info: SourceInfo) -> SourceInfo:
    """No larger than a page shows it, in even numbers."""
    scale = min(1.0, _PAGE_WIDEST / info.width, _PAGE_HIGHEST / info.height)
    width, height = (max(2, 2 * round(side * scale / 2)) for side in (info.width, info.height))
    return replace(info, width=width, height=height)


def still(frame: Frame) -> Frame:
    """A frame in JPEG's colours: full range, and its matrix."""
    full = frame.picture.color_range == FULL_RANGE or frame.picture.format.name.startswith("yuvj")
    picture = frame.picture.reformat(
        format="yuvj420p",
        dst_colorspace=_JPEG_MATRIX,
        src_color_range=FULL_RANGE if full else LIMITED_RANGE,
        dst_color_range=FULL_RANGE,
    )
    picture.pts, picture.time_base = frame.pts, frame.time_base
    return replace(frame, picture=picture)


class Sounds:
    """The sound of one program: as it comes, and encoded where a container cannot hold that.

    Args:
        holder: gets the encoded streams.
        sounds: the source's, by index of the stream.
        variants: what is wanted of each.
    """

    def __init__(
        self, holder: OutputContainer, sounds: Mapping[int, Sound], variants: Mapping[int, set[Variant]]
    ) -> None:
        self.tracks: dict[TrackKey, Stream] = {}
        self._encoders: dict[TrackKey, LiveSoundEncoder] = {}
        for index, wanted in variants.items():
            if "copy" in wanted:
                self.tracks[TrackKey(index, "copy")] = sounds[index].template
            for variant in sorted(wanted - {"copy"}):
                key = TrackKey(index, variant)
                encoder = LiveSoundEncoder(holder, sounds[index], variant)
                self._encoders[key], self.tracks[key] = encoder, encoder.stream

    def packets(self, program: LiveProgram, item: CopiedPacket) -> Iterator[EncodedPacket]:
        """What a packet of the source becomes."""
        found: list[tuple[TrackKey, Packet[Any]]] = []
        copied = TrackKey(item.stream_index, "copy")
        if copied in self.tracks:
            found.append((copied, item.packet))
        for key, encoder in self._encoders.items():
            if key.stream == item.stream_index:
                found += [(key, packet) for packet in encoder.encode(item.packet)]
        for key, packet in found:
            ready = encoded(program, key, packet, item.arrival)
            if ready is not None:
                yield ready


class VideoEncode:
    """Encodes the video of one program once, whatever the number of muxers.

    Args:
        holder: gets the stream; its header is not written yet.
        info: the video.
        settings: how.
        width_factor: how many times wider than the source's the frames are.
    """

    def __init__(
        self, holder: OutputContainer, info: SourceInfo, settings: EncoderSettings, width_factor: int = 1
    ) -> None:
        self._encoder = VideoEncoder(
            holder, info, settings, Timeline(), width_factor, extra_flags=Flags.global_header
        )
        self.key = TrackKey(info.stream_index)
        self.stream = self._encoder.stream
        self.warnings = self._encoder.warnings
        self._gop = settings.gop
        self._next_keyframe = float("-inf")
        self._arrivals: OrderedDict[int, float | None] = OrderedDict()

    @property
    def repaired_timestamps(self) -> int:
        return self._encoder.repaired_timestamps

    def encode(self, program: LiveProgram, frame: Frame) -> Iterator[EncodedPacket]:
        """Packets that are ready once the next frame is there."""
        keyframe = self._gop is not None and frame.time >= self._next_keyframe
        if keyframe:
            self._next_keyframe = frame.time + cast(float, self._gop)
        packets = self._encoder.encode(frame, keyframe=keyframe)
        if self._encoder.last_pts is not None:
            self._arrivals[self._encoder.last_pts] = frame.arrival
        if len(self._arrivals) > _ON_THE_WAY:
            self._arrivals.popitem(last=False)
        return self._ready(program, packets)

    def refresh(self) -> None:
        """Make the next frame one that a player can start at."""
        self._next_keyframe = float("-inf")

    def flush(self, program: LiveProgram) -> Iterator[EncodedPacket]:
        """The packets that the encoder still holds at the end."""
        return self._ready(program, self._encoder.flush())

    def _ready(self, program: LiveProgram, packets: Iterable[Packet[Any]]) -> Iterator[EncodedPacket]:
        for packet in packets:
            arrival = self._arrivals.pop(packet.pts, None) if packet.pts is not None else None
            ready = encoded(program, self.key, packet, arrival)
            if ready is not None:
                yield ready


class Encode:
    """Video and sound of one camera, until it comes back as another one, for all muxers of one kind.

    Args:
        kind: what for.
        info: the source.
        sounds: those of the source, by index of the stream.
        settings: what the user wants of a recording.
        variants: what is wanted of each stream of sound.
        width_factor: how many times wider than the source's the frames are.

    Raises:
        UnmaskError: the encoder refuses.
    """

    def __init__(
        self,
        kind: Kind,
        info: SourceInfo,
        sounds: Mapping[int, Sound],
        settings: EncoderSettings,
        variants: Mapping[int, set[Variant]],
        width_factor: int = 1,
    ) -> None:
        # A container that holds nothing: its streams are what muxers take for templates.
        self._holder = av.open(os.devnull, "w", format="null")
        settings = encoder_settings(kind, settings, info)
        self._video = VideoEncode(self._holder, encoder_info(kind, info), settings, width_factor)
        self.warnings = self._video.warnings
        self._sounds = Sounds(self._holder, sounds, variants)
        self._holder.start_encoding()
        tracks = {self._video.key: self._video.stream, **self._sounds.tracks}
        size = info.width * width_factor, info.height
        self.program = LiveProgram(info, self._video.key, tracks, size, dict(sounds), self._holder)
        # Who watches waits for nothing. A recording's sound is to be in the file that its pictures are in.
        self._order = InOrder(self.program) if kind == "recording" and sounds else None

    @property
    def repaired_timestamps(self) -> int:
        return self._video.repaired_timestamps

    def frame(self, frame: Frame) -> Iterator[EncodedPacket]:
        """The packets that are ready once the next frame is there."""
        return self._ordered(self._video.encode(self.program, frame))

    def sound(self, packet: CopiedPacket) -> Iterator[EncodedPacket]:
        """The packets that are ready once the next one of the source's sound is there."""
        return self._ordered(self._sounds.packets(self.program, packet))

    def refresh(self) -> None:
        """Make the next frame one that a player can start at."""
        self._video.refresh()

    def flush(self) -> Iterator[EncodedPacket]:
        """All that is left."""
        yield from self._ordered(self._video.flush(self.program))
        if self._order is not None:
            yield from self._order.rest()

    def _ordered(self, packets: Iterator[EncodedPacket]) -> Iterator[EncodedPacket]:
        if self._order is None:
            yield from packets
            return
        for packet in packets:
            yield from self._order.add(packet)


class InOrder:
    """Brings pictures and sound into the order of their times, as far as that takes no longer than a second.

    Args:
        program: what they belong to.
    """

    def __init__(self, program: LiveProgram) -> None:
        self._waiting: dict[TrackKey, deque[EncodedPacket]] = {key: deque() for key in program.tracks}

    def add(self, packet: EncodedPacket) -> Iterator[EncodedPacket]:
        """Take a packet; those that nothing earlier can come before any more."""
        tracks = self._waiting.values()
        self._waiting[packet.track].append(packet)
        while all(tracks):
            yield min(tracks, key=lambda waiting: _due(waiting[0])).popleft()
        for waiting in tracks:
            while waiting and _due(waiting[-1]) - _due(waiting[0]) > _MOST_WAITING:
                yield waiting.popleft()

    def rest(self) -> Iterator[EncodedPacket]:
        """What still waits."""
        yield from sorted((packet for track in self._waiting.values() for packet in track), key=_due)
        self._waiting = {key: deque() for key in self._waiting}


def _due(packet: EncodedPacket) -> Fraction:
    """Where a packet is in order: a keyframe may begin a file, to which no sound before it belongs."""
    return packet.time if packet.keyframe else packet.dts * packet.time_base
