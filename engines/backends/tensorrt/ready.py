"""The way of an engine: planned, built, checked against ONNX Runtime, kept, loaded."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from engines.backends.onnxruntime_cpu import ONNXRuntimeEngine
from engines.backends.tensorrt.build import build
from engines.backends.tensorrt.cache import CachedEngine, EngineCache
from engines.backends.tensorrt.flavour import Flavour, find_flavour
from engines.backends.tensorrt.plan import BuildOptions, Machine, Plan, fingerprint, this_machine
from engines.backends.tensorrt.refit import refit
from engines.backends.tensorrt.run import Program, TensorRTEngine
from engines.contract import WeightsFile
from engines.engine import EngineError
from engines.parity import Agreement, compare

Say = Callable[[str], None]
"""Takes a sentence for the user."""

_loaded: weakref.WeakValueDictionary[str, Program] = weakref.WeakValueDictionary()
_loading = threading.Lock()

_BUILD = "stream-unmask engines build"
"""What builds the engine that is missing."""


def plan_for(weights: WeightsFile, network: str, options: BuildOptions) -> Plan:
    """What decides the engine of a network's file on this machine.

    Args:
        weights: the file to compile.
        network: sha256 of the network's fp32 file, in hex.
        options: how to build.

    Raises:
        EngineError: TensorRT is not installed, or there is no usable GPU.
    """
    return Plan(network, weights.sha256, weights.precision, options, this_machine())


def make_ready(path: Path, plan: Plan, cache: EngineCache, say: Say) -> CachedEngine:
    """Build an engine, or find the one that is kept. Another process that builds the same is waited for.

    Args:
        path: the file to compile.
        plan: what :func:`plan_for` made of it.
        cache: where engines are kept.
        say: told what goes on.

    Raises:
        EngineError: the build or its check fails; nothing is kept then.
    """
    name = _name(path)
    with cache.locked(plan, lambda: say(f"{name}: another process is building it; waiting.")):
        kept = cache.find(plan)
        if kept is not None:
            try:
                agreement = verify(kept, path, cache)
            except EngineError as error:
                say(f"{name}: {error} It is built again.")
            else:
                # Written again as the newest, which is the one that is used.
                return cache.write(name, plan, cache.read(kept), kept.seconds, agreement)
        say(f"{name}: building; this may take minutes.")
        return _build(path, plan, cache, find_flavour())


def _name(path: Path) -> str:
    """The network's name, for people: without the precision that may follow it."""
    return path.name.partition(".")[0]


def _build(path: Path, plan: Plan, cache: EngineCache, flavour: Flavour) -> CachedEngine:
    begun = time.monotonic()
    for similar in _similar(plan, cache):
        try:
            content = refit(cache.read(similar), path, flavour)
            return _keep(path, plan, cache, content, begun)
        except EngineError:
            continue  # another architecture: only a build will do
    content, timing = build(path, plan.options, flavour, cache.timing(plan.machine))
    if timing:
        cache.keep_timing(plan.machine, timing)
    return _keep(path, plan, cache, content, begun)


def _keep(path: Path, plan: Plan, cache: EngineCache, content: bytes, begun: float) -> CachedEngine:
    """Keep an engine that has been built since ``begun``, if it computes what it should."""
    seconds = time.monotonic() - begun
    program = Program(content, find_flavour())
    agreement = _check(program, path, plan)
    if kernels := program.kernels():
        cache.keep_kernels(plan, kernels)
    return cache.write(_name(path), plan, content, seconds, agreement)


def _similar(plan: Plan, cache: EngineCache) -> list[CachedEngine]:
    """Kept engines that differ from the plan in their weights only, as far as can be told without trying."""
    if not plan.options.refittable:
        return []
    return [
        entry
        for entry in cache.entries()
        if replace(entry.plan, network=plan.network, file=plan.file) == plan and entry.plan != plan
    ]


def verify(entry: CachedEngine, path: Path, cache: EngineCache) -> Agreement:
    """Load a kept engine and compare it with ONNX Runtime again.

    Args:
        entry: the engine.
        path: the file that it was compiled from.
        cache: where it is kept.

    Raises:
        EngineError: it is damaged, cannot be loaded, or computes something else than the network.
    """
    return _check(Program(cache.read(entry), find_flavour()), path, entry.plan)


def _check(program: Program, path: Path, plan: Plan) -> Agreement:
    most = plan.options.max_batch
    # TensorRT for RTX compiles kernels for each size of batch: now is the time.
    batches = range(1, most + 1) if program.flavour.is_rtx else sorted({1, plan.options.tuned_batch, most})
    try:
        return compare(TensorRTEngine(program, ""), ONNXRuntimeEngine(path, 0), batches, plan.precision)
    except EngineError as error:
        raise EngineError(f"The engine of {path.name} is not fit for use. {error}", path=path) from error


def kept_engines(network: str, machine: Machine, cache: EngineCache) -> list[CachedEngine]:
    """The engines to run a network with: for each precision the one built last, the very last first.

    Args:
        network: sha256 of the network's fp32 file, in hex.
        machine: this machine.
        cache: where engines are kept.
    """
    newest: dict[str, CachedEngine] = {}
    for entry in cache.entries():
        if entry.plan.network == network and entry.plan.machine == machine:
            newest.setdefault(entry.plan.precision, entry)
    return list(newest.values())


def why_not(networks: Sequence[Path], precision: str = "auto") -> EngineError | None:
    """Why TensorRT cannot run networks, given by their fp32 files, here in a precision; None if it can."""
    try:
        machine, cache = this_machine(), EngineCache()
        for network in networks:
            needed_engine(network, machine, cache, precision)
    except EngineError as error:
        return error.with_traceback(None)  # whose frames would hold engines
    return None


def needed_engine(
    network: Path, machine: Machine, cache: EngineCache, precision: str = "auto"
) -> CachedEngine:
    """The engine to run a network with.

    Args:
        network: its fp32 file.
        machine: this machine.
        cache: where engines are kept.
        precision: of the engine; ``auto`` for the one built last.

    Raises:
        EngineError: there is no such engine; ``hint`` builds it.
    """
    for entry in kept_engines(fingerprint(network), machine, cache):
        if precision in ("auto", entry.plan.precision):
            return entry
    kind, option = ("", "") if precision == "auto" else (f"{precision} ", f" --precision {precision}")
    raise EngineError(
        f"No {kind}engine of {network.name} is built here.", path=network, hint=f"{_BUILD}{option}"
    )


def load(network: Path, precision: str = "auto") -> TensorRTEngine:
    """Load the kept engine of a network, for the calling thread.

    Args:
        network: its fp32 file.
        precision: of the engine; ``auto`` for the one built last.

    Raises:
        EngineError: there is no TensorRT, GPU or engine, or the engine cannot be loaded.
    """
    machine, cache = this_machine(), EngineCache()
    entry = needed_engine(network, machine, cache, precision)
    with _loading:
        # Weights and kernels are on the GPU once, however many streams run them.
        program = _loaded.get(entry.sha256)
        if program is None:
            try:
                program = Program(cache.read(entry), find_flavour(), cache.kernels(entry.plan))
            except EngineError as error:
                raise EngineError(str(error), path=network, hint=_BUILD) from error
            _loaded[entry.sha256] = program
    title = "TensorRT for RTX" if machine.flavour == "tensorrt_rtx" else "TensorRT"
    plan = entry.plan
    return TensorRTEngine(
        program, f"{title} {machine.version} on {machine.gpu.name}, {plan.precision}, CUDA graphs"
    )
