"""Crops and inpainted crops on a device are those that the CPU's kernels make."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stream_unmask.inpainting.cpu.compositing import composite
from stream_unmask.inpainting.gpu import compositing, sampling
from stream_unmask.inpainting.gpu.device import CudaStreams
from stream_unmask.inpainting.gpu.sampling import DevicePlanes
from stream_unmask.inpainting.gpu.slots import Slot
from stream_unmask.pixels.geometry import Affine, Box
from stream_unmask.pixels.grain import NO_GRAIN, Grain
from stream_unmask.pixels.planes import Planes
from stream_unmask.pixels.sampling import plan_readings, sample_crop
from tests.pixels.pictures import LAYOUTS, Layout, alignment, copies, noise, paint
from tests.support.choosing import spread

SIZE = 64
PLACES = {
    "small": alignment(80.4, 60.7, 0.3, SIZE, turn=-0.35),
    "even": alignment(80.4, 60.7, 1.0, SIZE, turn=0.2),
    "large": alignment(80.4, 60.7, 2.3, SIZE, turn=-0.35),
    "huge": alignment(70.0, 60.0, 5.2, SIZE, turn=0.1),
    "at the edge": alignment(3.0, 128.0, 0.9, SIZE, turn=0.5),
}
GRAINS = {"plain": NO_GRAIN, "grainy": Grain(0.03, 0.03, 0.7, 250, 9)}


def uploaded(slot: Slot, planes: Planes, matrix: Affine) -> DevicePlanes:
    """The part under one crop."""
    luma, chroma = (reading.box for reading in plan_readings(planes, matrix, SIZE))
    return slot.upload(planes, luma, chroma)


@pytest.mark.parametrize(("layout", "matrix"), spread(LAYOUTS, PLACES))
def test_crops_are_the_same(device: CudaStreams, layout: Layout, matrix: Affine) -> None:
    planes = paint(layout.empty(173, 131))
    there = uploaded(Slot(device), planes, matrix)
    readings = plan_readings(planes, matrix, SIZE)
    crop = sampling.sample_crop(there, readings, SIZE).cpu().numpy()
    # Where samples are averaged first, OpenCV rounds the means to whole numbers.
    averaged = max(reading.step_x for reading in readings) > 1
    most = 1e-3 + averaged * 0.015 / (1 << (layout.depth - 8))
    np.testing.assert_allclose(crop, sample_crop(planes, matrix, SIZE), atol=most)


def test_sharp_detail_is_filtered_the_same(device: CudaStreams) -> None:
    planes, matrix = noise(LAYOUTS["444-full-601"].empty(173, 131)), PLACES["large"]
    there = uploaded(Slot(device), planes, matrix)
    crop = sampling.sample_crop(there, plan_readings(planes, matrix, SIZE), SIZE).cpu().numpy()
    error = crop - sample_crop(planes, matrix, SIZE)
    assert np.sqrt((error**2).mean()) < 0.002


@pytest.mark.parametrize(("layout", "matrix", "grain"), spread(LAYOUTS, PLACES, GRAINS))
def test_inpainted_crops_land_the_same(
    device: CudaStreams, layout: Layout, matrix: Affine, grain: Grain
) -> None:
    given, drawn = noise(layout.empty(173, 131)), noise(layout.empty(173, 131))
    before = copies(given)
    coarse = np.random.default_rng(1).uniform(-1, 1, (3, 8, 8)).astype(np.float32)
    inpainted = np.ascontiguousarray(coarse.repeat(8, 1).repeat(8, 2))
    alpha = disc(20, 6)
    mark = np.random.default_rng(2).uniform(-0.1, 0.1, (3, 16, 16)).astype(np.float32)
    composite(drawn, matrix, inpainted, alpha, grain, mark)

    slot = Slot(device)
    there = uploaded(slot, given, matrix)
    picture, opacity, added = (torch.from_numpy(each).to(device.torch) for each in (inpainted, alpha, mark))
    touched = compositing.composite(there, matrix, picture, opacity, grain, added)
    assert touched is not None
    slot.download(there, touched)
    device.compute.record().wait()
    slot.write_back(there, touched, given)
    for mine, theirs, old in zip(copies(given), copies(drawn), before, strict=True):
        assert np.abs(mine.astype(int) - theirs).max() <= 1 << max(0, layout.depth - 10)
        assert (mine != theirs).mean() < 0.01
        # At the rim alpha may be a rounding away from 0 on either side, and changes nothing then.
        np.testing.assert_array_equal(mine[theirs == old], old[theirs == old])


def test_an_inpainted_crop_beside_the_frame_changes_nothing(device: CudaStreams) -> None:
    planes, matrix = noise(LAYOUTS["420"].empty(64, 48)), alignment(400, 20, 1.0, SIZE)
    there = Slot(device).upload(planes, Box(0, 0, 64, 48), Box(0, 0, 32, 24))
    inpainted, alpha = (torch.zeros((each, SIZE, SIZE), device=device.torch) for each in (3, 1))
    assert compositing.composite(there, matrix, inpainted, alpha[0]) is None


def test_memory_is_used_again(device: CudaStreams) -> None:
    slot, matrix = Slot(device), PLACES["even"]
    places = set()
    for seed in range(3):
        planes = noise(LAYOUTS["420-10"].empty(173, 131), seed)
        there = uploaded(slot, planes, matrix)
        places |= {there.y.data_ptr(), there.uv.data_ptr()}
        box = there.luma
        expected = planes.y[box.y0 : box.y1, box.x0 : box.x1]
        np.testing.assert_array_equal(sampling.as_float(there.y)[0].cpu().numpy(), expected)
    assert len(places) == 2


def disc(radius: float, edge: float) -> np.ndarray:
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    return np.asarray(np.clip((radius + edge - np.hypot(x, y)) / edge, 0, 1), np.float32)
