"""Before and after in one picture."""

from __future__ import annotations

import av

from stream_unmask.pixels.planes import Plane
from stream_unmask.video.frame import Frame


def side_by_side(frame: Frame) -> Frame:
    """Join a frame as it was decoded, on the left as coded, with what was made of it.

    Every sample is copied as it is. Only where two columns share their chroma and the width is odd does the
    right picture's chroma lie one luma column off, for there is no place for it in between.

    Returns:
        A frame of twice the width, with the times and the colour tags of ``frame``.
    """
    source = frame.picture
    picture = av.VideoFrame(source.width * 2, source.height, source.format.name)
    picture.colorspace, picture.color_range = source.colorspace, source.color_range
    picture.color_primaries, picture.color_trc = source.color_primaries, source.color_trc
    picture.pts, picture.time_base, picture.duration = frame.pts, frame.time_base, frame.duration
    joined = Frame(
        picture, frame.index, frame.pts, frame.time_base, frame.duration, frame.connection, frame.arrival
    )
    target, before, after = joined.planes(), frame.decoded_planes(), frame.planes()
    _join(target.y, before.y, after.y)
    _join(target.u, before.u, after.u)
    _join(target.v, before.v, after.v)
    return joined


def _join(target: Plane, left: Plane, right: Plane) -> None:
    width = left.shape[1]
    target[:, :width] = left
    target[:, width:] = right[:, 2 * width - target.shape[1] :]
