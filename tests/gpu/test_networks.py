"""Faces go through the networks in batches as they would one by one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from engines.engine import DeviceEngine, Port
from stream_unmask.gpu.device import Device
from stream_unmask.gpu.networks import GpuNetworks
from stream_unmask.unmasking.generating import Generator
from tests.unmasking.faces import SIZE, FakeEngine, Picture, face, mask_map

SIDE = SIZE // 2


class FakeDeviceEngine:
    """Answers in its own buffers with what ``answer`` makes of its inputs, two faces at a time."""

    max_batch = 2
    description = "a stand-in"

    def __init__(
        self, device: Device, answer: Callable[..., Tensor], side: int, inputs: tuple[int, ...], output: int
    ):
        self.device = str(device.torch)
        self.inputs = tuple(Port(f"in{k}", (1, channels, side, side)) for k, channels in enumerate(inputs))
        self.outputs = (Port("out", (1, output, side, side)),)
        self._answer = answer
        self._in, self._out = (
            tuple(torch.zeros((2, *port.shape[1:]), device=device.torch) for port in ports)
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


def segmenter(device: Device) -> DeviceEngine:
    return FakeDeviceEngine(device, lambda crop: crop[:, :1] + 1, SIZE, (3,), 1)


def test_more_faces_than_a_batch_holds_are_segmented(device: Device) -> None:
    networks = GpuNetworks(segmenter(device), segmenter(device))
    levels = torch.linspace(-1.2, 0.2, 5, device=device.torch)
    maps = networks.segment(levels[:, None, None, None].expand(5, 3, SIZE, SIZE))
    torch.testing.assert_close(maps, (levels + 1).clamp(0, 1)[:, None, None, None].expand(5, 1, SIZE, SIZE))


def test_only_new_faces_are_drawn_from_both_sides_of_the_mirror(device: Device) -> None:
    ramp = np.tile(np.linspace(-0.5, 0.5, SIDE, dtype=np.float32), (3, SIDE, 1))
    ramp_there = torch.from_numpy(ramp).to(device.torch)
    engine = FakeDeviceEngine(device, lambda crop, map: 0.5 * crop + 0.2 * map + ramp_there, SIDE, (3, 1), 3)
    generator = Generator(FakeEngine(lambda crop, map: 0.5 * crop + 0.2 * map + ramp, SIDE))
    crops = [np.clip(face() + np.float32(0.1 * k), -1, 1) for k in range(5)]
    map_, fresh = mask_map(x=0.4), [1, 4]
    expected = [
        generator.begin(crop, map_) if k in fresh else generator.generate(crop, map_)
        for k, crop in enumerate(crops)
    ]
    given = np.stack(crops), np.stack([map_[None]] * 5)
    made = GpuNetworks(segmenter(device), engine).generate(
        *(torch.from_numpy(each).to(device.torch) for each in given), fresh
    )
    assert engine.batches == [2, 2, 2, 1]
    np.testing.assert_allclose(made.cpu(), expected, atol=1e-5)
