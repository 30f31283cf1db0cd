"""Cameras that go away: called again, less and less often, until they are back, others, or given up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import pytest

from stream_unmask.errors import UnmaskError
from stream_unmask.video import camera
from stream_unmask.video.camera import CameraSource
from stream_unmask.video.container import CopiedPacket
from stream_unmask.video.frame import Frame
from stream_unmask.video.info import SourceInfo, SourceProblems
from stream_unmask.video.source import open_source

RATE = 25


class Clock:
    """Stands still but for pauses and frames."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def Event(self) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(wait=self._wait, is_set=lambda: False, set=lambda: None)

    def _wait(self, pause: float) -> bool:
        self.pauses.append(pause)
        self.now += pause
        return False


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(camera, "time", clock)
    monkeypatch.setattr(camera, "threading", clock)
    return clock


@pytest.fixture
def info(clip: Path) -> SourceInfo:
    with open_source(clip) as source:
        return source.info


class Connection:
    """Brings some frames on a clock of its own, each with a packet of sound, and breaks."""

    copied_streams: dict[int, object] = {}  # noqa: RUF012
    broken = ""

    def __init__(self, info: SourceInfo, clock: Clock | None = None, frames: int = 3, start: int = 0) -> None:
        self.info, self.problems, self.closed = info, SourceProblems(broken_packets=1), False
        self._clock, self._frames, self._start = clock, frames, start

    def __iter__(self) -> Iterator[Frame | CopiedPacket]:
        for index in range(self._start, self._start + self._frames):
            if self._clock is not None:
                self._clock.now += 1 / RATE
            yield Frame(av.VideoFrame(16, 16, "yuv420p"), 0, index, Fraction(1, RATE), 1)
            packet = av.Packet(b"sound")
            packet.time_base, packet.pts, packet.dts = Fraction(1, 1000), 40 * index + 7, 40 * index + 7
            yield CopiedPacket(packet, 1)

    def close(self) -> None:
        self.closed = True


def source(
    first: Connection, calls: list[Connection | None], patience: float = 300.0, said: list[str] | None = None
) -> CameraSource:
    """A camera that is away where a call has None in it, and for good after the last call."""

    def call() -> Connection:
        found = calls.pop(0) if calls else None
        if found is None:
            raise UnmaskError("cam cannot be opened: no route to host.")
        return found

    notify: Callable[[str], None] = (said if said is not None else []).append
    return CameraSource(first, call, patience, notify)  # type: ignore[arg-type]


def frames(items: list[Frame | CopiedPacket]) -> list[Frame]:
    return [item for item in items if isinstance(item, Frame)]


def test_times_go_on_later_by_what_was_lost(info: SourceInfo, clock: Clock) -> None:
    # Two calls are in vain: 1, 2 and 4 seconds pass.
    away = source(Connection(info, clock, start=90_000), [None, None, Connection(info, clock, start=5)])
    items = list(away)
    times = [item.time for item in frames(items)]
    assert times == pytest.approx([0, 0.04, 0.08, 7.16, 7.2, 7.24])
    assert [item.picture.pts for item in frames(items)] == [item.pts for item in frames(items)]
    assert [item.index for item in frames(items)] == list(range(6))
    assert [item.connection for item in frames(items)] == [0, 0, 0, 1, 1, 1]
    sound = [
        float((item.packet.pts or 0) * item.packet.time_base)
        for item in items
        if isinstance(item, CopiedPacket)
    ]
    assert sound == pytest.approx([time + 0.007 for time in times])
    problems = away.problems
    assert (problems.reconnects, problems.broken_packets) == (1, 2)
    assert problems.lost_seconds == pytest.approx(7)


def test_pauses_grow_until_the_camera_is_given_up(info: SourceInfo, clock: Clock) -> None:
    said: list[str] = []
    away = source(Connection(info), [], patience=100, said=said)
    assert len(frames(list(away))) == 3
    assert clock.pauses == [1, 2, 4, 8, 16, 30, 30, 9]
    assert "hung up. Trying again in 1 s." in said[0]
    assert "no route to host. Trying again in 30 s." in said[6]
    assert len(said) == 8
    (sentence,) = away.problems.warnings
    assert "did not come back within 100 s" in sentence


def test_patience_begins_when_a_silence_is_noticed(info: SourceInfo, clock: Clock) -> None:
    away = source(Connection(info), [Connection(info)], patience=5)
    items = []
    for item in away:
        items.append(item)
        clock.now += 10 * (len(items) == 6)
    assert len(frames(items)) == 6
    assert away.problems.lost_seconds == pytest.approx(11)


def test_without_patience_it_ends_with_a_sentence(info: SourceInfo, clock: Clock) -> None:
    first = Connection(info)
    first.broken = "nothing more came"
    away = source(first, [Connection(info)], patience=0)
    assert len(frames(list(away))) == 3
    assert not clock.pauses
    (sentence,) = away.problems.warnings
    assert sentence.startswith("Lost ")
    assert sentence.endswith(": nothing more came.")


@pytest.mark.parametrize(
    ("change", "said"),
    [({"width": 32}, "32x48 pixels instead of 64x48"), ({"codec": "hevc"}, "hevc instead of h264")],
)
def test_another_picture_ends_it_and_what_came_before_is_kept(
    change: dict[str, object], said: str, info: SourceInfo, clock: Clock
) -> None:
    other = Connection(replace(info, **change))  # type: ignore[arg-type]
    away = source(Connection(info), [other])
    assert len(frames(list(away))) == 3
    assert other.closed
    (sentence,) = away.problems.warnings
    assert said in sentence
    assert away.problems.reconnects == 0


def test_it_can_be_closed_in_the_middle_of_a_pause(info: SourceInfo) -> None:
    pausing = threading.Event()
    first = Connection(info)
    away = CameraSource(first, lambda: Connection(info), 300, lambda _: pausing.set())  # type: ignore
    reader = threading.Thread(target=lambda: list(away), daemon=True)
    reader.start()
    assert pausing.wait(10)
    away.close()
    reader.join(0.9)
    assert not reader.is_alive()
    assert first.closed
