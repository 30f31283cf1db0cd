"""Inputs broken at random are read as far as they go, or refused in a sentence; no crash, and no hang."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fuzzing.running import Plan, run, shares

CORPORA = Path(__file__).with_name("corpora")
FEW, MANY = 10_000, 200_000
"""Inputs in every run of the tests, and in an exhaustive one."""

LONGEST = 60.0
"""Seconds for one of them, on a machine that does much besides."""


def findings(folder: Path, count: int) -> list[str]:
    """What is wrong with what the program makes of so many inputs."""
    told: list[str] = []
    plan = Plan(corpora=CORPORA, folder=folder, counts=shares(count), longest=LONGEST)
    counts = run(plan, told.append)
    assert sum(each.next for each in counts.values()) == count
    # Whole ones come first, and are read.
    for kind, each in counts.items():
        assert each.read >= len(list((CORPORA / kind).iterdir())), f"{kind}: {each}"
    found = sum(each.findings for each in counts.values())
    return [line for line in told if not line.endswith(" s)")] if found else []


def test_ten_thousand_broken_inputs(tmp_path: Path) -> None:
    assert findings(tmp_path, FEW) == []


@pytest.mark.exhaustive
def test_many_broken_inputs(tmp_path: Path) -> None:
    assert findings(tmp_path, MANY) == []
