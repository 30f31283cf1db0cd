"""The networks keep to their budget and to what they promise."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from trainer.networks.generator import AtSide, Generator, widened
from trainer.networks.segmenter import Segmenter


def _multiply_adds(network: nn.Module, *inputs: Tensor) -> float:
    """Billions of multiply-adds in the convolutions of one run."""
    total = 0

    def count(layer: nn.Module, _inputs: object, output: Tensor) -> None:
        nonlocal total
        assert isinstance(layer, nn.Conv2d)
        total += output.shape[2] * output.shape[3] * layer.weight.numel()

    for part in network.modules():
        if isinstance(part, nn.Conv2d):
            part.register_forward_hook(count)
    with torch.no_grad():
        network.eval()(*inputs)
    return total / 1e9


def test_the_networks_are_cheap_enough_for_a_cpu() -> None:
    crop, map_ = torch.zeros(1, 3, 256, 256), torch.zeros(1, 1, 256, 256)
    assert 0.05 < _multiply_adds(Segmenter(), crop) <= 0.3
    assert 0.3 < _multiply_adds(Generator(), crop, map_, crop) <= 1.1


@pytest.mark.parametrize("size", [64, 256])
def test_outputs_have_the_size_and_range_of_the_contract(size: int) -> None:
    torch.manual_seed(0)
    crop, previous = torch.rand(2, 3, size, size) * 2 - 1, torch.zeros(2, 3, size, size)
    with torch.no_grad():
        map_ = Segmenter().eval()(crop)
        patch = Generator().eval()(crop, map_, previous)
    assert map_.shape == (2, 1, size, size)
    assert patch.shape == (2, 3, size, size)
    assert map_.min() >= 0
    assert map_.max() <= 1
    assert patch.min() >= -1
    assert patch.max() <= 1


def test_the_generator_never_sees_the_mask_itself() -> None:
    torch.manual_seed(0)
    painter = Generator().eval()
    map_ = torch.zeros(1, 1, 64, 64)
    map_[..., 30:60, 16:48] = 1
    white = torch.zeros(1, 3, 64, 64)
    printed = white + map_ * torch.rand(1, 3, 64, 64)
    previous = torch.zeros_like(white)
    with torch.no_grad():
        assert torch.equal(painter(white, map_, previous), painter(printed, map_, previous))


def test_a_generator_at_its_own_side_takes_crops_of_any_side() -> None:
    torch.manual_seed(0)
    painter = Generator().eval()
    crop, map_ = torch.rand(1, 3, 64, 64) * 2 - 1, torch.rand(1, 1, 64, 64)
    large = nn.functional.interpolate(crop, (128, 128), mode="bilinear")
    with torch.no_grad():
        alone = painter(crop, map_, crop)
        assert torch.allclose(AtSide(painter, 64)(crop, map_, crop), alone, atol=1e-5)
        assert AtSide(painter, 64)(large, nn.functional.interpolate(map_, (128, 128)), large).shape[2:] == (
            128,
            128,
        )


def test_a_widened_map_covers_two_more_pixels_on_every_side() -> None:
    map_ = torch.zeros(1, 1, 32, 32)
    map_[..., 11:20, 12:21] = 1
    wide = widened(map_)[0, 0]
    assert wide[9:22, 10:23].min() == 1
    assert wide[:7].max() == 0
    assert wide[:, 26:].max() == 0
