"""How late a camera's pictures are when they are handed out."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from benchmarks.faulty_camera import FaultyCamera
from stream_unmask.video.frame import Frame
from stream_unmask.video.source import open_source
from tests.benchmarks.test_soak import clip

_PICTURES, _LIGHTER = 20, 10
"""Pictures of the clip, and how much lighter each is than the one before."""


def test_no_picture_waits_for_more_than_the_next_one(tmp_path: Path) -> None:
    camera = FaultyCamera(clip(tmp_path / "greys.ts", 64))
    late = []
    with open_source(camera.address, threads=4) as source:
        for frame in islice((item for item in source if isinstance(item, Frame)), 15):
            shown = round(float(frame.planes().y.mean()) / _LIGHTER)
            late.append((camera.number - shown) % _PICTURES)
    camera.close()
    # Of H.264 over RTP, a picture is whole when the next one begins. A busy machine makes some later.
    assert min(late) <= 1
