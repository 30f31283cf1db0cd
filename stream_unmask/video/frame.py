"""One decoded picture with its place in time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from stream_unmask.pixels.planes import Plane, Planes
from stream_unmask.video.arrays import ARRAY_FORMATS, ArrayFormat, to_array, to_picture, with_changes
from stream_unmask.video.formats import PlaneLayout, plane_layout

BT709, BT470BG = 1, 5
"""Codes of matrices in ITU-T H.273, table 4: HD's; SD's, which is JPEG's, too."""

# MatrixCoefficients -> (kr, kb).
_SD, _HD = (0.299, 0.114), (0.2126, 0.0722)
_WEIGHTS = {
    BT709: _HD,
    4: (0.30, 0.11),
    BT470BG: _SD,
    6: _SD,
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    10: (0.2627, 0.0593),
}
HD_HEIGHT = 720
"""From this height on untagged pictures are taken for BT.709."""

LIMITED_RANGE, FULL_RANGE = 1, 2

ARRAY_TIME_BASE = Fraction(1, 1_000_000)
"""Seconds in a tick of a frame that was made of an array."""


@dataclass(slots=True)
class Frame:
    """A picture in its decoder's own pixel format, with its timestamp.

    Attributes:
        picture: the picture; its pixel format is one that planes can view.
        index: how many frames came before it in its source.
        pts: presentation timestamp in ``time_base`` ticks; may be negative.
        time_base: seconds in a tick.
        duration: ticks that it is shown for; 0 where the source does not say.
        connection: how often its source had been lost before; what was seen in an earlier connection does
            not go on in it.
        arrival: when it came, in seconds of ``time.monotonic``; None where it did not come in real time.
    """

    picture: av.VideoFrame
    index: int
    pts: int
    time_base: Fraction
    duration: int
    connection: int = 0
    arrival: float | None = None
    _pixels: NDArray[np.uint8] | None = field(default=None, init=False, repr=False, compare=False)
    _channels: ArrayFormat = field(default="rgb24", init=False, repr=False, compare=False)
    _planes: Planes | None = field(default=None, init=False, repr=False, compare=False)
    _decoded: Planes | None = field(default=None, init=False, repr=False, compare=False)
    _decoded_reference: object = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def from_ndarray(cls, array: NDArray[Any], time: float, *, format: ArrayFormat = "rgb24") -> Frame:
        """Take a picture that is an array, such as one of OpenCV's (``format="bgr24"``).

        Args:
            array: (H, W, 3) uint8; copied.
            time: when it is shown, in seconds. It should go on from frame to frame as real time does: faces
                are followed and smoothed by it.
            format: the order of the channels, ``rgb24`` or ``bgr24``.

        Raises:
            ValueError: the array is of another shape or type, or the format or the time is none.
        """
        _check_format(format)
        if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or not array.size:
            raise ValueError(f"array must be (H, W, 3) uint8, got {array.shape} {array.dtype}")
        if not math.isfinite(time):
            raise ValueError(f"time must be a number of seconds, got {time}")
        pts = round(time / ARRAY_TIME_BASE)
        frame = cls(to_picture(array, format), 0, pts, ARRAY_TIME_BASE, 0)
        frame.picture.pts, frame.picture.time_base = pts, ARRAY_TIME_BASE
        frame._pixels, frame._channels = array.copy(), format
        return frame

    def to_ndarray(self, format: ArrayFormat = "rgb24") -> NDArray[np.uint8]:
        """The picture as it is now, as an array of its own.

        Where nothing was drawn, a frame that was made of an array gives that array's pixels back bit for bit.
        Others are converted from YUV, with their own matrix and range; high dynamic range is not mapped.

        Args:
            format: the order of the channels, ``rgb24`` or ``bgr24``.

        Returns:
            (H, W, 3) uint8.

        Raises:
            ValueError: the format is none of these.
        """
        _check_format(format)
        if self._pixels is None:
            return to_array(self.picture, self.planes(), format)
        drawn = with_changes(self._pixels, self.decoded_planes(), self.planes(), self._channels)
        return drawn if format == self._channels else np.ascontiguousarray(drawn[:, :, ::-1])

    @property
    def time(self) -> float:
        """Presentation time in seconds."""
        return float(self.pts * self.time_base)

    @property
    def touched(self) -> bool:
        """Whether a writable copy was made of it."""
        return self._decoded is not None

    def planes(self) -> Planes:
        """Views of the picture as it is now, for reading; no copy. They live as long as this frame does."""
        if self._planes is None:
            self._planes = picture_planes(self.picture)
        return self._planes

    def decoded_planes(self) -> Planes:
        """Views of the picture as the decoder left it, also after ``writable_planes``; for reading."""
        return self._decoded or self.planes()

    def writable_planes(self) -> Planes:
        """Views that may be drawn into.

        The first call copies the samples, since a decoder may still predict from the ones it handed out; all
        else that the picture carries (timestamps, side data, colour tags) stays with it.
        """
        if self._decoded is None:
            decoded = self.planes()
            # The reference makes the buffer shared, so that the copy below is made in every case, and keeps
            # the views that were handed out before it valid.
            self._decoded_reference = self.picture.planes[0].__dlpack__()
            self.picture.make_writable()
            self._decoded = decoded
            self._planes = None
        return self.planes()


