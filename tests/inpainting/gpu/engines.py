"""Stand-ins for what runs networks on a device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from engines.backends.pytorch_cuda import PyTorchEngine
from engines.contract import NetworkName
from engines.engine import Port
from stream_unmask.inpainting.cpu.networks import CpuNetworks
from stream_unmask.inpainting.gpu.networks import GpuNetworks
from stream_unmask.networks import Networks
from tests.inpainting.faces import Picture

NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU that torch can use")


def twins(networks: Networks, weights: Path, maker: NetworkName, device: str) -> tuple[Networks, Networks]:
    """The same networks, those of a folder, for the work on the CPU and for that on a device.

    Nobody wears a stand-in: where its mesh is seen anew hangs on the last bit of a crop.
    """
    names: tuple[NetworkName, ...] = ("segmenter", maker)
    engines = {
        name: PyTorchEngine(weights / f"{name}.onnx", precision="fp32", device=device) for name in names
    }
    on_cpu = replace(networks, cpu=CpuNetworks(engines), gpu=None, describer=None, bank=None)
    return on_cpu, replace(on_cpu, gpu=GpuNetworks(engines))


class FakeDeviceEngine:
    """Answers in its own buffers with what ``answer`` makes of its inputs.

    Attributes:
        batches: the sizes that it was run with.
    """

    description = "a stand-in"

    def __init__(
        self,
        device: torch.device,
        answer: Callable[..., Tensor],
        side: int,
        inputs: tuple[int, ...],
        output: int,
        max_batch: int = 2,
    ) -> None:
        self.device, self.max_batch = str(device), max_batch
        self.inputs: tuple[Port, ...] = tuple(
            Port(f"in{k}", (1, channels, side, side)) for k, channels in enumerate(inputs)
        )
        self.outputs: tuple[Port, ...] = (Port("out", (1, output, side, side)),)
        self._answer = answer
        self._in, self._out = (
            tuple(torch.zeros((max_batch, *port.shape[1:]), device=device) for port in ports)
            for ports in (self.inputs, self.outputs)
        )
        self.batches: list[int] = []

    def on_device(self) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        return self._in, self._out

    def enqueue(self, batch: int, stream: int) -> None:
        self.batches.append(batch)
        self._out[0][:batch].copy_(self._answer(*(each[:batch] for each in self._in)))

    def run(self, *inputs: Picture) -> tuple[Picture, ...]:
        raise NotImplementedError
