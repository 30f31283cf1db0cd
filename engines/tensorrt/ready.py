"""The way of an engine: planned, built, checked against ONNX Runtime, kept, loaded."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engines.engine import EngineError
from engines.onnxruntime_cpu import ONNXRuntimeEngine
from engines.tensorrt.build import build
from engines.tensorrt.cache import EngineCache, Entry
from engines.tensorrt.flavour import Flavour, find_flavour
from engines.tensorrt.parity import Agreement, compare
from engines.tensorrt.plan import BuildOptions, Machine, Plan, fingerprint, this_machine
from engines.tensorrt.run import Program, TensorRTEngine

Say = Callable[[str], None]
"""Takes a sentence for the user."""

_loaded: weakref.WeakValueDictionary[str, Program] = weakref.WeakValueDictionary()
_loading = threading.Lock()


@dataclass(frozen=True, slots=True)
class Order:
    """A network to build an engine of.

    Attributes:
        path: its ``.onnx`` file.
        precision: what it computes in, ``fp32``, ``fp16`` or ``int8``.
    """

    path: Path
    precision: str = "fp32"


def make_ready(order: Order, options: BuildOptions, cache: EngineCache, say: Say) -> Entry:
    """Build an engine, or find the one that is kept. Another process that builds the same is waited for.

    Args:
        order: the network.
        options: how to build.
        cache: where engines are kept.
        say: told what goes on.

    Raises:
        EngineError: there is no TensorRT or GPU, or the build or its check fails; nothing is kept then.
    """
    machine = this_machine()
    plan = Plan(fingerprint(order.path), order.precision, options, machine)
    name = order.path.stem
    with cache.locked(plan, lambda: say(f"{name}: another process is building it; waiting.")):
        kept = cache.find(plan)
        if kept is not None:
            try:
                agreement = verify(kept, order.path, cache)
            except EngineError as error:
                say(f"{name}: {error} It is built again.")
            else:
                # Written again as the newest, which is the one that is used.
                return cache.write(name, plan, cache.read(kept), kept.seconds, agreement)
        return _build(order, plan, cache, find_flavour())


def _build(order: Order, plan: Plan, cache: EngineCache, flavour: Flavour) -> Entry:
    begun = time.monotonic()
    content, timing = build(order.path, plan.options, flavour, cache.timing(plan.machine))
    seconds = time.monotonic() - begun
    if timing:
        cache.keep_timing(plan.machine, timing)
    agreement = _check(Program(content, flavour), order.path, plan)
    return cache.write(order.path.stem, plan, content, seconds, agreement)


def verify(entry: Entry, network: Path, cache: EngineCache) -> Agreement:
    """Load a kept engine and compare it with ONNX Runtime again.

    Raises:
        EngineError: it is damaged, cannot be loaded, or computes something else than the network.
    """
    return _check(Program(cache.read(entry), find_flavour()), network, entry.plan)


def _check(program: Program, network: Path, plan: Plan) -> Agreement:
    batches = tuple(sorted({1, plan.options.tuned_batch, plan.options.max_batch}))
    return compare(TensorRTEngine(program, ""), ONNXRuntimeEngine(network, 0), batches, plan.precision)


def kept_engine(network: str, machine: Machine, cache: EngineCache) -> Entry | None:
    """The engine to run a network with: of those made of it on this machine, the one built last.

    Args:
        network: sha256 of the network's file, in hex.
        machine: this machine.
        cache: where engines are kept.
    """
    fitting = (
        entry for entry in cache.entries() if entry.plan.network == network and entry.plan.machine == machine
    )
    return next(fitting, None)


def why_not(network: Path) -> str | None:
    """Why TensorRT cannot run a network here, in one sentence; None if it can."""
    try:
        if kept_engine(fingerprint(network), this_machine(), EngineCache()) is None:
            return f"No engine of {network.name} is built here: run `stream-unmask engines build`."
    except EngineError as error:
        return str(error)
    return None


def load(network: Path) -> TensorRTEngine:
    """Load the kept engine of a network, for the calling thread.

    Raises:
        EngineError: there is no TensorRT, GPU or engine, or the engine cannot be loaded.
    """
    machine = this_machine()
    cache = EngineCache()
    entry = kept_engine(fingerprint(network), machine, cache)
    if entry is None:
        raise EngineError(f"No engine of {network.name} is built here: run `stream-unmask engines build`.")
    with _loading:
        # Weights and kernels are on the GPU once, however many streams run them.
        program = _loaded.get(entry.sha256)
        if program is None:
            try:
                program = Program(cache.read(entry), find_flavour())
            except EngineError as error:
                raise EngineError(f"{error} Run `stream-unmask engines build` to mend it.") from error
            _loaded[entry.sha256] = program
    title = "TensorRT for RTX" if machine.flavour == "tensorrt_rtx" else "TensorRT"
    plan = entry.plan
    return TensorRTEngine(
        program, f"{title} {machine.version} on {machine.gpu.name}, {plan.precision}, CUDA graphs"
    )
