from __future__ import annotations

import pytest

from benchmarks.spread import Laps, Spread, spreads


def test_a_spread_is_in_milliseconds() -> None:
    spread = Spread.of([0.001 * number for number in range(1, 101)])
    assert spread is not None
    assert (spread.runs, spread.least, spread.most) == (100, 1.0, 100.0)
    assert spread.total == pytest.approx(5050)
    assert spread.mean == pytest.approx(50.5)
    assert (spread.p50, spread.p95, spread.p99) == pytest.approx((50.5, 95.05, 99.01))


def test_nothing_has_no_spread() -> None:
    assert Spread.of([]) is None


def test_laps_are_kept_one_by_one_and_added_up() -> None:
    laps = Laps()
    laps.add("paste", 0.25)
    laps.add("paste", 0.5)
    with laps("follow"):
        pass
    assert laps.laps["paste"] == [0.25, 0.5]
    assert laps.seconds["paste"] == 0.75
    assert laps.runs == {"paste": 2, "follow": 1}


def test_stages_of_several_streams_are_pooled_in_the_order_of_a_frame() -> None:
    one, other = Laps(), Laps()
    for stage in ("follow", "encode", "compute", "decode"):
        one.add(stage, 1.0)
        other.add(stage, 3.0)
    other.add("wait", 0.5)
    pooled = spreads([one, other])
    assert list(pooled) == ["decode", "wait", "compute", "follow", "encode"]
    assert (pooled["follow"].runs, pooled["follow"].p50) == (2, 2000.0)
    assert pooled["wait"].runs == 1
