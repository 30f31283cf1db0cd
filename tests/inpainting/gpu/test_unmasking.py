"""Smoothing, matching and blending on a device give what they give on the CPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from stream_unmask.inpainting.cpu import coarse as cells
from stream_unmask.inpainting.cpu.blending import BLENDS, Blend, Blender
from stream_unmask.inpainting.cpu.colour import ColourMatcher, ColourSettings
from stream_unmask.inpainting.cpu.segmenting import filled
from stream_unmask.inpainting.cpu.smoothing import PatchSmoother
from stream_unmask.inpainting.gpu import blending, colour, pictures
from stream_unmask.inpainting.gpu.device import Device
from stream_unmask.inpainting.gpu.painting import GpuFace, Look, steadied
from stream_unmask.inpainting.gpu.presence import mask_scores
from stream_unmask.inpainting.gpu.slots import Slot
from stream_unmask.inpainting.gpu.warping import moves
from stream_unmask.inpainting.presence import mask_score
from stream_unmask.inpainting.timing import FRAME
from tests.inpainting.faces import SIZE, Picture, alignment, face, mask_map

SHAPES: list[dict[str, float]] = [{}, {"radius": 0.1}, {"y": 0.95}, {"radius": 1e-3}]
"""Of masks: a usual one, a small one, one at the crop's border, none."""


def up(device: Device, *arrays: Picture) -> Tensor:
    return torch.from_numpy(np.stack(arrays)).to(device.torch)


def grainy(picture: Picture, amount: float, seed: int) -> Picture:
    random = np.random.default_rng(seed)
    return np.clip(picture + random.normal(0, amount, picture.shape), -1, 1).astype(np.float32)


def test_cells_rings_and_scores_are_the_same(device: Device) -> None:
    maps = [mask_map(**shape) for shape in SHAPES]
    there = up(device, *(map_[None] for map_ in maps))
    coarse = pictures.to_cells(there)[:, 0]
    np.testing.assert_allclose(coarse.cpu(), [cells.to_cells(map_) for map_ in maps], atol=1e-6)
    rings = [cells.face_ring(cells.to_cells(map_)) for map_ in maps]
    np.testing.assert_array_equal(pictures.face_ring(coarse).cpu(), rings)
    np.testing.assert_allclose(mask_scores(there).cpu(), [mask_score(map_) for map_ in maps], atol=1e-6)


def test_a_moving_face_is_steadied_the_same(device: Device) -> None:
    smoother, known, slot = PatchSmoother(), GpuFace(), Slot(device)
    for step, elapsed in enumerate([FRAME, FRAME, 0.02, 0.1]):
        now = alignment(3.7 * step, 0.4 * step, 1.0 + 0.01 * step)
        crop, map_ = grainy(face(), 0.02, step), mask_map(x=0.5 + 0.004 * step)
        fresh = grainy(face(), 0.05, 10 + step)
        smooth_map, patch = smoother.smooth(crop, map_, fresh, now, elapsed)

        maps, patches, crops = up(device, map_[None]), up(device, fresh), up(device, crop)
        steps = slot.numbers([[*moves(known.alignment, now), elapsed]])
        look = Look([(known, now)], crops, maps, [], steps, device.compute)
        patches, maps = steadied(look, patches, maps, smoothly=True)
        np.testing.assert_allclose(patches[0].cpu(), patch, atol=3e-3)
        np.testing.assert_allclose(maps[0, 0].cpu(), smooth_map, atol=3e-3)


def test_colours_and_detail_are_learnt_the_same(device: Device) -> None:
    matchers = [ColourMatcher() for _ in SHAPES]
    known = colour.Estimate.of_all([colour.Estimate.nothing(device.torch)] * len(SHAPES))
    for step, elapsed in enumerate([FRAME, 0.01, 0.1]):
        crops = [grainy(face(), 0.03, step)] * len(SHAPES)
        crops[1] = np.repeat(crops[1][1:2], 3, axis=0)  # of a grey picture
        maps = [mask_map(**shape) for shape in SHAPES]
        tint = np.array([0.08, -0.05, 0.02], np.float32)[:, None, None]
        patches = [np.clip(grainy(face(), 0.01 * row, 50 + step) + tint, -1, 1) for row in range(len(SHAPES))]
        expected = [
            matcher.match(crop, map_, patch, elapsed)
            for matcher, crop, map_, patch in zip(matchers, crops, maps, patches, strict=True)
        ]
        there = up(device, *crops), up(device, *(map_[None] for map_ in maps)), up(device, *patches)
        matched, known = colour.match(
            *there, known, up(device, *[np.float32(elapsed)] * len(SHAPES)), ColourSettings()
        )
        np.testing.assert_allclose(matched.cpu(), expected, atol=2e-3)
    assert known.has_offset.tolist() == [matcher._offset is not None for matcher in matchers]
    assert known.has_offset.tolist()[0] is True
    assert known.has_offset.tolist()[-1] is False


def test_holes_are_closed_the_same(device: Device) -> None:
    maps = [mask_map(**shape) - 0.9 * mask_map(radius=0.06) for shape in SHAPES]
    maps = [np.clip(map_, 0, 1) for map_ in maps]
    made = blending.filled(up(device, *(map_[None] for map_ in maps)))
    expected = [filled(map_) for map_ in maps]
    assert (expected[0] > maps[0] + 0.5).any()
    np.testing.assert_allclose(made[:, 0].cpu(), expected, atol=1e-5)


@pytest.mark.parametrize("kind", BLENDS)
def test_patches_are_blended_the_same(device: Device, kind: Blend) -> None:
    maps = [mask_map(**shape) for shape in SHAPES]
    crops, patches = [face()] * len(maps), [np.clip(face() + np.float32(0.1), -1, 1)] * len(maps)
    there = [up(device, *each) for each in (crops, patches, [map_[None] for map_ in maps])]
    made, alphas = blending.blend(kind, *there)
    expected = [
        Blender(kind).blend(crop, patch, map_, 1.0)
        for crop, patch, map_ in zip(crops, patches, maps, strict=True)
    ]
    np.testing.assert_allclose(alphas[:, 0].cpu(), [alpha for _, alpha in expected], atol=1e-5)
    np.testing.assert_array_equal(alphas[:, 0].cpu() == 0, [alpha == 0 for _, alpha in expected])
    np.testing.assert_allclose(made.cpu(), [picture for picture, _ in expected], atol=1e-3)
    assert alphas.shape == (len(maps), 1, SIZE, SIZE)
