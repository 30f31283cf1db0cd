"""Cameras that go away: called again, less and less often, until they are back, others, or given up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from stream_unmask.errors import UnmaskError
from stream_unmask.video import camera
from stream_unmask.video.camera import Backoff, CameraSource
from stream_unmask.video.camera_options import CameraOptions
from stream_unmask.video.container import CopiedPacket, Reconnected
from stream_unmask.video.frame import Frame
from stream_unmask.video.info import SourceInfo, SourceProblems
from stream_unmask.video.opening import RefusedError
from stream_unmask.video.source import Item, open_source
from tests.support.waiting import GUARD

RATE = 25


class Clock:
    """Stands still but for pauses and what connections bring."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def pause(self, _camera: CameraSource, seconds: float) -> bool:
        self.pauses.append(seconds)
        self.now += seconds
        return False


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(camera, "time", clock)
    monkeypatch.setattr(CameraSource, "_pause", lambda self, seconds: clock.pause(self, seconds))
    return clock


@pytest.fixture
def info(clip: Path) -> SourceInfo:
    with open_source(clip) as source:
        return source.info


class Connection:
    """Brings some frames on a clock of its own, each with a packet of sound, and breaks."""

    broken = ""
    sounds: dict[int, object] = {}  # noqa: RUF012

    def __init__(
        self, info: SourceInfo, clock: Clock, frames: int = 3, start: int = 0, pictures: int | None = None
    ) -> None:
        self.info, self.problems, self.closed = info, SourceProblems(broken_packets=1), False
        self._clock, self._frames, self._start = clock, frames, start
        self._pictures = frames if pictures is None else pictures

    def __iter__(self) -> Iterator[Frame | CopiedPacket]:
        began = self._clock.now
        for index in range(self._frames):
            pts, arrival = self._start + index, began + index / RATE
            if index < self._pictures:
                picture = av.VideoFrame.from_ndarray(np.full((24, 16), pts % 256, np.uint8), "yuv420p")
                yield Frame(picture, 0, pts, Fraction(1, RATE), 1, arrival=arrival)
            packet = av.Packet(b"sound")
            packet.time_base, packet.pts, packet.dts = Fraction(1, 1000), 40 * pts + 7, 40 * pts + 7
            yield CopiedPacket(packet, 1, arrival + 0.007)
        self._clock.now = began + self._frames / RATE

    def close(self) -> None:
        self.closed = True


def source(
    first: Connection,
    calls: list[Connection | UnmaskError],
    patience: float = 300.0,
    said: list[str] | None = None,
) -> CameraSource:
    """A camera that is away where a call has an error in it, and for good after the last call."""

    def call() -> Connection:
        found = calls.pop(0) if calls else UnmaskError("cam cannot be opened: no route to host.")
        if isinstance(found, UnmaskError):
            raise found
        return found

    notify: Callable[[str], None] = (said if said is not None else []).append
    return CameraSource(first, call, CameraOptions(), patience, notify)  # type: ignore[arg-type]


def frames(items: list[Item]) -> list[Frame]:
    return [item for item in items if isinstance(item, Frame)]


AWAY = UnmaskError("cam cannot be opened: connection refused.")


def test_times_go_on_later_by_what_was_lost(info: SourceInfo, clock: Clock) -> None:
    # Two calls are in vain: 1, 1.5 and 2.25 seconds pass.
    away = source(Connection(info, clock, start=90_000), [AWAY, AWAY, Connection(info, clock, start=5)])
    items = list(away)
    times = [item.time for item in frames(items)]
    assert times == pytest.approx([0, 0.04, 0.08, 4.87, 4.91, 4.95], abs=0.011)
    assert [item.picture.pts for item in frames(items)] == [item.pts for item in frames(items)]
    assert [item.index for item in frames(items)] == list(range(6))
    assert [item.connection for item in frames(items)] == [0, 0, 0, 1, 1, 1]
    sound = [
        float((item.packet.pts or 0) * item.packet.time_base)
        for item in items
        if isinstance(item, CopiedPacket)
    ]
    assert sound == pytest.approx([time + 0.007 for time in times], abs=0.02)
    problems = away.problems
    assert (problems.reconnects, problems.broken_packets) == (1, 2)
    assert problems.lost_seconds == pytest.approx(4.75, abs=0.05)


