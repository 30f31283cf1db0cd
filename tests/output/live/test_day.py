"""Twenty-four hours on a clock that is faked: a camera that fails every few minutes, recorded by the hour."""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest

from stream_unmask.errors import UnmaskError
from stream_unmask.output.live import targets
from stream_unmask.output.live.naming import Names
from stream_unmask.output.live.targets import RecordingTarget
from stream_unmask.video import camera as camera_module
from stream_unmask.video.camera import CameraSource
from stream_unmask.video.camera_options import CameraOptions
from stream_unmask.video.frame import Frame
from stream_unmask.video.info import SourceInfo, SourceProblems
from tests.output.live.making import Camera, camera, fan_out, times
from tests.support.waiting import wait_until
from tests.video.making import picture

DAY = 86_400
STEP = 60
"""Seconds between two frames."""

LASTS = 8
"""Frames until it fails."""

NOON = 1_790_000_000 // DAY * DAY + DAY / 2


class Clock:
    """Goes on by pauses and by what a connection brings."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return NOON + self.now - 1000

    def pause(self, seconds: float) -> bool:
        self.now += seconds
        return False


class Connection:
    """A frame a minute for some minutes, by a clock that begins anywhere and may be set on the way."""

    broken = "it hung up"
    sounds: dict[int, object] = {}  # noqa: RUF012

    def __init__(self, info: SourceInfo, clock: Clock, chance: random.Random) -> None:
        self.info, self.problems = info, SourceProblems()
        self._clock, self._chance = clock, chance

    def __iter__(self) -> Iterator[Frame]:
        began, shown = self._clock.now, self._chance.randrange(1 << 32)
        set_at, step = self._chance.randrange(2 * LASTS), self._chance.choice([-3600, 3600, 50_000])
        for index in range(LASTS):
            ticks = (shown + 90_000 * (STEP * index + step * (index >= set_at))) % (1 << 33)
            still = picture(0, 64, 48, "yuv420p")
            still.pts, still.time_base = ticks, Fraction(1, 90_000)
            arrival = began + STEP * index
            yield Frame(still, 0, ticks, Fraction(1, 90_000), 0, arrival=arrival)
        self._clock.now = began + STEP * LASTS

    def close(self) -> None:
        pass


def test_a_day_lasts_a_day_and_nothing_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, chance = Clock(), random.Random(5)
    for module in (camera_module, targets):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(targets, "_SYNC", float("inf"))  # the disk is no part of this
    monkeypatch.setattr(CameraSource, "_pause", lambda self, seconds: clock.pause(seconds))
    recorded: Camera = camera(tmp_path)

    def call() -> Connection:
        if chance.random() < 0.3:
            raise UnmaskError("camera cannot be opened: connection refused.")
        return Connection(recorded.info, clock, chance)

    source = CameraSource(
        Connection(recorded.info, clock, chance),  # type: ignore[arg-type]
        call,  # type: ignore[arg-type]
        CameraOptions(stall=10 * STEP),
        float("inf"),
        lambda sentence: None,
    )
    folder = tmp_path / "day"
    folder.mkdir()
    outputs = fan_out(recorded, RecordingTarget(Names(folder / "%H%M.mkv", 3600), "matroska", 3600))
    (output,) = outputs.outputs
    shown: list[float] = []
    for item in source:
        assert isinstance(item, Frame)
        assert item.arrival is not None
        shown.append(item.time)
        assert item.time == pytest.approx(item.arrival - 1000, abs=7)
        if item.time > DAY:
            break
        outputs.write(item)
        wait_until(lambda: not output.is_busy, pause=0.0002)
    source.close()
    outputs.close()
    assert shown == sorted(set(shown))
    files = sorted(folder.iterdir())
    assert len(files) == output.file_count in (24, 25)
    assert sum(len(times(file)) for file in files) == len(shown) - 1
    assert len(source.problems.warnings) < 10
    assert source.problems.reconnects > 100
    for file in files[1:-1]:
        with av.open(file) as container:
            assert container.duration == pytest.approx(3600e6, abs=1000e6)
