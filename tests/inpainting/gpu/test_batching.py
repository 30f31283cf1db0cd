"""Streams that ask at the same time are served together, each with its own, and none waits for ever."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

import pytest
import torch
from torch import Tensor

from engines.engine import EngineError
from stream_unmask.inpainting.gpu.batching import BatchedNetwork, Batcher, roomy
from stream_unmask.inpainting.gpu.device import CudaEvent, CudaStream, CudaStreams
from tests.inpainting.gpu.engines import FakeDeviceEngine

SIDE = 4
SOON = 60
"""Seconds after which a test has hung."""


class Interrupted(BaseException):
    """As Ctrl-C is: no fault of what was asked for."""


def rows(level: float, count: int = 1) -> Tensor:
    return torch.full((count, 1, SIDE, SIDE), level)


class Gate(FakeDeviceEngine):
    """Doubles its input; while it is closed, whoever runs it stays inside."""

    def __init__(self, max_batch: int = 8) -> None:
        super().__init__(torch.device("cpu"), lambda values: 2 * values, SIDE, (1,), 1, max_batch)
        self.inside, self.open = threading.Event(), threading.Event()
        self.fault: Callable[[Tensor], BaseException | None] = lambda values: None

    def enqueue(self, batch: int, stream: int) -> None:
        self.inside.set()
        assert self.open.wait(SOON)
        fault = self.fault(self._in[0][:batch])
        if fault is not None:
            self.batches.append(-batch)
            raise fault
        super().enqueue(batch, stream)


@dataclass
class Crowd:
    """Threads that ask, each in a stream of its own, while the first is held inside the engine."""

    engine: Gate
    batcher: Batcher
    network: BatchedNetwork
    pool: ThreadPoolExecutor

    def ask(self, values: Tensor, stream: CudaStream | None = None) -> Future[Tensor]:
        """Let one more thread ask, and return when it waits, or is inside."""
        before, is_first = len(self.batcher._waiting), not self.engine.inside.is_set()
        stream = stream or CudaStream(torch.device("cpu"))
        future = self.pool.submit(lambda: self.batcher.run(self.network, stream, values)[0])
        if is_first:
            assert self.engine.inside.wait(SOON)
        elif not self.engine.open.is_set():
            wait_until(lambda: len(self.batcher._waiting) > before)
        return future


def wait_until(condition: Callable[[], bool]) -> None:
    never = threading.Event()
    for _ in range(SOON * 1000):
        if condition():
            return
        never.wait(0.001)
    raise TimeoutError


@contextmanager
def crowd(engine: Gate) -> Iterator[Crowd]:
    with ThreadPoolExecutor(8) as pool:
        try:
            yield Crowd(engine, Batcher(), BatchedNetwork(engine), pool)
        finally:
            engine.open.set()


def test_who_is_alone_goes_straight_through() -> None:
    engine = Gate()
    engine.open.set()
    batcher, network, stream = Batcher(), BatchedNetwork(engine), Waitless(torch.device("cpu"))
    for level in range(5):
        assert torch.equal(batcher.run(network, stream, rows(level))[0], rows(2 * level))
    assert engine.batches == [1] * 5
    assert (network.runs, network.faces) == (5, 5)


class Waitless(CudaStream):
    """A stream whose events nobody may wait for, neither the host nor another stream."""

    def record(self) -> CudaEvent:
        return Never(None)

    def after(self, event: CudaEvent) -> None:
        raise AssertionError


class Never(CudaEvent):
    def wait(self) -> None:
        raise AssertionError


def test_what_is_asked_for_while_a_batch_runs_is_the_next_batch() -> None:
    with crowd(Gate()) as here:
        asked = [here.ask(rows(level, count)) for level, count in ((1, 1), (2, 2), (3, 1), (4, 3))]
        here.engine.open.set()
        made = [future.result(SOON) for future in asked]
    for values, (level, count) in zip(made, ((2, 1), (4, 2), (6, 1), (8, 3)), strict=True):
        assert torch.equal(values, rows(level, count))
    assert here.engine.batches == [1, 6]
    assert (here.network.runs, here.network.faces) == (2, 7)


def test_a_batch_is_no_larger_than_the_engine_takes_and_the_longest_wait_comes_first() -> None:
    with crowd(Gate(max_batch=4)) as here:
        asked = [here.ask(rows(level, count)) for level, count in ((1, 1), (2, 3), (3, 2), (4, 1))]
        here.engine.open.set()
        made = [future.result(SOON) for future in asked]
    assert [float(values[0, 0, 0, 0]) for values in made] == [2, 4, 6, 8]
    assert here.engine.batches == [1, 4, 2]


def test_more_rows_than_the_engine_takes_go_through_it_in_parts() -> None:
    engine = Gate(max_batch=2)
    engine.open.set()
    given = torch.arange(5.0)[:, None, None, None].expand(5, 1, SIDE, SIDE)
    (made,) = Batcher().run(BatchedNetwork(engine), CudaStream(torch.device("cpu")), given)
    assert torch.equal(made, 2 * given)
    assert engine.batches == [2, 2, 1]


def test_an_error_reaches_whoever_asked_for_it_and_nobody_else() -> None:
    with crowd(Gate()) as here:
        here.engine.fault = lambda values: EngineError("Not 13.") if (values == 13).any() else None
        asked = [here.ask(rows(level)) for level in (1, 2, 13, 4)]
        misfit = here.ask(torch.zeros((1, 1, SIDE, SIDE + 1)))
        here.engine.open.set()
        assert [float(asked[k].result(SOON)[0, 0, 0, 0]) for k in (0, 1, 3)] == [2, 4, 8]
        with pytest.raises(EngineError, match="Not 13"):
            asked[2].result(SOON)
        with pytest.raises(RuntimeError):
            misfit.result(SOON)
        here.engine.fault = lambda values: None
        assert float(here.ask(rows(5)).result(SOON)[0, 0, 0, 0]) == 10


def test_an_interrupted_leader_leaves_the_others_to_the_next() -> None:
    faults = iter([Interrupted(), Interrupted()])
    with crowd(Gate()) as here:
        here.engine.fault = lambda values: next(faults, None)
        asked = [here.ask(rows(level)) for level in (1, 2, 3)]
        here.engine.open.set()
        outcomes = [future.exception(SOON) for future in asked]
        assert [type(each) for each in outcomes].count(Interrupted) == 2
        for level, (future, outcome) in enumerate(zip(asked, outcomes, strict=True), start=1):
            if outcome is None:
                assert float(future.result()[0, 0, 0, 0]) == 2 * level
        assert not here.batcher._waiting
        assert float(here.ask(rows(5)).result(SOON)[0, 0, 0, 0]) == 10


def _interrupted_at(function: Callable[..., object], event: str) -> Callable[..., Any]:
    """A trace function that interrupts where a function begins (``call``) or ends (``return``)."""

    def trace(frame: FrameType, happened: str, _: object) -> Any:
        if frame.f_code is function.__code__:
            if happened == event:
                raise Interrupted
            return trace
        return None

    return trace


@pytest.mark.parametrize(
    ("function", "event"),
    [
        (Batcher._is_over, "return"),
        (Batcher._lead, "call"),
        (Batcher._keep_up, "call"),
        (Batcher._take, "call"),
        (Batcher._take, "return"),
        (Batcher._run, "call"),
        (Batcher._run, "return"),
        (Batcher._lead, "return"),
    ],
)
def test_wherever_a_leader_is_interrupted_the_next_one_leads(
    function: Callable[..., object], event: str
) -> None:
    engine = Gate()
    engine.open.set()
    batcher, network = Batcher(), BatchedNetwork(engine)

    def ask(level: float) -> Tensor:
        return batcher.run(network, CudaStream(torch.device("cpu")), rows(level))[0]

    def interrupted() -> None:
        sys.settrace(_interrupted_at(function, event))
        try:
            ask(1)
        finally:
            sys.settrace(None)

    first, second = (Daemon(call) for call in (interrupted, lambda: ask(2)))
    with pytest.raises(Interrupted):
        first.result()
    assert float(second.result()[0, 0, 0, 0]) == 4
    assert not batcher._waiting


class Daemon:
    """A thread that does one thing, and holds nobody up who gives up waiting for it."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work, self._future = work, Future[Any]()

    def result(self) -> Any:
        """Start it, and what it made, or raised."""
        threading.Thread(target=self._run, daemon=True).start()
        return self._future.result(SOON)

    def _run(self) -> None:
        try:
            self._future.set_result(self._work())
        except BaseException as error:
            self._future.set_exception(error)


