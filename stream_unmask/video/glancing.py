"""A few frames of a file, spread over all of it, as cheap to get as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import av
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from stream_unmask.video.cropping import file_cropping
from stream_unmask.video.decoding import PictureDecoder
from stream_unmask.video.frame import Frame
from stream_unmask.video.info import SourceProblems, main_video
from stream_unmask.video.opening import open_file

_EVERY = 1.0
"""Seconds between two glances where keyframes are too few."""

_RARE, _FEW = 10.0, 4
"""Seconds between keyframes, on average, from which on they are too few to tell what a file shows, and how
many there must be."""


def glances(path: Path) -> Iterator[Frame]:
    """Frames of a video file: its keyframes, which need no others; where they are rare, one a second.

    Their indexes count the glances.

    Raises:
        InputError: it is not there or no video.
    """
    with open_file(path, str(path), gpu_decode=False) as container:
        stream = main_video(container)
        if stream is None:
            return
        often = _keyframes_are_often(container, stream)
    with open_file(path, str(path), gpu_decode=False) as container:
        stream = main_video(container)
        assert stream is not None
        stream.thread_type = "AUTO"
        # Frames that no other one needs are not decoded either.
        stream.codec_context.skip_frame = "NONKEY" if often else "NONREF"
        yield from _spread(_decoded(container, stream, path), 0.0 if often else _EVERY)


def _keyframes_are_often(container: InputContainer, stream: VideoStream) -> bool:
    times = [
        float(packet.pts * packet.time_base)
        for packet in container.demux(stream)
        if packet.is_keyframe and packet.pts is not None and packet.time_base is not None
    ]
    return len(times) >= _FEW and (times[-1] - times[0]) / (len(times) - 1) <= _RARE


def _decoded(container: InputContainer, stream: VideoStream, path: Path) -> Iterator[Frame]:
    decoder = PictureDecoder(stream, SourceProblems(), file_cropping(path, stream.index))
    try:
        for packet in container.demux(cast(Stream, stream)):
            yield from decoder.decode(packet) if packet.size else decoder.flush()
    except av.FFmpegError:
        return  # what is damaged is told of when the file is read


def _spread(frames: Iterator[Frame], every: float) -> Iterator[Frame]:
    """Those that come so many seconds after the last."""
    last = -float("inf")
    for frame in frames:
        if abs(frame.time - last) >= every:
            last = frame.time
            yield frame
