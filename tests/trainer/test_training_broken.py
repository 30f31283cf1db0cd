"""What breaks a training costs nothing but the time since its last checkpoint."""

from __future__ import annotations

import json
import math
import multiprocessing
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from stream_unmask.errors import UnmaskError
from stream_unmask.synth.pairs import PairSettings
from tests.support.waiting import GUARD
from trainer.checkpoint import BEST, LAST, load_averaged, read_checkpoint
from trainer.data import Photo
from trainer.loop import Loop, LoopSettings
from trainer.pairs import PairData
from trainer.recipe import Batch, Shown
from trainer.recipes import RECIPES
from trainer.recipes.job import TrainingJob, changed

_STEPS = 7
_KILLED = """
import os, signal, sys
from pathlib import Path
import torch
from trainer.data import read_photos
from trainer.loop import Loop, LoopSettings
from trainer.recipes import RECIPES
from trainer.recipes.job import TrainingJob, changed

class Rare(Loop):
    def save(self):
        if self._step == 3:
            super().save()

    def _one_step(self, batch, progress):
        if self._step == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._one_step(batch, progress)

shards, run, steps = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
torch.manual_seed(1)
photos = read_photos(shards, ["val_core"])
recipe = changed(RECIPES["wgan-gp"], ["critic_steps=1"]).build(TrainingJob(photos, 64, begun=True))
settings = LoopSettings(run, steps=steps, batch=2, workers=1, threads=1, save_minutes=0)
Rare(recipe, settings).run()
"""


def _log(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def _game(photos: list[Photo], run: Path) -> Loop:
    """A training with critics, noise and dropout."""
    torch.manual_seed(1)
    recipe = changed(RECIPES["wgan-gp"], ["critic_steps=1"]).build(TrainingJob(photos, 64, begun=True))
    return Loop(recipe, LoopSettings(run, steps=_STEPS, batch=2, workers=0, threads=1))


def _without_times(log: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{name: line[name] for name in line if name not in ("seconds", "waited")} for line in log]


def test_killed_and_resumed_is_as_if_never_killed(photos: list[Photo], shards: Path, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    asked = [sys.executable, "-c", _KILLED, str(shards), str(cut), str(_STEPS)]
    assert subprocess.run(asked, check=False).returncode == -9
    assert [line["step"] for line in _log(cut)] == [1, 2, 3, 4, 5]
    assert read_checkpoint(cut)["step"] == 3
    _game(photos, whole).run()
    again = _game(photos, cut)
    again.resume()
    assert again.run() == _STEPS
    assert _without_times(_log(cut)) == _without_times(_log(whole))
    one, other = (read_checkpoint(run) for run in (whole, cut))
    for part in ("network", "averaged"):
        assert all(torch.equal(one[part][name], other[part][name]) for name in one[part])


class _Toy:
    """One weight that learns to be 3; steps named in ``bad`` have a loss that is not a number."""

    def __init__(self, bad: range = range(0), best_from: float = 0.0) -> None:
        self.network: nn.Module = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.BatchNorm2d(1))
        self.helpers: dict[str, nn.Module] = {}
        self.best_from = best_from
        self._bad = bad
        self._step = 0

    def data(self, seed: int, count: int) -> torch.utils.data.Dataset[Batch]:
        return _Ones()

    def optimizers(self, rate: float) -> dict[str, torch.optim.Optimizer]:
        groups = [{"params": list(self.network.parameters()), "initial_lr": rate}]
        return {"network": torch.optim.SGD(groups, rate)}

    def step(self, batch: Batch, averaged: nn.Module, learn: Any, progress: float) -> dict[str, float]:
        self._step += 1
        wrong = math.nan if self._step in self._bad else 1.0
        loss: Tensor = (self.network(batch["crop"] * wrong) - 3).square().mean()
        learn("network", loss, clip=1.0)
        return {"loss": loss.item()}

    def show(self, averaged: nn.Module, pairs: Batch) -> Shown:
        quality = {1: 1.0, 2: 5.0}.get(self._step, 0.0)
        return Shown((pairs["crop"].expand(-1, 3, -1, -1),), quality)


class _Ones(torch.utils.data.Dataset[Batch]):
    def __getitem__(self, index: int) -> Batch:
        return {"crop": torch.full((1, 8, 8), 1.0) + index % 2}


def _toy(run: Path, bad: range = range(0), best_from: float = 0.0, **settings: Any) -> Loop:
    basic = LoopSettings(run, steps=8, batch=2, workers=0, threads=1, precision="32")
    return Loop(_Toy(bad, best_from), replace(basic, **settings), {"crop": torch.zeros(2, 1, 16, 16)})


def test_a_step_that_is_not_finite_changes_nothing(tmp_path: Path) -> None:
    loop = _toy(tmp_path, range(3, 5))
    assert loop.run() == 8
    log = _log(tmp_path)
    assert [line["step"] for line in log if line.get("skipped")] == [3, 4]
    assert log[2]["loss"] is None
    state = read_checkpoint(tmp_path)
    assert all(bool(value.isfinite().all()) for value in {**state["network"], **state["averaged"]}.values())
    assert log[-1]["loss"] < log[0]["loss"]


def test_a_training_that_went_astray_ends_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnmaskError, match="no finite gradient in 20 steps up to step 22"):
        _toy(tmp_path, range(3, 99), steps=60).run()


