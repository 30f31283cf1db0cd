"""The threads around the way of a frame: order, bounds, errors, and the end before the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from fractions import Fraction

import av
import pytest

from stream_unmask.report import Stages
from stream_unmask.running import Item, run
from stream_unmask.video.frame import Frame


def frame(index: int) -> Frame:
    return Frame(av.VideoFrame(16, 16, "yuv420p"), index, index, Fraction(1, 25), 1)


class FakeSource:
    """Hands out frames, and remembers how many."""

    def __init__(self, count: int, fails_at: int | None = None) -> None:
        self.count, self.fails_at, self.handed_out = count, fails_at, 0

    def __iter__(self) -> Iterator[Item]:
        for index in range(self.count):
            if index == self.fails_at:
                raise ValueError("broken source")
            self.handed_out += 1
            yield frame(index)


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
    return run(source, sink, process, Stages(), stop)  # type: ignore[arg-type]


def test_everything_arrives_in_order() -> None:
    sink = FakeSink()
    assert go(FakeSource(50), sink) is False
    assert sink.indices == list(range(50))


def test_the_time_of_every_stage_is_added_up() -> None:
    stages = Stages()
    run(FakeSource(5), FakeSink(), lambda f: f, stages, threading.Event())  # type: ignore[arg-type]
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
    def fail(item: object) -> Frame:
        raise ValueError(f"broken {where}")

    source = FakeSource(30, fails_at=9 if where == "source" else None)
    sink = FakeSink(fail if where == "sink" else lambda item: None)
    with pytest.raises(ValueError, match=f"broken {where}"):
        go(source, sink, fail if where == "process" else lambda f: f)
    assert not {"decode", "encode"} & {thread.name for thread in threading.enumerate()}


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
