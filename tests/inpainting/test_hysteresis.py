"""A mask comes and goes once, not at every doubtful frame."""

from __future__ import annotations

import numpy as np
import pytest

from stream_unmask.inpainting.cpu.segmenting import mask_score
from stream_unmask.inpainting.hysteresis import Decision, HysteresisSettings, MaskHysteresis
from tests.inpainting.faces import SIZE, soft_mask

MASKED = soft_mask()
BARE = np.zeros((SIZE, SIZE), np.float32)


def run(*masks: np.ndarray, rate: float = 25) -> list[Decision]:
    hysteresis = MaskHysteresis()
    return [hysteresis.update(mask_score(entry), 7 + index / rate) for index, entry in enumerate(masks)]


def test_a_first_frame_decides_at_once() -> None:
    (first,) = run(MASKED)
    assert (first.wears, first.strength) == (True, 1.0)
    assert run(BARE) == [Decision(False, 0.0, 0.0)]


@pytest.mark.parametrize("rate", [25, 30])
def test_a_mask_put_on_fades_in(rate: int) -> None:
    seen = run(BARE, *[MASKED] * 7, rate=rate)
    assert [entry.wears for entry in seen] == [False, False] + [True] * 6
    assert [entry.strength for entry in seen] == pytest.approx([0, 0, 0.25, 0.5, 0.75, 1, 1, 1], abs=0.16)
    assert seen[-3].strength == 1


@pytest.mark.parametrize("rate", [25, 30])
def test_a_mask_taken_off_fades_out(rate: int) -> None:
    seen = run(MASKED, *[BARE] * 10, rate=rate)
    assert [entry.wears for entry in seen] == [True] * 5 + [False] * 6
    assert [entry.strength for entry in seen] == pytest.approx([1] * 5 + [0.75, 0.5, 0.25, 0, 0, 0], abs=0.16)
    assert seen[-3].strength == 0


@pytest.mark.parametrize("rate", [10, 25, 60, 120])
def test_putting_on_and_taking_off_take_their_time_at_any_rate(rate: int) -> None:
    on = [entry.strength for entry in run(BARE, *[MASKED] * rate, rate=rate)]
    assert (on.index(1) / rate) == pytest.approx(0.06 + 0.133, abs=2 / rate)
    off = [entry.strength for entry in run(MASKED, *[BARE] * rate, rate=rate)]
    assert (off.index(0) / rate) == pytest.approx(0.165 + 0.133, abs=2 / rate)


def test_a_clock_that_jumps_back_changes_nothing() -> None:
    hysteresis = MaskHysteresis()
    times = (5.0, 5.04, 0.0, 0.04)
    seen = [hysteresis.update(float(index > 0), time) for index, time in enumerate(times)]
    assert [entry.wears for entry in seen] == [False, False, False, True]


def test_short_doubts_change_nothing() -> None:
    assert all(entry.strength == 0 for entry in run(BARE, *[MASKED, BARE] * 10))
    assert all(entry.strength == 1 for entry in run(MASKED, *[BARE, BARE, BARE, BARE, MASKED] * 4))


def test_between_the_thresholds_nothing_changes() -> None:
    doubtful = MASKED * np.float32(0.5)
    assert all(entry.wears for entry in run(MASKED, *[doubtful] * 20))
    assert not any(entry.wears for entry in run(BARE, *[doubtful] * 20))


def test_the_score_is_sure_of_whole_masks_only() -> None:
    assert mask_score(MASKED) > 0.99
    speck = BARE.copy()
    speck[60:72, 60:72] = 1
    assert mask_score(speck) == pytest.approx(144 / SIZE**2 / 0.04, rel=0.05)
    assert mask_score(BARE + np.float32(0.2)) == pytest.approx(0.2)


@pytest.mark.parametrize(
    "wrong", [{"puts_on": 0.2}, {"takes_off": -0.1}, {"puts_on": 1.1}, {"fade": 0}, {"takes_off_after": 0}]
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="takes_off"):
        HysteresisSettings(**wrong)


def test_a_frame_that_is_passed_over_speaks_for_nothing() -> None:
    hysteresis = MaskHysteresis()
    hysteresis.update(0.0, 1.0)
    hysteresis.pass_over(1.5)
    assert not hysteresis.update(1.0, 1.54).wears  # the half second before it does not count
    assert hysteresis.update(1.0, 1.58).wears
