"""The networks keep to their budget and to what they promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch.overrides import TorchFunctionMode

from trainer.networks.blocks import Gated
from trainer.networks.catalogue import CATALOGUE, measure
from trainer.networks.discriminators import Critic, RegionCritic
from trainer.networks.full import FullGenerator
from trainer.networks.generator import LightGenerator, PaintingGenerator, widened
from trainer.networks.segmenter import UNetSegmenter
from trainer.networks.translator import STYLE, StyleReader, Translator, laid_over

# What test_export.py and test_guided.py do not export anyway.
EXPORTED = [name for name in CATALOGUE if name not in ("segmenter", "generator light", "generator guided")]


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("segmenter", 0.05, 0.3),
        ("generator light", 0.3, 1.1),
        ("generator full", 5, 20),
        ("translator", 0.3, 1.1),
    ],
)
def test_the_networks_keep_to_their_budget(name: str, least: float, most: float) -> None:
    cost = measure(CATALOGUE[name], 256)
    assert least < cost.multiply_adds / 1e9 <= most
    assert 4 * cost.parameters < 25_000_000


@pytest.mark.parametrize("name", EXPORTED)
def test_every_network_exports_and_runs_on_any_number_of_pictures(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    listed = CATALOGUE[name]
    network = listed.make(64).eval()
    samples = listed.samples(64, 3)
    torch.onnx.export(
        network,
        tuple(sample[:2] for sample in samples),
        tmp_path / "network.onnx",
        dynamo=True,
        external_data=False,
        dynamic_shapes=tuple({0: torch.export.Dim("batch")} for _ in samples),
        verbose=False,
    )
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx", providers=["CPUExecutionProvider"])
    feeds = {port.name: sample.numpy() for port, sample in zip(session.get_inputs(), samples, strict=True)}
    with torch.no_grad():
        wanted = network(*samples)
    wanted = [wanted] if isinstance(wanted, torch.Tensor) else wanted
    for one, other in zip(session.run(None, feeds), wanted, strict=True):
        assert np.abs(one - other.numpy()).max() < 1e-3


@pytest.mark.parametrize("name", ["generator light", "generator guided", "generator full"])
def test_half_precision_makes_the_same_pictures(name: str) -> None:
    torch.manual_seed(0)
    listed = CATALOGUE[name]
    network, samples = listed.make(64).eval(), listed.samples(64)
    with torch.no_grad():
        wanted = network(*samples)
        found = network.half()(*(sample.half() for sample in samples)).float()
    assert (found - wanted).abs().max() < 0.02


def test_half_precision_translates_alike() -> None:
    torch.manual_seed(0)
    translator, crop, style = Translator(STYLE).eval(), torch.rand(1, 3, 64, 64), torch.randn(1, STYLE, 1, 1)
    with torch.no_grad():
        wanted = torch.cat(translator(crop, style), 1)
        found = torch.cat(translator.half()(crop.half(), style.half()), 1).float()
    assert (found - wanted).abs().max() < 0.02


@pytest.mark.parametrize("size", [64, 128, 256])
def test_a_translator_works_on_crops_of_any_side(size: int) -> None:
    torch.manual_seed(0)
    crop = torch.rand(2, 3, size, size) * 2 - 1
    with torch.no_grad():
        picture, alpha = Translator()(crop)
    assert picture.shape == crop.shape
    assert alpha.shape == (2, 1, size, size)
    assert torch.equal(laid_over(crop, picture, torch.zeros_like(alpha)), crop)
    assert torch.allclose(laid_over(crop, picture, torch.ones_like(alpha)), picture, atol=1e-6)


def test_a_style_changes_what_is_drawn() -> None:
    torch.manual_seed(0)
    translator, crop = Translator(STYLE), torch.zeros(1, 3, 64, 64)
    with torch.no_grad():
        one, other = (translator(crop, torch.randn(1, STYLE, 1, 1))[0] for _ in range(2))
    assert not torch.equal(one, other)


def test_styles_read_off_masks_vary_as_random_ones_do() -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        styles = StyleReader()(torch.rand(16, 3, 64, 64), torch.ones(16, 1, 64, 64))
    assert styles.shape == (16, STYLE, 1, 1)
    assert torch.allclose(styles.mean(0), torch.zeros(STYLE, 1, 1), atol=1e-4)
    assert torch.allclose(styles.std(0), torch.ones(STYLE, 1, 1), atol=0.2)


def test_gates_keep_a_signal_alive_through_many_layers() -> None:
    torch.manual_seed(0)
    features = torch.randn(1, 32, 16, 16)
    with torch.no_grad():
        for _ in range(12):
            features = Gated(32, 32)(features)
    assert 0.3 < features.std() < 3


def test_the_region_critic_is_blind_outside_the_mask() -> None:
    torch.manual_seed(0)
    critic = RegionCritic().eval()
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 30:60, 16:48] = 1
    face = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        outside, inside = face + (1 - mask), face + mask
        known = critic(face, mask)[-1]
        assert torch.equal(critic(outside, mask)[-1], known)
        assert not torch.equal(critic(inside, mask)[-1], known)


@pytest.mark.parametrize("size", [64, 256])
@pytest.mark.parametrize("make", [LightGenerator, FullGenerator])
def test_outputs_have_the_size_and_range_of_the_contract(make: type[PaintingGenerator], size: int) -> None:
    torch.manual_seed(0)
    crop = torch.rand(2, 3, size, size) * 2 - 1
    with torch.no_grad():
        mask = UNetSegmenter().eval()(crop)
        inpainted = make().eval()(crop, mask)
    assert mask.shape == (2, 1, size, size)
    assert inpainted.shape == (2, 3, size, size)
    assert mask.min() >= 0
    assert mask.max() <= 1
    assert inpainted.min() >= -1
    assert inpainted.max() <= 1


@pytest.mark.parametrize("make", [LightGenerator, FullGenerator])
def test_the_generator_never_sees_the_mask_itself(make: type[PaintingGenerator]) -> None:
    torch.manual_seed(0)
    painter = make().eval()
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 30:60, 16:48] = 1
    white = torch.zeros(1, 3, 64, 64)
    printed = white + mask * torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(painter(white, mask), painter(printed, mask))


def test_a_widened_map_covers_two_more_pixels_on_every_side() -> None:
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 11:20, 12:21] = 1
    wide = widened(mask)[0, 0]
    assert wide[9:22, 10:23].min() == 1
    assert wide[:7].max() == 0
    assert wide[:, 26:].max() == 0


class _Products(TorchFunctionMode):
    """Notes under which autocast matrices are multiplied by vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.under_autocast: list[bool] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.mv:
            self.under_autocast.append(torch.is_autocast_enabled("cpu"))
        return func(*args, **kwargs or {})


def test_spectral_norms_are_worked_out_in_full_precision() -> None:
    critic = Critic((4, 8))
    with _Products() as products, torch.autocast("cpu", torch.bfloat16):
        assert critic(torch.rand(1, 3, 16, 16))[0].dtype == torch.bfloat16
    assert products.under_autocast
    assert not any(products.under_autocast)


def test_a_critics_weights_keep_their_names_and_their_norm() -> None:
    layer = Critic((4,)).layers[0].train()
    names = {"bias", *(f"parametrizations.weight.{end}" for end in ("original", "0._u", "0._v"))}
    assert set(layer.state_dict()) == names
    for _ in range(20):
        weight = layer.weight
    assert torch.linalg.matrix_norm(weight.flatten(1), 2).item() == pytest.approx(1, abs=0.02)  # type: ignore[operator]
