"""Running a built engine: buffers made once, one CUDA graph for each size of batch, every answer checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.backends.tensorrt.cuda import CudaStream, DeviceArray, DeviceMemory, Graph, PinnedArray, wait_for
from engines.backends.tensorrt.flavour import Flavour
from engines.engine import RECORDING, EngineError, Port, Shape


class Program:
    """A deserialised engine: weights and kernels on the GPU. Threads share it; each has its own runner."""

    def __init__(self, content: bytes, flavour: Flavour, kernels: bytes = b"") -> None:
        """Load a serialised engine onto the GPU.

        Args:
            content: the serialised engine.
            flavour: the TensorRT that built it.
            kernels: what :meth:`kernels` gave earlier, so that nothing is compiled again.

        Raises:
            EngineError: TensorRT refuses it: it is of another version or GPU, or damaged.
        """
        flavour.log.reason()  # forget what was said before
        self.flavour = flavour
        self.runtime = flavour.api.Runtime(flavour.log)
        engine = self.runtime.deserialize_cuda_engine(content)
        if engine is None:
            raise EngineError(
                f"{flavour.name} {flavour.version} cannot load the engine: {flavour.log.reason()}."
            )
        self.engine = engine
        self._kernels = _kernel_cache(engine, kernels) if flavour.is_rtx else None

    def kernels(self) -> bytes:
        """The kernels that TensorRT for RTX has compiled for this GPU while running; empty for TensorRT."""
        return b"" if self._kernels is None else bytes(self._kernels.serialize())

    def context(self, scratch: DeviceMemory | None) -> Any:
        """A new execution context; None if TensorRT refuses.

        Args:
            scratch: memory to compute in, which contexts may share that never run at the same time. None for
                TensorRT for RTX, which allocates and records CUDA graphs by itself, for it may change its
                kernels while it runs.
        """
        api, engine = self.flavour.api, self.engine
        if scratch is None:
            settings = engine.create_runtime_config()
            settings.cuda_graph_strategy = api.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
            eager = api.DynamicShapesKernelSpecializationStrategy.EAGER
            settings.dynamic_shapes_kernel_specialization_strategy = eager
            settings.set_runtime_cache(self._kernels)
            return engine.create_execution_context(settings)
        context = engine.create_execution_context(api.ExecutionContextAllocationStrategy.USER_MANAGED)
        if context is not None:
            context.set_device_memory(scratch.address, engine.device_memory_size_v2)
        return context


def _kernel_cache(engine: Any, kernels: bytes) -> Any:
    """TensorRT for RTX's cache of compiled kernels; it starts empty where what was kept does not fit."""
    cache = engine.create_runtime_config().create_runtime_cache()
    if kernels:
        cache.deserialize(kernels)
    return cache


@dataclass(slots=True)
class _Tensor:
    """An input or output, with its memory on both sides for the largest batch."""

    name: str
    sides: Shape
    pinned: PinnedArray
    device: DeviceArray

    def bytes(self, batch: int) -> int:
        return 4 * batch * math.prod(self.sides)


@dataclass(slots=True)
class _Batch:
    """What serves one size of batch."""

    context: Any
    graph: Graph | None = None


