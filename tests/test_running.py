"""The threads around the way of a frame: order, bounds, errors, and the end before the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import av
import pytest

from stream_unmask.report import Stages
from stream_unmask.running import run
from stream_unmask.video.frame import Frame
from stream_unmask.video.info import SourceProblems
from stream_unmask.video.source import CopiedPacket, Item
from tests.support.waiting import GUARD


def frame(index: int) -> Frame:
    return Frame(av.VideoFrame(16, 16, "yuv420p"), index, index, Fraction(1, 25), 1)


class FakeSource:
    """Hands out frames, and remembers how many."""

    info = SimpleNamespace(real_time=False, live=False)
    problems = SourceProblems()

    def __init__(self, count: int, fails_at: int | None = None) -> None:
        self.count, self.fails_at, self.handed_out = count, fails_at, 0

    def __iter__(self) -> Iterator[Item]:
        for index in range(self.count):
            if index == self.fails_at:
                raise ValueError("broken source")
            self.handed_out += 1
            yield frame(index)


class FakeCamera:
    """Takes the next frame, with a packet of sound before it, when it is told to."""

    info = SimpleNamespace(real_time=True, live=True)

    def __init__(self, count: int) -> None:
        self.count, self.handed_out, self.problems = count, 0, SourceProblems()
        self._idle, self._told = threading.Semaphore(0), threading.Semaphore(1)

    def __iter__(self) -> Iterator[Item]:
        for index in range(self.count):
            assert self._told.acquire(timeout=GUARD)
            self.handed_out += 1
            yield CopiedPacket(av.Packet(bytes([index])), 1)
            yield frame(index)
            self._idle.release()

    def go_on(self, frames: int) -> None:
        """Take so many frames, and return when all of them were handed out."""
        for _ in range(min(frames, self.count - self.handed_out)):
            assert self._idle.acquire(timeout=GUARD)
            self._told.release()
        assert self._idle.acquire(timeout=GUARD)
        self._idle.release()


class FakeSink:
    def __init__(self, on_write: Callable[[Item], None] = lambda item: None) -> None:
        self.indices: list[int] = []
        self.on_write = on_write

    def write(self, item: Item) -> None:
        self.on_write(item)
        assert isinstance(item, Frame)
        self.indices.append(item.index)


def go(
    source: FakeSource, sink: FakeSink, process: Callable[[Frame], Frame] = lambda f: f, **kwargs: object
) -> bool:
    stop = kwargs.get("stop", threading.Event())
    return run(source, sink, lambda f: [process(f)], Stages(), stop)  # type: ignore[arg-type]


def test_everything_arrives_in_order() -> None:
    sink = FakeSink()
    assert go(FakeSource(50), sink) is False
    assert sink.indices == list(range(50))


def test_the_time_of_every_stage_is_added_up() -> None:
    stages = Stages()
    run(FakeSource(5), FakeSink(), lambda f: [f], stages, threading.Event())  # type: ignore[arg-type]
    assert stages.runs["compute"] == stages.runs["encode"] == 5
    assert all(seconds > 0 for seconds in stages.seconds.values())


def test_a_slow_sink_holds_the_source_back() -> None:
    source, gate = FakeSource(100), threading.Event()
    ahead: list[int] = []

    def wait_once(item: Item) -> None:
        if not gate.is_set():
            gate.wait(0.5)
            ahead.append(source.handed_out)
            gate.set()

    go(source, FakeSink(wait_once))
    assert ahead[0] < 15


@pytest.mark.parametrize("where", ["source", "process", "sink"])
def test_an_error_in_any_thread_reaches_the_caller(where: str) -> None:
    def fail(item: object) -> Any:
        raise ValueError(f"broken {where}")

    source = FakeSource(30, fails_at=9 if where == "source" else None)
    sink = FakeSink(fail if where == "sink" else lambda item: None)
    before = set(threading.enumerate())
    with pytest.raises(ValueError, match=f"broken {where}"):
        go(source, sink, fail if where == "process" else lambda f: f)
    left = set(threading.enumerate()) - before
    assert not {"decode", "encode"} & {thread.name for thread in left}


def test_what_came_before_a_broken_source_is_written() -> None:
    sink = FakeSink()
    with pytest.raises(ValueError, match="broken source"):
        go(FakeSource(30, fails_at=9), sink)
    assert sink.indices == list(range(9))


def test_asked_to_stop_it_ends_and_keeps_what_was_processed() -> None:
    stop, processed, sink = threading.Event(), [], FakeSink()

    def process(item: Frame) -> Frame:
        processed.append(item.index)
        if item.index == 20:
            stop.set()
        return item

    assert go(FakeSource(10**9), sink, process, stop=stop) is True
    assert sink.indices == processed == list(range(21))


def test_ctrl_c_in_the_callers_thread_is_a_stop() -> None:
    sink = FakeSink()

    def process(item: Frame) -> Frame:
        if item.index == 7:
            raise KeyboardInterrupt
        return item

    assert go(FakeSource(10**9), sink, process) is True
    assert sink.indices == list(range(7))


def live(
    camera: FakeCamera, process: Callable[[Frame], Frame], on_write: Callable[[Frame], None]
) -> tuple[list[int], list[int]]:
    """Run to the end; the frames and the packets that were written."""
    frames: list[int] = []
    packets: list[int] = []

    def write(item: Item) -> None:
        if isinstance(item, Frame):
            on_write(item)
            frames.append(item.pts)
        elif isinstance(item, CopiedPacket):
            packets.append(bytes(item.packet)[0])

    sink = SimpleNamespace(write=write)
    run(camera, sink, lambda f: [process(f)], Stages(), threading.Event())  # type: ignore[arg-type]
    return frames, packets


def test_who_is_slower_than_a_camera_gets_its_newest_frame_and_all_of_the_sound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Among the packets of minutes nothing is looked for: it would take longer than a frame lasts.
    monkeypatch.setattr(Frame, "__eq__", lambda one, other: pytest.fail("frames are compared"))
    camera = FakeCamera(41)

    def process(item: Frame) -> Frame:
        camera.go_on(5)
        return item

    frames, packets = live(camera, process, lambda item: None)
    # A burst would be waited for; it is not one, and from then on there is only the newest frame.
    assert frames[:5] == [0, 1, 2, 3, 20]
    assert frames[5:] == list(range(25, 41, 5))
    assert camera.problems.dropped == 41 - len(frames)
    assert packets == list(range(41))


class LateCamera(FakeCamera):
    """Its frames came two seconds ago."""

    def __iter__(self) -> Iterator[Item]:
        for item in super().__iter__():
            if isinstance(item, Frame):
                item.arrival = time.monotonic() - 2
            yield item


def test_of_few_frames_that_have_waited_long_only_the_newest_is_taken() -> None:
    camera = LateCamera(21)

    def process(item: Frame) -> Frame:
        camera.go_on(5)
        return item

    frames, packets = live(camera, process, lambda item: None)
    assert frames == [0, 5, 10, 15, 20]
    assert packets == list(range(21))


def test_frames_that_come_in_bursts_are_all_taken_if_there_is_time() -> None:
    camera = FakeCamera(81)
    taken: list[int] = []

    def process(item: Frame) -> Frame:
        taken.append(item.index)
        if len(taken) % 8 == 1:
            camera.go_on(8)
        return item

    frames, _ = live(camera, process, lambda item: None)
    assert frames == taken == list(range(81))
    assert camera.problems.dropped == 0


def test_an_encoder_slower_than_a_camera_builds_up_no_delay() -> None:
    camera = FakeCamera(201)
    late: list[int] = []

    def encode(item: Frame) -> None:
        camera.go_on(10)
        late.append(camera.handed_out - item.index)

    frames, packets = live(camera, lambda item: item, encode)
    assert frames == sorted(set(frames))
    assert max(late) <= 40
    assert camera.problems.dropped == 201 - len(frames) > 100
    assert packets == list(range(201))


class SilentCamera(FakeCamera):
    """Has one frame, and then nothing until it is woken."""

    def __init__(self) -> None:
        super().__init__(1)
        self.woken = threading.Event()

    def __iter__(self) -> Iterator[Item]:
        yield frame(0)
        assert self.woken.wait(GUARD)


def test_a_camera_that_is_silent_is_not_waited_for() -> None:
    camera, stop, sink = SilentCamera(), threading.Event(), FakeSink()

    def process(item: Frame) -> list[Frame]:
        stop.set()
        return [item]

    assert run(camera, sink, process, Stages(), stop)  # type: ignore[arg-type]
    assert sink.indices == [0]
    assert not camera.woken.is_set()
    camera.woken.set()


class Held:
    """Holds two frames back, as a GPU does."""

    def __init__(self, ends_at: int | None = None) -> None:
        self.frames: list[Frame] = []
        self.ends_at = ends_at

    def process(self, item: Frame) -> list[Frame]:
        if item.index == self.ends_at:
            raise KeyboardInterrupt
        self.frames.append(item)
        return [self.frames.pop(0)] if len(self.frames) > 2 else []

    def drain(self) -> list[Frame]:
        self.frames, left = [], self.frames
        return left


@pytest.mark.parametrize("frames", [0, 1, 2, 50])
def test_frames_held_back_arrive_in_the_end(frames: int) -> None:
    held, sink = Held(), FakeSink()
    run(FakeSource(frames), sink, held.process, Stages(), threading.Event(), held.drain)  # type: ignore[arg-type]
    assert sink.indices == list(range(frames))


def test_frames_held_back_arrive_when_it_is_stopped_or_the_source_breaks() -> None:
    held, sink = Held(ends_at=9), FakeSink()
    assert run(FakeSource(50), sink, held.process, Stages(), threading.Event(), held.drain)  # type: ignore[arg-type]
    assert sink.indices == list(range(9))
    held, sink = Held(), FakeSink()
    with pytest.raises(ValueError, match="broken source"):
        run(FakeSource(50, 9), sink, held.process, Stages(), threading.Event(), held.drain)  # type: ignore[arg-type]
    assert sink.indices == list(range(9))


def test_a_sink_that_breaks_while_frames_are_held_back_is_told() -> None:
    def fail(item: object) -> Any:
        raise ValueError("broken sink")

    held = Held()
    with pytest.raises(ValueError, match="broken sink"):
        run(FakeSource(2), FakeSink(fail), held.process, Stages(), threading.Event(), held.drain)  # type: ignore[arg-type]
