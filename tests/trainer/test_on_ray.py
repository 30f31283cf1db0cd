"""Training on workers of Ray: the same network as in one process, also when a worker dies."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray")

from tests.cli.calling import call

# Half a minute for what the other tests of training and of Ray see each half of.
pytestmark = [pytest.mark.ray, pytest.mark.exhaustive]


def losses(run: Path) -> list[float]:
    return [json.loads(line)["entropy"] for line in (run / "log.jsonl").read_text().splitlines()]


def test_two_workers_learn_what_one_learns(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(run: str, batch: int, *more: str) -> None:
        common = ("--steps", 4, "--size", 64, "--workers", 0, "--threads", 1, "--precision", "32")
        where = ("--data", shards, "--run", tmp_path / run)
        assert call(monkeypatch, "train", "segmenter", *where, *common, "--batch", batch, *more) == 0

    train("one", 4)
    train("two", 2, "--ray", "2")
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert len(one) == len(two) == 4
    assert two == pytest.approx(one, rel=0.25)


def dying(work: Callable[[], None], run: Path) -> Callable[[], None]:
    """The same work, in which the second worker is killed once there is a checkpoint."""

    def kill(killed: Path) -> None:
        while not (run / "checkpoint.pt").exists():
            time.sleep(0.01)
        killed.touch()
        os.kill(os.getpid(), signal.SIGKILL)

    def worked() -> None:
        killed = run / "killed"
        if os.environ["RANK"] == "1" and not killed.exists():
            threading.Thread(target=kill, args=(killed,), daemon=True).start()
        elif os.environ["RANK"] == "0" and killed.exists():
            shutil.copy(run / "log.jsonl", run / "before.jsonl")
        work()

    return worked


def test_a_worker_that_is_killed_is_replaced_and_all_go_on_from_the_last_checkpoint(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainer import on_ray

    train_on_ray = on_ray.train_on_ray

    def with_a_death(work: Callable[[], None], run: Path, **how: Any) -> None:
        train_on_ray(dying(work, run.absolute()), run, **how)

    monkeypatch.setattr(on_ray, "train_on_ray", with_a_death)
    run, steps = tmp_path / "run", 40
    common = ("--steps", steps, "--size", 64, "--workers", 0, "--threads", 1, "--precision", "32")
    where = ("--data", shards, "--run", run, "--batch", 2, "--save-minutes", 0.001, "--ray", "2")
    assert call(monkeypatch, "train", "segmenter", *where, *common) == 0
    assert (run / "killed").exists()
    before, after = (
        [json.loads(line) for line in (run / name).read_text().splitlines()]
        for name in ("before.jsonl", "log.jsonl")
    )
    assert [line["step"] for line in after] == list(range(1, steps + 1))
    # What was learnt before is not learnt again: those steps took just the time that they took.
    again = next(line["step"] for line, old in zip(after, [*before, {}], strict=False) if line != old)
    assert 1 < again <= steps
