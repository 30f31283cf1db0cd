"""The guided generator: what it does before it learns, and what its recipe asks of it."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from engines.backends.pytorch_graph import OnnxModule
from engines.contract import GENERATOR
from trainer.data import Photo
from trainer.guides import GuidedData, bank_of
from trainer.networks.generator import LightGenerator, widened
from trainer.networks.guided import GuidedGenerator
from trainer.networks.matching import Matching
from trainer.recipes.guided import guides_for, own_loss, parts, stranger_loss
from trainer.recipes.guiding import bent, blurred, inverse, lit, mirrored
from trainer.recipes.motion import moved
from trainer.tracing import export_network

SIZE = 64


def faces(count: int = 2, size: int = SIZE) -> Tensor:
    """Smooth colours, N,3,S,S in -0.8..0.8, neither black nor white."""
    torch.manual_seed(3)
    noise = torch.rand(count, 3, 6, 6) * 1.6 - 0.8
    return functional.interpolate(noise, (size, size), mode="bilinear")


def lower_half(count: int = 2, size: int = SIZE) -> Tensor:
    mask = torch.zeros(count, 1, size, size)
    mask[:, :, size // 2 :] = 1
    return mask


def generators() -> tuple[LightGenerator, GuidedGenerator]:
    torch.manual_seed(0)
    light, guided = LightGenerator(), GuidedGenerator()
    torch.nn.init.normal_(light.usual, 0, 0.1)
    guided.adopt(light)
    return light.eval(), guided.eval()


@torch.no_grad()
def test_without_a_guide_it_paints_as_the_generator_that_it_adopted() -> None:
    light, guided = generators()
    crop, mask, guide = faces(), lower_half(), faces().flip(0)
    wanted = light(crop, mask)
    assert torch.equal(guided(crop, mask), wanted)
    assert torch.equal(guided(crop, mask, guide, torch.zeros_like(mask)), wanted)


@torch.no_grad()
def test_with_a_guide_it_lays_that_in_where_the_mask_is() -> None:
    light, guided = generators()
    crop, mask = faces(), lower_half()
    trust = torch.ones_like(mask)
    inpainted, matched = guided.fit_in(crop, mask, crop.flip(3), trust)
    hidden = widened(mask) > 0
    assert torch.allclose(
        inpainted[hidden.expand_as(inpainted)], matched[hidden.expand_as(inpainted)], atol=1e-6
    )
    shown = ~hidden.expand_as(inpainted)
    assert torch.allclose(inpainted[shown].clamp(-1, 1), light(crop, mask)[shown], atol=1e-6)


@torch.no_grad()
def whitening() -> GuidedGenerator:
    """A generator that would paint all white."""
    _, guided = generators()
    last = guided.finish[1]
    assert isinstance(last, torch.nn.Conv2d)
    assert last.bias is not None
    last.bias.fill_(3.0)
    return guided


@torch.no_grad()
def test_beside_a_guide_nothing_glows_that_is_brighter_than_what_is_seen_around() -> None:
    guided = whitening()
    crop, mask = (faces() - 1) / 2, lower_half()
    trust = torch.zeros_like(mask)
    trust[..., 20:50, 20:44] = 1
    painted = guided(crop, mask, crop, trust)
    assert painted[..., 36:44, :16].max() < crop.max() + 0.1
    assert painted[..., 24:46, 24:40].min() == 1
    assert guided(crop, mask).min() == 1
    # Skin beside black hair stays skin.
    hair, skin = torch.full_like(crop, -1.0), torch.full_like(crop, 0.3)
    _, matched = guided.fit_in(hair, mask, skin, trust)
    beside = guided(hair, mask, skin, trust)[..., 40:48, 12:18]
    assert beside.min() > matched[..., 24:46, 24:40].mean() - 0.05


@torch.no_grad()
def test_what_bounds_the_glow_is_no_darker_than_what_is_seen_and_ends_softly() -> None:
    guided = whitening()
    crop = torch.full((1, 3, SIZE, SIZE), -0.3)
    mask, trust = torch.zeros(1, 1, SIZE, SIZE), torch.zeros(1, 1, SIZE, SIZE)
    mask[..., 12:, :] = 1  # its rim runs through the middle of cells
    trust[..., 0:8, 0:8] = 1
    painted = guided(crop, mask, crop, trust)
    assert painted.min() > -0.31
    assert painted[..., -1, :].min() == 1
    assert painted[..., 16:, 16:].diff(dim=2).max() < 0.1


@torch.no_grad()
@pytest.mark.parametrize("gain", [(0.6, 0.6, 0.6), (1.2, 0.9, 0.7)])
def test_a_guide_in_another_light_is_brought_to_the_skins(gain: tuple[float, ...]) -> None:
    skin = torch.tensor([1.0, 0.75, 0.6]).view(1, 3, 1, 1)
    crop, mask = (faces()[:, :1] * 0.5 + 0.5) * skin * 1.6 - 1, lower_half()
    other = ((crop * 0.5 + 0.5) * torch.tensor(gain).view(1, 3, 1, 1)) * 2 - 1
    matched = Matching()(crop, widened(mask), other, torch.ones_like(mask))
    before, after = ((each - crop).abs().mean() for each in (other, matched))
    assert after < 0.2 * before


@torch.no_grad()
def test_a_highlight_does_not_turn_violet_where_a_yellow_face_stands_in_pink_light() -> None:
    mask = lower_half(1)
    colours = [0.86, 0.68, 0.71], [0.75, 0.55, 0.4], [0.95, 0.93, 0.9]
    pink, yellow, white = (torch.tensor(each).view(1, 3, 1, 1) * 2 - 1 for each in colours)
    crop, guide = pink.expand(1, 3, SIZE, SIZE), yellow.repeat(1, 1, SIZE, SIZE)
    glint = (..., slice(SIZE * 5 // 8, SIZE * 3 // 4), slice(SIZE // 4, SIZE // 2))
    guide[glint] = white
    matched = Matching()(crop, widened(mask), guide, torch.ones_like(mask))
    red, green, blue = (matched[glint].mean((2, 3)) * 0.5 + 0.5)[0]
    assert red > 0.9
    assert blue < 1.08 * (red * green).sqrt()


@torch.no_grad()
def test_light_that_differs_from_side_to_side_is_matched_on_each() -> None:
    crop, mask = faces(), lower_half()
    field = torch.linspace(-0.5, 0.5, SIZE).view(1, 1, 1, -1) * torch.tensor([1.0, 0.0, -1.0]).view(
        1, 3, 1, 1
    )
    other = ((crop * 0.5 + 0.5) * field.exp()).clamp(0, 1) * 2 - 1
    matched = Matching()(crop, widened(mask), other, torch.ones_like(mask))
    below = (slice(None), slice(None), slice(SIZE // 2, SIZE * 3 // 4))
    assert (matched - crop)[below].abs().mean() < 0.5 * (other - crop)[below].abs().mean()


@torch.no_grad()
def test_a_guide_of_which_no_skin_can_be_seen_stays_as_it_is() -> None:
    guide = faces()
    matched = Matching()(faces().flip(0), torch.ones(2, 1, SIZE, SIZE), guide, torch.ones(2, 1, SIZE, SIZE))
    assert torch.allclose(matched, guide, atol=1e-5)


@torch.no_grad()
def test_brows_and_glasses_do_not_count_as_light() -> None:
    crop, mask = torch.full((1, 3, SIZE, SIZE), 0.2), lower_half(1)
    guide = crop.clone()
    crop[:, :, 10:18, 8:56] = -0.95  # black bars over the eyes, which the guide lacks
    matched = Matching()(crop, widened(mask), guide, torch.ones_like(mask))
    assert (matched - guide)[:, :, SIZE * 3 // 4 :].abs().max() < 0.08


def test_it_exports_with_its_four_inputs(tmp_path: Path) -> None:
    _, guided = generators()
    with torch.no_grad():
        for weight in guided.parameters():
            weight.add_(0.01 * torch.randn_like(weight))
    samples = faces(3), lower_half(3), faces(3).flip(0), torch.ones(3, 1, SIZE, SIZE)
    agreement = export_network(guided, GENERATOR, tmp_path, "test", samples)
    assert agreement.worst < 1e-3
    module = OnnxModule(onnx.load(tmp_path / "generator.onnx"))
    with torch.no_grad():
        assert torch.allclose(module(*samples)[0], guided(*samples), atol=1e-3)


def test_a_motion_and_its_inverse_leave_a_picture_where_it_was() -> None:
    picture = blurred(faces(), 2.0)
    motion = torch.tensor([[[0.98, 0.05, 0.04], [-0.05, 0.98, -0.03]]]).expand(2, -1, -1)
    there = moved(moved(picture, inverse(motion), "border"), motion, "border")
    inside = (slice(None), slice(None), slice(8, -8), slice(8, -8))
    assert (there - picture)[inside].abs().max() < 0.02


def test_a_mirrored_clip_moves_as_its_pictures_do() -> None:
    motion = torch.tensor([[[0.98, 0.05, 0.04], [-0.05, 0.98, -0.03]]]).expand(2, -1, -1)
    before = faces()
    clip = mirrored({"before": before, "motion": motion})
    wanted = moved(before, motion, "border").flip(-1)
    assert torch.allclose(moved(clip["before"], clip["motion"], "border"), wanted, atol=1e-5)


def test_pictures_of_one_sample_stand_in_the_same_light() -> None:
    torch.manual_seed(1)
    one, other = lit(torch.cat([faces(), faces()], 1)).chunk(2, 1)
    assert torch.equal(one, other)
    assert (one - faces()).abs().mean() > 0.02


def test_a_bent_face_is_still_near_where_it_was() -> None:
    torch.manual_seed(1)
    face = faces(4)
    change = (bent(face) - face).abs().mean()
    assert 0.01 < change < 0.2


def test_each_kind_of_guide_has_its_part_of_a_batch() -> None:
    truth, stranger = faces(10), -faces(10)
    own, known = parts(10)
    assert (own, known) == (4, 6)
    guide, trust = guides_for(truth, stranger, torch.ones(10, 1, SIZE, SIZE))
    assert not trust[own:known].any()
    assert not guide[own:known].any()
    near = ((guide - truth) * (trust > 0)).abs().mean((1, 2, 3))
    assert near[:own].mean() < 0.7 * near[known:].mean()


def test_own_guides_are_to_become_the_truth() -> None:
    truth, weight = faces(), lower_half()
    assert own_loss(truth, truth, weight) == 0
    assert own_loss(truth + 0.1, truth, weight) > 0.05
    soft = own_loss(blurred(truth, 2.0), truth, weight)
    assert soft > own_loss(truth, truth, weight)


def test_strangers_are_to_keep_their_detail_in_the_truths_light() -> None:
    truth = torch.full((1, 3, SIZE, SIZE), -0.2)
    detail = 0.15 * (torch.arange(SIZE) % 4 < 2).float().sub(0.5).view(1, 1, 1, -1)
    guide = torch.full_like(truth, 0.3) + detail
    weight, inner = torch.ones(1, 1, SIZE, SIZE), torch.ones(1, 1, SIZE, SIZE)
    lift = (truth.mean() * 0.5 + 0.5) / (guide.mean() * 0.5 + 0.5)
    wanted = (guide + 1) * lift - 1
    losses = [float(stranger_loss(each, truth, guide, weight, inner)) for each in (wanted, guide, truth)]
    assert losses[0] < 0.5 * min(losses[1:])


def test_guided_clips_are_the_same_for_the_same_number(photos: list[Photo]) -> None:
    from stream_unmask.synth.pairs import PairSettings

    data = GuidedData(photos, bank_of(photos), PairSettings(size=SIZE, masked=1.0), 1, 4)
    one, again = data[2], data[2]
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert one["guide"].shape == (3, SIZE, SIZE)
    assert one["trust"].shape == (1, SIZE, SIZE)
    assert one["trust"].max() > 200
