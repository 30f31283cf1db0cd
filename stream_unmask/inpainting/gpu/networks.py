"""The networks, fed from and leaving their results in the GPU's memory, all faces of a frame at once."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from engines.contract import NetworkName
from engines.engine import RECORDING, DeviceEngine
from stream_unmask.inpainting.gpu.batching import BatchedNetwork, Batcher
from stream_unmask.inpainting.gpu.device import CudaStream
from stream_unmask.inpainting.gpu.pictures import resized


def can_use(device: str) -> bool:
    """Whether torch, as it is installed here, computes on a device."""
    return torch.device(device).type == "cpu" or torch.cuda.is_available()


class GpuNetworks:
    """Networks on one device. Streams of several threads share them, and their faces share batches.

    Attributes:
        device: torch's name for it.
        networks: by their names in the contract.
    """

    def __init__(self, engines: Mapping[NetworkName, DeviceEngine]) -> None:
        """Take over engines, all on one device."""
        self.networks = {name: BatchedNetwork(engine) for name, engine in engines.items()}
        (self.device,) = {engine.device for engine in engines.values()}
        self._batcher = Batcher()
        if torch.device(self.device).type == "cuda":
            with RECORDING:
                torch.cuda.synchronize(self.device)  # what made weights and buffers is in another stream

    def prepare(self, faces: int) -> None:
        """Have the slow first runs of all sizes of batch up to so many faces over, before frames come."""
        stream = CudaStream(torch.device(self.device))
        for network in self.networks.values():
            network.prepare(faces, stream)
        stream.record().wait()

    def segment(self, crops: Tensor, stream: CudaStream) -> Tensor:
        """Where face masks are.

        Args:
            crops: (N, 3, S, S) RGB in [-1, 1].
            stream: which the caller has in use.

        Returns:
            (N, 1, S, S) masks in 0..1.
        """
        (masks,) = self._run("segmenter", stream, crops)
        return masks.clamp_(0, 1)

    @property
    def side(self) -> int:
        """Side of the generator's crops in pixels."""
        return self.networks["generator"].side

    def generate(
        self,
        crops: Tensor,
        masks: Tensor,
        guides: Tensor,
        trust: Tensor,
        stream: CudaStream,
        *,
        still: bool = False,
    ) -> Tensor:
        """What face masks hide; see :class:`stream_unmask.inpainting.cpu.generating.Generator`.

        Args:
            crops: (N, 3, S, S) RGB in [-1, 1].
            masks: (N, 1, S, S) in 0..1.
            guides: (N, 3, T, T) RGB in [-1, 1], at the generator's side.
            trust: (N, 1, T, T) in 0..1; 0 where there is no guide.
            stream: which the caller has in use.
            still: make them from both sides of the mirror, as for a single picture.

        Returns:
            (N, 3, T, T) inpainted crops at the generator's side, RGB.
        """
        small = (resized(each, self.side) for each in (crops, masks))
        shown = (torch.cat([each, each.flip(-1)]) if still else each for each in (*small, guides, trust))
        (made,) = self._run("generator", stream, *shown)
        if not still:
            return made
        made, mirrored = made.chunk(2)
        return (made + mirrored.flip(-1)) * 0.5

    def dress(self, crops: Tensor, styles: Tensor, stream: CudaStream) -> tuple[Tensor, Tensor]:
        """Face masks for bare faces; see :class:`stream_unmask.inpainting.cpu.wearing.Wearer`.

        Args:
            crops: (N, 3, S, S) RGB in [-1, 1].
            styles: (N, 8, 1, 1) which face masks, normally distributed.
            stream: which the caller has in use.

        Returns:
            worn: (N, 3, S, S) RGB in [-1, 1].
            alphas: (N, 1, S, S) in 0..1 how opaquely those lie over the crops.
        """
        side = crops.shape[-1]
        small = resized(crops, self.networks["wearer"].side)
        worn, alphas = self._run("wearer", stream, small, styles)
        return resized(worn, side).clamp_(-1, 1), resized(alphas, side).clamp_(0, 1)

    def _run(self, name: NetworkName, stream: CudaStream, *given: Tensor) -> tuple[Tensor, ...]:
        return self._batcher.run(self.networks[name], stream, *given)
