"""What live outputs show while the camera is away."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import av
import cv2
import numpy as np

from stream_unmask.video.frame import FULL_RANGE, Frame, picture_planes

OnLoss = Literal["hold", "black", "stop"]
ON_LOSS: tuple[OnLoss, ...] = get_args(OnLoss)

_AFTER = 1.0
"""Seconds without a frame after which the last one is shown again."""

_RATE = 5.0
"""How often a second that is done."""

_BLACK, _WHITE, _NEUTRAL = 16, 235, 128
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_BAR = 1 / 14
"""Height of the notice as a share of the picture's."""


class Held:
    """Makes pictures for the time in which a camera brings none.

    Args:
        on_loss: ``hold`` shows the last one and a notice, ``black`` the notice alone, ``stop`` nothing.

    Attributes:
        stops: nothing is shown, nor heard, while it brings none.
        last: the last one that came; None before the first.
    """

    def __init__(self, on_loss: OnLoss) -> None:
        self._on_loss = on_loss
        self.stops = on_loss == "stop"
        self.last: Frame | None = None
        self._seen = self._shown = 0.0
        self._picture: av.VideoFrame | None = None

    def seen(self, frame: Frame, now: float) -> None:
        """A frame came and was written, at a time of ``time.monotonic``."""
        self.last, self._picture = frame, None
        self._seen = self._shown = now

    def next(self, now: float, since: str) -> Frame | None:
        """The picture that is due, None while none is, as late as the last one was.

        Args:
            now: by ``time.monotonic``.
            since: the time of day of the last frame, for the notice.
        """
        last = self.last
        if last is None or self.stops:
            return None
        pause = _AFTER if self._picture is None else 1 / _RATE
        if now - self._shown < pause:
            return None
        if self._picture is None:
            self._picture = notice(last.picture, f"no picture since {since}", black=self._on_loss == "black")
        self._shown = now
        pts = last.pts + round((now - self._seen) / last.time_base)
        picture = self._picture.reformat(format="yuv420p")
        picture.pts, picture.time_base = pts, last.time_base
        return replace(last, picture=picture, pts=pts, duration=0, arrival=None)


def notice(picture: av.VideoFrame, text: str, *, black: bool) -> av.VideoFrame:
    """A picture as 8-bit 4:2:0 with a line of text at its foot; the picture itself, or black."""
    full = picture.color_range == FULL_RANGE or picture.format.name.startswith("yuvj")
    held = av.VideoFrame(picture.width, picture.height, "yuv420p")
    held.colorspace, held.color_range = picture.colorspace, picture.color_range
    held.color_primaries, held.color_trc = picture.color_primaries, picture.color_trc
    shown, drawn = picture_planes(picture.reformat(format="yuv420p")), picture_planes(held)
    luma, chroma = drawn.y, (drawn.u, drawn.v)
    luma[:], chroma[0][:], chroma[1][:] = shown.y, shown.u, shown.v
    if black:
        luma[:] = 0 if full else _BLACK
        for plane in chroma:
            plane[:] = _NEUTRAL
    width, height = picture.width, max(16, round(picture.height * _BAR))
    text_size = height / 36
    luma[-height:] = _BLACK
    for plane in chroma:
        plane[-(height // 2) :] = _NEUTRAL
    bar = np.full((height, width), _BLACK, np.uint8)
    foot = (height // 4, height - height // 4)
    cv2.putText(bar, text, foot, _FONT, text_size, _WHITE, max(1, round(text_size)), cv2.LINE_AA)
    luma[-height:] = bar
    return held
