"""Training on workers of Ray: the same network as in one process, also when a worker dies."""

from __future__ import annotations

import json
from pathlib import Path

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
