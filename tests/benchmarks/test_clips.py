from __future__ import annotations

from pathlib import Path

import av
import pytest

from benchmarks.clips import ClipOptions, make_clip
from stream_unmask.api import Unmasker
from stream_unmask.video.frame import Frame
from stream_unmask.video.source import open_source


@pytest.mark.parametrize(("faces", "width", "height"), [(3, 640, 360), (16, 1280, 720)])
def test_as_many_faces_as_asked_for(
    faces: int, width: int, height: int, tmp_path: Path, unmasker: Unmasker
) -> None:
    options = ClipOptions(width=width, height=height, frames=1, faces=faces, masked=False, sound=False)
    clip = make_clip(tmp_path / "faces.mp4", options)
    with av.open(clip) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (width, height)
    stream = unmasker.stream()
    with open_source(clip) as source:
        for item in source:
            if isinstance(item, Frame):
                stream.process(item)
    assert len(stream.faces) == faces
    assert not any(face.left_alone for face in stream.faces)
