"""What several streams ask of the networks on one device, in batches that form by themselves.

A thread that is alone goes straight through. Where there are several, what they ask for while the device is
busy is gathered and runs as one batch as soon as it is not: batches grow with the load, and no timer holds
anything up. There is no thread of its own for that: one of those who ask works for all who wait (flat
combining: Hendler et al., "Flat Combining and the Synchronization-Parallelism Tradeoff", 2010).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engines.engine import DeviceEngine
from stream_unmask.inpainting.gpu.device import CudaEvent, CudaStream

_AHEAD = 1
"""Batches that may wait on the device for the one that it runs. It is never idle then; with more, what is
asked for meanwhile would come too late to join them."""


class BatchedNetwork:
    """A network on a device, and views of its engine's buffers.

    Attributes:
        side: of its pictures in pixels.
        most: rows that it takes at once.
        runs: batches so far.
        faces: rows in them.
    """

    def __init__(self, engine: DeviceEngine) -> None:
        self._engine = engine
        self._given, self._made = (
            tuple(torch.as_tensor(buffer, device=engine.device) for buffer in buffers)
            for buffers in engine.on_device()
        )
        self.side = engine.inputs[0].shape[-1]
        self.most = engine.max_batch
        self.runs = self.faces = 0

    def room(self, rows: int) -> tuple[Tensor, ...]:
        """Memory for what it makes of so many rows, of the stream in use."""
        return tuple(torch.empty((rows, *each.shape[1:]), device=each.device) for each in self._made)

    @torch.inference_mode()
    def run(self, requests: Sequence[Request], stream: CudaStream) -> None:
        """Queue one run over all rows of the requests, ``most`` in all, in a stream, which is in use."""
        rows = sum(map(len, requests))
        for each, place in _places(requests):
            for buffer, values in zip(self._given, each.given, strict=True):
                buffer[place].copy_(values)
        self._engine.enqueue(min(roomy(rows), self.most), stream.handle)
        for each, place in _places(requests):
            for buffer, values in zip(self._made, each.made, strict=True):
                values.copy_(buffer[place])
        self.runs += 1
        self.faces += rows

    def prepare(self, rows: int, stream: CudaStream) -> None:
        """Run batches of every size up to so many rows: an engine's first run of each is slow."""
        for size in sorted({min(roomy(count), self.most) for count in range(1, rows + 1)}):
            self._engine.enqueue(size, stream.handle)


@dataclass(slots=True, eq=False)
class Request:
    """Rows for a network.

    Attributes:
        network: which.
        stream: whoever asks uses the tensors in it.
        given: (n, C, H, W) for each input.
        made: (n, C, H, W) for each output; written when it is ``over``.
        over: it is queued, or has failed.
        error: why.
    """

    network: BatchedNetwork
    stream: CudaStream
    given: tuple[Tensor, ...]
    made: tuple[Tensor, ...]
    over: bool = False
    error: Exception | None = None

    def __len__(self) -> int:
        return len(self.given[0])


