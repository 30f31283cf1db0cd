"""Exported networks do what the trained ones do, and the evaluation measures them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from click.testing import CliRunner
from torch import nn

from engines.backends.onnxruntime_cpu import ONNXRuntimeEngine
from engines.contract import GENERATOR, SEGMENTER, WEARER, read_weights
from stream_unmask.cli.export import export
from stream_unmask.errors import UnmaskError
from trainer.about import describe
from trainer.checkpoint import LAST, write_checkpoint
from trainer.crops import sample_crops
from trainer.networks.generator import LightGenerator
from trainer.networks.guided import with_guide
from trainer.networks.segmenter import UNetSegmenter
from trainer.networks.translator import Dresser, TranslatorPair
from trainer.recipes.job import TrainingJob
from trainer.tracing import export_network, fold_norms


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of untrained weights, exported."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    crop, mask = torch.rand(2, 3, 256, 256) * 2 - 1, torch.rand(2, 1, 256, 256)
    for network, kind, samples in (
        (UNetSegmenter(), SEGMENTER, (crop,)),
        (with_guide(LightGenerator()), GENERATOR, (crop, mask, crop.flip(0), mask.flip(0))),
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


def _untrained(run: Path, recipe: str, network: nn.Module) -> Path:
    describe(run, recipe, 64, [])
    write_checkpoint({"averaged": network.state_dict(), "step": 0, "spent": 0.0}, run / LAST)
    return run


@pytest.mark.parametrize(("recipe", "network"), [("wearer", Dresser), ("cyclegan", TranslatorPair)])
def test_what_puts_masks_on_is_exported_beside_the_others(
    recipe: str, network: type[nn.Module], shards: Path, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    run, folder = _untrained(tmp_path / recipe, recipe, network()), tmp_path / "weights"
    done = CliRunner().invoke(export, [f"--data={shards}", f"--wearer={run}", f"--weights={folder}"])
    assert done.exit_code == 0, done.output
    entry = read_weights(folder, WEARER)
    assert entry.size == 64
    engine = ONNXRuntimeEngine(entry.path, 1)
    WEARER.check(engine, 64)
    crop = np.zeros((1, 3, 64, 64), np.float32)
    (worn, alpha), (_, other) = (engine.run(crop, np.full((1, 8, 1, 1), each, np.float32)) for each in (0, 1))
    assert worn.shape == crop.shape
    assert 0 < alpha.min() < alpha.max() < 1
    assert np.abs(alpha - other).max() > 1e-6


def test_cyclegans_unmasking_half_is_exported_as_a_generator(shards: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    pair = TranslatorPair()
    run, folder = _untrained(tmp_path / "pair", "cyclegan", pair), tmp_path / "weights"
    done = CliRunner().invoke(export, [f"--data={shards}", f"--generator={run}", f"--weights={folder}"])
    assert done.exit_code == 0, done.output
    engine = ONNXRuntimeEngine(read_weights(folder, GENERATOR).path, 1)
    crop = torch.rand(1, 3, 64, 64) * 2 - 1
    plane = np.ones((1, 1, 64, 64), np.float32)
    (inpainted,) = engine.run(crop.numpy(), plane, crop.numpy(), 0 * plane)
    with torch.no_grad():
        np.testing.assert_allclose(inpainted, pair.eval()(crop).numpy(), atol=1e-4)


def test_a_segmenter_of_another_side_than_the_products_is_refused(shards: Path, tmp_path: Path) -> None:
    run = _untrained(tmp_path / "seg", "segmenter", UNetSegmenter())
    done = CliRunner().invoke(export, [f"--data={shards}", f"--segmenter={run}", f"--weights={tmp_path}"])
    assert "has learnt from crops of 64 pixels" in str(done.exception)
    assert "crops of 256" in str(done.exception)
    with pytest.raises(UnmaskError, match="crops of 64 pixels"):
        TrainingJob([], 64, segmenter=run).trained_segmenter()


def test_what_puts_no_masks_on_is_refused_as_a_wearer(shards: Path, tmp_path: Path) -> None:
    run = _untrained(tmp_path / "seg", "segmenter", UNetSegmenter())
    done = CliRunner().invoke(export, [f"--data={shards}", f"--wearer={run}", f"--weights={tmp_path}"])
    assert str(done.exception) == f"The network of {run} (segmenter) puts no masks on."


def test_a_run_that_is_not_there_is_told_in_one_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "stream_unmask", "export", "--segmenter", "x", "--data", str(tmp_path)]
    run = subprocess.run([*command, "--weights", str(tmp_path)], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr.startswith("stream-unmask: There is no checkpoint in x")
    assert len(run.stderr.strip().splitlines()) == 1


def test_a_run_must_be_named() -> None:
    done = CliRunner().invoke(export, ["--data=x", "--weights=y"])
    assert done.exit_code == 2
    assert "--wearer" in done.output


@pytest.mark.parametrize("count", [1, 3])
def test_any_number_of_faces_goes_through(weights: Path, count: int) -> None:
    session = onnxruntime.InferenceSession(weights / "generator.onnx", providers=["CPUExecutionProvider"])
    crop = np.zeros((count, 3, 256, 256), np.float32)
    plane = crop[:, :1]
    inpainted = session.run(None, {"crop": crop, "mask": plane, "guide": crop, "trust": plane})[0]
    assert inpainted.shape == crop.shape
    assert np.isfinite(inpainted).all()


def test_no_norm_is_left_after_folding() -> None:
    folded = fold_norms(UNetSegmenter())
    assert not [part for part in folded.modules() if isinstance(part, torch.nn.BatchNorm2d)]


def test_sample_crops_are_masked_faces_in_the_contracts_range(shards: Path) -> None:
    one, again = (sample_crops(shards, 2, 64, 3) for _ in range(2))
    assert one.shape == (2, 3, 64, 64)
    assert one.dtype == np.float32
    assert -1 <= one.min() < one.max() <= 1
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - sample_crops(shards, 2, 64, 4)).max() > 0.1
    np.testing.assert_array_equal(one, sample_crops(shards, 2, 64, 3, only=["core"]))
    with pytest.raises(UnmaskError, match="none"):
        sample_crops(shards, 2, 64, only=["none"])
