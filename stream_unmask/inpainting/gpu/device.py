"""What there is of CUDA in the way of a frame: streams, events, page-locked memory."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import torch
from torch import Tensor


class CudaEvent:
    """A point in a stream: what was queued before it is done, or not yet."""

    def __init__(self, event: torch.cuda.Event | None) -> None:
        self.event = event

    def wait(self) -> None:
        """Block this thread until it is reached."""
        if self.event is not None:
            self.event.synchronize()


class CudaStream:
    """A CUDA stream, for one thread at a time. On the CPU what is queued is done at once.

    As a context it takes all that torch queues meanwhile. Memory that torch takes meanwhile is the stream's:
    what other streams use of it must be kept until they are done.
    """

    def __init__(self, device: torch.device) -> None:
        self._stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            # Torch has 32 streams of each priority, which it hands out again and again. Engines record graphs
            # in those of another one: what another thread queues meanwhile must not get into a graph.
            self._stream = torch.cuda.Stream(device, priority=-1)  # type: ignore[no-untyped-call]
        self._contexts: list[Any] = []

    @property
    def handle(self) -> int:
        """The CUDA stream's, 0 on the CPU."""
        return 0 if self._stream is None else int(self._stream.cuda_stream)

    def record(self) -> CudaEvent:
        """An event: where the stream is now."""
        if self._stream is None:
            return CudaEvent(None)
        # Not by spinning, which would take a core from the codecs.
        event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        event.record(self._stream)
        return CudaEvent(event)

    def after(self, event: CudaEvent) -> None:
        """Let what is queued from now on wait for an event of another stream."""
        if self._stream is not None and event.event is not None:
            self._stream.wait_event(event.event)

    def __enter__(self) -> CudaStream:
        if self._stream is not None:
            context: Any = torch.cuda.stream(self._stream)
            context.__enter__()
            self._contexts.append(context)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._contexts.pop().__exit__(kind, error, trace)


class CudaStreams:
    """A GPU, or the CPU in its place, as one video uses it: a CUDA stream for each direction of
    copying, and one for computing.

    Attributes:
        torch: torch's name for it.
        copy_in: from the host.
        compute: everything else.
        copy_out: to the host.
    """

    def __init__(self, name: str) -> None:
        self.torch = torch.device(name)
        self.copy_in, self.compute, self.copy_out = (CudaStream(self.torch) for _ in range(3))


class Staging:
    """Memory that is used again for every frame: made when first asked for, and anew where it is too small.

    Whoever asks sees to it that what it was used for before is done.
    """

    def __init__(self, device: torch.device, *, on_host: bool = False) -> None:
        """Start with nothing.

        Args:
            device: the GPU that uses it.
            on_host: it lies in the host's memory, page-locked, so that copies need not wait.
        """
        self._where = torch.device("cpu") if on_host else device
        self._locked = on_host and device.type == "cuda"
        self._bytes = torch.empty(0, dtype=torch.uint8)

    def view(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """The memory's beginning as a contiguous tensor, with whatever is in it."""
        size = dtype.itemsize
        for side in shape:
            size *= side
        if self._bytes.numel() < size:
            self._bytes = torch.empty(size, dtype=torch.uint8, device=self._where, pin_memory=self._locked)
        return self._bytes[:size].view(dtype).view(shape)
