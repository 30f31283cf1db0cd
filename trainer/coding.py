"""What a video codec does to a crop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stream_unmask.synth.pairs import PairSettings

if TYPE_CHECKING:
    from av.video.reformatter import VideoReformatter

Bytes = NDArray[np.uint8]


def coded(settings: PairSettings) -> PairSettings:
    """The settings with :func:`squeeze` for their codec; as they are on a machine without PyAV."""
    try:
        import av  # noqa: F401
    except ImportError:
        return settings
    return replace(settings, codec=squeeze)


@cache
def _reformatters() -> tuple[VideoReformatter, VideoReformatter]:
    """To YUV and back; each keeps its tables from one picture to the next of the same size."""
    from av.video.reformatter import VideoReformatter

    return VideoReformatter(), VideoReformatter()


def squeeze(pictures: Sequence[Bytes], quantizer: int) -> list[Bytes]:
    """Code pictures as one H.264 video and decode it again.

    Args:
        pictures: (H, W, 3) uint8 RGB, sides even, in the order of time; all but the first are predicted.
        quantizer: of x264, 18 (good) to 45 (bad).
    """
    import av

    to_yuv, to_rgb = _reformatters()
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
        frame = to_yuv.reformat(
            av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24"), format="yuv420p", threads=1
        )
        frame.pts = number
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    frames = [frame for packet in packets for frame in decoder.decode(packet)] + decoder.decode(None)
    decoded = (to_rgb.reformat(frame, format="rgb24", threads=1).to_ndarray() for frame in frames)
    return [np.asarray(picture, np.uint8) for picture in decoded]
