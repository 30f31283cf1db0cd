"""Before and after in one file that every browser plays, for the slider over a result."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import PIL.Image
from av.container import InputContainer, OutputContainer
from av.filter import Graph
from av.video.stream import VideoStream

from stream_unmask.errors import InputError
from stream_unmask.video.images import Image
from stream_unmask.video.pictures import read_pictures

_WIDEST, _HIGHEST = 960, 720
_PICTURE_SIDE = 1600
_OPTIONS = {"preset": "veryfast", "crf": "21"}
_TURNS = {90: "transpose=clock,", 180: "hflip,vflip,", 270: "transpose=cclock,"}
_LATE = 0.001
_USUAL_RATE = Fraction(25)


def join_videos(
    before: Path, after: Path, joined: Path, rotation: int, progress: Callable[[int], None]
) -> None:
    """Write both videos beside each other, upright and small enough, with the sound of the second.

    Args:
        before: what was uploaded.
        after: what was made of it; its frames have the times of the other's.
        joined: the MP4 to write.
        rotation: degrees clockwise by which both must be turned to be upright.
        progress: gets the number of frames after each.

    Raises:
        InputError: one of them cannot be read.
    """
    try:
        with (
            av.open(str(before)) as left,
            av.open(str(after)) as right,
            av.open(str(joined), "w", format="mp4", container_options={"movflags": "+faststart"}) as out,
        ):
            _join(left, right, out, rotation, progress)
    except av.FFmpegError as error:
        raise InputError(f"The preview cannot be made: {error.strerror}.") from error


def _join(
    left: InputContainer,
    right: InputContainer,
    out: OutputContainer,
    rotation: int,
    progress: Callable[[int], None],
) -> None:
    shown = right.streams.video[0]
    beside = _Beside(left.streams.video[0], shown, rotation)
    video = out.add_stream("libx264", shown.average_rate or _USUAL_RATE, options=_OPTIONS)
    video.width, video.height, video.pix_fmt = 2 * beside.width, beside.height, "yuv420p"
    video.time_base = video.codec_context.time_base = cast(Fraction, shown.time_base)
    sound = right.streams.audio[0] if right.streams.audio else None
    heard = None if sound is None else out.add_stream_from_template(sound)
    befores = left.decode(video=0)
    waiting = next(befores, None)
    count = 0
    for packet in right.demux([each for each in (shown, sound) if each is not None]):
        if packet.stream is sound:
            if packet.dts is not None:
                packet.stream = cast(Any, heard)
                out.mux(packet)
            continue
        for frame in cast("list[av.VideoFrame]", packet.decode()):
            while waiting is not None and waiting.time < frame.time - _LATE:
                waiting = next(befores, None)
            out.mux(video.encode(beside(waiting or frame, frame)))
            count += 1
            progress(count)
    out.mux(video.encode(None))


class _Beside:
    """Scales and turns two pictures and puts them beside each other.

    Args:
        left: what the one picture comes from.
        right: what the other one comes from.
        rotation: degrees clockwise by which both are turned.

    Attributes:
        width: of each, in pixels.
        height: of each.
    """

    def __init__(self, left: VideoStream, right: VideoStream, rotation: int) -> None:
        turned = rotation in (90, 270)
        wide, high = (right.height, right.width) if turned else (right.width, right.height)
        scale = min(1.0, _WIDEST / wide, _HIGHEST / high)
        self.width, self.height = (max(2, 2 * round(side * scale / 2)) for side in (wide, high))
        self._graph = Graph()
        self._inputs = [self._graph.add_buffer(template=each) for each in (left, right)]
        beside = self._graph.add("hstack", "inputs=2")
        chain = f"{_TURNS.get(rotation, '')}scale={self.width}:{self.height},format=yuv420p,setsar=1"
        for place, last in enumerate(self._inputs):
            for step in chain.split(","):
                name, _, arguments = step.partition("=")
                following = self._graph.add(name, arguments or None)
                last.link_to(following)
                last = following
            last.link_to(beside, 0, place)
        self._sink = self._graph.add("buffersink")
        beside.link_to(self._sink)
        self._graph.configure()

    def __call__(self, before: av.VideoFrame, after: av.VideoFrame) -> av.VideoFrame:
        """Both pictures in one, at the time of the second."""
        pts, time_base = after.pts, after.time_base
        before.pts, before.time_base = pts, time_base
        for place, frame in zip(self._inputs, (before, after), strict=True):
            place.push(frame)
        joined = cast(av.VideoFrame, self._sink.pull())
        joined.pts, joined.time_base = pts, time_base
        return joined


def show_pictures(before: Path, after: Path, targets: tuple[Path, Path]) -> None:
    """Write the first picture of each file as a JPEG that browsers show, upright and small enough.

    Raises:
        InputError: one of them is no picture.
    """
    for source, target in zip((before, after), targets, strict=True):
        _show(read_pictures(source).images[0], target)


def _show(image: Image, target: Path) -> None:
    pixels = image.pixels
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    picture = PIL.Image.fromarray(np.ascontiguousarray(pixels[..., :3]))
    picture.thumbnail((_PICTURE_SIDE, _PICTURE_SIDE))
    extra = {"icc_profile": image.profile} if image.profile and not image.gray else {}
    picture.save(target, "JPEG", quality=92, **extra)
