"""A camera for tests of outputs: pictures that are numbered in time, and sound if wanted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.audio.stream import AudioStream

from stream_unmask.output.codecs import EncoderSettings
from stream_unmask.output.live.fanout import Fanout
from stream_unmask.output.live.holding import OnLoss
from stream_unmask.output.live.targets import Target
from stream_unmask.video.container import CopiedPacket
from stream_unmask.video.frame import Frame
from stream_unmask.video.info import SourceInfo, SourceProblems
from stream_unmask.video.sounds import Sound, sounds
from stream_unmask.video.source import Item, open_source
from tests.support.waiting import wait_until
from tests.video.making import Recipe, make_video

RATE = 25
FAST = EncoderSettings("libx264", quality=30, preset="ultrafast")


@dataclass
class Camera:
    """What :class:`Fanout` needs of one."""

    info: SourceInfo
    sounds: dict[int, Sound] = field(default_factory=dict)
    problems: SourceProblems = field(default_factory=SourceProblems)


def camera(folder: Path, sound: str | None = None, **changes: object) -> Camera:
    """A camera of 64x48 at 25 frames a second, with sound by a codec."""
    suffix = ".wav" if sound == "pcm_mulaw" else ".mp4"
    with open_source(
        make_video(folder / "camera.mp4", Recipe(time_base=Fraction(1, 90_000), pts=(0, 3600)))
    ) as source:
        found_info = {"live": True, "real_time": True, "average_rate": Fraction(RATE), **changes}
        info = replace(source.info, **found_info)  # type: ignore[arg-type]
    if sound is None:
        return Camera(info)
    with av.open(str(folder / f"sound{suffix}"), "w") as container:
        rate = 8000 if suffix == ".wav" else 48_000
        stream = cast(AudioStream, container.add_stream(sound, rate=rate, layout="mono"))
        container.start_encoding()
        kind, form = (np.int16, "s16") if suffix == ".wav" else (np.float32, "fltp")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), kind), form, "mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with av.open(str(folder / f"sound{suffix}")) as read:
        found = sounds(read.streams.audio)
    return Camera(info, {1: found[0]})


def frames(count: int, start: int = 0, width: int = 64, height: int = 48) -> Iterator[Frame]:
    """Frames of noise, one every 40 ms of the camera's time."""
    random = np.random.default_rng(start)
    for index in range(start, start + count):
        picture = av.VideoFrame.from_ndarray(
            random.integers(0, 255, (height * 3 // 2, width), np.uint8), "yuv420p"
        )
        pts = index * 3600
        picture.pts, picture.time_base = pts, Fraction(1, 90_000)
        yield Frame(picture, index, pts, Fraction(1, 90_000), 3600, arrival=time.monotonic())


def ticks(first: float, last: float) -> Iterator[CopiedPacket]:
    """G.711 sound from one second to another: a tone at the start of each second."""
    encoder = av.CodecContext.create("pcm_mulaw", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 8000, "mono", "s16"
    for block in range(round(first * 50), round(last * 50)):
        moments = block / 50 + np.arange(160) / 8000
        tone = 0.6 * np.sin(2 * np.pi * 1000 * moments) * (moments % 1 < 0.06)
        frame = av.AudioFrame.from_ndarray((tone * 32767).astype(np.int16)[None], "s16", "mono")
        frame.sample_rate = 8000
        for packet in encoder.encode(frame):
            packet.pts = packet.dts = block * 160
            packet.duration, packet.time_base = 160, Fraction(1, 8000)
            yield CopiedPacket(packet, 1, time.monotonic())


def fan_out(
    source: Camera,
    *targets: Target,
    said: list[str] | None = None,
    settings: EncoderSettings = FAST,
    on_loss: OnLoss = "hold",
) -> Fanout:
    """Outputs of a camera."""
    notify = (said if said is not None else []).append
    return Fanout(source, targets, settings, on_loss, notify)  # type: ignore[arg-type]


def write(outputs: Fanout, *items: Iterator[Item]) -> None:
    for several in items:
        for item in several:
            outputs.write(item)


def settle(outputs: Fanout) -> None:
    """Wait until all is written: of what waits longer than ten seconds of a camera's time, some is lost."""
    wait_until(lambda: all(output.failure or not output.is_busy for output in outputs.outputs), pause=0.005)


def times(path: Path) -> list[float]:
    """When the pictures of a file are shown, as far as it can be read."""
    found: list[float] = []
    with av.open(str(path)) as container:
        try:
            found += [frame.time for frame in container.decode(video=0)]
        except av.FFmpegError:
            assert found
    return found


def beeps(path: Path) -> list[float]:
    """When tones begin in a file's sound."""
    found: list[float] = []
    last = -1.0
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            loud = np.abs(frame.to_ndarray().astype(np.float32)).max(axis=0) > 0.2
            for moment in (frame.time or 0) + np.flatnonzero(loud) / frame.sample_rate:
                if moment - last > 0.3:
                    found.append(float(moment))
                last = float(moment)
    return found
