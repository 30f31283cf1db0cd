"""What takes half a second at 30 frames a second does so at any rate, also at a changing one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle, islice

import numpy as np
import pytest

from stream_unmask.inpainting.timing import FRAME, left, since, taken
from tests.inpainting.faces import Matcher, Meter, Picture, Smoother, alignment, face, frame_of, soft_mask
from tests.inpainting.test_graining import COARSE

MASK = soft_mask()

RATES: dict[str, tuple[float, ...]] = {
    "60": (FRAME / 2,),
    "30": (FRAME,),
    "15": (2 * FRAME,),
    "changing": (FRAME / 2, FRAME, 2 * FRAME, FRAME / 2),
}


def times(rate: str, seconds: float) -> list[float]:
    """The times between the frames of so many seconds."""
    pattern = RATES[rate]
    return list(islice(cycle(pattern), round(seconds / sum(pattern) * len(pattern))))


def test_shares_go_by_time() -> None:
    assert left(0.3, FRAME) == pytest.approx(0.3)
    assert left(0.3, 2 * FRAME) == pytest.approx(0.09)
    assert left(left(0.3, FRAME / 2), FRAME * 2) == pytest.approx(0.3)
    assert taken(0.2, 2 * FRAME) == pytest.approx(0.36)
    assert left(0.0, FRAME) == 0


def test_time_goes_on_where_clocks_do_not() -> None:
    assert since(1.0, 1.5) == 0.5
    assert since(None, 7.0) == since(2.0, 2.0) == since(2.0, 1.0) == FRAME


def smoothed(elapsed: list[float], crop: Picture, speed: float = 0.0) -> Picture:
    """How much brighter an inpainted crop looks that has been a little brighter for so long."""
    smoother = Smoother()
    smoother.smooth(crop, MASK, crop, alignment(), FRAME)
    brighter, x = crop + np.float32(0.03), 0.0
    for time in elapsed:
        x += speed * time
        _, inpainted = smoother.smooth(crop, MASK, brighter, alignment(x), time)
    return inpainted - crop


def test_an_inpainted_crop_changes_as_fast_at_any_rate() -> None:
    expected = smoothed(times("30", 4 / 30), face())
    assert 0.01 < expected.mean() < 0.025
    for rate in RATES:
        np.testing.assert_allclose(smoothed(times(rate, 4 / 30), face()), expected, atol=0.002)


def test_a_face_counts_as_moving_by_its_speed() -> None:
    flat = np.full((3, *MASK.shape), 0.2, np.float32)
    still, moving = (smoothed(times("30", 2 / 30), flat, speed).mean() for speed in (0.0, 300.0))
    assert moving > 1.3 * still
    for rate in ("60", "15"):
        assert smoothed(times(rate, 2 / 30), flat, 300.0).mean() == pytest.approx(moving, abs=0.001)


@pytest.mark.parametrize("rate", RATES)
def test_a_missed_frame_does_not_show_the_mask_at_any_rate(rate: str) -> None:
    smoother, crop = Smoother(), face()
    for time in times(rate, 4 / 30):
        smoother.smooth(crop, MASK, crop, alignment(), time)
    held, _ = smoother.smooth(crop, np.zeros_like(MASK), crop, alignment(), RATES[rate][0])
    assert held[MASK > 0.9].min() > 0.35


def learnt_colour(elapsed: list[float]) -> float:
    """How far a matcher has followed a tint that is new, and lasts so long."""
    matcher, truth = Matcher(), face()
    matcher.match(truth, MASK, truth, FRAME)
    for time in elapsed:
        matched = matcher.match(truth, MASK, truth + np.float32(0.1), time)
    return float((truth + np.float32(0.1) - matched)[:, MASK > 0.9].mean())


def learnt_noise(elapsed: list[float]) -> float:
    """How far a meter, after a noisy frame, has followed a quieter picture that lasts so long."""
    meter = Meter()
    for seed in range(2):
        meter.measure(frame_of(face(), 4.0, seed), alignment(), COARSE, FRAME)
    for seed, time in enumerate(elapsed):
        grain = meter.measure(frame_of(face(), 1.0, 2 + seed), alignment(), COARSE, time)
    return grain.noise * 255


@pytest.mark.parametrize(("learn", "tolerance"), [(learnt_colour, 0.003), (learnt_noise, 0.15)])
def test_colour_and_grain_are_learnt_as_fast_at_any_rate(
    learn: Callable[[list[float]], float], tolerance: float
) -> None:
    expected = learn(times("30", 8 / 30))
    assert abs(learn(times("30", 16 / 30)) - expected) > 2 * tolerance  # it is still on its way
    for rate in RATES:
        assert learn(times(rate, 8 / 30)) == pytest.approx(expected, abs=tolerance)
