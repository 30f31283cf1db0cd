"""Between arrays of RGB pixels and pictures of YUV planes."""

from __future__ import annotations

from typing import Any, Literal, get_args

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from stream_unmask.pixels.planes import Planes

ArrayFormat = Literal["rgb24", "bgr24"]
"""The order of an array's channels, by FFmpeg's names; OpenCV's pictures are ``bgr24``."""

ARRAY_FORMATS: tuple[ArrayFormat, ...] = get_args(ArrayFormat)

_TO_YUV = {"rgb24": cv2.COLOR_RGB2YCrCb, "bgr24": cv2.COLOR_BGR2YCrCb}
_FROM_YUV = {"rgb24": cv2.COLOR_YCrCb2RGB, "bgr24": cv2.COLOR_YCrCb2BGR}
_SCALER_MATRIX = {
    (0.2126, 0.0722): Colorspace.ITU709,
    (0.30, 0.11): Colorspace.FCC,
    (0.299, 0.114): Colorspace.ITU601,
    (0.212, 0.087): Colorspace.SMPTE240M,
    (0.2627, 0.0593): Colorspace.BT2020,
}
"""FFmpeg's scaler by (kr, kb)."""


def to_picture(pixels: NDArray[Any], channels: ArrayFormat = "rgb24") -> av.VideoFrame:
    """A picture of 4:4:4 full-range YUV (BT.601, as in JPEG).

    Args:
        pixels: (H, W, 3) uint8 or uint16.
        channels: their order.
    """
    height, width = pixels.shape[:2]
    picture = av.VideoFrame(width, height, "yuv444p" if pixels.dtype == np.uint8 else "yuv444p16le")
    picture.colorspace, picture.color_range = Colorspace.ITU601, ColorRange.JPEG
    y, u, v = (
        np.ndarray(
            (height, width), pixels.dtype, memoryview(plane), 0, (plane.line_size, pixels.dtype.itemsize)
        )
        for plane in picture.planes
    )
    cv2.split(cv2.cvtColor(np.ascontiguousarray(pixels), _TO_YUV[channels]), [y, v, u])
    return picture


def with_changes(
    pixels: NDArray[Any], before: Planes, after: Planes, channels: ArrayFormat = "rgb24"
) -> NDArray[Any]:
    """What was drawn into the planes of :func:`to_picture`, brought back into the pixels they came from.

    Only pixels with a changed sample are converted; all others stay as they were, bit for bit.

    Args:
        pixels: (H, W, 3) or (H, W, 4); a fourth channel is kept.
        before: the planes as they were made.
        after: the planes as they are now.
        channels: the order of the first three.

    Returns:
        A copy.
    """
    changed = before.y != after.y
    changed |= before.u != after.u
    changed |= before.v != after.v
    drawn = pixels.copy()
    left, top, width, height = cv2.boundingRect(changed.view(np.uint8))
    if width:
        box = np.s_[top : top + height, left : left + width]
        converted = cv2.cvtColor(cv2.merge([after.y[box], after.v[box], after.u[box]]), _FROM_YUV[channels])
        np.copyto(drawn[box][:, :, :3], converted, where=changed[box][:, :, None])
    return drawn


def to_array(picture: av.VideoFrame, planes: Planes, channels: ArrayFormat) -> NDArray[np.uint8]:
    """Any picture as (H, W, 3) uint8, converted once by FFmpeg's scaler.

    Args:
        picture: of whatever pixel format.
        planes: views of it, which know its matrix and its range.
        channels: the order of the result's.
    """
    converted = VideoReformatter().reformat(
        picture,
        format=channels,
        src_colorspace=_SCALER_MATRIX[planes.kr, planes.kb],
        src_color_range=ColorRange.JPEG if planes.full_range else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT,
    )
    return np.asarray(converted.to_ndarray(), np.uint8)
