"""Masks as pictures and videos: where in a frame they were found, white on black."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import av
import numpy as np
from av.stream import Stream as CopiedStream
from numpy.typing import NDArray

from stream_unmask.inpainting.cpu.compositing import composite
from stream_unmask.inpainting.face import UnmaskedFace
from stream_unmask.output.sink import FileSink
from stream_unmask.video.frame import FULL_RANGE, Frame
from stream_unmask.video.info import SourceInfo
from stream_unmask.video.samples import Samples
from stream_unmask.video.source import Source

_NEUTRAL = 128


def mask_path(output: Path, suffix: str) -> Path:
    """The name of the masks that belong to an output."""
    return output.with_name(f"{output.stem}.mask{suffix}")


def mask_frame(frame: Frame, faces: Sequence[UnmaskedFace]) -> Frame:
    """Draw the masks of a frame's faces where they lie in it.

    Args:
        frame: gives size and time.
        faces: what :meth:`stream_unmask.pipeline.Stream.process` returned for it.
    """
    picture = av.VideoFrame(frame.picture.width, frame.picture.height, "yuv420p")
    picture.pts, picture.time_base = frame.pts, frame.time_base
    picture.color_range = FULL_RANGE
    drawn = replace(frame, picture=picture)
    planes = drawn.writable_planes()
    planes.y[:] = 0
    planes.u[:] = planes.v[:] = _NEUTRAL
    for face in faces:
        white = np.repeat(face.mask[None] * 2 - 1, 3, axis=0)
        composite(planes, face.alignment.matrix, white, (face.mask > 0).astype(np.float32))
    return drawn


def mask_picture(frame: Frame, faces: Sequence[UnmaskedFace]) -> NDArray[np.uint8]:
    """The masks of a frame's faces as an (H, W, 3) picture."""
    luma = mask_frame(frame, faces).planes().y
    return np.repeat(luma[:, :, None], 3, axis=2)


@dataclass(frozen=True, slots=True)
class _MaskSource:
    """A video's timing without its sound: what a :class:`FileSink` for masks is made from."""

    info: SourceInfo
    copied_streams: Mapping[int, CopiedStream] = field(default_factory=dict)

    def samples(self) -> Samples:
        return {}


class MaskSink:
    """Writes the masks of a video as a video of their own beside it."""

    def __init__(self, output: Path, source: Source, *, overwrite: bool) -> None:
        """Begin the file ``OUTPUT.mask.mp4``.

        Raises:
            OutputError: it cannot be written.
        """
        colours = replace(source.info.colours, range=FULL_RANGE)
        info = replace(source.info, pixel_format="yuv420p", colours=colours, chapters=(), other_streams={})
        self._sink = FileSink(mask_path(output, ".mp4"), _MaskSource(info), overwrite=overwrite)

    def write(self, frame: Frame, faces: Sequence[UnmaskedFace]) -> None:
        """Write the masks of the next frame."""
        self._sink.write(mask_frame(frame, faces))

    def finish(self, interrupted: bool) -> None:
        """Close the file, under a name that says so where the work was cut short."""
        if interrupted:
            self._sink.keep()
        else:
            self._sink.close()

    def discard(self) -> None:
        """Remove the file."""
        self._sink.discard()
