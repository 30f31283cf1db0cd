"""The bundled networks come back as PyTorch networks that do the same."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
import torch

from engines.contract import GENERATOR, SEGMENTER, Network, read_weights
from stream_unmask.bundled import BUNDLED_SETS, BUNDLED_WEIGHTS, BundledSet
from stream_unmask.cli.train import _begin_with
from stream_unmask.errors import UnmaskError
from trainer.bundled import bundled_generator, bundled_segmenter, revive_norms
from trainer.networks.generator import LightGenerator
from trainer.networks.guided import GuidedGenerator
from trainer.tracing import export_network


def _run(network: Network, *inputs: torch.Tensor) -> torch.Tensor:
    session = onnxruntime.InferenceSession(read_weights(BUNDLED_WEIGHTS, network).path)
    feeds = {name: each.numpy() for name, each in zip(network.inputs, inputs, strict=True)}
    return torch.from_numpy(np.asarray(session.run(None, feeds)[0]))


@torch.no_grad()
def test_both_do_what_their_files_do() -> None:
    torch.manual_seed(0)
    side = read_weights(BUNDLED_WEIGHTS, SEGMENTER).size
    crop = torch.rand(1, 3, side, side) * 2 - 1
    torch.testing.assert_close(bundled_segmenter()(crop), _run(SEGMENTER, crop), atol=1e-4, rtol=0)
    side = read_weights(BUNDLED_WEIGHTS, GENERATOR).size
    crop, guide = (torch.rand(1, 3, side, side) * 2 - 1 for _ in range(2))
    mask, trust = (torch.rand(1, 1, side, side) for _ in range(2))
    inpainted = bundled_generator()(crop, mask, guide, trust)
    torch.testing.assert_close(inpainted, _run(GENERATOR, crop, mask, guide, trust), atol=1e-3, rtol=0)


def test_biases_that_export_leaves_out_come_back_as_zeros(tmp_path: Path) -> None:
    torch.manual_seed(0)
    fresh = GuidedGenerator().eval()  # it begins with layers of zeros
    samples = tuple(torch.rand(1, channels, 64, 64) for channels in GENERATOR.inputs.values())
    export_network(fresh, GENERATOR, tmp_path, "fresh", samples)
    revived = bundled_generator(tmp_path).state_dict()
    for name, values in fresh.state_dict().items():
        torch.testing.assert_close(revived[name], values, atol=0, rtol=0)


@torch.no_grad()
def test_norms_come_back_without_a_change_of_what_the_network_does() -> None:
    torch.manual_seed(0)
    crops = torch.rand(8, 3, 64, 64) * 2 - 1
    segmenter = bundled_segmenter()
    before = segmenter(crops)
    revive_norms(segmenter, list(crops.split(4)))
    torch.testing.assert_close(segmenter.eval()(crops), before, atol=1e-4, rtol=0)
    torch.testing.assert_close(segmenter.train()(crops), before, atol=5e-3, rtol=0)
    norm = next(part for part in segmenter.modules() if isinstance(part, torch.nn.BatchNorm2d))
    assert not torch.allclose(norm.weight, torch.ones_like(norm.weight))


def test_a_folder_without_weights_or_with_others_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnmaskError, match="no segmenter"):
        bundled_segmenter(tmp_path)
    (tmp_path / "generator.onnx").write_bytes((BUNDLED_WEIGHTS / "segmenter.onnx").read_bytes())
    with pytest.raises(UnmaskError, match="not of the architecture"):
        bundled_generator(tmp_path)


def test_training_begins_with_the_set_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUNDLED_SETS, "open", BundledSet(tmp_path, "for everyone"))
    recipe = SimpleNamespace(network=LightGenerator())
    _begin_with(recipe, "default", 0)
    with pytest.raises(UnmaskError, match=f"no generator in {tmp_path}"):
        _begin_with(recipe, "open", 0)
    with pytest.raises(UnmaskError, match="no checkpoint in open"):
        _begin_with(recipe, "./open", 0)
