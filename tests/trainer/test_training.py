"""A training learns, and goes on where it stopped."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from torch.utils._python_dispatch import TorchDispatchMode

from stream_unmask.cli.main import cli
from stream_unmask.errors import UnmaskError
from stream_unmask.synth.pairs import PairSettings
from trainer import STARTED
from trainer.checkpoint import load_averaged, run_summary
from trainer.data import Photo
from trainer.learner import Learner
from trainer.loop import Loop, LoopSettings
from trainer.networks.segmenter import UNetSegmenter
from trainer.pairs import PairData, PhotoDraw
from trainer.recipe import Batch
from trainer.recipes.segmenter import SegmenterRecipe


def _log(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


class _Interrupted(SegmenterRecipe):
    """Asks its own process to end in the third step."""

    steps = 0

    def step(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        self.steps += 1
        if self.steps == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().step(*args, **kwargs)


def _loop(recipe: type[SegmenterRecipe], photos: list[Photo], run: Path, steps: int) -> Loop:
    torch.manual_seed(1)
    return Loop(recipe(photos, 64), LoopSettings(run, steps=steps, batch=4, rate=5e-3, workers=0, threads=1))


def test_the_segmenter_learns(photos: list[Photo], tmp_path: Path) -> None:
    assert _loop(SegmenterRecipe, photos, tmp_path, 30).run() == 30
    entropy = [line["entropy"] for line in _log(tmp_path)]
    assert sum(entropy[-5:]) < 0.8 * sum(entropy[:5])


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(photos: list[Photo], tmp_path: Path) -> None:
    _loop(SegmenterRecipe, photos, tmp_path / "whole", 6).run()
    assert _loop(_Interrupted, photos, tmp_path / "cut", 6).run() == 3
    again = _loop(SegmenterRecipe, photos, tmp_path / "cut", 6)
    again.resume()
    assert again.run() == 6
    whole, cut = _log(tmp_path / "whole"), _log(tmp_path / "cut")
    assert [line["step"] for line in cut] == [1, 2, 3, 4, 5, 6]
    for one, other in zip(whole, cut, strict=True):
        assert one["entropy"] == other["entropy"]


def test_a_run_gives_its_averaged_weights(photos: list[Photo], tmp_path: Path) -> None:
    loop = _loop(SegmenterRecipe, photos, tmp_path, 4)
    loop.run()
    fresh = UNetSegmenter()
    load_averaged(fresh, tmp_path)
    wanted = loop.averaged.state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in fresh.state_dict().items())


class _Launches(TorchDispatchMode):
    """Counts the averages that are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.averages = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.averages += "lerp" in func.name()
        return func(*args, **kwargs or {})


def test_all_weights_are_averaged_in_one_launch(photos: list[Photo], tmp_path: Path) -> None:
    loop = _loop(SegmenterRecipe, photos, tmp_path, 4)
    before = {name: value.clone() for name, value in loop.averaged.state_dict().items()}
    with torch.no_grad():
        for weight in loop._recipe.network.parameters():
            weight.add_(1)
    with _Launches() as launches:
        loop._average()
    assert launches.averages == 1
    share = 1 - 1 / 10  # of a run's first step
    for name, weight in loop.averaged.named_parameters():
        torch.testing.assert_close(weight, before[name] + share)


def test_the_command_trains_and_what_is_missing_is_said(shards: Path, tmp_path: Path) -> None:
    base = ["train", "--data", str(shards), "--threads", "1", "--batch", "2", "--size", "64", "--steps", "2"]
    run = str(tmp_path / "seg")
    done = CliRunner().invoke(cli, [*base, "segmenter", "--run", run])
    assert done.exit_code == 0, done.output
    assert "2 steps done" in done.output
    assert [line.get("held_out") is not None for line in _log(Path(run))] == [False, True]
    again = CliRunner().invoke(cli, [*base, "segmenter", "--run", run])
    assert isinstance(again.exception, UnmaskError)
    assert "--resume" in str(again.exception)
    best = [*base, "segmenter", "--run", str(tmp_path / "on"), "--init", str(Path(run) / "best.pt")]
    assert CliRunner().invoke(cli, best).exit_code == 0
    lacking = ["generator", "--run", str(tmp_path / "gen"), "--segmenter", str(tmp_path / "none")]
    refused = CliRunner().invoke(cli, [*base, *lacking])
    assert isinstance(refused.exception, UnmaskError)
    assert "no checkpoint" in str(refused.exception)
    nothing = CliRunner().invoke(cli, [*base, "segmenter", "--run", str(tmp_path / "x"), "--resume"])
    assert isinstance(nothing.exception, UnmaskError)


