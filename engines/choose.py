"""Which backend runs the networks here, and why not a faster one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from engines.engine import Engine, EngineError
from engines.probe import nvidia_gpus

BACKENDS = ("auto", "tensorrt", "openvino", "onnxruntime")
"""What ``--backend`` takes. The order is the one in which ``auto`` tries them."""

_ON_GPU = ("tensorrt",)


@dataclass(frozen=True, slots=True)
class Selection:
    """The backend that ``auto`` or the user picked.

    Attributes:
        backend: a name out of :data:`BACKENDS`, never ``auto``.
        passed_over: why each faster one was not taken, one sentence each.
    """

    backend: str
    passed_over: tuple[str, ...]


def select_backend(backend: str = "auto", networks: Sequence[Path] = ()) -> Selection:
    """Decide which backend runs the networks.

    Args:
        backend: a name out of :data:`BACKENDS`. A name other than ``auto`` is a contract: that one
            runs, or this fails.
        networks: fp32 files of those to run; without them only the machine is looked at.

    Raises:
        EngineError: the backend asked for is unknown or cannot run here, or ``auto`` finds none.
    """
    if backend not in BACKENDS:
        raise EngineError(f"There is no backend {backend!r}; choose one of {', '.join(BACKENDS)}.")
    gpus = ", ".join(nvidia_gpus())
    passed_over: list[str] = []
    for name in BACKENDS[1:] if backend == "auto" else (backend,):
        reason = _why_not(name, networks)
        if reason is None:
            return Selection(name, tuple(passed_over))
        if name not in _ON_GPU or name == backend:
            passed_over.append(reason)
        elif gpus:  # without a GPU nobody misses what needs one
            passed_over.append(f"{gpus} is not used by {name}: {reason}")
    raise EngineError(f"No engine can run here: {' '.join(passed_over)}")


def _why_not(name: str, networks: Sequence[Path]) -> str | None:
    """Why a backend cannot run the networks here, in one sentence; None if it can."""
    if name == "tensorrt":
        from engines.tensorrt.ready import why_not

        return why_not(networks)
    return None if find_spec(name) is not None else f"{name} is not installed."


def load_engine(path: Path, *, backend: str = "auto", threads: int = 0) -> Engine:
    """Compile a network for this machine.

    Args:
        path: an ``.onnx`` file; where it leaves a side of an input open (the batch), 1 is taken.
        backend: see :func:`select_backend`.
        threads: CPU threads to use; 0 leaves it to the runtime.

    Raises:
        EngineError: the file is missing or no network, or the backend cannot run.
    """
    if not path.is_file():
        raise EngineError(f"The network {path} is missing.")
    chosen = select_backend(backend, [path]).backend
    if chosen == "tensorrt":
        from engines.tensorrt.ready import load

        return load(path)
    if chosen == "openvino":
        from engines.openvino_cpu import OpenVINOEngine

        return OpenVINOEngine(path, threads)
    from engines.onnxruntime_cpu import ONNXRuntimeEngine

    return ONNXRuntimeEngine(path, threads)
