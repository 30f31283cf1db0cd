"""The two networks, fed from and leaving their results in the GPU's memory, all faces of a frame at once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from engines.engine import DeviceEngine
from stream_unmask.gpu.device import Device
from stream_unmask.gpu.pictures import resized


def can_use(device: str) -> bool:
    """Whether torch, as it is installed here, computes on a device."""
    return torch.device(device).type == "cpu" or torch.cuda.is_available()


class GpuNetworks:
    """Segmenter and generator on one device, and the lanes that they are used in.

    Several streams may share them, one at a time: their work is queued in one compute lane.
    """

    def __init__(self, segmenter: DeviceEngine, generator: DeviceEngine) -> None:
        self.device = Device(segmenter.device)
        self._segmenter, self._generator = segmenter, generator
        (self._crop,), (self._map,) = self._views(segmenter)
        self._given, (self._patch,) = self._views(generator)
        if self.device.torch.type == "cuda":
            torch.cuda.synchronize(self.device.torch)  # what made weights and buffers is in another stream

    def segment(self, crops: Tensor) -> Tensor:
        """Where masks are.

        Args:
            crops: (N, 3, S, S) RGB in [-1, 1].

        Returns:
            (N, 1, S, S) maps in 0..1.
        """
        maps = []
        for part in torch.split(crops, self._segmenter.max_batch):
            self._crop[: len(part)].copy_(part)
            self._segmenter.enqueue(len(part), self.device.compute.handle)
            maps.append(self._map[: len(part)].clamp(0, 1))
        return torch.cat(maps)

    def generate(self, crops: Tensor, maps: Tensor, fresh: list[int]) -> Tensor:
        """What the masks hide; see :class:`stream_unmask.unmasking.generating.Generator`.

        Args:
            crops: (N, 3, S, S) RGB in [-1, 1].
            maps: (N, 1, S, S) in 0..1.
            fresh: the faces that have had no patch yet; they are drawn from both sides of the mirror.

        Returns:
            (N, 3, S, S) patches, RGB in [-1, 1].
        """
        rows = [torch.cat([each, *(each[k : k + 1].flip(-1) for k in fresh)]) for each in (crops, maps)]
        parts = [torch.split(each, self._generator.max_batch) for each in rows]
        drawn = torch.cat([self._run(*part) for part in zip(*parts, strict=True)])
        patches = resized(drawn, crops.shape[-1]).clamp_(-1, 1)
        for row, k in enumerate(fresh, start=len(crops)):
            patches[k].add_(patches[row].flip(-1)).mul_(0.5)
        return patches[: len(crops)]

    def _run(self, *given: Tensor) -> Tensor:
        count, side = len(given[0]), self._patch.shape[-1]
        for buffer, values in zip(self._given, given, strict=True):
            buffer[:count].copy_(resized(values, side))
        self._generator.enqueue(count, self.device.compute.handle)
        return self._patch[:count].clone()

    def _views(self, engine: DeviceEngine) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        inputs, outputs = engine.on_device()

        def view(buffer: Any) -> Tensor:
            return torch.as_tensor(buffer, device=self.device.torch)

        return tuple(map(view, inputs)), tuple(map(view, outputs))
