"""The networks alone as PyTorch runs them on a GPU, each way of doing so by itself: which one pays?

Without a GPU the CPU plays one, with one face, so that all this can be tried.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from unittest.mock import patch

import torch

from benchmarks.networks import BatchTime, time_batch
from engines.backends.onnxruntime_cpu import ONNXRuntimeEngine
from engines.backends.pytorch_cuda import Computed, PyTorchEngine
from engines.backends.pytorch_graph import OnnxModule
from engines.engine import EngineError
from engines.parity import compare
from stream_unmask.bundled import BUNDLED_WEIGHTS

_NAMES = ("segmenter", "generator")
_QUEUED = 50
"""Runs that are queued at once to see what the GPU does while the host does not hold it up."""


@dataclass(frozen=True, slots=True)
class NetworkWay:
    """How the networks are run.

    Attributes:
        precision: what they compute in.
        fused: a convolution and its ReLU in one kernel.
        graphs: recorded, or launched kernel by kernel.
        sizes: of batches.
    """

    precision: Computed
    fused: bool = True
    graphs: bool = True
    sizes: tuple[int, ...] = (1, 4, 32)

    def __str__(self) -> str:
        kernels = "fused" if self.fused else "plain"
        return f"{self.precision}, {kernels}, {'graphs' if self.graphs else 'no graphs'}"


_ALL_SIZES = (1, 2, 4, 8, 16, 32)
WAYS = (
    NetworkWay("fp16", sizes=_ALL_SIZES),
    NetworkWay("fp16", fused=False, sizes=_ALL_SIZES),
    NetworkWay("bf16"),
    NetworkWay("bf16", fused=False),
    NetworkWay("fp16", graphs=False),
    NetworkWay("fp32"),
)
WAYS_ON_CPU = (NetworkWay("fp32", sizes=(1,)), NetworkWay("fp32", fused=False, sizes=(1,)))


@dataclass(frozen=True, slots=True)
class WayResult:
    """What came of one way.

    Attributes:
        way: which.
        load_seconds: until both networks had run once.
        differs: from ONNX Runtime: the largest difference of a value, or why it is too large, by network.
        times: of each size of batch, each run waited for.
        queued_faces_per_second: by size of batch, where runs are queued without waiting.
    """

    way: str
    load_seconds: float
    differs: dict[str, float | str]
    times: list[BatchTime]
    queued_faces_per_second: dict[int, float]


def measure(target: Path, say: Callable[[str], None], *, seconds: float = 0.3) -> None:
    """Measure every way that this machine has, the likeliest first.

    Args:
        target: JSON file, written anew after each way: what ends the measurement takes nothing away.
        say: told of each way.
        seconds: for each size of batch.
    """
    on_gpu = torch.cuda.is_available()
    name = torch.cuda.get_device_name() if on_gpu else "the CPU"
    ways: list[dict[str, object]] = []
    found = {"device": name, "torch": torch.__version__, "ways": ways}
    for way in WAYS if on_gpu else WAYS_ON_CPU:
        try:
            one = _measure(way, "cuda" if on_gpu else "cpu", seconds)
        except (EngineError, RuntimeError) as error:
            say(f"{way}: {error}")
            ways.append({"way": str(way), "error": str(error)})
        else:
            ways.append(asdict(one))
            for each in one.times:
                queued = one.queued_faces_per_second[each.batch]
                both = f"p50 {each.both.p50:.3f} ms, p95 {each.both.p95:.3f} ms"
                say(f"{way}, {each.batch} faces: {both}, queued {queued:.0f} faces/s")
        target.write_text(json.dumps(found, indent=1))


def _measure(way: NetworkWay, device: str, seconds: float) -> WayResult:
    begun = time.perf_counter()
    with _as_asked(way):
        segmenter, generator = engines = [
            PyTorchEngine(BUNDLED_WEIGHTS / f"{name}.onnx", precision=way.precision, device=device)
            for name in _NAMES
        ]
    if not way.graphs:
        for engine in engines:
            engine._graphs = None
    load_seconds = time.perf_counter() - begun
    differs = {name: _difference(name, engine, way) for name, engine in zip(_NAMES, engines, strict=True)}
    times, queued = [], {}
    for size in way.sizes:
        times.append(time_batch((segmenter, generator), size, 0.0, seconds))
        queued[size] = _queued(engines, size)
    return WayResult(str(way), load_seconds, differs, times, queued)


@contextmanager
def _as_asked(way: NetworkWay) -> Iterator[None]:
    if way.fused:
        yield
        return
    with patch.object(OnnxModule, "fuse", lambda _: None):
        yield


def _difference(name: str, engine: PyTorchEngine, way: NetworkWay) -> float | str:
    reference = ONNXRuntimeEngine(BUNDLED_WEIGHTS / f"{name}.onnx", 0)
    try:
        return compare(engine, reference, way.sizes, way.precision).worst
    except EngineError as error:
        return str(error)


def _queued(engines: list[PyTorchEngine], size: int) -> float:
    """Faces a second through both networks, without a wait in between."""
    stream = torch.cuda.Stream() if torch.cuda.is_available() else None  # type: ignore[no-untyped-call]
    begun = time.perf_counter()
    runs = _QUEUED if stream is not None else 1
    for _ in range(runs):
        for engine in engines:
            engine.enqueue(size, 0 if stream is None else stream.cuda_stream)
    if stream is not None:
        stream.synchronize()
    return runs * size / (time.perf_counter() - begun)
