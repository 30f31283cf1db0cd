"""Faces go through the networks in batches as they would one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from engines import choose
from engines.backends.pytorch_cuda import PyTorchEngine
from stream_unmask.api import Unmasker
from stream_unmask.bundled import BUNDLED_WEIGHTS
from stream_unmask.inpainting.cpu.generating import Generator
from stream_unmask.inpainting.gpu.device import CudaStreams
from stream_unmask.inpainting.gpu.networks import GpuNetworks
from stream_unmask.inpainting.gpu.pictures import resized
from tests.inpainting.faces import SIZE, FakeEngine, face, soft_mask
from tests.inpainting.gpu.engines import FakeDeviceEngine, twins

SIDE = SIZE // 2


def networks(device: CudaStreams, generator: FakeDeviceEngine | None = None) -> GpuNetworks:
    segmenter = FakeDeviceEngine(device.torch, lambda crop: crop[:, :1] + 1, SIZE, (3,), 1)
    return GpuNetworks({"segmenter": segmenter, "generator": generator or segmenter})


def test_the_work_on_the_cpu_is_compared_with_also_where_a_gpu_is_found(unmasker: Unmasker) -> None:
    found = replace(unmasker.networks, gpu=networks(CudaStreams("cpu")))
    on_cpu, on_device = twins(found, BUNDLED_WEIGHTS, "generator", "cpu")
    assert on_cpu.gpu is None
    assert on_device.gpu is not None
    assert on_device.gpu is not found.gpu


def test_nobody_waits_for_the_first_faces_that_step_in(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared: list[int] = []
    monkeypatch.setattr(GpuNetworks, "prepare", lambda _, faces: prepared.append(faces))
    monkeypatch.setattr(
        choose,
        "load_network",
        lambda folder, network, **_: PyTorchEngine(
            folder / f"{network.name}.onnx", precision="fp32", device="cpu"
        ),
    )
    assert Unmasker().networks.gpu is not None
    assert prepared == [4]


def test_more_faces_than_a_batch_holds_are_segmented(device: CudaStreams) -> None:
    levels = torch.linspace(-1.2, 0.2, 5, device=device.torch)
    crops = levels[:, None, None, None].expand(5, 3, SIZE, SIZE)
    masks = networks(device).segment(crops, device.compute)
    torch.testing.assert_close(masks, (levels + 1).clamp(0, 1)[:, None, None, None].expand(5, 1, SIZE, SIZE))


@pytest.mark.parametrize("still", [True, False])
def test_faces_are_drawn_as_they_would_be_one_by_one(device: CudaStreams, still: bool) -> None:
    ramp = np.tile(np.linspace(-0.5, 0.5, SIDE, dtype=np.float32), (3, SIDE, 1))
    ramp_there = torch.from_numpy(ramp).to(device.torch)
    engine = FakeDeviceEngine(
        device.torch, lambda crop, mask, *_: 0.5 * crop + 0.2 * mask + ramp_there, SIDE, (3, 1, 3, 1), 3
    )
    generator = Generator(FakeEngine(lambda crop, mask, *_: 0.5 * crop + 0.2 * mask + ramp, SIDE))
    crops, mask = [np.clip(face() + np.float32(0.1 * k), -1, 1) for k in range(4)], soft_mask(x=0.4)
    expected = [generator.make(crop, mask, still=still).finished(SIZE) for crop in crops]
    given = np.stack(crops), np.stack([mask[None]] * len(crops))
    crops_there, maps_there = (torch.from_numpy(each).to(device.torch) for each in given)
    none = torch.zeros(len(crops), 4, SIDE, SIDE, device=device.torch)
    made = networks(device, engine).generate(
        crops_there, maps_there, none[:, :3], none[:, 3:], device.compute, still=still
    )
    assert engine.batches == ([2, 2, 2, 2] if still else [2, 2])
    np.testing.assert_allclose(resized(made, SIZE).clamp(-1, 1).cpu(), expected, atol=1e-5)
