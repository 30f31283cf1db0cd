"""Looking for all that says that a file was made by this program."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from stream_unmask.verifying.faces import FaceReader
from stream_unmask.verifying.findings import Findings, MarkedFace
from stream_unmask.verifying.metadata import read_credential, read_label
from stream_unmask.video.files import is_image
from stream_unmask.video.frame import Frame
from stream_unmask.video.images import as_frame
from stream_unmask.video.pictures import read_pictures
from stream_unmask.video.source import open_source

_MILLISECOND = Fraction(1, 1000)


def verify(path: str | Path) -> Findings:
    """Look at a video or picture: its content credential, its metadata, and the faces in it.

    Raises:
        InputError: it is not there, or cannot be read.
    """
    path = Path(path)
    marks, faces, frames = _picture(path) if is_image(path) else _video(path)
    credential, notes = read_credential(path)
    return Findings(str(path), credential, read_label(path), tuple(marks), faces, frames, notes)


def _video(path: Path) -> tuple[list[MarkedFace], int, int]:
    with open_source(path) as source:
        reader = FaceReader(rotation=source.info.rotation)
        for item in source:
            if isinstance(item, Frame):
                reader.see(item)
    return reader.end(), len(reader.faces), reader.frames


def _picture(path: Path) -> tuple[list[MarkedFace], int, int]:
    """An animation is looked at as a video, pages one by one."""
    pictures = read_pictures(path)
    if not pictures.durations:
        found, faces = [], 0
        for image in pictures.images:
            reader = FaceReader(still=True)
            reader.see(as_frame(image))
            found += [replace(each, number=each.number + faces) for each in reader.end()]
            faces += len(reader.faces)
        return found, faces, len(pictures.images)
    reader, time = FaceReader(), 0
    for image, duration in zip(pictures.images, pictures.durations, strict=True):
        reader.see(replace(as_frame(image), pts=time, time_base=_MILLISECOND))
        time += round(duration)
    return reader.end(), len(reader.faces), reader.frames
