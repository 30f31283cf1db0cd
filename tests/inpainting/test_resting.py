"""A face that stays bare is looked at now and then, and at once where something changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stream_unmask.inpainting.face import FaceState, FaceView
from stream_unmask.inpainting.resting import Rest
from tests.inpainting.faces import alignment, face, frame_of, view

STILL = frame_of(face())
VIEW = view(FaceState(), alignment())


def looks(times: list[float], wanted: float = 0.001) -> tuple[Rest, list[float]]:
    """A face that nothing changes of: the times of the frames in which it is looked at."""
    rest, found = Rest(), []
    for time in times:
        if not rest.passes_over(STILL, VIEW, time):
            found.append(time)
            rest.learn(wanted, 0.0, time)
    return rest, found


def every(rate: float, seconds: float, start: float = 0.0) -> list[float]:
    return [start + index / rate for index in range(round(rate * seconds))]


@pytest.mark.parametrize("rate", [25, 30, 60])
def test_a_bare_face_is_looked_at_once_in_a_tenth_of_a_second(rate: float) -> None:
    _, found = looks(every(rate, 2))
    assert [time for time in every(rate, 0.5) if time not in found] == []
    later = [time for time in found if time >= 1]
    assert len(later) == 10
    assert np.diff(later).max() <= 0.1 + 1 / rate + 1e-6


def test_slow_cameras_are_looked_at_in_every_frame() -> None:
    assert looks(every(10, 2))[1] == every(10, 2)


@pytest.mark.parametrize("wanted", [0.06, 0.5, 1.0])
def test_a_face_that_is_not_surely_bare_is_looked_at_in_every_frame(wanted: float) -> None:
    assert looks(every(30, 2), wanted)[1] == every(30, 2)


def test_what_changes_is_looked_at_at_once() -> None:
    rest, _ = looks(every(30, 1))
    rest.passes_over(STILL, VIEW, 1.0)
    assert rest.passes_over(STILL, VIEW, 1.03)
    masked = face()
    masked[:, 70:110, 40:90] = 0.9
    assert not rest.passes_over(frame_of(masked), VIEW, 1.04)
    rest.learn(0.9, 0.0, 1.04)
    assert not rest.passes_over(frame_of(masked), VIEW, 1.06)


@pytest.mark.parametrize("other", [replace(VIEW, person=1), replace(VIEW, coasting=True)])
def test_another_head_and_one_that_is_not_seen_are_looked_at(other: FaceView) -> None:
    rest, _ = looks(every(30, 1))
    rest.passes_over(STILL, VIEW, 1.0)
    assert not rest.passes_over(STILL, other, 1.03)
    assert not rest.passes_over(STILL, VIEW, 1.06)


def test_a_clock_that_is_set_back_ends_the_rest() -> None:
    rest, _ = looks(every(30, 1, start=1000))
    assert not rest.passes_over(STILL, VIEW, 3.0)
    rest.learn(0.001, 0.0, 3.0)
    assert not rest.passes_over(STILL, VIEW, 3.03)
    rest.learn(0.001, 0.0, 3.03)
    assert not rest.passes_over(STILL, VIEW, 3.51)
    assert rest.passes_over(STILL, VIEW, 3.55)
