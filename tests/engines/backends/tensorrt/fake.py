"""The run side of TensorRT and CUDA for machines without a GPU: it fails when it is told to.

Device memory is the process's own, queued work waits for a synchronisation as on a GPU, and an "engine" is an
ONNX file that ONNX Runtime computes at the addresses that it was given. What it cannot show is anything about
speed, or about kernels.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

HEADER = b"engine of 11.4 for "
Work = Callable[[], None]


class FakeCuda:
    """As much of ``cuda.bindings.runtime`` as engines call."""

    cudaError_t = Enum("cudaError_t", ["cudaSuccess", "cudaErrorMemoryAllocation", "cudaErrorNoDevice"])  # noqa: N815
    cudaMemcpyKind = SimpleNamespace(cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2)  # noqa: N815
    cudaStreamCaptureMode = SimpleNamespace(cudaStreamCaptureModeThreadLocal=1)  # noqa: N815
    cudaStreamNonBlocking = 1  # noqa: N815

    def __init__(self) -> None:
        self.failing: set[str] = set()
        self.memory: dict[int, Any] = {}
        self.queues: dict[int, list[Work]] = {}
        self.recordings: dict[int, list[Work]] = {}
        self.graphs = 0
        self.name = b"NVIDIA Fake 9000"
        self.driver, self.devices = 13050, 1

    def __getattr__(self, name: str) -> Callable[..., tuple[Any, ...]]:
        done = object.__getattribute__(self, f"_{name.removeprefix('cuda')}")

        def function(*arguments: Any) -> tuple[Any, ...]:
            if name in self.failing:
                return (self.cudaError_t.cudaErrorMemoryAllocation, None)
            result = done(*arguments)
            return (
                (self.cudaError_t.cudaSuccess,) if result is None else (self.cudaError_t.cudaSuccess, result)
            )

        return function

    def queue(self, stream: int, work: Work) -> None:
        """Queue work in a stream, or record it."""
        (self.recordings[stream] if stream in self.recordings else self.queues[stream]).append(work)

    def _GetErrorString(self, error: Enum) -> bytes:  # noqa: N802
        return error.name.encode()

    def _DriverGetVersion(self) -> int:  # noqa: N802
        return self.driver

    def _RuntimeGetVersion(self) -> int:  # noqa: N802
        return 13050

    def cudaGetDeviceCount(self) -> tuple[Enum, int | None]:  # noqa: N802
        error = self.cudaError_t
        return (error.cudaSuccess, self.devices) if self.devices else (error.cudaErrorNoDevice, None)

    def _GetDeviceProperties(self, _device: int) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(name=self.name, major=12, minor=0)

    def _StreamCreateWithFlags(self, _flags: int) -> int:  # noqa: N802
        self.queues[len(self.queues) + 1] = []
        return len(self.queues)

    def _StreamDestroy(self, stream: int) -> None:  # noqa: N802
        self.queues[stream].clear()

    def _StreamSynchronize(self, stream: int) -> None:  # noqa: N802
        assert stream not in self.recordings, "a stream that records cannot be waited for"
        while self.queues[stream]:
            self.queues[stream].pop(0)()

    def _Malloc(self, size: int) -> int:  # noqa: N802
        block = (ctypes.c_byte * size)()
        self.memory[ctypes.addressof(block)] = block
        return ctypes.addressof(block)

    def _Free(self, address: int) -> None:  # noqa: N802
        del self.memory[address]

    _MallocHost, _FreeHost = _Malloc, _Free

    def _MemcpyAsync(self, target: int, source: int, size: int, _kind: int, stream: int) -> None:  # noqa: N802
        self.queue(stream, lambda: ctypes.memmove(target, source, size) and None)  # type: ignore[arg-type]

    def _StreamBeginCapture(self, stream: int, _mode: int) -> None:  # noqa: N802
        self.recordings[stream] = []

    def _StreamEndCapture(self, stream: int) -> tuple[Work, ...]:  # noqa: N802
        return tuple(self.recordings.pop(stream))

    def _GraphInstantiate(self, graph: tuple[Work, ...], _flags: int) -> tuple[Work, ...]:  # noqa: N802
        self.graphs += 1
        return graph

    def _GraphLaunch(self, graph: tuple[Work, ...], stream: int) -> None:  # noqa: N802
        for work in graph:
            self.queue(stream, work)

    def _GraphDestroy(self, _graph: object) -> None: ...  # noqa: N802

    def _GraphExecDestroy(self, _graph: object) -> None:  # noqa: N802
        self.graphs -= 1


class FakeTensorRT:
    """As much of ``tensorrt`` as running needs; ``failing`` names the calls that fail, as TensorRT fails."""

    DataType = Enum("DataType", ["FLOAT", "HALF"])
    TensorIOMode = Enum("TensorIOMode", ["INPUT", "OUTPUT"])
    ExecutionContextAllocationStrategy = Enum(
        "ExecutionContextAllocationStrategy", ["STATIC", "USER_MANAGED"]
    )

    CudaGraphStrategy = SimpleNamespace(WHOLE_GRAPH_CAPTURE="WHOLE_GRAPH_CAPTURE")
    DynamicShapesKernelSpecializationStrategy = SimpleNamespace(EAGER="EAGER")

    class ILogger:
        Severity = Enum("Severity", ["INTERNAL_ERROR", "ERROR", "WARNING", "INFO", "VERBOSE"])

    def __init__(self, cuda: FakeCuda) -> None:
        self.cuda = cuda
        self.failing: set[str] = set()
        self.contexts = 0

    def Runtime(self, log: Any) -> FakeRuntime:  # noqa: N802
        self.log = log
        return FakeRuntime(self)

    def Refitter(self, engine: FakeEngine, _log: object) -> FakeRefitter:  # noqa: N802
        return FakeRefitter(engine)

    def OnnxParserRefitter(self, refitter: FakeRefitter, _log: object) -> FakeRefitter:  # noqa: N802
        return refitter

    def fails(self, name: str) -> bool:
        if name in self.failing:
            self.log.log(self.ILogger.Severity.ERROR, f"{name} does not want to")
        return name in self.failing


def plan_of(network: bytes, max_batch: int) -> bytes:
    """What a build makes of an ONNX file."""
    return HEADER + bytes([max_batch]) + network


class FakeRuntime:
    def __init__(self, api: FakeTensorRT) -> None:
        self._api = api

    def deserialize_cuda_engine(self, content: bytes) -> FakeEngine | None:
        if self._api.fails("deserialize_cuda_engine"):
            return None
        if not content.startswith(HEADER):
            self._api.log.log(self._api.ILogger.Severity.ERROR, "magicTag == kEXPECTED_MAGIC_TAG failed")
            return None
        return FakeEngine(self._api, content[len(HEADER)], content[len(HEADER) + 1 :])


class FakeEngine:
    device_memory_size_v2 = 64

    def __init__(self, api: FakeTensorRT, max_batch: int, network: bytes) -> None:
        self.api, self.most, self.network = api, max_batch, network
        self.session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
        self.inputs = {port.name: tuple(port.shape[1:]) for port in self.session.get_inputs()}
        self.outputs = {port.name: tuple(port.shape[1:]) for port in self.session.get_outputs()}
        self.num_io_tensors = len(self.inputs) + len(self.outputs)

    def get_tensor_name(self, number: int) -> str:
        return [*self.inputs, *self.outputs][number]

    def get_tensor_mode(self, name: str) -> Enum:
        return self.api.TensorIOMode.INPUT if name in self.inputs else self.api.TensorIOMode.OUTPUT

    def get_tensor_dtype(self, _name: str) -> Enum:
        return self.api.DataType.HALF if "dtype" in self.api.failing else self.api.DataType.FLOAT

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return (-1, *(self.inputs | self.outputs)[name])

    def get_tensor_profile_shape(self, name: str, _profile: int) -> list[tuple[int, ...]]:
        return [(count, *self.inputs[name]) for count in (1, 1, self.most)]

    def serialize(self) -> bytes:
        return plan_of(self.network, self.most)

    def create_runtime_config(self) -> FakeRuntimeConfig:
        return FakeRuntimeConfig()

    def create_execution_context(self, how: Enum | FakeRuntimeConfig) -> FakeContext | None:
        self.api.contexts += 1
        return None if self.api.fails("create_execution_context") else FakeContext(self, how)


class FakeRuntimeConfig:
    """How TensorRT for RTX runs; its cache of kernels counts the sizes of batches that it has seen."""

    cuda_graph_strategy: object = None
    dynamic_shapes_kernel_specialization_strategy: object = None
    cache: FakeKernels | None = None

    def create_runtime_cache(self) -> FakeKernels:
        return FakeKernels()

    def set_runtime_cache(self, cache: FakeKernels) -> None:
        self.cache = cache


class FakeKernels:
    def __init__(self) -> None:
        self.sizes: set[int] = set()

    def deserialize(self, content: bytes) -> bool:
        self.sizes = set(content)
        return True

    def serialize(self) -> bytes:
        return bytes(sorted(self.sizes))


class FakeRefitter:
    """Both TensorRT's refitter and its parser."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine

    def refit_from_file(self, path: str) -> bool:
        api = self._engine.api
        fresh = FakeEngine(api, self._engine.most, Path(path).read_bytes())
        if fresh.inputs != self._engine.inputs or api.fails("refit_from_file"):
            return False
        self._engine.network = fresh.network
        return True

    def refit_cuda_engine(self) -> bool:
        return not self._engine.api.fails("refit_cuda_engine")