class TensorRTEngine:
    """A network run by TensorRT; see :class:`engines.engine.DeviceEngine`.

    Takes batches of any size up to ``max_batch``. The first run of each size is slow: it records a CUDA
    graph, with an execution context of its own, as TensorRT advises. All contexts share one piece of scratch
    memory, for they never run at the same time.
    """

    device = "cuda:0"

    def __init__(self, program: Program, description: str) -> None:
        """Make the buffers for the largest batch and run once.

        Args:
            program: the loaded engine.
            description: what runs and how, for people.

        Raises:
            EngineError: the engine does not keep to the contract, or the GPU lacks memory.
        """
        self.description = description
        self._program = program
        self._stream = CudaStream()
        engine, api = program.engine, program.flavour.api
        names = [engine.get_tensor_name(number) for number in range(engine.num_io_tensors)]
        is_input = {name: engine.get_tensor_mode(name) == api.TensorIOMode.INPUT for name in names}
        first = next(name for name in names if is_input[name])
        # Only inputs have a profile.
        _, _, most = engine.get_tensor_profile_shape(first, 0)
        self.max_batch = int(most[0])
        self._inputs = [self._tensor(name) for name in names if is_input[name]]
        self._outputs = [self._tensor(name) for name in names if not is_input[name]]
        self.inputs = tuple(Port(tensor.name, (1, *tensor.sides)) for tensor in self._inputs)
        self.outputs = tuple(Port(tensor.name, (1, *tensor.sides)) for tensor in self._outputs)
        self._scratch = None if program.flavour.is_rtx else DeviceMemory(engine.device_memory_size_v2)
        self._batches: dict[int, _Batch] = {}
        self.run(*(np.zeros(port.shape, np.float32) for port in self.inputs))

    def run(self, *inputs: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        batch = self._checked(len(inputs[0]))
        for tensor, values in zip(self._inputs, inputs, strict=True):
            if values.shape != (batch, *tensor.sides):
                raise EngineError(f"{tensor.name} must be {(batch, *tensor.sides)}, not {values.shape}.")
            np.copyto(tensor.pinned.values[:batch], values)
            self._stream.copy_in(tensor.device, tensor.pinned, tensor.bytes(batch))
        self.enqueue(batch, self._stream.handle)
        for tensor in self._outputs:
            self._stream.copy_out(tensor.pinned, tensor.device, tensor.bytes(batch))
        self._stream.synchronize()
        return tuple(tensor.pinned.values[:batch] for tensor in self._outputs)

    def on_device(self) -> tuple[tuple[DeviceArray, ...], tuple[DeviceArray, ...]]:
        return tuple(each.device for each in self._inputs), tuple(each.device for each in self._outputs)

    def enqueue(self, batch: int, stream: int) -> None:
        ready = self._batches.get(self._checked(batch)) or self._prepare(batch, stream)
        if ready.graph is None:
            self._execute(ready.context, stream)
        else:
            ready.graph.launch(stream)

    def _checked(self, batch: int) -> int:
        if not 1 <= batch <= self.max_batch:
            raise EngineError(f"The engine was built for batches of 1 to {self.max_batch}, not of {batch}.")
        return batch

    def _tensor(self, name: str) -> _Tensor:
        engine, api = self._program.engine, self._program.flavour.api
        if engine.get_tensor_dtype(name) != api.DataType.FLOAT:
            raise EngineError(f"The engine's {name} is not float32, as the contract of networks wants it.")
        sides = tuple(int(side) for side in tuple(engine.get_tensor_shape(name))[1:])
        shape = (self.max_batch, *sides)
        return _Tensor(name, sides, PinnedArray(shape), DeviceArray(shape))

    def _prepare(self, batch: int, stream: int) -> _Batch:
        """Make a context for batches of this size, and record what it does as a graph.

        It runs once meanwhile, on the buffers that work in ``stream`` may still be reading or writing.
        """
        wait_for(stream)
        context = self._program.context(self._scratch)
        self._check(context is not None, "context")
        for tensor in self._inputs:
            self._check(
                context.set_input_shape(tensor.name, (batch, *tensor.sides)), f"shape of {tensor.name}"
            )
        missing = context.infer_shapes()
        self._check(not missing, f"shapes without {', '.join(missing)}")
        for tensor in (*self._inputs, *self._outputs):
            given = context.set_tensor_address(tensor.name, tensor.device.address)
            self._check(given, f"memory of {tensor.name}")
        ready = _Batch(context)
        # Not recorded: at the first run of a shape TensorRT does what a graph cannot hold.
        self._execute(context, self._stream.handle)
        self._stream.synchronize()
        if not self._program.flavour.is_rtx:
            with RECORDING:
                ready.graph = self._stream.capture(
                    lambda: self._execute(context, self._stream.handle), context
                )
        self._batches[batch] = ready
        return ready

    def _execute(self, context: Any, stream: int) -> None:
        self._check(context.execute_async_v3(stream), "run")

    def _check(self, answer: object, what: str) -> None:
        """TensorRT says False or None where it fails, and the reason to its logger."""
        if not answer:
            raise EngineError(f"TensorRT refuses the {what}: {self._program.flavour.log.reason()}.")
