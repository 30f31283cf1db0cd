"""PyTorch on an NVIDIA GPU: channels last, half precision, one CUDA graph for each size of batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor

from engines.backends.onnxruntime_cpu import ONNXRuntimeEngine
from engines.backends.pytorch_graph import OnnxModule
from engines.engine import RECORDING, EngineError, Port, onnx_port
from engines.files.half import in_half
from engines.parity import compare

Module = Callable[..., Sequence[Tensor]]
Network = tuple[tuple[Port, ...], tuple[Port, ...]]
"""Inputs and outputs."""

Computed = Literal["fp32", "fp16", "bf16"]
_HALVES = {"fp16": torch.float16, "bf16": torch.bfloat16}

MAX_BATCH = 32
_WARM_UPS = 3
"""Runs before recording: cuDNN chooses its kernels and takes its scratch memory in them."""


def why_not() -> str | None:
    """Why PyTorch cannot use a GPU here, in one sentence; None if it can."""
    if torch.version.cuda is None:
        return "torch is installed without CUDA."
    if not torch.cuda.is_available():
        return "torch finds no CUDA device."
    try:
        torch.ones(1, device="cuda").sum().item()
    except RuntimeError as error:  # a GPU that this torch has no kernels for, or without free memory
        return f"torch cannot compute on it: {_first_line(error)}"
    return None


def _first_line(error: RuntimeError) -> str:
    """The error itself, without torch's advice below it."""
    return f"{str(error).splitlines()[0].rstrip('.')}."


def load_checked(path: Path, precision: Computed) -> PyTorchEngine:
    """Load a network on the GPU, and hold it against ONNX Runtime once: cuDNN's kernels are the GPU's own.

    Raises:
        EngineError: the file is no network, the GPU cannot run it, or it computes something else.
    """
    try:
        engine = PyTorchEngine(path, precision=precision)
        compare(engine, ONNXRuntimeEngine(path, 0), (1,), precision)
    except EngineError as error:
        raise EngineError(f"PyTorch does not run {path.name} as it should. {error}", path=path) from error
    except RuntimeError as error:
        raise EngineError(f"PyTorch cannot run {path.name}: {_first_line(error)}", path=path) from error
    return engine


@dataclass(slots=True)
class _Buffers:
    """An input or output for the largest batch, on both sides; on a CPU both are the same."""

    host: Tensor
    device: Tensor

    def bring(self, batch: int) -> None:
        """Queue a copy of the first faces to the device."""
        if self.device is not self.host:
            self.device[:batch].copy_(self.host[:batch], non_blocking=True)

    def fetch(self, batch: int) -> None:
        """Queue a copy of the first faces from the device."""
        if self.device is not self.host:
            self.host[:batch].copy_(self.device[:batch], non_blocking=True)


