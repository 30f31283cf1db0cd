"""Exported networks do what the trained ones do, and the evaluation measures them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from click.testing import CliRunner

from engines.contract import GENERATOR, SEGMENTER, read_weights
from engines.export import export_network, fold_norms, sample_crops
from trainer.cli import commands
from trainer.data import Photo
from trainer.evaluate import Networks, blend, held_out_pairs, mean_face_picture, psnr, roll_out, score
from trainer.networks.generator import Generator
from trainer.networks.segmenter import Segmenter


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of untrained weights, exported."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    crop, map_ = torch.rand(2, 3, 256, 256) * 2 - 1, torch.rand(2, 1, 256, 256)
    for network, kind, samples in (
        (Segmenter(), SEGMENTER, (crop,)),
        (Generator(), GENERATOR, (crop, map_, torch.zeros_like(crop))),
    ):
        network.train()(*samples)  # lets the norms see something
        agreement = export_network(network.eval(), kind, folder, "untrained", samples)
        assert agreement.worst < 1e-4
        assert agreement.psnr > 80
    return folder


def test_the_files_are_what_the_contract_says(weights: Path) -> None:
    for network in (SEGMENTER, GENERATOR):
        entry = read_weights(weights, network)
        session = onnxruntime.InferenceSession(entry.path, providers=["CPUExecutionProvider"])
        assert [port.name for port in session.get_inputs()] == list(network.inputs)
        assert [port.name for port in session.get_outputs()] == list(network.outputs)
        assert entry.size == 256
        assert entry.path.stat().st_size < 25_000_000
    assert sorted(path.name for path in weights.iterdir()) == [
        "generator.onnx",
        "manifest.json",
        "segmenter.onnx",
    ]


@pytest.mark.parametrize("count", [1, 3])
def test_any_number_of_faces_goes_through(weights: Path, count: int) -> None:
    session = onnxruntime.InferenceSession(weights / "generator.onnx", providers=["CPUExecutionProvider"])
    crop = np.zeros((count, 3, 256, 256), np.float32)
    patch = session.run(None, {"crop": crop, "map": crop[:, :1], "previous": crop})[0]
    assert patch.shape == crop.shape
    assert np.isfinite(patch).all()


def test_no_norm_is_left_after_folding() -> None:
    folded = fold_norms(Segmenter())
    assert not [part for part in folded.modules() if isinstance(part, torch.nn.BatchNorm2d)]


def test_scores_are_those_of_the_pictures(weights: Path, photos: list[Photo]) -> None:
    networks = Networks(weights)
    figures = score(networks, photos, mean_face_picture(photos))
    assert figures.photos == 2
    assert 0 <= figures.iou <= 1
    assert 0.02 < figures.fraction < 0.5
    # The mean of one face is that face.
    assert figures.inside_mean > 45
    assert figures.inside_telea > figures.inside


def test_the_test_is_the_same_every_time(photos: list[Photo]) -> None:
    one, other = list(held_out_pairs(photos)), list(held_out_pairs(photos))
    assert all(np.array_equal(a.crop, b.crop) for a, b in zip(one, other, strict=True))
    assert not np.array_equal(one[0].map, one[1].map)


def test_a_perfect_patch_makes_the_blend_perfect(photos: list[Photo]) -> None:
    pair = next(held_out_pairs(photos))
    done = blend(pair.crop, (pair.map / 255).astype(np.float32), pair.truth.astype(np.float32))
    mask = pair.map > 127
    assert psnr(done, pair.truth, mask) > 45
    assert psnr(pair.crop, pair.truth, mask) < 30


def test_rolling_out_feeds_the_patch_back(weights: Path, photos: list[Photo]) -> None:
    first, last = roll_out(Networks(weights), next(held_out_pairs(photos)), 3)
    assert first != last


def test_the_commands_write_figures_and_a_sheet(weights: Path, shards: Path, tmp_path: Path) -> None:
    common = ["--data", str(shards), "--weights", str(weights)]
    picture = tmp_path / "sheet.png"
    done = CliRunner().invoke(commands, ["sheet", *common, "--count", "2", "-o", str(picture)])
    assert done.exit_code == 0, done.output
    assert picture.stat().st_size > 10_000
    figures = tmp_path / "figures.json"
    done = CliRunner().invoke(
        commands, ["evaluate", *common, "--limit", "1", "--frames", "2", "--json", str(figures)]
    )
    assert done.exit_code == 0, done.output
    assert set(json.loads(figures.read_text())) == {
        "val_core",
        "val_extra_ai",
        "val_extra_nc",
        "val_diverse",
        "drift",
    }


def test_sample_crops_are_masked_faces_in_the_contracts_range(shards: Path) -> None:
    one, again = (sample_crops(shards, 2, 64, ["val_core"], 3) for _ in range(2))
    assert one.shape == (2, 3, 64, 64)
    assert one.dtype == np.float32
    assert -1 <= one.min() < one.max() <= 1
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - sample_crops(shards, 2, 64, ["val_core"], 4)).max() > 0.1
