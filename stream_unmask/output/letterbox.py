"""A picture of one shape in a frame of another, undistorted."""

from __future__ import annotations

import av
import numpy as np

from stream_unmask.video.frame import FULL_RANGE, picture_planes

_BLACK = 16
"""Luma of black in limited range, of 8 bits; that of full range is 0."""


def letterboxed(picture: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
    """A picture in the middle of a black one.

    Args:
        picture: no wider than ``width`` and no taller than ``height``; in a format that planes can view.
        width: of the result, in pixels.
        height: of the result, in pixels.
    """
    framed = av.VideoFrame(width, height, picture.format.name)
    framed.colorspace, framed.color_range = picture.colorspace, picture.color_range
    inside, outside = picture_planes(picture), picture_planes(framed)
    full = picture.color_range == FULL_RANGE or picture.format.name.startswith("yuvj")
    outside.y[:] = 0 if full else _BLACK << (outside.depth - 8)
    outside.u[:] = outside.v[:] = 1 << (outside.depth - 1)
    left, top = (width - picture.width) // 4 * 2, (height - picture.height) // 4 * 2
    for target, source, shift_x, shift_y in (
        (outside.y, inside.y, 0, 0),
        (outside.u, inside.u, outside.shift_x, outside.shift_y),
        (outside.v, inside.v, outside.shift_x, outside.shift_y),
    ):
        x, y = left >> shift_x, top >> shift_y
        np.copyto(target[y : y + source.shape[0], x : x + source.shape[1]], source, casting="no")
    return framed
