"""Which backend runs the networks here, and why not a faster one."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from engines.engine import Engine, EngineError
from engines.probe import nvidia_gpus

BACKENDS = ("auto", "openvino", "onnxruntime")
"""What ``--backend`` takes. The order is the one in which ``auto`` tries them."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The backend that ``auto`` or the user picked.

    Attributes:
        backend: a name out of :data:`BACKENDS`, never ``auto``.
        passed_over: why each faster one was not taken, one sentence each.
    """

    backend: str
    passed_over: tuple[str, ...]


def select_backend(backend: str = "auto") -> Selection:
    """Decide which backend runs the networks.

    Args:
        backend: a name out of :data:`BACKENDS`. A name other than ``auto`` is a contract: that one
            runs, or this fails.

    Raises:
        EngineError: the backend asked for is unknown or not installed, or ``auto`` finds none.
    """
    if backend not in BACKENDS:
        raise EngineError(f"There is no backend {backend!r}; choose one of {', '.join(BACKENDS)}.")
    passed_over = [
        f"{gpu} is not used: this release runs its networks on the CPU only." for gpu in nvidia_gpus()
    ]
    for name in BACKENDS[1:] if backend == "auto" else (backend,):
        if find_spec(name) is not None:
            return Selection(name, tuple(passed_over))
        passed_over.append(f"{name} is not installed.")
    raise EngineError(f"No engine can run here: {' '.join(passed_over)}")


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
    if select_backend(backend).backend == "openvino":
        from engines.openvino_cpu import OpenVINOEngine

        return OpenVINOEngine(path, threads)
    from engines.onnxruntime_cpu import ONNXRuntimeEngine

    return ONNXRuntimeEngine(path, threads)