def test_pauses_grow_until_the_camera_is_given_up(info: SourceInfo, clock: Clock) -> None:
    said: list[str] = []
    away = source(Connection(info, clock), [], patience=100, said=said)
    assert len(frames(list(away))) == 3
    assert sum(clock.pauses) == pytest.approx(100)
    assert clock.pauses[0] == 1
    steps = [after / before for before, after in pairwise(clock.pauses[:9])]
    assert steps == pytest.approx([1.5] * 8)
    assert clock.pauses[9:] == [pytest.approx(100 - sum(clock.pauses[:9]))]
    assert "hung up. Trying again in 1 s." in said[0]
    assert "no route to host. Trying again in 26 s." in said[8]
    assert len(said) == 10
    assert "did not come back within 100 s" in away.problems.given_up
    assert away.problems.given_up in away.problems.sentences()


def test_a_camera_that_comes_back_for_a_moment_only_is_called_less_and_less_often(
    info: SourceInfo, clock: Clock
) -> None:
    calls = [Connection(info, clock), Connection(info, clock), Connection(info, clock, frames=31 * RATE)]
    away = source(Connection(info, clock), [*calls, Connection(info, clock)], patience=20)
    list(away)
    assert clock.pauses[:4] == [1, 1.5, 2.25, 1]


def test_after_a_refusal_minutes_pass() -> None:
    backoff = Backoff()
    assert [backoff.next(refused=True) for _ in range(5)] == [60, 120, 240, 480, 600]
    assert backoff.next(refused=False) == 1
    backoff.lasted(29)
    assert backoff.next(refused=False) == 1.5
    backoff.lasted(31)
    assert (backoff.next(refused=False), backoff.next(refused=True)) == (1, 60)


def test_a_refusal_does_not_end_it(info: SourceInfo, clock: Clock) -> None:
    refused = RefusedError("cam cannot be opened: 401.")
    away = source(Connection(info, clock), [refused, refused, Connection(info, clock)], patience=400)
    assert len(frames(list(away))) == 6
    assert clock.pauses[:3] == [1, 60, 120]


def test_without_patience_it_ends_with_a_sentence(info: SourceInfo, clock: Clock) -> None:
    first = Connection(info, clock)
    first.broken = "no more data"
    away = source(first, [Connection(info, clock)], patience=0)
    assert len(frames(list(away))) == 3
    assert not clock.pauses
    assert away.problems.given_up.startswith("Lost ")
    assert away.problems.given_up.endswith(": no more data.")


@pytest.mark.parametrize(
    "change", [{"width": 32}, {"codec": "hevc"}, {"other_streams": {}}, {"pixel_format": "yuvj420p"}]
)
def test_one_that_comes_back_as_another_is_announced(
    change: dict[str, object], info: SourceInfo, clock: Clock
) -> None:
    first = replace(info, other_streams={1: "aac"})
    other = Connection(replace(first, **change), clock)  # type: ignore[arg-type]
    away = source(Connection(first, clock), [other], patience=2)
    items = list(away)
    (announced,) = [item for item in items if isinstance(item, Reconnected)]
    assert announced.info is other.info is away.info
    assert isinstance(items[items.index(announced) + 1], Frame)
    assert len(frames(items)) == 6
    assert other.closed


