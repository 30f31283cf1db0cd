"""A clip at the pace of a camera, on a clock of our own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest

from benchmarks.excerpts import ClipCamera, Excerpt, LiveOutput
from stream_unmask.video.frame import Frame
from stream_unmask.video.source import Source, open_source


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter", lambda: clock.now)
    monkeypatch.setattr(time, "sleep", clock.sleep)
    return clock


@pytest.fixture
def source(masked_clip: Path) -> Iterator[Source]:
    """Twelve frames a second, 24 of them."""
    with open_source(masked_clip) as opened:
        yield opened


def test_an_excerpt_ends_after_its_frames(source: Source) -> None:
    assert sum(isinstance(item, Frame) for item in Excerpt(source, 5)) == 5


def test_an_excerpt_of_a_shorter_clip_is_all_of_it(source: Source) -> None:
    assert sum(isinstance(item, Frame) for item in Excerpt(source, 500)) == 24


def test_whoever_is_quick_sees_every_frame_when_it_is_due(source: Source, clock: Clock) -> None:
    camera = ClipCamera(source, 24)
    seen = []
    for _ in camera:
        seen.append(clock.now - 1000.0)
        clock.sleep(0.01)
    assert camera.rate == 12
    assert seen == pytest.approx([number / 12 for number in range(24)])
    assert camera.offered == 24


def test_whoever_is_slow_misses_frames_and_gets_none_that_is_outdated(source: Source, clock: Clock) -> None:
    camera = ClipCamera(source, 24)
    seen = []
    for item in camera:
        assert isinstance(item, Frame)
        assert 0 <= clock.now - camera.captured[item.pts] < 1 / camera.rate
        seen.append(item.index)
        clock.sleep(2.5 / 12)
    assert seen == sorted(seen)
    assert len(seen) == pytest.approx(24 / 2.5, abs=1)
    assert camera.offered == 24


def test_the_live_encoder_holds_no_frame_back(source: Source, clock: Clock) -> None:
    camera = ClipCamera(source, 6)
    output = LiveOutput(camera)
    for count, item in enumerate(camera, 1):
        clock.sleep(0.02)
        output.write(item)
        assert len(output.latencies) == count
    output.close()
    assert output.latencies == pytest.approx([0.02] * 6)


def test_the_live_encoder_takes_what_no_live_stream_is_made_of(tmp_path: Path) -> None:
    with av.open(tmp_path / "odd.mkv", "w") as container:
        stream = container.add_stream("ffv1", 10)
        stream.width, stream.height, stream.pix_fmt = 321, 123, "yuv422p10le"
        for number in range(3):
            picture = av.VideoFrame(321, 123, "yuv422p10le")
            picture.pts, picture.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    with open_source(tmp_path / "odd.mkv") as source:
        camera = ClipCamera(source, 3)
        output = LiveOutput(camera)
        for item in camera:
            output.write(item)
        output.close()
    assert len(output.latencies) == 3
