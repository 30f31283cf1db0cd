"""A file that comes as a camera would."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from stream_unmask.video.frame import Frame
from stream_unmask.video.pacing import Paced
from stream_unmask.video.source import open_source
from tests.video.making import Recipe, make_video


@pytest.mark.parametrize("waits", [True, False])
def test_frames_come_no_earlier_than_they_are_shown(waits: bool, tmp_path: Path) -> None:
    recipe = Recipe(time_base=Fraction(1, 1000), pts=(0, 40, 200))
    with Paced(open_source(make_video(tmp_path / "film.mp4", recipe)), waits=waits) as source:
        assert source.info.real_time is not waits
        frames = [item for item in source if isinstance(item, Frame)]
    arrivals = [frame.arrival for frame in frames]
    assert None not in arrivals
    first = arrivals[0]
    assert first is not None
    for frame, arrival in zip(frames, arrivals, strict=True):
        assert arrival is not None
        assert arrival - first >= frame.time - frames[0].time - 0.001