def test_the_best_weights_are_of_the_last_phase(tmp_path: Path) -> None:
    _toy(tmp_path, best_from=0.5, save_minutes=0).run()
    best = read_checkpoint(tmp_path / BEST)
    assert best["step"] > 4
    assert best["quality"] == 0.0


def test_the_best_weights_and_sheets_are_kept(tmp_path: Path) -> None:
    _toy(tmp_path, save_minutes=0).run()
    assert [line["held_out"] for line in _log(tmp_path)][:3] == [1.0, 5.0, 0.0]
    best = read_checkpoint(tmp_path / BEST)
    assert (best["step"], best["quality"]) == (2, 5.0)
    network = _Toy().network
    load_averaged(network, tmp_path / BEST)
    assert sorted(path.name for path in (tmp_path / "sheets").iterdir())[-1] == "0000008.png"
    assert any(path.stat().st_size > 500 for path in (tmp_path / "tensorboard").iterdir())


def test_a_full_disk_is_said_and_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    _toy(tmp_path, steps=2).run()
    before = (tmp_path / LAST).read_bytes()
    (tmp_path / ".checkpoint.part.pt").symlink_to("/dev/full")
    again = _toy(tmp_path, steps=4)
    again.resume()
    with pytest.raises(UnmaskError, match="No space left.*is whole") as caught:
        again.run()
    assert caught.value.hint == "resume"
    assert (tmp_path / LAST).read_bytes() == before
    again = _toy(tmp_path, steps=4)
    again.resume()
    assert again.run() == 4
    assert [line["step"] for line in _log(tmp_path)] == [1, 2, 3, 4]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "sheets").write_text("in the way")
    with pytest.raises(UnmaskError, match="Cannot write to") as caught:
        _toy(tmp_path).run()
    assert (caught.value.path, caught.value.hint) == (str(tmp_path), None)


def test_a_damaged_photo_is_named_and_the_run_can_go_on(photos: list[Photo], tmp_path: Path) -> None:
    def loop(photo: Photo) -> Loop:
        settings = LoopSettings(tmp_path, steps=3, batch=2, workers=1, threads=1)
        return Loop(RECIPES["segmenter"].build(TrainingJob([photo], 64)), settings)

    with pytest.raises(UnmaskError) as caught:
        loop(replace(photos[0], encoded=np.frombuffer(b"\xff\xd8 cut short", np.uint8))).run()
    sentence = str(caught.value)
    assert sentence.startswith("Photo 000000 of val_core cannot be decoded")
    assert "\n" not in sentence
    # Workers end when the process does, as multiprocessing asks them to then.
    for worker in multiprocessing.active_children():
        worker.terminate()
        worker.join(GUARD)
        assert not worker.is_alive()
    again = loop(photos[0])
    again.resume()
    assert again.run() == 3


def test_a_damaged_checkpoint_is_said(tmp_path: Path) -> None:
    (tmp_path / LAST).write_bytes(b"not a checkpoint")
    with pytest.raises(UnmaskError, match="damaged"):
        _toy(tmp_path).resume()


def test_half_precision_is_refused_where_it_is_of_no_use(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("a GPU trains in float16")
    with pytest.raises(UnmaskError, match="does not train in float16"):
        _toy(tmp_path, precision="16")


def test_bfloat16_computes_in_it_and_keeps_weights_in_float32(photos: list[Photo], tmp_path: Path) -> None:
    recipe = RECIPES["segmenter"].build(TrainingJob(photos, 64))
    settings = LoopSettings(tmp_path, steps=1, batch=2, workers=0, threads=1, precision="bf16")
    seen: list[torch.dtype] = []
    first = next(part for part in recipe.network.modules() if isinstance(part, nn.Conv2d))
    first.register_forward_hook(lambda _part, _inputs, output: seen.append(output.dtype))
    Loop(recipe, settings).run()
    assert seen[0] == torch.bfloat16
    assert {weight.dtype for weight in recipe.network.parameters()} == {torch.float32}


def test_held_out_pairs_are_tried(photos: list[Photo], tmp_path: Path) -> None:
    samples = PairData(photos, PairSettings(size=64, masked=1.0), 5, 2)
    pairs = torch.utils.data.default_collate([samples[0], samples[1]])
    settings = LoopSettings(tmp_path, steps=1, batch=2, workers=0, threads=1)
    Loop(RECIPES["segmenter"].build(TrainingJob(photos, 64)), settings, pairs).run()
    assert 0 <= _log(tmp_path)[0]["held_out"] <= 1
    assert (tmp_path / "sheets" / "0000001.png").exists()
