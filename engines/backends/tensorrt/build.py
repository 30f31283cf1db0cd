"""From an ONNX file to a serialised engine. Needs TensorRT; a GPU only where TensorRT's compiler does.

Written to what TensorRT 10.13, TensorRT 11 and TensorRT for RTX have in common: networks are strongly typed,
so the precision is the graph's own (half-precision weights, quantize and dequantize nodes), never a flag.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from rich.progress import Progress

from engines.backends.tensorrt.flavour import Flavour, one_line
from engines.backends.tensorrt.plan import BuildOptions
from engines.backends.tensorrt.progress import build_progress, progress_monitor, run_stoppable
from engines.engine import EngineError


def build(
    network: Path, options: BuildOptions, flavour: Flavour, timing_cache: bytes = b""
) -> tuple[bytes, bytes]:
    """Compile a network, showing progress. Ctrl-C stops it within a step.

    Args:
        network: an ``.onnx`` file whose only open side is the batch.
        options: how to build.
        flavour: the TensorRT to build with.
        timing_cache: what an earlier build on this machine learnt; may be empty or stale.

    Returns:
        The serialised engine, and the timing cache with what this build learnt (empty where there is none).

    Raises:
        EngineError: the network cannot be parsed or compiled; TensorRT's reasons are in the sentence.
    """
    stop = threading.Event()
    with build_progress() as bars:
        return run_stoppable(lambda: _build(network, options, flavour, timing_cache, bars, stop), stop)


def _build(
    network: Path,
    options: BuildOptions,
    flavour: Flavour,
    timing_cache: bytes,
    bars: Progress,
    stop: threading.Event,
) -> tuple[bytes, bytes]:
    api = flavour.api
    flavour.log.reason()  # forget what was said before
    builder = api.Builder(flavour.log)
    parsed = parse(network, builder, flavour)
    config = _configure(builder, parsed, options, flavour)
    cache = _attach_timing(config, timing_cache, flavour)
    # TensorRT keeps no reference to it: this one must live until the build is over.
    monitor = progress_monitor(api, bars, stop)
    config.progress_monitor = monitor
    plan = builder.build_serialized_network(parsed, config)
    if plan is None:
        reason = "it was stopped" if stop.is_set() else flavour.log.reason()
        raise EngineError(f"{flavour.name} {flavour.version} cannot build {network.name}: {reason}.")
    return bytes(plan), b"" if cache is None else bytes(cache.serialize())


def parse(network: Path, builder: Any, flavour: Flavour) -> Any:
    """Read an ONNX file into a strongly typed TensorRT network.

    Raises:
        EngineError: the parser refuses it; every one of its errors is said.
    """
    api = flavour.api
    # TensorRT 11 networks are always strongly typed and ignore the flag; 10 needs it.
    parsed = builder.create_network(1 << int(api.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = api.OnnxParser(parsed, flavour.log)
    # From the file, not from its bytes: so weights beside the file are found, too.
    if not parser.parse_from_file(str(network)):
        errors = "; ".join(_described(parser.get_error(number)) for number in range(parser.num_errors))
        raise EngineError(f"{flavour.name} {flavour.version} cannot read {network.name}: {errors}.")
    return parsed


def _described(error: Any) -> str:
    node = f"node {error.node_name()} ({error.node_operator()}): " if error.node_operator() else ""
    return node + one_line([error.desc()])


def _configure(builder: Any, network: Any, options: BuildOptions, flavour: Flavour) -> Any:
    api = flavour.api
    config = builder.create_builder_config()
    config.set_memory_pool_limit(api.MemoryPoolType.WORKSPACE, options.workspace << 20)
    config.builder_optimization_level = options.level
    # Streams that TensorRT adds for itself would compete with those of the video.
    config.max_aux_streams = 0
    # fp32 is the precision that others are judged by: it means 32 bits.
    config.clear_flag(api.BuilderFlag.TF32)
    if options.refittable:
        config.set_flag(api.BuilderFlag.REFIT)
    profile = builder.create_optimization_profile()
    for number in range(network.num_inputs):
        port = network.get_input(number)
        batch, *sides = tuple(port.shape)
        if batch != -1 or -1 in sides:
            raise EngineError(f"The input {port.name} must leave its batch open and no other side.")
        least, tuned, most = ((count, *sides) for count in (1, options.tuned_batch, options.max_batch))
        profile.set_shape(port.name, least, tuned, most)
    if config.add_optimization_profile(profile) < 0:
        raise EngineError(f"TensorRT refuses batches of 1 to {options.max_batch}: {flavour.log.reason()}.")
    return config


def _attach_timing(config: Any, content: bytes, flavour: Flavour) -> Any:
    """The timing cache that the build reads and adds to; None for TensorRT for RTX, which times nothing."""
    if flavour.is_rtx:
        return None
    cache = config.create_timing_cache(content)
    if not config.set_timing_cache(cache, False):
        # It is of another GPU or version, or damaged: start an empty one.
        cache = config.create_timing_cache(b"")
        config.set_timing_cache(cache, False)
    return cache
