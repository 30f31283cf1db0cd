"""OpenVINO: on the CPU the default, and the fastest without a GPU; on Intel's GPUs and NPUs if asked for."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from engines.contract import is_quantised
from engines.engine import EngineError, OpenVINODevice, Port, Shape, with_open_as_one
from engines.kept import keep_newest, kept_folder, usable
from engines.parity import Compared, compare
from engines.probe import gains_from_bf16

_MOST_KEPT = 32
"""Compiled networks that are kept: each training leaves some behind."""

_HINTS = {"fp32": "f32", "bf16": "bf16"}
_SHOWN = {"f32": "fp32", "f16": "fp16"}
_SUMMED_FROM = {"Convolution": 1, "GroupConvolution": 2}
"""Kinds of convolutions, and the first side of their weights over which products are summed."""


class OpenVINOEngine:
    """A network compiled by OpenVINO; see :class:`engines.engine.Engine`.

    A file with quantised layers runs those in int8, the others as ``precision`` says.
    """

    max_batch = 1

    def __init__(
        self,
        path: Path,
        threads: int,
        shapes: Sequence[Shape] | None = None,
        precision: Literal["auto", "fp32", "bf16"] = "auto",
        layers: Sequence[str] = (),
        device: OpenVINODevice = "CPU",
    ) -> None:
        """Read and compile a network.

        Args:
            path: an ``.onnx`` or ``.tflite`` file.
            threads: CPU threads to use; 0 leaves it to OpenVINO.
            shapes: a shape for each input; by default the file's own, with 1 where it leaves one open.
            precision: of layers that are not quantised. ``auto`` is what the device is best at: bf16 on a CPU
                that is faster in it, fp32 on others, fp16 on a GPU or NPU.
            layers: names of inner layers whose outputs are wanted in place of the network's own; what comes
                after them is not run.
            device: what runs it; it must be there.

        Raises:
            EngineError: the file is not a network that OpenVINO can compile, a layer is not in it, or the
                device does not compute in the precision.
        """
        core, kept = _core(), _kept()
        able = core.get_property(device, "OPTIMIZATION_CAPABILITIES")
        if precision != "auto" and precision.upper() not in able:
            raise EngineError(f"This {device} does not compute in {precision}.", hint="precision=auto")
        try:
            model = core.read_model(path)
            model.reshape(dict(enumerate(shapes or map(_static, model.inputs))))
            options = _options(device, threads, precision) | kept
            compiled = core.compile_model(_until(model, layers) if layers else model, device, options)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise EngineError(f"OpenVINO cannot compile {path.name}: {reason}", path=path) from error
        self._request = compiled.create_infer_request()
        # Not any_name: a layer that only passes an input on lends it a second name.
        self.inputs = tuple(Port(port.node.friendly_name, tuple(port.shape)) for port in compiled.inputs)
        self.outputs = tuple(Port(port.any_name, tuple(port.shape)) for port in compiled.outputs)
        quantised = "int8 and " if is_quantised(path) else ""
        self.description = f"OpenVINO {_version()} on {_described(compiled, device, quantised)}"

    def run(self, *inputs: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        results = self._request.infer(inputs, share_inputs=True, share_outputs=True)
        return tuple(results[index] for index in range(len(self.outputs)))


def load_checked(
    path: Path, threads: int, precision: Literal["auto", "fp32", "bf16"], device: OpenVINODevice
) -> OpenVINOEngine:
    """Load a network on a device that is not the CPU, and hold it against ONNX Runtime once.

    Raises:
        EngineError: as the engine's constructor does, or what it computes is something else.
    """
    from engines.backends.onnxruntime_cpu import ONNXRuntimeEngine  # the CPU alone does without

    engine = OpenVINOEngine(path, threads, precision=precision, device=device)
    allowed: Compared = "int8" if is_quantised(path) else "bf16" if precision == "auto" else precision
    try:
        compare(engine, ONNXRuntimeEngine(path, threads), (1,), allowed)
    except EngineError as error:
        sentence = f"OpenVINO's {device} does not run {path.name} as it should. {error}"
        raise EngineError(sentence, path=path) from error
    return engine


def why_not(device: OpenVINODevice) -> str | None:
    """Why OpenVINO cannot use a device here, in one sentence; None if it can."""
    there = _core().available_devices
    if device == "AUTO" or any(name.split(".")[0] == device for name in there):  # GPU.0, where there are two
        return None
    return f"OpenVINO finds no {device} on this machine, only {', '.join(there)}."


def multiply_adds(path: Path) -> int:
    """Multiplications, each with an addition, in the convolutions of a network for one face.

    Args:
        path: an ``.onnx`` file with real weights (fp32 or fp16).
    """
    model = _core().read_model(path)
    model.reshape(dict(enumerate(map(_static, model.inputs))))
    total = 0
    for node in model.get_ops():
        summed = _SUMMED_FROM.get(node.get_type_name())
        if summed is not None:
            kernel = tuple(node.input_value(1).get_shape())[summed:]
            total += math.prod(node.output(0).get_shape()) * math.prod(kernel)
    return total


@cache
def _core() -> ov.Core:
    """The one core of this process.

    A core gives the thread that first uses it a stack of its own for signals, and takes it away when it
    goes: freed by another thread, or not in the order of their making, several cores leave a stack behind
    that is gone, and the next Ctrl-C is a crash.
    """
    return ov.Core()


def _kept() -> dict[str, object]:
    """Has the compiler keep what it makes, and take what it finds there, which takes half as long.

    By OpenVINO's own rules: what is kept goes by the network with its weights, the options and the machine.
    """
    folder = _folder()
    if folder is None or not usable(folder):
        return {}
    keep_newest(folder, _MOST_KEPT)
    return {"CACHE_DIR": str(folder)}


def _folder() -> Path | None:
    """Where compiled networks are kept, those of each OpenVINO apart; None where there is no home."""
    try:
        return kept_folder() / "openvino" / str(ov.__version__).split("-")[0]
    except RuntimeError:
        return None


def forget_kept(*, everything: bool) -> int:
    """Delete compiled networks that are kept: all of them, or those of another OpenVINO.

    Returns:
        The bytes that this frees.
    """
    own = _folder()
    if own is None or not own.parent.is_dir():
        return 0
    gone = [folder for folder in own.parent.iterdir() if everything or folder != own]
    freed = sum(path.stat().st_size for folder in gone for path in folder.glob("*"))
    for folder in gone:
        shutil.rmtree(folder, ignore_errors=True)
    return freed


def _options(device: OpenVINODevice, threads: int, precision: str) -> dict[str, object]:
    """What the compiler of a device is told."""
    options: dict[str, object] = {"PERFORMANCE_HINT": "LATENCY"}
    if precision != "auto":
        options["INFERENCE_PRECISION_HINT"] = _HINTS[precision]
    # The threads that decode, encode and serve other faces want the cores, too: pinned threads would
    # queue for one while another is idle.
    on_cpu: dict[str, object] = {"ENABLE_CPU_PINNING": False}
    if threads:
        on_cpu["INFERENCE_NUM_THREADS"] = threads
    if precision == "auto" and not gains_from_bf16():
        on_cpu["INFERENCE_PRECISION_HINT"] = _HINTS["fp32"]
    if device == "CPU":
        return options | on_cpu
    if device == "AUTO":  # without the second it begins on the CPU, and what is compared is not what runs
        return options | {"DEVICE_PROPERTIES": {"CPU": on_cpu}, "ENABLE_STARTUP_FALLBACK": False}
    return options


def _described(compiled: ov.CompiledModel, device: OpenVINODevice, quantised: str) -> str:
    """What a network runs on and how, for people."""
    used: str = device
    properties: dict[str, Any]
    if device == "AUTO":
        used = compiled.get_property("EXECUTION_DEVICES")[0]
        properties = compiled.get_property("DEVICE_PROPERTIES")[used]
    else:
        names = ("INFERENCE_PRECISION_HINT", *(["INFERENCE_NUM_THREADS"] if device == "CPU" else []))
        properties = {name: compiled.get_property(name) for name in names}
    hint = properties["INFERENCE_PRECISION_HINT"].get_type_name()
    shown = f"the {used}, {quantised}{_SHOWN.get(hint, hint)}"
    threads = properties.get("INFERENCE_NUM_THREADS")
    return shown if threads is None else f"{shown}, {threads} thread{'s' * (threads != 1)}"


def _static(port: ov.Output) -> ov.PartialShape:
    sides = (0 if side.is_dynamic else side.get_length() for side in port.partial_shape)
    return ov.PartialShape(list(with_open_as_one(sides)))


def _until(model: ov.Model, layers: Sequence[str]) -> ov.Model:
    """The part of a network that gives the outputs of inner layers."""
    nodes = {node.friendly_name: node for node in model.get_ops()}
    missing = [name for name in layers if name not in nodes]
    if missing:
        raise RuntimeError(f"it has no layer {missing[0]}")
    return ov.Model([nodes[name].output(0) for name in layers], model.get_parameters())


def _version() -> str:
    return ".".join(ov.__version__.split("-")[0].split(".")[:2])