def test_many_threads_get_what_they_asked_for(device: CudaStreams) -> None:
    batcher = Batcher()
    networks = [
        BatchedNetwork(FakeDeviceEngine(device.torch, lambda values: 2 * values, SIDE, (1,), 1, max_batch))
        for max_batch in (6, 8)
    ]

    def work(number: int) -> bool:
        with CudaStream(device.torch) as stream:
            for step in range(40):
                values = rows(100 * number + step, 1 + (number + step) % 3).to(device.torch)
                (made,) = batcher.run(networks[step % 2], stream, values)
                if not torch.equal(made, 2 * values):
                    return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert all(future.result(SOON) for future in [pool.submit(work, number) for number in range(6)])
    assert sum(network.faces for network in networks) == sum(
        1 + (number + step) % 3 for number in range(6) for step in range(40)
    )


class Noted(CudaEvent):
    """An event that tells of what it is, and that the host waited for it."""

    def __init__(self, name: str, told: list[str]) -> None:
        super().__init__(None)
        self.name, self._told = name, told

    def wait(self) -> None:
        self._told.append(f"host: {self.name}")


class Diary(CudaStream):
    """A stream that notes what it waits for."""

    def __init__(self, name: str, told: list[str]) -> None:
        super().__init__(torch.device("cpu"))
        self._name, self._told, self._events = name, told, 0

    def record(self) -> CudaEvent:
        self._events += 1
        return Noted(f"{self._name}{self._events}", self._told)

    def after(self, event: CudaEvent) -> None:
        assert isinstance(event, Noted)
        self._told.append(f"{self._name}: {event.name}")


def test_streams_wait_for_each_other_and_the_host_only_for_the_batch_before_the_last() -> None:
    told: list[str] = []
    a, b, c = (Diary(name, told) for name in "abc")
    with crowd(Gate()) as here:
        asked = [here.ask(rows(1), a), here.ask(rows(2), b), here.ask(rows(3), c)]
        here.engine.open.set()
        for future in asked:
            future.result(SOON)
        leader, other = ("b", "c") if told[0] == "b: c1" else ("c", "b")
        # Its input, the last use of the buffers, and its results.
        assert told == [f"{leader}: {other}1", f"{leader}: a1", f"{other}: {leader}1"]
        told.clear()
        here.batcher.run(here.network, a, rows(4))
        assert told == ["host: a1", f"a: {leader}1"]


def test_sizes_of_batches_are_few() -> None:
    assert sorted({roomy(rows) for rows in range(1, 33)}) == [1, 2, 3, 4, 6, 8, 12, 16, 24, 32]
    assert all(rows <= roomy(rows) < 1.5 * rows for rows in range(1, 65))
    engine = Gate(max_batch=10)
    engine.open.set()
    BatchedNetwork(engine).prepare(12, CudaStream(torch.device("cpu")))
    assert engine.batches == [1, 2, 3, 4, 6, 8, 10]
