"""Which backend runs the networks here, and why not a faster one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

from engines.contract import (
    FilePrecision,
    Network,
    NetworkName,
    WeightsFile,
    has_weights,
    is_quantised,
    read_weights,
)
from engines.engine import Engine, EngineError, OpenVINODevice
from engines.probe import computes_int8, nvidia_gpus

Precision = Literal["auto", "fp32", "fp16", "bf16", "int8"]
"""What a network computes in. ``auto`` is the fastest that costs nothing that one sees."""

PRECISIONS: tuple[Precision, ...] = get_args(Precision)


@dataclass(frozen=True, slots=True)
class _Backend:
    """A way to run networks.

    Attributes:
        precisions: what it computes in, and the file that it wants for that.
        why_not: why it cannot run networks, given by their fp32 files, here in a precision: one sentence, as
            an error where something that can be typed mends it; None if it can.
        load: compiles a file for a precision with so many CPU threads, OpenVINO for a device.
        on_gpu: whether it needs an NVIDIA GPU.
        compiles: whether asking for it by name compiles what ``auto`` waits for.
    """

    precisions: dict[Precision, FilePrecision]
    why_not: Callable[[Sequence[Path], Precision], str | EngineError | None]
    load: Callable[[Path, Precision, int, OpenVINODevice], Engine]
    on_gpu: bool = True
    compiles: bool = False


_INSTALLED_BY = {
    "onnx": "stream-unmask[gpu]",
    "onnxruntime_ep_nv_tensorrt_rtx": "onnxruntime-ep-nv-tensorrt-rtx",
    "tensorrt": "stream-unmask[tensorrt]",
    "torch": "stream-unmask[gpu]",
    "torch_tensorrt": "stream-unmask[gpu]",
}


def _missing(*modules: str) -> EngineError | None:
    for module in modules:
        if find_spec(module) is None:
            package = _INSTALLED_BY.get(module, module)
            return EngineError(f"{module} is not installed.", hint=f"pip install '{package}'")
    return None


def _why_not_tensorrt(networks: Sequence[Path], precision: Precision) -> EngineError | None:
    from engines.backends.tensorrt.ready import why_not

    return why_not(networks, precision)


def _load_tensorrt(path: Path, precision: Precision, *_: object) -> Engine:
    from engines.backends.tensorrt.ready import load

    return load(path, precision)


def _why_not_torch(networks: Sequence[Path], precision: Precision) -> str | EngineError | None:
    missing = _missing("torch", "onnx")
    if missing is not None:
        return missing
    from engines.backends.pytorch_cuda import why_not

    return why_not()


def _load_torch(path: Path, precision: Precision, *_: object) -> Engine:
    from engines.backends.pytorch_cuda import load_checked

    return load_checked(path, "bf16" if precision == "bf16" else _float(precision))


def _why_not_torch_tensorrt(networks: Sequence[Path], precision: Precision) -> str | EngineError | None:
    missing = _missing("torch_tensorrt", "tensorrt") or _why_not_torch(networks, precision)
    if missing is not None:
        return missing
    from engines.backends.torch_tensorrt import why_not

    return why_not(networks, _float(precision))


def _load_torch_tensorrt(path: Path, precision: Precision, *_: object) -> Engine:
    from engines.backends.torch_tensorrt import TorchTensorRTEngine

    return TorchTensorRTEngine(path, precision=_float(precision))


def _why_not_rtx(networks: Sequence[Path], precision: Precision) -> str | EngineError | None:
    missing = _missing("onnxruntime_ep_nv_tensorrt_rtx", "onnx")
    if missing is not None:
        return missing
    from engines.backends.onnxruntime_rtx import why_not

    return why_not()


def _load_rtx(path: Path, precision: Precision, *_: object) -> Engine:
    from engines.backends.onnxruntime_rtx import ONNXRuntimeRTXEngine

    return ONNXRuntimeRTXEngine(path, _float(precision))


def _float(precision: Precision) -> Literal["fp32", "fp16"]:
    return "fp32" if precision == "fp32" else "fp16"


def _load_openvino(path: Path, precision: Precision, threads: int, device: OpenVINODevice) -> Engine:
    from engines.backends.openvino_cpu import OpenVINOEngine, load_checked

    plain = precision if precision in ("fp32", "bf16") else "auto"
    if device == "CPU":
        return OpenVINOEngine(path, threads, precision=plain)
    return load_checked(path, threads, plain, device)


def _load_onnxruntime(path: Path, precision: Precision, threads: int, _: OpenVINODevice) -> Engine:
    from engines.backends.onnxruntime_cpu import ONNXRuntimeEngine

    return ONNXRuntimeEngine(path, threads)


_HALF_OR_NOT: dict[Precision, FilePrecision] = {"fp16": "fp32", "fp32": "fp32"}

_BACKENDS = {
    # It runs engines that were built of a network's files; the fp32 file says of which network.
    "tensorrt": _Backend({"fp16": "fp32", "fp32": "fp32", "int8": "fp32"}, _why_not_tensorrt, _load_tensorrt),
    "torch-tensorrt": _Backend(_HALF_OR_NOT, _why_not_torch_tensorrt, _load_torch_tensorrt, compiles=True),
    "pytorch": _Backend(_HALF_OR_NOT | {"bf16": "fp32"}, _why_not_torch, _load_torch),
    "openvino": _Backend(
        {"bf16": "fp32", "fp32": "fp32", "int8": "int8"},
        lambda *_: _missing("openvino"),
        _load_openvino,
        on_gpu=False,
    ),
    "onnxruntime": _Backend(
        {"fp32": "fp32", "int8": "int8"}, lambda *_: _missing("onnxruntime"), _load_onnxruntime, on_gpu=False
    ),
    # Last, where auto never comes to: it has not run on enough GPUs to be trusted unasked.
    "onnxruntime-rtx": _Backend(_HALF_OR_NOT, _why_not_rtx, _load_rtx),
}

_STEADY_IN_INT8 = ("segmenter",)
"""Networks that ``auto`` runs in int8. The generator is as good in it on a single picture, but what it paints
alone then changes four times as much from frame to frame (2.4 grey levels against 0.6 before smoothing, 0.75
against 0.38 after it: ``stream-unmask measure flicker --stand-in none``), for a tenth less of all work."""

BACKENDS = ("auto", *_BACKENDS)
"""What ``--backend`` takes. The order is the one in which ``auto`` tries them."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The backend that ``auto`` or the user picked.

    Attributes:
        backend: a name out of :data:`BACKENDS`, never ``auto``.
        passed_over: why each faster one was not taken, one sentence each.
        hints: commands that would have one of those run.
    """

    backend: str
    passed_over: tuple[str, ...]
    hints: tuple[str, ...] = ()


def select_backend(
    backend: str = "auto",
    networks: Sequence[Path] = (),
    precision: Precision = "auto",
    failed: Mapping[str, str] | None = None,
    device: OpenVINODevice = "CPU",
) -> Selection:
    """Decide which backend runs the networks.

    Args:
        backend: a name out of :data:`BACKENDS`. A name other than ``auto`` is a contract: that one
            runs, or this fails.
        networks: fp32 files of those to run; without them only the machine is looked at.
        precision: what to compute in; ``auto`` passes over backends that do not.
        failed: backends that ``auto`` has tried in vain, and why, in one sentence each.
        device: what OpenVINO runs networks on. One other than the CPU asks for OpenVINO, and is a contract.

    Raises:
        EngineError: the backend asked for is unknown or cannot run here, or ``auto`` finds none.
    """
    if backend not in BACKENDS:
        raise EngineError(f"There is no backend {backend!r}; choose one of {', '.join(BACKENDS)}.")
    if device != "CPU":
        _check_device(backend, device)
        backend = "openvino"
    if backend != "auto":
        named = _BACKENDS[backend]
        if misfit := _misfit(backend, precision):
            raise EngineError(misfit, hint="precision=auto")
        if reason := named.why_not(() if named.compiles else networks, precision):
            hint = reason.hint if isinstance(reason, EngineError) else None
            raise EngineError(f"{backend} cannot run here: {reason}", hint=hint or "backend=auto")
        return Selection(backend, ())
    gpus = ", ".join(nvidia_gpus())
    passed_over: list[str] = []
    hints: list[str] = []
    for name, each in _BACKENDS.items():
        if each.on_gpu and not gpus:
            continue  # without a GPU nobody misses what needs one
        reason = (failed or {}).get(name) or _misfit(name, precision) or each.why_not(networks, precision)
        if reason is None:
            return Selection(name, tuple(passed_over), tuple(hints))
        passed_over.append(f"{gpus} is not used by {name}: {reason}" if each.on_gpu else str(reason))
        if isinstance(reason, EngineError) and reason.hint is not None:
            hints.append(reason.hint)
    raise EngineError(f"No engine can run here: {' '.join(passed_over)}")


def _check_device(backend: str, device: OpenVINODevice) -> None:
    """Refuse a device that is not there, or that goes with another backend."""
    if backend not in ("auto", "openvino"):
        raise EngineError(f"{device} is a device of openvino's, and {backend} was asked for.")
    if missing := _missing("openvino"):
        raise EngineError(f"openvino cannot run here: {missing}")
    from engines.backends.openvino_cpu import why_not

    if reason := why_not(device):
        raise EngineError(reason)


def _misfit(name: str, precision: Precision) -> str | None:
    """Why a backend does not compute in a precision, in one sentence; None if it does."""
    known = _BACKENDS[name].precisions
    if precision == "auto" or precision in known:
        return None
    return f"{name} computes in {', '.join(known)}, not in {precision}."


def load_engine(
    path: Path,
    *,
    backend: str = "auto",
    threads: int = 0,
    precision: Precision = "auto",
    device: OpenVINODevice = "CPU",
) -> Engine:
    """Compile a network's file for this machine.

    Args:
        path: an ``.onnx`` file; where it leaves a side of an input open (the batch), 1 is taken.
        backend: see :func:`select_backend`.
        threads: CPU threads to use; 0 leaves it to the runtime.
        precision: what to compute in; int8 needs a file that says how.
        device: see :func:`select_backend`.

    Raises:
        EngineError: the file is missing or no network, or the backend cannot run or not in this precision.
    """
    if not path.is_file():
        raise EngineError(f"The network {path} is missing.", path=path)
    name = select_backend(backend, [path], precision, device=device).backend
    if precision == "int8" and _BACKENDS[name].precisions[precision] == "int8" and not is_quantised(path):
        raise EngineError(
            f"{path.name} does not say which layers run in int8.", path=path, hint="precision=auto"
        )
    return _BACKENDS[name].load(path, precision, threads, device)


def load_network(
    folder: Path,
    network: Network,
    *,
    backend: str = "auto",
    threads: int = 0,
    precision: Precision = "auto",
    device: OpenVINODevice = "CPU",
) -> Engine:
    """Compile a network out of a folder of weights, in the file that suits backend and precision.

    Args:
        folder: holds the networks and their manifest.
        network: which one.
        backend: see :func:`select_backend`.
        threads: CPU threads to use; 0 leaves it to the runtime.
        precision: what to compute in. ``auto`` takes int8 for networks that stay steady in it, on CPUs that
            have instructions for it, where the folder holds it.
        device: see :func:`select_backend`.

    Raises:
        EngineError: the weights are incomplete, damaged or not of this network, the folder has no file for
            the precision, or the backend cannot run or not in this precision.
    """
    name = select_backend(backend, [read_weights(folder, network).path], precision, device=device).backend

    def compiled(file: WeightsFile) -> Engine:
        engine = load_engine(file.path, backend=name, threads=threads, precision=precision, device=device)
        network.check(engine, file.size)
        return engine

    if precision != "auto":
        return compiled(read_weights(folder, network, _BACKENDS[name].precisions[precision]))
    on_cpu = name == "openvino" and device in ("CPU", "AUTO")
    if on_cpu and network.name in _STEADY_IN_INT8 and _has_int8(folder, network):
        # What a CPU says of itself is not always so: under some hypervisors, or with oneDNN held back.
        quantised = read_weights(folder, network, "int8")
        with suppress(EngineError):
            return compiled(quantised)
    return compiled(read_weights(folder, network))


def load_networks(
    folder: Path,
    networks: Sequence[Network],
    *,
    backend: str = "auto",
    threads: int = 0,
    precision: Precision = "auto",
    device: OpenVINODevice = "CPU",
) -> tuple[Selection, dict[NetworkName, Engine]]:
    """Compile several networks of a folder, all with one backend; see :func:`load_network`.

    Where ``auto`` picks a GPU's and that fails, it picks again without it.

    Returns:
        What was picked, and the engines by name.

    Raises:
        EngineError: as :func:`load_network` does.
    """
    files = [read_weights(folder, network).path for network in networks]
    failed: dict[str, str] = {}
    while True:
        selection = select_backend(backend, files, precision, failed, device)
        name = selection.backend
        try:
            return selection, {
                each.name: load_network(
                    folder, each, backend=name, threads=threads, precision=precision, device=device
                )
                for each in networks
            }
        except EngineError as error:
            if backend != "auto" or not _BACKENDS[name].on_gpu:
                raise
            failed[name] = str(error)


def _has_int8(folder: Path, network: Network) -> bool:
    return computes_int8() and has_weights(folder, network, "int8")