class FakeContext:
    def __init__(self, engine: FakeEngine, how: Enum | FakeRuntimeConfig) -> None:
        self._engine, self._api = engine, engine.api
        self._rtx = how if isinstance(how, FakeRuntimeConfig) else None
        self._has_memory = self._rtx is not None
        self._addresses: dict[str, int] = {}
        self._batch = 0
        self._warm = False

    def set_device_memory(self, address: int, size: int) -> None:
        assert len(self._api.cuda.memory[address]) >= size
        self._has_memory = True

    def set_input_shape(self, _name: str, shape: tuple[int, ...]) -> bool:
        self._batch = shape[0]
        return not self._api.fails("set_input_shape")

    def infer_shapes(self) -> list[str]:
        return ["crop"] if self._api.fails("infer_shapes") else []

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._addresses[name] = address
        return not self._api.fails("set_tensor_address")

    def execute_async_v3(self, stream: int) -> bool:
        recording = stream in self._api.cuda.recordings
        assert self._warm or not recording, "recorded before the first run of a shape"
        self._warm = True
        if self._api.fails("execute_async_v3") or (recording and self._api.fails("recording")):
            return False
        if not self._has_memory:
            return False
        batch, addresses = self._batch, dict(self._addresses)
        if self._rtx is not None:
            assert not recording, "TensorRT for RTX records by itself"
            assert self._rtx.cuda_graph_strategy == "WHOLE_GRAPH_CAPTURE"
            assert self._rtx.dynamic_shapes_kernel_specialization_strategy == "EAGER"
            assert self._rtx.cache is not None
            self._rtx.cache.sizes.add(batch)
        self._api.cuda.queue(stream, lambda: self._compute(batch, addresses))
        return True

    def _compute(self, batch: int, addresses: dict[str, int]) -> None:
        engine = self._engine
        feeds = {name: _array(addresses[name], (batch, *sides)) for name, sides in engine.inputs.items()}
        for name, values in zip(engine.outputs, engine.session.run(None, feeds), strict=True):
            _array(addresses[name], values.shape)[:] = values


def values_of(array: Any) -> NDArray[np.float32]:
    """What lies in memory that tells of itself as a CUDA array."""
    described = array.__cuda_array_interface__
    assert (described["typestr"], described["data"][1]) == ("<f4", False)
    return _array(described["data"][0], described["shape"])


def _array(address: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    memory = (ctypes.c_float * math.prod(shape)).from_address(address)
    return np.ctypeslib.as_array(memory).reshape(shape)