def _check_format(format: str) -> None:
    if format not in ARRAY_FORMATS:
        raise ValueError(f"format must be one of {', '.join(ARRAY_FORMATS)}, got {format!r}")


def picture_planes(picture: av.VideoFrame) -> Planes:
    """Views of a picture's planes.

    Raises:
        ValueError: its pixel format cannot be viewed as Y, U and V planes.
    """
    layout = plane_layout(picture.format.name)
    if layout is None:
        raise ValueError(f"{picture.format.name} cannot be viewed as planes")
    shift_x, shift_y = layout.shifts
    y, u, v = _views(picture, layout)
    kr, kb = luma_weights(picture.colorspace, picture.height)
    full_range = picture.color_range == FULL_RANGE or picture.format.name.startswith("yuvj")
    return Planes(
        y=y,
        u=u,
        v=v,
        shift_x=shift_x,
        shift_y=shift_y,
        depth=layout.depth,
        kr=kr,
        kb=kb,
        full_range=full_range,
        # H.264, HEVC and MPEG-2 site 4:2:0 chroma on the left luma sample; JPEG sites it between two.
        cosited_x=not picture.format.name.startswith("yuvj"),
        cosited_y=False,
    )


def luma_weights(colorspace: int, height: int) -> tuple[float, float]:
    """(kr, kb) for a matrix coefficients tag; untagged pictures are BT.709 from 720 lines on, else BT.601."""
    return _WEIGHTS.get(colorspace, _HD if height >= HD_HEIGHT else _SD)


def _views(picture: av.VideoFrame, layout: PlaneLayout) -> tuple[Plane, Plane, Plane]:
    sample = np.dtype(np.uint8 if layout.depth == 8 else np.uint16)
    shift_x, shift_y = layout.shifts
    width, height = picture.width, picture.height
    chroma_width, chroma_height = -(-width >> shift_x), -(-height >> shift_y)
    planes = picture.planes

    def view(index: int, shape: tuple[int, int], first: int = 0, step: int = 1) -> NDArray[np.generic]:
        strides = (planes[index].line_size, step * sample.itemsize)
        return np.ndarray(shape, sample, memoryview(planes[index]), first * sample.itemsize, strides)

    y = view(0, (height, width))
    chroma_shape = (chroma_height, chroma_width)
    if not layout.semi_planar:
        return y, view(1, chroma_shape), view(2, chroma_shape)
    even, odd = view(1, chroma_shape, 0, 2), view(1, chroma_shape, 1, 2)
    return (y, odd, even) if layout.v_first else (y, even, odd)
