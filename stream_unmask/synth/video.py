"""What a video codec does to a crop."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

# Each keeps its tables from one picture to the next of the same size.
_to_yuv, _to_rgb = VideoReformatter(), VideoReformatter()


def squeeze(pictures: Sequence[Bytes], quantizer: int) -> list[Bytes]:
    """Code pictures as one H.264 video and decode it again.

    Args:
        pictures: (H, W, 3) uint8 RGB, sides even, in the order of time; all but the first are predicted.
        quantizer: of x264, 18 (good) to 45 (bad).
    """
    height, width = pictures[0].shape[:2]
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.thread_count = 1
    encoder.options = {"preset": "superfast", "tune": "zerolatency", "qp": str(quantizer)}
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    packets = []
    for number, picture in enumerate(pictures):
        frame = _to_yuv.reformat(
            av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24"), format="yuv420p", threads=1
        )
        frame.pts = number
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    frames = [frame for packet in packets for frame in decoder.decode(packet)] + decoder.decode(None)
    decoded = (_to_rgb.reformat(frame, format="rgb24", threads=1).to_ndarray() for frame in frames)
    return [np.asarray(picture, np.uint8) for picture in decoded]
