"""The few calls of the CUDA runtime that running an engine needs, each one checked.

Through ``cuda-bindings`` and not through torch: it is 8 MB instead of gigabytes, its CUDA runtime is linked
in, so that only the driver must be there, and it works in the device's primary context, as TensorRT and torch
do. NVDEC does not: FFmpeg makes a context of its own for each file that is decoded.
"""

from __future__ import annotations

import ctypes
import math
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.engine import EngineError, Shape


@dataclass(frozen=True, slots=True)
class Gpu:
    """What an engine depends on.

    Attributes:
        name: as the driver says it.
        capability: compute capability ("9.0").
        driver: version of the driver, or the CUDA version that it supports where it hides its own.
    """

    name: str
    capability: str
    driver: str


def runtime() -> Any:
    """The module ``cuda.bindings.runtime``.

    Raises:
        EngineError: it is not installed.
    """
    try:
        from cuda.bindings import runtime as module
    except ImportError as error:
        hint = "pip install 'stream-unmask[tensorrt]'"
        raise EngineError("cuda-bindings is not installed.", hint=hint) from error
    return module


def call(name: str, *arguments: Any) -> Any:
    """Call a function of the CUDA runtime by its name.

    Returns:
        Its result; a tuple where it has several, None where it has none.

    Raises:
        EngineError: CUDA reports an error, said in CUDA's words.
    """
    cudart = runtime()
    error, *results = getattr(cudart, name)(*arguments)
    if error != cudart.cudaError_t.cudaSuccess:
        _, text = cudart.cudaGetErrorString(error)
        raise EngineError(f"CUDA failed in {name}: {text.decode()}.")
    return results[0] if len(results) == 1 else tuple(results) or None


def find_gpu() -> Gpu:
    """The GPU that this process uses: CUDA's first (``CUDA_VISIBLE_DEVICES`` chooses).

    Raises:
        EngineError: there is none, or its driver is missing or too old.
    """
    _require_driver()
    properties = call("cudaGetDeviceProperties", 0)
    name = properties.name.decode() if isinstance(properties.name, bytes) else str(properties.name)
    return Gpu(name.rstrip("\0"), f"{properties.major}.{properties.minor}", _driver())


def _require_driver() -> None:
    """Say in plain words what CUDA would say in its own at the first call that needs a GPU."""
    supported, needed = call("cudaDriverGetVersion"), call("cudaRuntimeGetVersion")
    if supported == 0:
        raise EngineError("There is no NVIDIA driver here.")
    # Within a major version any driver will do.
    if supported // 1000 < needed // 1000:
        raise EngineError(
            f"The NVIDIA driver is for {_cuda(supported)}, but cuda-bindings for {_cuda(needed)}: update the "
            f"driver, or install cuda-bindings {supported // 1000}."
        )
    error, count = runtime().cudaGetDeviceCount()
    if error == runtime().cudaError_t.cudaErrorNoDevice or count == 0:
        raise EngineError("There is no NVIDIA GPU that this process may use.")


def _driver() -> str:
    try:
        return Path("/sys/module/nvidia/version").read_text().strip()
    except OSError:
        return _cuda(call("cudaDriverGetVersion"))


def _cuda(version: int) -> str:
    return f"CUDA {version // 1000}.{version % 1000 // 10}"


class CudaStream:
    """A CUDA stream of our own.

    It does not wait for the default stream, in which TensorRT would synchronise the whole device.
    """

    def __init__(self) -> None:
        cudart = runtime()
        self._stream = call("cudaStreamCreateWithFlags", cudart.cudaStreamNonBlocking)
        self.handle = int(self._stream)
        """What TensorRT takes."""
        _release_with(self, "cudaStreamDestroy", self._stream)

    def copy_in(self, target: DeviceMemory, source: PinnedArray, size: int) -> None:
        """Queue a copy of the first ``size`` bytes to the GPU."""
        kind = runtime().cudaMemcpyKind.cudaMemcpyHostToDevice
        call("cudaMemcpyAsync", target.address, source.address, size, kind, self._stream)

    def copy_out(self, target: PinnedArray, source: DeviceMemory, size: int) -> None:
        """Queue a copy of the first ``size`` bytes from the GPU."""
        kind = runtime().cudaMemcpyKind.cudaMemcpyDeviceToHost
        call("cudaMemcpyAsync", target.address, source.address, size, kind, self._stream)

    def synchronize(self) -> None:
        """Wait until all that was queued is done."""
        wait_for(self.handle)

    def capture(self, work: Callable[[], None], owner: object) -> Graph:
        """Record what ``work`` queues in this stream, without running it.

        Args:
            work: queues what is to be recorded.
            owner: of what the recording uses; it lives as long as the recording.

        Raises:
            EngineError: ``work`` fails, or does what cannot be recorded.
        """
        with self._recording() as recorded:
            work()
        graph = recorded[0]
        try:
            return Graph(call("cudaGraphInstantiate", graph, 0), owner)
        finally:
            call("cudaGraphDestroy", graph)

    @contextmanager
    def _recording(self) -> Iterator[list[Any]]:
        # Thread-local: other threads may go on allocating while this one records.
        mode = runtime().cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        call("cudaStreamBeginCapture", self._stream, mode)
        recorded: list[Any] = []
        try:
            yield recorded
        except BaseException:
            # A stream left in recording is lost; the error of the work is the one to tell.
            runtime().cudaStreamEndCapture(self._stream)
            raise
        recorded.append(call("cudaStreamEndCapture", self._stream))


class Graph:
    """Recorded work that one call starts."""

    def __init__(self, executable: Any, owner: object) -> None:
        self._executable = executable
        self._owner = owner
        _release_with(self, "cudaGraphExecDestroy", executable)

    def launch(self, stream: int) -> None:
        """Queue the recorded work in the stream with this handle, whichever it was recorded in."""
        call("cudaGraphLaunch", self._executable, stream)


def wait_for(stream: int) -> None:
    """Wait until all that was queued in the stream with this handle is done."""
    call("cudaStreamSynchronize", stream)


class DeviceMemory:
    """Memory on the GPU."""

    def __init__(self, size: int) -> None:
        """Reserve ``size`` bytes, at least one."""
        self.address = int(call("cudaMalloc", max(size, 1)))
        _release_with(self, "cudaFree", self.address)


class DeviceArray(DeviceMemory):
    """A float32 array on the GPU, which torch and others view where it lies."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(4 * math.prod(shape))
        self._shape = shape

    @property
    def __cuda_array_interface__(self) -> dict[str, object]:
        """Version 3 of Numba's protocol; nobody need wait for a stream before looking."""
        data = (self.address, False)  # may be written
        return {"version": 3, "shape": self._shape, "typestr": "<f4", "data": data, "stream": None}


class PinnedArray:
    """A float32 array in page-locked memory, which the GPU copies without the CPU's help."""

    def __init__(self, shape: Shape) -> None:
        count = math.prod(shape)
        self.address = int(call("cudaMallocHost", 4 * count))
        memory = (ctypes.c_float * count).from_address(self.address)
        # Every view of the values keeps the memory: it is freed when the last of them goes.
        _release_with(memory, "cudaFreeHost", self.address)
        self.values: NDArray[np.float32] = np.ctypeslib.as_array(memory).reshape(shape)


def _release_with(owner: object, name: str, handle: Any) -> None:
    """Free what ``owner`` holds when it goes; errors of a driver that is already gone do not matter."""
    weakref.finalize(owner, getattr(runtime(), name), handle).atexit = False