def test_a_playlist_that_shows_what_it_showed_before_is_not_back(info: SourceInfo, clock: Clock) -> None:
    playlist = replace(info, format="hls")
    said: list[str] = []
    stale = [Connection(playlist, clock, frames=3, start=2) for _ in range(2)]
    # The third goes on: of its five pictures two are old.
    calls: list[Connection | UnmaskError] = [*stale, Connection(playlist, clock, frames=5, start=3)]
    away = source(Connection(playlist, clock, frames=5), calls, said=said)
    items = list(away)
    assert [item.index for item in frames(items)] == list(range(8))
    assert len([item for item in items if isinstance(item, CopiedPacket)]) == 8
    assert [item.connection for item in frames(items)] == [0] * 5 + [3] * 3
    assert away.problems.reconnects == 1
    assert away.problems.lost_seconds == pytest.approx(1 + 1.5 + 2.25, abs=0.6)
    assert [sentence.split(" Trying")[0] for sentence in said[:3]] == [
        f"Lost {info.uri}: it hung up.",
        f"{info.uri} shows nothing new: it hung up.",
        f"{info.uri} shows nothing new: it hung up.",
    ]
    assert "is back" in said[3]


def test_a_playlist_that_never_goes_on_is_given_up(info: SourceInfo, clock: Clock) -> None:
    playlist = replace(info, format="hls")
    calls: list[Connection | UnmaskError] = [Connection(playlist, clock) for _ in range(100)]
    away = source(Connection(playlist, clock), calls, patience=60.0)
    assert len(frames(list(away))) == 3
    assert calls
    assert "did not come back within 60 s" in away.problems.given_up


def test_what_a_camera_shows_again_is_new(info: SourceInfo, clock: Clock) -> None:
    away = source(Connection(info, clock), [Connection(info, clock)])
    assert len(frames(list(away))) == 6


def test_sound_alone_is_no_sign_of_life(info: SourceInfo, clock: Clock) -> None:
    said: list[str] = []
    frozen = Connection(info, clock, frames=15 * RATE, pictures=3)
    away = source(frozen, [Connection(info, clock)], said=said, patience=2)
    items = list(away)
    assert "no picture came for 10 s" in said[0]
    assert len(frames(items)) == 6
    sound = [item for item in items if isinstance(item, CopiedPacket)]
    assert 10 * RATE <= len(sound) <= 10 * RATE + 10


class Silent(Connection):
    """Brings a frame, and then nothing until it is let go."""

    def __init__(self, info: SourceInfo) -> None:
        super().__init__(info, Clock())
        self.let_go = threading.Event()

    def __iter__(self) -> Iterator[Frame | CopiedPacket]:
        yield Frame(av.VideoFrame(16, 16, "yuv420p"), 0, 0, Fraction(1, RATE), 1, arrival=time.monotonic())
        assert self.let_go.wait(GUARD)


def test_a_read_that_hangs_is_left_alone(info: SourceInfo) -> None:
    first, said = Silent(info), list[str]()
    away = CameraSource(first, lambda: first, CameraOptions(stall=1), 0, said.append)  # type: ignore
    assert len(list(away)) == 1
    assert "nothing came for 1 s" in away.problems.given_up
    assert not first.closed
    first.let_go.set()


@pytest.mark.parametrize("pause", [300.0, 0.0])
def test_it_can_be_closed_in_the_middle_of_a_pause_and_of_a_call(
    pause: float, info: SourceInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, hung_up = threading.Event(), threading.Event()

    def call() -> Connection:
        waiting.set()
        assert hung_up.wait(GUARD)
        return Connection(info, Clock())

    def notify(sentence: str) -> None:
        if pause:
            waiting.set()

    monkeypatch.setattr(Backoff, "next", lambda self, refused: pause)
    first = Connection(info, Clock())
    away = CameraSource(first, call, CameraOptions(), 300, notify)  # type: ignore[arg-type]
    reader = threading.Thread(target=lambda: list(away), daemon=True)
    reader.start()
    assert waiting.wait(GUARD)
    away.close()
    reader.join(GUARD)
    assert not reader.is_alive()
    assert first.closed
    hung_up.set()
