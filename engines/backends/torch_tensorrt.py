"""torch-tensorrt on an NVIDIA GPU: PyTorch compiles a network with TensorRT, once, and keeps the program.

A kept program can hold code: the cache is the user's own folder, like that of TensorRT's engines.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import torch

from engines.backends.pytorch_cuda import MAX_BATCH, Network, TorchRunner, read_module
from engines.backends.pytorch_graph import OnnxModule
from engines.engine import EngineError
from engines.kept import kept_folder


class TorchTensorRTEngine(TorchRunner):
    """A network compiled by torch-tensorrt; see :class:`engines.engine.Engine`."""

    def __init__(self, path: Path, *, precision: Literal["fp32", "fp16"] = "fp16") -> None:
        """Load the kept program of a network, or compile it, which takes a minute.

        Args:
            path: its fp32 ``.onnx`` file.
            precision: of the weights and features; inputs and outputs are float32.

        Raises:
            EngineError: the file is no network, or torch-tensorrt does not load or not compile it.
        """
        api = _api()
        kept = program_path(path, precision)
        module, network = read_module(path, precision)
        try:
            if not kept.is_file():
                _compile(api, module, network, kept)
            program = api.load(str(kept)).module()
        except Exception as error:  # whatever TensorRT, dynamo or CUDA raise
            reason = " ".join(str(error).split())[:300]
            raise EngineError(f"torch-tensorrt cannot compile {path.name}: {reason}", path=path) from error
        # TensorRT allocates in its first runs, which a CUDA graph of ours could not hold.
        super().__init__(program, network, torch.device("cuda"), graphs=False)
        gpu = torch.cuda.get_device_name()
        self.description = f"torch-tensorrt {api.__version__} on {gpu}, {precision}"


def program_path(network: Path, precision: str) -> Path:
    """Where the program of a network is kept for this GPU and these versions."""
    made_of = (
        hashlib.sha256(network.read_bytes()).hexdigest(),
        precision,
        torch.__version__,
        version("torch-tensorrt"),
        version("tensorrt"),
        torch.cuda.get_device_name(),
        torch.cuda.get_device_capability(),
        MAX_BATCH,
    )
    key = hashlib.sha256(repr(made_of).encode()).hexdigest()[:32]
    return kept_folder() / "torch-tensorrt" / f"{network.stem}-{key}.pt2"


def exported(module: OnnxModule, network: Network) -> torch.export.ExportedProgram:
    """The module as a program of any batch from 1 to ``MAX_BATCH``, on its own device."""
    device = next(module.buffers()).device
    # Two faces, for exporting takes a side of one for fixed.
    samples = tuple(torch.zeros(2, *port.shape[1:], device=device) for port in network[0])
    batch = torch.export.Dim("batch", min=1, max=MAX_BATCH)
    return torch.export.export(module, samples, dynamic_shapes=(tuple({0: batch} for _ in samples),))


def _compile(api: Any, module: OnnxModule, network: Network, target: Path) -> None:
    program = exported(module.to("cuda"), network)
    inputs = [
        api.Input(
            min_shape=port.shape,
            opt_shape=port.shape,
            max_shape=(MAX_BATCH, *port.shape[1:]),
            dtype=torch.float32,
        )
        for port in network[0]
    ]
    # All of it in TensorRT, or not at all: a network in pieces is slower than PyTorch alone.
    compiled = api.dynamo.compile(program, arg_inputs=inputs, require_full_compilation=True, min_block_size=1)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(f".{os.getpid()}.part")
    api.save(compiled, str(part), output_format="exported_program", arg_inputs=inputs)
    part.replace(target)


def _api() -> Any:
    """The module ``torch_tensorrt``.

    Raises:
        EngineError: it is not installed, or its libraries do not load.
    """
    try:
        return import_module("torch_tensorrt")
    except ModuleNotFoundError as error:
        hint = "pip install 'stream-unmask[gpu]'"
        raise EngineError(f"{error.name} is not installed.", hint=hint) from error
    except (ImportError, OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise EngineError(f"torch-tensorrt does not load: {reason}") from error


def why_not(networks: Sequence[Path], precision: Literal["fp32", "fp16"] = "fp16") -> str | None:
    """Why no kept programs can run networks here at once, in one sentence; None if they can."""
    for network in networks:
        if not program_path(network, precision).is_file():
            return f"No program of {network.name} is compiled here: ask for torch-tensorrt by its name once."
    return None
