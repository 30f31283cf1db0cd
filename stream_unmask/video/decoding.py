"""From packets to frames, each with a timestamp and in a pixel format that planes can view."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction

import av
import numpy as np
from av.packet import Packet
from av.stream import Stream
from av.video.reformatter import Colorspace, VideoReformatter
from av.video.stream import VideoStream

from stream_unmask.video.cropping import Cropper, Cropping
from stream_unmask.video.formats import viewable_format
from stream_unmask.video.frame import BT470BG, BT709, FULL_RANGE, HD_HEIGHT, LIMITED_RANGE, Frame
from stream_unmask.video.info import SourceProblems

LOST_ALPHA = "The video is transparent in parts; its transparency (alpha) is not kept."
FULL_ALPHA = 255

_UNTIMED = frozenset(("avi",))
"""Containers, as FFmpeg calls them, that have no timestamps of presentation."""

_RGB = 0
_SCALER_MATRIX = {BT709: int(Colorspace.ITU709), BT470BG: int(Colorspace.ITU601)}


class _PtsGuess:
    """Tells which of a picture's timestamps to go by, as FFmpeg's ``guess_correct_pts`` does.

    A container without timestamps of presentation has them guessed by its reader, wrongly where pictures are
    not in the order in which they are shown. Those of decoding then run evenly.

    Args:
        guessed: the container is known to be such a one.
    """

    def __init__(self, guessed: bool) -> None:
        self._guessed = guessed
        self._last_pts = self._last_dts = -math.inf
        self._faulty_pts = self._faulty_dts = 0

    def best(self, pts: int | None, dts: int | None) -> int | None:
        """The better timestamp of the next picture, in ticks.

        Args:
            pts: of presentation.
            dts: of the packet that completed the picture.
        """
        if self._guessed:
            return dts
        if dts is not None:
            self._faulty_dts += dts <= self._last_dts
            self._last_dts = dts
        if pts is not None:
            self._faulty_pts += pts <= self._last_pts
            self._last_pts = pts
        if pts is None or (dts is not None and self._faulty_pts > self._faulty_dts):
            return dts
        return pts


class PictureDecoder:
    """Decodes one video stream.

    Args:
        stream: what the packets belong to.
        problems: where damage is counted.
        cropping: what is cut off of each picture.
        clock: gives each frame its time, in seconds, where the stream itself knows none.

    Attributes:
        time_base: seconds in a tick of the frames' pts.
    """

    def __init__(
        self,
        stream: VideoStream,
        problems: SourceProblems,
        cropping: Cropping | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._cropper = Cropper(cropping) if cropping else None
        self._stream = stream
        self._problems = problems
        self._clock = clock
        known = stream.time_base if clock is None else None
        self.time_base = known or Fraction(1, 90_000)
        rate = stream.average_rate or stream.guessed_rate
        known_rate = rate if clock is None else None
        self._usual_duration = max(1, round(1 / (known_rate * self.time_base))) if known_rate else 1
        self._reformatter = VideoReformatter()
        self._opaque = True
        self._index = 0
        self._next_pts = 0
        self._guess = _PtsGuess(stream.container.format.name in _UNTIMED)

    def decode(self, packet: Packet[Stream]) -> Iterator[Frame]:
        """The frames that a packet completes; none where it is broken."""
        return self._frames(packet)

    def flush(self) -> Iterator[Frame]:
        """The frames still inside the decoder when the packets are over."""
        return self._frames(None)

    def _frames(self, packet: Packet[Stream] | None) -> Iterator[Frame]:
        try:
            pictures = self._stream.decode(packet)
        except av.FFmpegError:
            self._problems.broken_packets += 1
            return
        for picture in pictures:
            yield self._frame(picture)

    def _frame(self, picture: av.VideoFrame) -> Frame:
        if picture.is_corrupt:
            self._problems.broken_frames += 1
        pts = self._pts(picture)
        duration = picture.duration or 0 if self._clock is None else 0
        picture = self._viewable(picture)
        if self._cropper is not None:
            picture = self._cropper.crop(picture)
        picture.pts, picture.time_base = pts, self.time_base
        frame = Frame(picture, self._index, pts, self.time_base, duration)
        self._index += 1
        self._next_pts = pts + (duration or self._usual_duration)
        return frame

    def _note_transparency(self, picture: av.VideoFrame) -> None:
        """Many formats have room for alpha; only one that is used is lost."""
        alpha = self._reformatter.reformat(picture, format="yuva420p").planes[3]
        rows = np.frombuffer(memoryview(alpha), np.uint8)[: alpha.line_size * alpha.height]
        if rows.reshape(alpha.height, alpha.line_size)[:, : alpha.width].min() < FULL_ALPHA:
            self._opaque = False
            self._problems.warnings.append(LOST_ALPHA)

    def _pts(self, picture: av.VideoFrame) -> int:
        if self._clock is not None:
            return max(round(self._clock() / self.time_base), self._next_pts)
        if picture.pts is None:
            self._problems.missing_timestamps += 1
        pts = self._guess.best(picture.pts, picture.dts)
        return pts if pts is not None else self._next_pts

    def _viewable(self, picture: av.VideoFrame) -> av.VideoFrame:
        """The picture itself, or the one conversion that formats without Y, U and V planes go through."""
        name = viewable_format(picture.format.name)
        if name == picture.format.name:
            return picture
        if self._opaque and any(component.is_alpha for component in picture.format.components):
            self._note_transparency(picture)
        matrix = picture.colorspace
        if picture.format.is_rgb or picture.format.has_palette or matrix == _RGB:
            matrix = BT709 if picture.height >= HD_HEIGHT else BT470BG
            converted = self._reformatter.reformat(
                picture, format=name, dst_colorspace=_SCALER_MATRIX[matrix], dst_color_range="MPEG"
            )
            converted.colorspace, converted.color_range = matrix, LIMITED_RANGE
            return converted
        # Gray counts as full range unless it says otherwise.
        gray = len([c for c in picture.format.components if not c.is_alpha]) == 1
        levels = picture.color_range or (FULL_RANGE if gray else LIMITED_RANGE)
        converted = self._reformatter.reformat(
            picture, format=name, src_color_range=levels, dst_color_range=levels
        )
        converted.colorspace, converted.color_range = matrix, levels if gray else picture.color_range
        return converted