class TorchRunner:
    """Runs a PyTorch module as an engine; see :class:`engines.engine.DeviceEngine`.

    Takes batches of any size up to ``max_batch``; on a GPU the first run of each size is slow.
    """

    max_batch = MAX_BATCH
    description = ""

    def __init__(self, module: Module, network: Network, device: torch.device, *, graphs: bool) -> None:
        """Make the buffers for the largest batch and run once.

        Args:
            module: one float32 tensor for each input to one for each output.
            network: its inputs and outputs.
            device: where it is.
            graphs: record a CUDA graph for each size of batch.
        """
        on_gpu = device.type == "cuda"
        if on_gpu and device.index is None:
            device = torch.device("cuda", torch.cuda.current_device())
        self.device = str(device)
        self.inputs, self.outputs = network
        self._module = module
        self._inputs = [self._buffers(port) for port in self.inputs]
        self._outputs = [self._buffers(port) for port in self.outputs]
        self._graphs: dict[int, torch.cuda.CUDAGraph] | None = {} if graphs and on_gpu else None
        self._stream: torch.cuda.Stream | None = None
        if on_gpu:
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
            self._stream.wait_stream(torch.cuda.current_stream(device))  # which made buffers and weights
            self._memory = torch.cuda.graph_pool_handle()
        self.run(*(np.zeros(port.shape, np.float32) for port in self.inputs))

    @torch.inference_mode()
    def run(self, *inputs: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        batch = self._checked(len(inputs[0]))
        for buffers, values in zip(self._inputs, inputs, strict=True):
            buffers.host[:batch].copy_(torch.from_numpy(values))
        with torch.cuda.stream(self._stream):  # without one, nothing changes
            for buffers in self._inputs:
                buffers.bring(batch)
            self.enqueue(batch, 0 if self._stream is None else self._stream.cuda_stream)
            for buffers in self._outputs:
                buffers.fetch(batch)
        if self._stream is not None:
            self._stream.synchronize()
        return tuple(buffers.host[:batch].numpy() for buffers in self._outputs)

    def on_device(self) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        return tuple(each.device for each in self._inputs), tuple(each.device for each in self._outputs)

    @torch.inference_mode()
    def enqueue(self, batch: int, stream: int) -> None:
        self._checked(batch)
        callers = None
        if self._stream is not None:
            callers = torch.cuda.ExternalStream(stream, self._stream.device)  # type: ignore[no-untyped-call]
        with torch.cuda.stream(callers):
            if self._graphs is None:
                self._compute(batch)
            else:
                (self._graphs.get(batch) or self._record(batch)).replay()

    def _checked(self, batch: int) -> int:
        if not 1 <= batch <= self.max_batch:
            raise EngineError(f"PyTorch runs batches of 1 to {self.max_batch} faces, not of {batch}.")
        return batch

    def _buffers(self, port: Port) -> _Buffers:
        shape = (self.max_batch, *port.shape[1:])
        if self.device == "cpu":
            host = torch.zeros(shape)
            return _Buffers(host, host)
        return _Buffers(torch.zeros(shape, pin_memory=True), torch.zeros(shape, device=self.device))

    def _compute(self, batch: int) -> None:
        """Queue what goes into the graph, from the input buffers to the output buffers."""
        given = [each.device[:batch].contiguous(memory_format=torch.channels_last) for each in self._inputs]
        for buffers, made in zip(self._outputs, self._module(*given), strict=True):
            buffers.device[:batch].copy_(made)

    def _record(self, batch: int) -> torch.cuda.CUDAGraph:
        """Record a graph for batches of this size, in a stream of our own.

        It runs a few times meanwhile, on the buffers that work in the caller's stream may still be reading
        or writing.
        """
        assert self._stream is not None
        assert self._graphs is not None
        with RECORDING, self._tuning():
            self._graphs[batch] = self._recorded(batch, self._stream)
        return self._graphs[batch]

    def _tuning(self) -> AbstractContextManager[object]:
        """How kernels are chosen while a graph is recorded; these are settings of the whole process."""
        return nullcontext()

    def _recorded(self, batch: int, stream: torch.cuda.Stream) -> torch.cuda.CUDAGraph:
        torch.cuda.current_stream(stream.device).synchronize()
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):
                self._compute(batch)
        stream.synchronize()
        graph = torch.cuda.CUDAGraph()
        # Other threads may allocate meanwhile: engines of other streams, the video decoder.
        mode = "thread_local"
        with torch.cuda.graph(graph, pool=self._memory, stream=stream, capture_error_mode=mode):
            self._compute(batch)
        return graph


class PyTorchEngine(TorchRunner):
    """A network run by PyTorch itself."""

    def __init__(self, path: Path, *, precision: Computed = "fp16", device: str = "cuda") -> None:
        """Read a network and bring it to the device.

        Args:
            path: its fp32 ``.onnx`` file.
            precision: of the weights and features; inputs and outputs are float32.
            device: ``cuda``, ``cuda:1``, or ``cpu`` to compare.

        Raises:
            EngineError: the file is no network, or has operators that are not known here.
        """
        module, network = read_module(path, precision)
        module = module.to(device)
        for name, buffer in list(module.named_buffers()):
            if buffer.ndim == 4:
                setattr(module, name, buffer.contiguous(memory_format=torch.channels_last))
        module.fuse()
        where = torch.device(device)
        self._exact = precision == "fp32"
        super().__init__(module, network, where, graphs=True)
        on = torch.cuda.get_device_name(where) + ", CUDA graphs" if where.type == "cuda" else "the CPU"
        self.description = f"PyTorch {torch.__version__} on {on}, {precision}"

    def _tuning(self) -> AbstractContextManager[object]:
        # cuDNN tries its kernels before the recording and keeps the fastest.
        flags: AbstractContextManager[object] = torch.backends.cudnn.flags(
            enabled=True, benchmark=True, allow_tf32=not self._exact
        )
        return flags


def read_module(path: Path, precision: Computed) -> tuple[OnnxModule, Network]:
    """A network's file as a module on the CPU, with its inputs and outputs.

    Raises:
        EngineError: the file is no network, or has operators that are not known here.
    """
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf's and onnx's share no class of their own
        raise EngineError(f"{path.name} is not a network that PyTorch can run.", path=path) from error
    inputs, outputs = (
        tuple(onnx_port(value) for value in values) for values in (model.graph.input, model.graph.output)
    )
    half = _HALVES.get(precision)
    module = OnnxModule(model) if half is None else OnnxModule(in_half(model), half)
    return module.eval(), (inputs, outputs)
