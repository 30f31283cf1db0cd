"""The first frames of a clip, read as fast as can be or at the pace of a camera."""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import av
from av.video.codeccontext import VideoCodecContext

from stream_unmask.video.frame import Frame
from stream_unmask.video.source import Item, PartOf, Source

LIVE_ENCODER = {"codec": "libx264", "preset": "veryfast", "tune": "zerolatency"}
"""An encoder as live streams have it: each frame's packet is out before the next frame comes in."""


class Excerpt(PartOf):
    """A source that ends after so many frames; see :class:`stream_unmask.video.source.Source`."""

    def __init__(self, source: Source, frames: int) -> None:
        super().__init__(source)
        self._frames = frames

    def __iter__(self) -> Iterator[Item]:
        left = self._frames
        for item in self._source:
            yield item
            left -= isinstance(item, Frame)
            if not left:
                return


class ClipCamera(Excerpt):
    """An excerpt that comes at its own pace, as a camera's does: who is late never sees the frames missed.

    Attributes:
        rate: frames a second.
        offered: frames that a viewer in time would have seen.
        captured: when each frame that was handed out was taken, on ``time.perf_counter``, by its pts.
    """

    def __init__(self, source: Source, frames: int) -> None:
        super().__init__(source, frames)
        self.info = dataclasses.replace(self.info, live=True, real_time=True)
        self.rate = float(self.info.average_rate or 25)
        self.offered = 0
        self.captured: dict[int, float] = {}

    def __iter__(self) -> Iterator[Item]:
        beginning: float | None = None
        for frame in super().__iter__():
            if not isinstance(frame, Frame):
                continue  # no sound here
            now = time.perf_counter()
            if beginning is None:
                beginning = now - frame.time
            taken = beginning + frame.time
            self.offered += 1
            if now >= taken + 1 / self.rate:
                continue  # the next one is there already
            time.sleep(max(0.0, taken - now))
            self.captured[frame.pts] = taken
            yield frame


class LiveOutput:
    """Encodes frames as they come, for nobody, and notes how long each was on its way.

    Attributes:
        latencies: seconds from a frame's capture until its packet was ready, in order.
    """

    def __init__(self, camera: ClipCamera) -> None:
        info, options = camera.info, dict(LIVE_ENCODER)
        self.latencies: list[float] = []
        self._camera = camera
        self._context = cast(VideoCodecContext, av.CodecContext.create(options.pop("codec"), "w"))
        # What every player of live streams takes; PyAV converts what is not.
        self._context.width, self._context.height = info.width // 2 * 2, info.height // 2 * 2
        self._context.pix_fmt = "yuv420p"
        self._context.time_base = info.time_base
        self._context.framerate = Fraction(camera.rate).limit_denominator(1001)
        self._context.options = options
        self._inside: deque[int] = deque()

    def write(self, item: Item) -> None:
        if isinstance(item, Frame):
            self._inside.append(item.pts)
            item.picture.pict_type = 0  # the encoder's own choice, not the source's
            self._note(len(self._context.encode(item.picture)))

    def close(self) -> None:
        self._note(len(self._context.encode(None)))

    def _note(self, packets: int) -> None:
        now = time.perf_counter()
        for _ in range(packets):
            self.latencies.append(now - self._camera.captured[self._inside.popleft()])
