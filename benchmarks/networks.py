"""The networks alone: how long an engine segments and generates a batch of faces.

Runs in a process of its own, as :mod:`benchmarks.latency` does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.spread import Spread
from engines import DeviceEngine, Engine, Precision, load_network
from engines.backends.openvino_cpu import multiply_adds
from engines.backends.tensorrt.cuda import CudaStream
from engines.contract import GENERATOR, SEGMENTER, read_weights
from engines.parity import pictures
from stream_unmask.bundled import BUNDLED_WEIGHTS

_WARM_UPS = 3
_LEAST_RUNS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """What is measured.

    Attributes:
        backend: what runs the networks.
        precision: what they compute in.
        threads: CPU threads for each, 0 for all.
        sizes: faces in a batch; those that the engine cannot take give way to the most that it takes.
        seconds: how long each size is measured.
        weights: folder of the networks.
    """

    backend: str
    precision: Precision
    threads: int
    sizes: tuple[int, ...]
    seconds: float = 2.0
    weights: Path = BUNDLED_WEIGHTS

    def __str__(self) -> str:
        return f"the networks with {self.backend}"


@dataclass(frozen=True, slots=True)
class BatchTime:
    """One size of batch.

    Attributes:
        batch: faces.
        segment: a run of the segmenter.
        generate: a run of the generator.
        both: one after the other.
        faces_per_second: that both do, by the median.
        gflops: thousands of millions of multiplications and additions a second in both, by the median.
    """

    batch: int
    segment: Spread
    generate: Spread
    both: Spread
    faces_per_second: float
    gflops: float


@dataclass(frozen=True, slots=True)
class NetworkTimes:
    """What came of it.

    Attributes:
        engine: what ran the networks.
        max_batch: faces that it takes at once.
        gmacs: thousands of millions of multiply-adds a face, of each network; half of what is counted as
            ``gflops``.
        times: for each size of batch, in ascending order.
    """

    engine: str
    max_batch: int
    gmacs: dict[str, float]
    times: list[BatchTime]


def measure(batches: Batches) -> NetworkTimes:
    """Load both networks and time them. Data are where the engine wants them, and each run is waited for.

    Raises:
        EngineError: the backend cannot run here.
    """
    gmacs: dict[str, float] = {
        each.name: multiply_adds(read_weights(batches.weights, each).path) / 1e9
        for each in (SEGMENTER, GENERATOR)
    }
    segmenter, generator = (
        load_network(
            batches.weights,
            each,
            backend=batches.backend,
            threads=batches.threads,
            precision=batches.precision,
        )
        for each in (SEGMENTER, GENERATOR)
    )
    most = min(segmenter.max_batch, generator.max_batch)
    sizes = sorted({min(size, most) for size in batches.sizes})
    gmac = sum(gmacs.values())
    times = [time_batch((segmenter, generator), size, gmac, batches.seconds) for size in sizes]
    return NetworkTimes(segmenter.description, most, gmacs, times)


def time_batch(engines: tuple[Engine, Engine], batch: int, gmac: float, seconds: float) -> BatchTime:
    """Time segmenter and generator, in turns, on a batch.

    Args:
        engines: both.
        batch: faces.
        gmac: thousands of millions of multiply-adds a face of both networks together.
        seconds: how long.
    """
    segment, generate = (_runner(engine, batch) for engine in engines)
    for _ in range(_WARM_UPS):
        segment()
        generate()
    laps: list[tuple[float, float, float]] = []
    end = time.perf_counter() + seconds
    while len(laps) < _LEAST_RUNS or time.perf_counter() < end:
        begun = time.perf_counter()
        segment()
        between = time.perf_counter()
        generate()
        done = time.perf_counter()
        laps.append((between - begun, done - between, done - begun))
    segments, generates, both = _spreads(laps)
    rate = 1000 * batch / both.p50
    return BatchTime(batch, segments, generates, both, rate, 2 * gmac * rate)


def _spreads(laps: list[tuple[float, float, float]]) -> Iterator[Spread]:
    for durations in zip(*laps, strict=True):
        spread = Spread.of(durations)
        assert spread is not None
        yield spread


def _runner(engine: Engine, batch: int) -> Callable[[], object]:
    """What runs an engine on a batch and waits for it."""
    given = [pictures((batch, *port.shape[1:]), seed) for seed, port in enumerate(engine.inputs)]
    # The first run of a size prepares it, and leaves the pictures in the buffers of an engine on a device:
    # zeros would cost it less power, and so less time.
    engine.run(*given)
    if not isinstance(engine, DeviceEngine):
        return lambda: engine.run(*given)
    if engine.device == "cpu":
        return lambda: engine.enqueue(batch, 0)
    stream = CudaStream()

    def run() -> None:
        engine.enqueue(batch, stream.handle)
        stream.synchronize()

    return run