class Batcher:
    """Runs the networks of one device for the threads of several streams."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[Request] = []
        self._leader: Request | None = None
        self._taken: list[Request] = []
        self._last: tuple[CudaStream, CudaEvent] | None = None
        self._under_way: deque[tuple[CudaStream, CudaEvent]] = deque()

    def run(self, network: BatchedNetwork, stream: CudaStream, *given: Tensor) -> tuple[Tensor, ...]:
        """Queue a network over some rows, maybe together with those of others.

        Blocks only while others make the device busy.

        Args:
            network: which.
            stream: which the caller has in use; what it queues next waits for the results.
            given: (n, C, H, W) for each of the network's inputs.

        Returns:
            (n, C, H, W) for each of its outputs, as the engine made them.

        Raises:
            EngineError: the engine cannot run these rows.
        """
        made = network.room(len(given[0]))
        for part in _parts(len(given[0]), network.most):
            self._ask(Request(network, stream, _cut(given, part), _cut(made, part)))
        return made

    def _ask(self, request: Request) -> None:
        try:
            with self._changed:
                self._waiting.append(request)
            while not self._is_over(request):
                self._lead(request.stream)
                self._retire(request)
        finally:
            self._retire(request)  # wherever it was interrupted
            with self._changed:
                # Of one that was interrupted; where others have begun on it, its results go nowhere.
                self._waiting = [each for each in self._waiting if each is not request]
        if request.error is not None:
            raise request.error

    def _is_over(self, request: Request) -> bool:
        """Wait while somebody leads; if the request is not over then, the caller leads."""
        with self._changed:
            self._changed.wait_for(lambda: request.over or self._leader is None)
            if not request.over:
                self._leader = request
            return request.over

    def _lead(self, stream: CudaStream) -> None:
        """Run one batch of what waits."""
        self._keep_up(stream)
        with self._changed:
            batch = self._take()
        self._run(stream, batch)

    def _retire(self, request: Request) -> None:
        """Let another lead, if the caller did; what one that was interrupted has not done is for the next."""
        with self._changed:
            if self._leader is request:
                self._waiting[:0] = [each for each in self._taken if not each.over]
                self._taken, self._leader = [], None
                self._changed.notify_all()

    def _keep_up(self, stream: CudaStream) -> None:
        """Wait for the device where others keep it busy, too. What is asked for meanwhile joins the batch."""
        while len(self._under_way) > _AHEAD:
            alone = all(leader is stream for leader, _ in self._under_way)
            _, done = self._under_way.popleft()
            if not alone:
                done.wait()

    def _take(self) -> list[Request]:
        """The request that has waited longest, and those that fit into one batch with it."""
        network, rows, batch = self._waiting[0].network, 0, []
        for each in self._waiting:
            if each.network is network and rows + len(each) <= network.most:
                batch.append(each)
                rows += len(each)
        rest = [each for each in self._waiting if each not in batch]
        self._taken, self._waiting = batch, rest
        return batch

    def _run(self, stream: CudaStream, batch: Sequence[Request]) -> None:
        try:
            self._queue(stream, batch)
        except Exception as error:
            if len(batch) > 1:
                # Whoever asked for what cannot be done shall hear of it, and nobody else.
                for each in batch:
                    self._run(stream, [each])
                return
            batch[0].error = error
        for each in batch:
            each.over = True

    def _queue(self, stream: CudaStream, batch: Sequence[Request]) -> None:
        """Queue a batch in the leader's stream, after what it needs and before what needs it."""
        others = [each.stream for each in batch if each.stream is not stream]
        for each in others:
            stream.after(each.record())
        if self._last is not None and self._last[0] is not stream:
            stream.after(self._last[1])  # it used the same buffers
        try:
            with stream:
                batch[0].network.run(batch, stream)
        finally:
            done = stream.record()
            self._last = stream, done
            self._under_way.append(self._last)
            for each in others:
                each.after(done)


def roomy(rows: int) -> int:
    """The size of the batch for so many rows: 1, 2, 3, 4, 6, 8, 12, 16, 24 and so on.

    Each size costs an engine a graph and its first run much time; less than a third of a batch is empty.
    """
    step = 1 << max(0, (rows - 1).bit_length() - 2)
    return -(-rows // step) * step


def _places(requests: Sequence[Request]) -> Iterator[tuple[Request, slice]]:
    """Each request, and its rows in the batch."""
    start = 0
    for each in requests:
        yield each, slice(start, start + len(each))
        start += len(each)


def _parts(rows: int, most: int) -> Iterator[slice]:
    for start in range(0, rows, most):
        yield slice(start, min(start + most, rows))


def _cut(tensors: Sequence[Tensor], part: slice) -> tuple[Any, ...]:
    return tuple(each[part] for each in tensors)
