"""Cameras' clocks, held against real time: set, overrun, stalled, wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction

import pytest

from stream_unmask.video.real_time import RealTime

PICTURE, SOUND = -1, 1
STEP = Fraction(1, 25)


def placed(
    clock: RealTime, camera: Callable[[float], float], arrivals: Iterable[float], stream: int = PICTURE
) -> list[float]:
    """Where frames are placed that the camera's clock gives such times, taken when they arrive."""
    found = []
    for arrival in arrivals:
        start = Fraction(camera(arrival)).limit_denominator(90_000)
        found.append(float(start + clock.place(stream, start, STEP, arrival)))
    return found


def every(seconds: float, start: float, end: float) -> list[float]:
    return [start + index * seconds for index in range(round((end - start) / seconds))]


def test_times_begin_with_0_whatever_the_camera_shows() -> None:
    assert placed(RealTime(), lambda now: now + 4711, every(0.04, 10, 11)) == pytest.approx(
        every(0.04, 0, 1), abs=1e-3
    )


@pytest.mark.parametrize("jump", [-3600.0, -2.0, 6.0, 3600.0, 44_121.8, -(2**32) / 90_000])
def test_a_clock_that_is_set_leaves_no_hole(jump: float) -> None:
    clock = RealTime()
    times = placed(clock, lambda now: now + (jump if now >= 5 else 0), every(0.04, 0, 10))
    assert times == pytest.approx(every(0.04, 0, 10), abs=0.01)
    assert clock.restarts == 1


@pytest.mark.parametrize("sound_jump", [-3600.0, 264_836.0])
def test_sound_and_picture_stay_together_when_the_clock_is_set(sound_jump: float) -> None:
    clock = RealTime()
    jumps = {PICTURE: -3600.0, SOUND: sound_jump}
    late = {PICTURE: 0.05, SOUND: 0.02}
    lags: dict[int, list[float]] = {PICTURE: [], SOUND: []}
    for index in range(500):
        for stream in (PICTURE, SOUND):
            taken = index * 0.04
            jump = jumps[stream] if taken >= 10 else 0.0
            arrival = taken + late[stream] * (1 + index % 4 * (stream == PICTURE))
            start = Fraction(taken + jump).limit_denominator(90_000)
            lags[stream].append(float(start + clock.place(stream, start, STEP, arrival)) - taken)
    together = [picture - sound for picture, sound in zip(lags[PICTURE], lags[SOUND], strict=True)]
    assert max(together) - min(together) < 0.001


def test_a_clock_that_is_set_again_and_again_is_followed_each_time() -> None:
    clock = RealTime()
    steps = [(5, -2.0), (8, -4.3), (11, -6.5)]  # each within half a second of the one before

    def camera(now: float) -> float:
        return now + next((by for since, by in reversed(steps) if now >= since), 0.0)

    assert placed(clock, camera, every(0.04, 0, 15)) == pytest.approx(every(0.04, 0, 15), abs=0.01)
    assert clock.restarts == len(steps)


@pytest.mark.parametrize("pace", [0.0, 0.011])
def test_a_clock_that_stands_or_crawls_is_none(pace: float) -> None:
    clock = RealTime()
    times = placed(clock, lambda now: now if now < 5 else 5 + pace * (now - 5), every(0.04, 0, 60))
    assert times == pytest.approx(every(0.04, 0, 60), abs=0.5)
    assert times[200:] == pytest.approx(every(0.04, 8, 60), abs=0.05)
    assert clock.restarts == 1


def test_what_waits_for_its_reader_has_the_time_that_it_says() -> None:
    clock = RealTime(45.0, paced=False)
    times = placed(clock, lambda now: now / 5, every(0.2, 0, 40))
    assert times == pytest.approx([now / 5 for now in every(0.2, 0, 40)], abs=0.01)


def as_taken(clock: RealTime, taken: list[float], arrivals: list[float]) -> list[float]:
    """The times of pictures whose camera's clock says when they were taken."""
    starts = [Fraction(time).limit_denominator(1000) for time in taken]
    return [
        float(start + clock.place(PICTURE, start, STEP, arrival))
        for start, arrival in zip(starts, arrivals, strict=True)
    ]


def test_a_network_that_comes_in_gusts_is_no_clock_that_stands() -> None:
    # Of every half second, all comes at its end.
    taken = every(0.04, 0, 20)
    arrivals = [0.5 * (int(time / 0.5) + 1) for time in taken]
    clock = RealTime()
    times = as_taken(clock, taken, arrivals)
    assert times == pytest.approx(taken, abs=1e-3)
    assert clock.restarts == 0


def test_a_clock_that_runs_twice_too_fast_is_held_to_real_time() -> None:
    clock = RealTime()
    times = placed(clock, lambda now: 2 * now, every(0.04, 0, 60))
    assert all(-1 < time - now < 7 for time, now in zip(times, every(0.04, 0, 60), strict=True))
    assert clock.restarts < 20


def test_what_is_lost_while_the_clock_is_set_is_a_hole_of_that_length() -> None:
    arrivals = [*every(0.04, 0, 5), *every(0.04, 8, 12)]
    times = placed(RealTime(), lambda now: now - (3600 if now > 6 else 0), arrivals)
    assert times == pytest.approx(arrivals, abs=0.05)


def test_what_comes_late_and_catches_up_keeps_its_times() -> None:
    clock = RealTime()
    # The network stalls for 8 seconds; what was taken meanwhile comes at once.
    taken = every(0.04, 0, 20)
    arrivals = [13.0 if 5 <= time < 13 else time for time in taken]
    times = as_taken(clock, taken, arrivals)
    assert times == pytest.approx(taken, abs=1e-3)
    assert clock.restarts == 0


def test_a_camera_that_slept_without_its_clock_is_placed_where_it_woke() -> None:
    times = placed(
        RealTime(), lambda now: now if now < 5 else now - 9, [*every(0.04, 0, 5), *every(0.04, 14, 24)]
    )
    assert times[-1] == pytest.approx(24, abs=0.1)
    assert times == sorted(times)


def test_a_day_of_a_clock_that_goes_wrong_is_no_jump() -> None:
    clock = RealTime()
    times = placed(clock, lambda now: now * 1.0002, every(60, 0, 86_400))
    assert clock.restarts == 0
    assert times[-1] == pytest.approx(86_340 * 1.0002)


def test_a_new_connection_goes_on_in_real_time() -> None:
    clock = RealTime()
    placed(clock, lambda now: now, every(0.04, 0, 5))
    clock.reconnected()
    assert placed(clock, lambda now: now + 77, [31.0], SOUND) == pytest.approx([31.0])
    assert placed(clock, lambda now: now + 77, [31.02]) == pytest.approx([31.02])


def test_streams_of_one_connection_may_have_clocks_of_their_own() -> None:
    clock = RealTime()
    assert placed(clock, lambda now: now, [0.0]) == [0.0]
    assert placed(clock, lambda now: now + 1e6, [0.2], SOUND) == pytest.approx([0.2], abs=1e-3)
