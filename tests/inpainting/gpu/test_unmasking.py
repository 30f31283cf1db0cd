"""Smoothing, matching and blending on a device give what they give on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from stream_unmask.inpainting.cpu import blending as blending_on_cpu
from stream_unmask.inpainting.cpu import coarse as coarse_on_cpu
from stream_unmask.inpainting.cpu import segmenting as segmenting_on_cpu
from stream_unmask.inpainting.gpu import blending, coarse, colour, segmenting
from stream_unmask.inpainting.gpu.device import CudaStreams
from stream_unmask.inpainting.gpu.slots import Slot
from stream_unmask.inpainting.gpu.smoothing import Steadied, smooth
from stream_unmask.inpainting.gpu.warping import moves
from stream_unmask.inpainting.parameters import BLENDS, Blend, ColourSettings, SmoothingSettings
from stream_unmask.inpainting.timing import FRAME
from tests.inpainting.faces import SIZE, Matcher, Picture, Smoother, alignment, face, soft_mask

SHAPES: list[dict[str, Any]] = [{}, {"radius": 0.1}, {"y": 0.95}, {"radius": 1e-3}]
"""Of masks: a usual one, a small one, one at the crop's border, none."""


def up(device: CudaStreams, *arrays: Picture) -> Tensor:
    return torch.from_numpy(np.stack(arrays)).to(device.torch)


def grainy(picture: Picture, amount: float, seed: int) -> Picture:
    random = np.random.default_rng(seed)
    return np.clip(picture + random.normal(0, amount, picture.shape), -1, 1).astype(np.float32)


def test_coarse_grids_rings_and_scores_are_the_same(device: CudaStreams) -> None:
    masks = [soft_mask(**shape) for shape in SHAPES]
    there = up(device, *(mask[None] for mask in masks))
    small, expected = coarse.to_coarse(there), [coarse_on_cpu.to_coarse(mask) for mask in masks]
    np.testing.assert_allclose(small[:, 0].cpu(), expected, atol=1e-6)
    large = [coarse_on_cpu.from_coarse(each, SIZE) for each in expected]
    np.testing.assert_allclose(coarse.from_coarse(small, SIZE)[:, 0].cpu(), large, atol=1e-6)
    rings = [coarse_on_cpu.face_ring(each) for each in expected]
    np.testing.assert_array_equal(coarse.face_ring(small[:, 0]).cpu(), rings)
    scores = [segmenting_on_cpu.mask_score(mask) for mask in masks]
    np.testing.assert_allclose(segmenting.mask_scores(there).cpu(), scores, atol=1e-6)
    widths = [segmenting_on_cpu.width_below(mask) for mask in masks]
    np.testing.assert_allclose(segmenting.widths_below(there).cpu(), widths, atol=1e-6)


def test_a_moving_face_is_steadied_the_same(device: CudaStreams) -> None:
    smoother, slot = Smoother(), Slot(device)
    last: list[Steadied | None] = [None]
    before = None
    for step, elapsed in enumerate([FRAME, FRAME, 0.02, 0.1]):
        now = alignment(3.7 * step, 0.4 * step, 1.0 + 0.01 * step)
        crop, mask = grainy(face(), 0.02, step), soft_mask(x=0.5 + 0.004 * step)
        fresh = grainy(face(), 0.05, 10 + step)
        smooth_mask, steady = smoother.smooth(crop, mask, fresh, now, elapsed)

        there = up(device, crop), up(device, mask[None]), up(device, fresh)
        steps = slot.numbers("steps", [[*moves(before, now), elapsed]])
        masks, inpainted, last = smooth(*there, last, [now], steps, SmoothingSettings())  # type: ignore[assignment]
        np.testing.assert_allclose(inpainted[0].cpu(), steady, atol=3e-3)
        np.testing.assert_allclose(masks[0, 0].cpu(), smooth_mask, atol=3e-3)
        before = now