def test_going_on_needs_no_option_twice(shards: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    base = [
        "train",
        "segmenter",
        "--data",
        str(shards),
        "--run",
        str(run),
        "--threads",
        "1",
        "--workers",
        "0",
    ]
    own = ["--size", "64", "--batch", "2", "--set", "real=0.3", "--only", "core", "--only", "diverse"]
    own += ["--share", "core=0.5"]
    for asked in ([*own, "--steps", "1"], ["--resume", "--rate", "0.002", "--steps", "2"]):
        done = CliRunner().invoke(cli, [*base, *asked])
        assert done.exit_code == 0, done.output
    assert len(_log(run)) == 2
    about = json.loads((run / "recipe.json").read_text())
    assert (about["size"], about["batch"], about["changes"]) == (64, 2, ["real=0.3"])
    assert about["sets"] == ["core", "diverse"]
    assert about["rate"] == 0.002
    assert about["shares"] == ["core=0.5"]


def test_a_set_is_drawn_as_often_as_its_share_says(photos: list[Photo]) -> None:
    shared = [replace(photo, share=3.0 if number else 1.0) for number, photo in enumerate(photos[:2])]
    draw = PhotoDraw(shared, seed=5)
    seldom = sum(draw(number)[0].key == shared[0].key for number in range(400))
    assert 70 < seldom < 130


@pytest.mark.parametrize("share", ["nobody=2", "core", "core=0", "core=much", "core=nan"])
def test_a_share_of_no_set_or_no_size_is_refused(shards: Path, tmp_path: Path, share: str) -> None:
    asked = [
        "train",
        "segmenter",
        "--data",
        str(shards),
        "--run",
        str(tmp_path),
        "--share",
        share,
        "--steps",
        "1",
    ]
    done = CliRunner().invoke(cli, asked)
    assert done.exit_code == 2
    assert f"'{share}' is not SET=N" in done.output


def test_without_held_out_photos_there_are_no_trials(shards: Path, tmp_path: Path) -> None:
    faces, run = tmp_path / "faces", tmp_path / "run"
    faces.mkdir()
    (faces / "mine-000.tar").symlink_to(shards / "core-000.tar")
    toy = ["--threads", "1", "--workers", "0", "--size", "64", "--batch", "2", "--steps", "1"]
    base = ["train", "segmenter", "--data", str(faces), "--run", str(run), *toy]
    done = CliRunner().invoke(cli, base)
    assert done.exit_code == 0, done.output
    assert "No photos are held out" in done.output
    assert "held_out" not in _log(run)[-1]
    stray = CliRunner().invoke(cli, [*base, "--resume", "--only", "val_core"])
    assert "no set 'val_core' to train on" in str(stray.exception)
    nothing = CliRunner().invoke(cli, ["evaluate", "--data", str(faces)])
    assert isinstance(nothing.exception, UnmaskError)
    assert "nothing to measure on" in str(nothing.exception)


def test_a_run_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnmaskError, match="steps, minutes or until"):
        LoopSettings(tmp_path)


@pytest.mark.parametrize("slow_end", [False, True])
def test_a_run_until_a_moment_tries_its_end(photos: list[Photo], tmp_path: Path, slow_end: bool) -> None:
    class Slow(SegmenterRecipe):
        """Its last step takes far longer than those before it led one to think."""

        def step(
            self, batch: Batch, averaged: torch.nn.Module, learn: Learner, progress: float
        ) -> dict[str, float]:
            losses = super().step(batch, averaged, learn, progress)
            if slow_end and progress > 0.3:
                time.sleep(max(0.0, until + STARTED - time.monotonic()))
            return losses

    pairs = PairData(photos, PairSettings(size=64, masked=1.0), 0, 2)
    held_out = torch.utils.data.default_collate([pairs[number] for number in range(2)])
    recipe = Slow(photos, 64)
    until = time.monotonic() - STARTED + 4
    loop = Loop(recipe, LoopSettings(tmp_path, until=until, batch=2, workers=0, threads=1), held_out)
    assert loop.run() > 0
    last = _log(tmp_path)[-1]
    assert "held_out" in last
    assert 0 < last["progress"] <= 1


def test_the_averaged_weights_lie_in_a_file_of_their_own(photos: list[Photo], tmp_path: Path) -> None:
    loop = _loop(SegmenterRecipe, photos, tmp_path, 2)
    loop.run()
    fresh = UNetSegmenter()
    load_averaged(fresh, tmp_path / "averaged.safetensors")
    wanted = loop.averaged.state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in fresh.state_dict().items())
    assert run_summary(tmp_path / "averaged.safetensors").startswith(f"{tmp_path.name}: 2 steps")


class _Echoes(SegmenterRecipe):
    """Notes which batches its steps are given."""

    def __init__(self, photos: list[Photo], size: int) -> None:
        super().__init__(photos, size)
        self.given: list[float] = []

    def step(self, batch: Any, *args: Any) -> dict[str, float]:
        self.given.append(float(batch["crop"].float().mean()))
        return super().step(batch, *args)


def test_each_batch_serves_as_many_steps_as_asked_over_a_break_too(
    photos: list[Photo], tmp_path: Path
) -> None:
    given = []
    for steps in (4, 7):
        recipe = _Echoes(photos, 64)
        settings = LoopSettings(tmp_path, steps=steps, echo=3, batch=2, workers=0, threads=1)
        loop = Loop(recipe, settings)
        if steps == 7:
            loop.resume()
        loop.run()
        given += recipe.given
    assert given[0] == given[1] == given[2] != given[3]
    assert given[3] == given[4] == given[5] != given[6]
