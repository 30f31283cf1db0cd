"""Tiny videos made on the fly, and what a reader finds in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from stream_unmask.output.codecs import EncoderSettings
from stream_unmask.output.scheduling import fairly_scheduled
from stream_unmask.output.sink import FileSink
from stream_unmask.video.frame import Frame
from stream_unmask.video.info import SourceInfo, SourceProblems
from stream_unmask.video.source import CopiedPacket, open_source

FAST = EncoderSettings("libx264", quality=30, preset="ultrafast")
LOSSLESS = EncoderSettings("ffv1")


def picture(index: int, width: int, height: int, pixel_format: str) -> av.VideoFrame:
    """A gradient that moves, with a little noise, in any pixel format."""
    random = np.random.default_rng(index)
    rows, columns = np.mgrid[:height, :width]
    red = (columns * 200 // width + index * 7) % 256
    green = rows * 200 // height
    rgb = np.stack([red, green, np.full_like(red, 90)], axis=-1) + random.integers(0, 12, (height, width, 1))
    frame = av.VideoFrame.from_ndarray(np.clip(rgb, 0, 255).astype(np.uint8), "rgb24")
    return frame.reformat(format=pixel_format)


@dataclass(frozen=True)
class Recipe:
    """What a video is made of."""

    width: int = 64
    height: int = 48
    pts: Sequence[int] = tuple(range(0, 10 * 512, 512))
    time_base: Fraction = Fraction(1, 12_800)
    rate: Fraction = Fraction(25)
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    options: Mapping[str, str] = field(default_factory=lambda: {"preset": "ultrafast", "bf": "2", "g": "5"})
    durations: Sequence[int] | None = None
    rotation: int = 0
    timecode: str = ""
    sample_aspect: Fraction | None = None
    colours: tuple[int, int, int, int] | None = None
    sounds: Sequence[str] = ()
    sound_codec: str = "aac"
    sound_layout: str = "mono"
    sound_start: int = 0
    subtitles: Sequence[tuple[int, int, bytes]] = ()
    subtitle_codec: str = "mov_text"
    attachment: bytes | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    chapters: Sequence[Any] = ()
    container_options: Mapping[str, str] = field(default_factory=dict)


def make_video(path: Path, recipe: Recipe) -> Path:
    """Write the video that a recipe describes."""
    with av.open(str(path), "w", container_options=dict(recipe.container_options)) as container:
        stream: Any = container.add_stream(recipe.codec, rate=recipe.rate)
        stream.width, stream.height, stream.pix_fmt = recipe.width, recipe.height, recipe.pixel_format
        stream.codec_context.time_base = stream.time_base = recipe.time_base
        stream.codec_context.options = dict(recipe.options)
        stream.codec_context.flags |= av.codec.context.Flags.frame_duration
        if recipe.sample_aspect:
            stream.codec_context.sample_aspect_ratio = recipe.sample_aspect
        if recipe.colours:
            context = stream.codec_context
            context.color_primaries, context.color_trc, context.colorspace, context.color_range = (
                recipe.colours
            )
        if recipe.timecode:
            stream.metadata["timecode"] = recipe.timecode
        if recipe.rotation:
            stream.set_display_rotation(recipe.rotation)
        sounds = [
            container.add_stream(recipe.sound_codec, rate=48_000, layout=recipe.sound_layout, bit_rate=96_000)
            for _ in recipe.sounds
        ]
        for sound, language in zip(sounds, recipe.sounds, strict=True):
            sound.metadata["language"] = language
        text: Any = container.add_mux_stream(recipe.subtitle_codec) if recipe.subtitles else None
        if text is not None:
            text.time_base = Fraction(1, 1000)
        if recipe.attachment is not None:
            container.add_attachment("font.ttf", "application/x-truetype-font", recipe.attachment)
        container.metadata.update(recipe.metadata)
        container.set_chapters(list(recipe.chapters))
        with fairly_scheduled():
            container.start_encoding()
        for sound in sounds:
            _add_sound(container, sound, recipe)
        for start, duration, data in recipe.subtitles:
            packet = av.Packet(data)
            packet.stream, packet.time_base = text, Fraction(1, 1000)
            packet.pts = packet.dts = start
            packet.duration = duration
            container.mux(packet)
        for index, pts in enumerate(recipe.pts):
            frame = picture(index, recipe.width, recipe.height, recipe.pixel_format)
            frame.pts, frame.time_base = pts, recipe.time_base
            frame.duration = (
                recipe.durations[index] if recipe.durations else round(1 / recipe.rate / recipe.time_base)
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _add_sound(container: Any, stream: Any, recipe: Recipe) -> None:
    seconds = float((recipe.pts[-1] - recipe.pts[0]) * recipe.time_base) + 0.04
    time = np.arange(int(seconds * 48_000)) / 48_000
    wave = (0.3 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)[None]
    wave = np.repeat(wave, stream.codec_context.channels, axis=0)
    for start in range(0, wave.shape[1], 1024):
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(wave[:, start : start + 1024]), "fltp", recipe.sound_layout
        )
        frame.sample_rate = 48_000
        frame.pts, frame.time_base = recipe.sound_start + start, Fraction(1, 48_000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


@dataclass
class Reading:
    """Everything that a source handed out."""

    info: SourceInfo
    problems: SourceProblems
    pts: list[int] = field(default_factory=list)
    times: list[Fraction] = field(default_factory=list)
    durations: list[Fraction] = field(default_factory=list)
    pictures: list[tuple[NDArray[Any], ...]] = field(default_factory=list)
    packets: dict[int, list[bytes]] = field(default_factory=dict)
    packet_times: dict[int, list[Fraction]] = field(default_factory=dict)


def read(path: Path) -> Reading:
    """Read a video to its end."""
    with open_source(path) as source:
        reading = Reading(source.info, source.problems)
        for item in source:
            if isinstance(item, Frame):
                planes = item.planes()
                reading.pts.append(item.pts)
                reading.times.append(item.pts * item.time_base)
                reading.durations.append(item.duration * item.time_base)
                reading.pictures.append((planes.y.copy(), planes.u.copy(), planes.v.copy()))
            elif isinstance(item, CopiedPacket):
                reading.packets.setdefault(item.stream_index, []).append(bytes(item.packet))
                when = (item.packet.pts or 0) * Fraction(item.packet.time_base)
                reading.packet_times.setdefault(item.stream_index, []).append(when)
    return reading


def pass_through(
    path: Path,
    output: Path,
    settings: EncoderSettings = FAST,
    change: Callable[[Frame], Frame] = lambda frame: frame,
    **options: Any,
) -> FileSink:
    """Read a video and write it, each frame through ``change``; returns the closed sink."""
    with open_source(path) as source:
        sink = FileSink(output, source, settings, **options)
        for item in source:
            sink.write(change(item) if isinstance(item, Frame) else item)
        sink.close()
    return sink