def test_colours_and_detail_are_learnt_the_same(device: CudaStreams) -> None:
    matchers = [Matcher() for _ in SHAPES]
    known = colour.Estimate.of_all([colour.Estimate.nothing(device.torch)] * len(SHAPES))
    for step, elapsed in enumerate([FRAME, 0.01, 0.1]):
        crops = [grainy(face(), 0.03, step)] * len(SHAPES)
        crops[1] = np.repeat(crops[1][1:2], 3, axis=0)  # of a grey picture
        masks = [soft_mask(**shape) for shape in SHAPES]
        tint = np.array([0.08, -0.05, 0.02], np.float32)[:, None, None]
        fresh = [np.clip(grainy(face(), 0.01 * row, 50 + step) + tint, -1, 1) for row in range(len(SHAPES))]
        expected = [
            matcher.match(crop, mask, inpainted, elapsed)
            for matcher, crop, mask, inpainted in zip(matchers, crops, masks, fresh, strict=True)
        ]
        there = up(device, *crops), up(device, *(mask[None] for mask in masks)), up(device, *fresh)
        matched, known = colour.match(
            *there,
            known,
            up(device, *[np.float32(elapsed)] * len(SHAPES)),  # type: ignore[arg-type]
            ColourSettings(),
        )
        np.testing.assert_allclose(matched.cpu(), expected, atol=2e-3)
    assert known.has_offset.tolist() == [each.known.offset is not None for each in matchers]
    assert known.has_offset.tolist()[0] is True
    assert known.has_offset.tolist()[-1] is False


def test_holes_are_closed_the_same(device: CudaStreams) -> None:
    masks = [soft_mask(**shape) - 0.9 * soft_mask(radius=0.06) for shape in SHAPES]
    masks = [np.clip(mask, 0, 1) for mask in masks]
    made = segmenting.fill_holes(up(device, *(mask[None] for mask in masks)))
    expected = [segmenting_on_cpu.fill_holes(mask) for mask in masks]
    assert (expected[0] > masks[0] + 0.5).any()
    np.testing.assert_allclose(made[:, 0].cpu(), expected, atol=1e-5)


def test_faint_parts_are_added_the_same(device: CudaStreams) -> None:
    masks = []
    for shape in SHAPES:
        mask = soft_mask(**shape)
        masks.append(np.maximum(mask, 0.1 * np.roll(mask, 7, axis=1)))
    made = segmenting.with_faint(up(device, *(mask[None] for mask in masks)))
    expected = [segmenting_on_cpu.with_faint(mask) for mask in masks]
    assert (expected[0] > masks[0] + 0.2).sum() > 50
    np.testing.assert_allclose(made[:, 0].cpu(), expected, atol=1.1 / 255)


def test_what_lies_outside_the_frame_is_grey_the_same(device: CudaStreams) -> None:
    crops = [face(), face()]
    places = [np.array([[0.7, 0.2, -40], [-0.2, 0.7, 31]]), np.array([[0.8, 0, 5], [0, 0.8, -60]])]
    made = segmenting.greyed(up(device, *crops), places, 230, 210)
    expected = [
        segmenting_on_cpu.greyed(crop, place, 230, 210) for crop, place in zip(crops, places, strict=True)
    ]
    np.testing.assert_array_equal(made.cpu(), expected)
    assert (made == 0).any()


@pytest.mark.parametrize("kind", BLENDS)
def test_inpainted_crops_are_blended_the_same(device: CudaStreams, kind: Blend) -> None:
    masks = [soft_mask(**shape) for shape in SHAPES]
    fresh, strengths = np.clip(face() + np.float32(0.1), -1, 1), [1.0, 0.5, 0.25, 1.0]
    there = [up(device, *[each] * len(masks)) for each in (face(), fresh)]
    made, alphas = blending.blend(kind, *there, up(device, *(mask[None] for mask in masks)), strengths)  # type: ignore[arg-type, call-arg]
    expected = [
        blending_on_cpu.blend(kind, face(), fresh, mask, strength)
        for mask, strength in zip(masks, strengths, strict=True)
    ]
    np.testing.assert_allclose(alphas[:, 0].cpu(), [alpha for _, alpha in expected], atol=1e-5)
    np.testing.assert_array_equal(alphas[:, 0].cpu() == 0, [alpha == 0 for _, alpha in expected])
    np.testing.assert_allclose(made.cpu(), [picture for picture, _ in expected], atol=1e-3)
    assert alphas.shape == (len(masks), 1, SIZE, SIZE)
