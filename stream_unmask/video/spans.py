"""Stretches of a file's video between two keyframes, read by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import av
from av.stream import Stream

from stream_unmask.errors import InputError
from stream_unmask.video.container import ContainerSource
from stream_unmask.video.files import reason
from stream_unmask.video.frame import Frame
from stream_unmask.video.info import main_video
from stream_unmask.video.samples import Samples
from stream_unmask.video.sounds import Sound
from stream_unmask.video.source import PartOf


@dataclass(frozen=True, slots=True)
class Keyframe:
    """Where a decoder can begin; both in ticks of the video stream.

    Attributes:
        pts: when it is shown.
        dts: when it is decoded.
    """

    pts: int
    dts: int


def keyframes(path: Path) -> list[Keyframe]:
    """The keyframes of a file's video, in order; none where its timestamps are missing or go back.

    Raises:
        InputError: it cannot be read.
    """
    found: list[Keyframe] = []
    last: int | None = None
    try:
        with av.open(path) as container:
            stream = main_video(container)
            if stream is None:
                return []
            for packet in container.demux(stream):
                if not packet.size:
                    continue
                # Matroska stores no times of decoding, and the first ones cannot be told.
                dts = packet.dts if packet.dts is not None else packet.pts
                if packet.pts is None or dts is None:
                    return []
                if packet.dts is not None:
                    if last is not None and packet.dts <= last:
                        return []
                    last = packet.dts
                if packet.is_keyframe:
                    found.append(Keyframe(packet.pts, dts))
    except av.FFmpegError as error:
        raise InputError(f"{path} cannot be read: {reason(error)}.", path=path) from error
    return found


class SpanSource(PartOf):
    """The frames of one stretch, and nothing beside them; see :class:`stream_unmask.video.source.Source`.

    Args:
        source: the whole file, of which nothing has been read.
        first: the keyframe to begin with; None for the start.
        end: pts that is too late; None for the end.
    """

    def __init__(self, source: ContainerSource, first: Keyframe | None, end: int | None) -> None:
        super().__init__(source)
        self._whole, self._first, self._end = source, first, end

    @property
    def copied_streams(self) -> Mapping[int, Stream]:
        """None: nothing is copied."""
        return {}

    @property
    def sounds(self) -> Mapping[int, Sound]:
        """None: nothing is copied."""
        return {}

    def samples(self) -> Samples:
        """None: nothing is copied."""
        return {}

    def __iter__(self) -> Iterator[Frame]:
        first = self._first
        if first is not None:
            self._whole.start_at(first.dts)
        for item in self._whole:
            if not isinstance(item, Frame) or (first is not None and item.pts < first.pts):
                continue
            if self._end is not None and item.pts >= self._end:
                return
            yield item
