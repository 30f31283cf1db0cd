"""What a compiled network looks like to the code that runs it."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from engines.errors import EngineError as EngineError

Shape = tuple[int, ...]

RECORDING = threading.Lock()
"""Held while a CUDA graph is recorded, and by whoever waits for all of a device: CUDA forbids the one during
the other, in whatever thread of the process, and spoils the recording."""


OpenVINODevice = Literal["CPU", "GPU", "NPU", "AUTO"]
"""What OpenVINO can run a network on; ``AUTO`` is the best of those that are there."""

OPENVINO_DEVICES: tuple[OpenVINODevice, ...] = get_args(OpenVINODevice)


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output of a compiled network, with the shape it was compiled for."""

    name: str
    shape: Shape


def with_open_as_one(sides: Iterable[object]) -> Shape:
    """A shape whose open sides (names, 0, or below) are 1: a batch of one."""
    return tuple(side if isinstance(side, int) and side > 0 else 1 for side in sides)


def onnx_port(value: Any) -> Port:
    """An input or output of an ONNX graph (``onnx.ValueInfoProto``)."""
    return Port(value.name, with_open_as_one(side.dim_value for side in value.type.tensor_type.shape.dim))


class Engine(Protocol):
    """A compiled network that runs.

    An engine belongs to one thread: it owns its buffers and is not locked.

    Attributes:
        description: what runs it and how, for people ("OpenVINO 2026.4 on the CPU, fp32, 2 threads").
        inputs: the network's inputs in order.
        outputs: the network's outputs in order.
        max_batch: how many faces one run takes at most; 1 where more at once would not be faster.
    """

    max_batch: int
    description: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    def run(self, *inputs: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """Run the network once.

        Args:
            inputs: one C-contiguous float32 array for each input, in the network's order, all with the
                same number of faces N, 1 to ``max_batch``.

        Returns:
            One float32 array for each output, in the network's order. They may be views of the
            engine's own buffers, valid until the next call.
        """
        ...


@runtime_checkable
class DeviceEngine(Engine, Protocol):
    """An engine whose inputs and outputs lie in a GPU's memory and whose runs can be queued.

    All runs share one set of buffers, so the caller orders them, in one stream or in several that wait for
    each other, and waits for the last before it lets the engine go.

    Attributes:
        device: torch's name for where the buffers lie: ``cuda:0``; ``cpu`` where the CPU stands in for a GPU.
    """

    device: str

    def on_device(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """The engine's own buffers, the same ones at every call.

        Returns:
            One object for each input and one for each output, in the network's order: float32,
            (``max_batch``, C, S, S), contiguous. ``torch.as_tensor(buffer, device=engine.device)`` views it
            without a copy; the view keeps the memory.
        """
        ...

    def enqueue(self, batch: int, stream: int) -> None:
        """Queue a run over the first ``batch`` faces of the input buffers, without waiting for it.

        The first run of each size of batch is prepared and waits for all that is queued in the stream.

        Args:
            batch: number of faces, 1 to ``max_batch``.
            stream: handle of the CUDA stream (in torch ``torch.cuda.current_stream().cuda_stream``), which
                must not be recording a graph; on the CPU 0, and the run is done on return.

        Raises:
            EngineError: the batch is too large, or the run cannot be queued.
        """
        ...
