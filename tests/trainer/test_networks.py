"""The networks keep to their budget and to what they promise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from trainer.networks.blocks import Gated, PictureNorm
from trainer.networks.catalogue import CATALOGUE, measure
from trainer.networks.discriminators import RegionCritic
from trainer.networks.full import FullGenerator
from trainer.networks.generator import Generator, Painter, widened
from trainer.networks.segmenter import Segmenter

# What test_export.py does not export anyway.
EXPORTED = [name for name in CATALOGUE if name not in ("segmenter", "generator light")]


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("segmenter", 0.05, 0.3),
        ("generator light", 0.3, 1.1),
        ("generator full", 5, 20),
        ("translator", 5, 16),
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
    for one, other in zip(
        session.run(None, feeds), wanted if isinstance(wanted, list) else [wanted], strict=True
    ):
        assert np.abs(one - other.numpy()).max() < 1e-3


@pytest.mark.parametrize("name", ["generator light", "generator full", "translator"])
def test_half_precision_makes_the_same_pictures(name: str) -> None:
    torch.manual_seed(0)
    listed = CATALOGUE[name]
    network, samples = listed.make(64).eval(), listed.samples(64)
    with torch.no_grad():
        wanted = network(*samples)
        found = network.half()(*(sample.half() for sample in samples)).float()
    assert (found - wanted).abs().max() < 0.02


def test_a_norm_of_large_values_does_not_overflow_half_precision() -> None:
    torch.manual_seed(0)
    features = torch.randn(1, 4, 64, 64) * 3000 + 5000
    wanted = nn.functional.instance_norm(features)
    assert torch.allclose(PictureNorm(4)(features), wanted, atol=1e-2)
    assert (PictureNorm(4).half()(features.half()).float() - wanted).abs().max() < 0.05
    half = features.half()
    assert torch.isinf(half * half).any()


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
    map_ = torch.zeros(1, 1, 64, 64)
    map_[..., 30:60, 16:48] = 1
    face = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        outside, inside = face + (1 - map_), face + map_
        known = critic(face, map_)[-1]
        assert torch.equal(critic(outside, map_)[-1], known)
        assert not torch.equal(critic(inside, map_)[-1], known)


@pytest.mark.parametrize("size", [64, 256])
@pytest.mark.parametrize("make", [Generator, FullGenerator])
def test_outputs_have_the_size_and_range_of_the_contract(make: type[Painter], size: int) -> None:
    torch.manual_seed(0)
    crop, previous = torch.rand(2, 3, size, size) * 2 - 1, torch.zeros(2, 3, size, size)
    with torch.no_grad():
        map_ = Segmenter().eval()(crop)
        patch = make().eval()(crop, map_, previous)
    assert map_.shape == (2, 1, size, size)
    assert patch.shape == (2, 3, size, size)
    assert map_.min() >= 0
    assert map_.max() <= 1
    assert patch.min() >= -1
    assert patch.max() <= 1


@pytest.mark.parametrize("make", [Generator, FullGenerator])
def test_the_generator_never_sees_the_mask_itself(make: type[Painter]) -> None:
    torch.manual_seed(0)
    painter = make().eval()
    map_ = torch.zeros(1, 1, 64, 64)
    map_[..., 30:60, 16:48] = 1
    white = torch.zeros(1, 3, 64, 64)
    printed = white + map_ * torch.rand(1, 3, 64, 64)
    previous = torch.zeros_like(white)
    with torch.no_grad():
        assert torch.equal(painter(white, map_, previous), painter(printed, map_, previous))


def test_a_widened_map_covers_two_more_pixels_on_every_side() -> None:
    map_ = torch.zeros(1, 1, 32, 32)
    map_[..., 11:20, 12:21] = 1
    wide = widened(map_)[0, 0]
    assert wide[9:22, 10:23].min() == 1
    assert wide[:7].max() == 0
    assert wide[:, 26:].max() == 0
