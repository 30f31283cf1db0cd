"""A simulated wall of cameras keeps to its rules."""

from __future__ import annotations

import pytest

from benchmarks.fleet_simulation import Plan, simulate

SMALL = Plan(cameras=60, nodes=6, cores=8, days=20, between_failures=5)


def test_the_same_seed_gives_the_same_outcome() -> None:
    assert simulate(SMALL) == simulate(SMALL)
    assert simulate(SMALL).gaps != simulate(Plan(cameras=60, nodes=6, cores=8, days=20, seed=2)).gaps


def test_every_camera_of_a_lost_node_is_away_for_as_long_as_noticing_and_starting_takes() -> None:
    found = simulate(SMALL)
    assert found.failures > 5
    assert min(found.gaps) == SMALL.noticed + SMALL.start
    assert max(found.gaps) <= SMALL.noticed + SMALL.start + 60 / SMALL.placed
    assert found.refused == 0
    assert 0.99 < found.shown(SMALL) < 1


def test_nodes_without_failures_share_the_cameras_evenly() -> None:
    found = simulate(Plan(cameras=60, nodes=6, cores=8, days=1, between_failures=1e9))
    assert (found.failures, found.gaps) == (0, [])
    assert found.fullest == pytest.approx(60 * 0.65 / (6 * 8), rel=0.25)


def test_too_few_cores_are_noticed() -> None:
    assert simulate(Plan(cameras=60, nodes=2, cores=8, days=1)).refused > 0
