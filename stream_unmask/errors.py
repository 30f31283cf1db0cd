"""The errors that a user is meant to see, each one sentence; :class:`UnmaskError` is the base of all."""

from __future__ import annotations

from engines.errors import EngineError, UnmaskError, WeightsError

__all__ = [
    "EngineError",
    "InputError",
    "MissingExtraError",
    "OutputError",
    "OutputExistsError",
    "UnmaskError",
    "WeightsError",
    "missing_extra",
]

_EXTRAS = {
    "aiohttp": "live",
    "aiortc": "live",
    "c2pa": "c2pa",
    "cuda": "tensorrt",
    "fsspec": "fleet",
    "lightning_fabric": "train",
    "matplotlib": "bench",
    "onnx": "train",
    "onnxscript": "train",
    "prometheus_client": "live",
    "pynvml": "bench",
    "ray": "fleet",
    "skimage": "demo",
    "tensorboardX": "train",
    "tensorrt": "tensorrt",
    "torch": "train",
    "torch_tensorrt": "gpu",
    "torchmetrics": "train",
}
"""The smallest extra that installs a module."""


class InputError(UnmaskError, OSError):
    """What is to be read is missing, broken, or not what it is taken for."""


class OutputError(UnmaskError, OSError):
    """What is to be written cannot be: a full disk, a missing folder, a codec that the container lacks."""


class OutputExistsError(OutputError, FileExistsError):
    """What is to be written is there already, and ``overwrite`` was not asked for."""


class MissingExtraError(UnmaskError, ImportError):
    """Something is asked for that an optional dependency does; ``hint`` installs it."""

    def __init__(self, what: str, extra: str) -> None:
        """Say that ``what`` (as in "Training needs torch") is not installed and which extra brings it."""
        command = f"pip install 'stream-unmask[{extra}]'"
        super().__init__(f"{what}, which is not installed: {command}.", hint=command)


def missing_extra(error: ModuleNotFoundError) -> MissingExtraError | None:
    """The same as a sentence, if the module that was not found is one of an extra."""
    module = (error.name or "").partition(".")[0]
    return MissingExtraError(f"This needs {module}", _EXTRAS[module]) if module in _EXTRAS else None
