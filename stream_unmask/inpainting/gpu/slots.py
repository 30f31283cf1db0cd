"""Memory for one frame under way, used again and again, and the copies between host and device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stream_unmask.inpainting.geometry import subsampled
from stream_unmask.inpainting.gpu.device import CudaStreams, Staging
from stream_unmask.inpainting.gpu.sampling import DevicePlanes
from stream_unmask.pixels.geometry import Box
from stream_unmask.pixels.planes import Plane, Planes


class _Pair:
    """The same memory on both sides."""

    def __init__(self, streams: CudaStreams) -> None:
        self.host = Staging(streams.torch, on_host=True)
        self.device = Staging(streams.torch)


class Slot:
    """What one frame needs of memory. It is free again when all that was queued with it is done."""

    def __init__(self, streams: CudaStreams) -> None:
        self._streams = streams
        self._y, self._uv = _Pair(streams), _Pair(streams)
        self._numbers: dict[str, _Pair] = {}
        self._results: dict[str, Staging] = {}

    def upload(self, frame: Planes, luma: Box, chroma: Box) -> DevicePlanes:
        """Bring a part of a frame to the device; what is queued in the compute stream next waits for it."""
        y = self._up(self._y, [frame.y], luma)
        uv = self._up(self._uv, [frame.u, frame.v], chroma)
        self._streams.compute.after(self._streams.copy_in.record())
        return DevicePlanes(y, uv, luma, chroma, frame)

    def download(self, planes: DevicePlanes, touched: Box) -> None:
        """Bring the rows back that hold frame pixels of ``touched``; queued in the stream of the context."""
        below = subsampled(touched, planes.frame)
        for pair, samples, rows in (
            (self._y, planes.y, _rows(touched, planes.luma)),
            (self._uv, planes.uv, _rows(below, planes.chroma)),
        ):
            host = pair.host.view(tuple(samples.shape), samples.dtype)
            # One by one, for only what is contiguous is copied without waiting.
            for plane, there in zip(samples, host, strict=True):
                there[rows].copy_(plane[rows], non_blocking=True)

    def write_back(self, planes: DevicePlanes, touched: Box, frame: Planes) -> None:
        """Write what was downloaded, once that is done, into the frame."""
        below = subsampled(touched, planes.frame)
        for pair, samples, corner, box, into in (
            (self._y, planes.y, planes.luma, touched, [frame.y]),
            (self._uv, planes.uv, planes.chroma, below, [frame.u, frame.v]),
        ):
            host = pair.host.view(tuple(samples.shape), samples.dtype).numpy()
            rows, columns = _rows(box, corner), slice(box.x0 - corner.x0, box.x1 - corner.x0)
            for plane, there in zip(into, host, strict=True):
                plane[box.y0 : box.y1, box.x0 : box.x1] = there[rows, columns].view(plane.dtype)

    def numbers(self, name: str, values: NDArray[np.float32] | Sequence[Sequence[float]]) -> Tensor:
        """Bring numbers to the device; queued in the stream of the context.

        Args:
            name: of the memory that they go to.
            values: of any shape.

        Returns:
            float32 of the same shape, until the slot is used again.
        """
        pair = self._numbers.setdefault(name, _Pair(self._streams))
        array = np.asarray(values, np.float32)
        host = pair.host.view(array.shape, torch.float32)
        host.numpy()[...] = array
        return pair.device.view(array.shape, torch.float32).copy_(host, non_blocking=True)

    def results(self, name: str, values: Tensor) -> NDArray[np.float32]:
        """Bring float32 values to the host; queued in the stream of the context.

        Args:
            name: of the memory that they go to.
            values: to be kept until the copy is done.

        Returns:
            Where they will be, until the slot is used again.
        """
        staging = self._results.setdefault(name, Staging(self._streams.torch, on_host=True))
        host = staging.view(tuple(values.shape), torch.float32).copy_(values, non_blocking=True)
        return np.asarray(host.numpy(), np.float32)

    def _up(self, pair: _Pair, planes: Sequence[Plane], box: Box) -> Tensor:
        wide = planes[0].dtype == np.uint16
        dtype = torch.int16 if wide else torch.uint8
        host = pair.host.view((len(planes), box.y1 - box.y0, box.x1 - box.x0), dtype)
        for plane, there in zip(planes, host.numpy(), strict=True):
            there[...] = plane[box.y0 : box.y1, box.x0 : box.x1].view(there.dtype)
        with self._streams.copy_in:
            return pair.device.view(tuple(host.shape), dtype).copy_(host, non_blocking=True)


def _rows(box: Box, corner: Box) -> slice:
    return slice(box.y0 - corner.y0, box.y1 - corner.y0)
