"""Joining parts whose clock was set back."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_unmask.output.timeline import Timeline
from tests.video.making import Recipe, make_video, pass_through, read

STEP = Fraction(1, 25)


def placed(times: list[Fraction], timeline: Timeline, stream: int = 0) -> list[Fraction]:
    return [time + timeline.place(stream, time) for time in times]


@pytest.mark.parametrize(
    "times",
    [
        pytest.param([index * STEP for index in range(20)], id="even"),
        pytest.param([Fraction(0), Fraction(1), Fraction(3600)], id="gap"),
        pytest.param([Fraction(-2), Fraction(-1), Fraction(0)], id="negative"),
        pytest.param([Fraction(2), Fraction(9, 5), Fraction(5, 2)], id="slight disorder"),
    ],
)
def test_what_moves_on_is_left_alone(times: list[Fraction]) -> None:
    timeline = Timeline()
    assert placed(times, timeline) == times
    assert timeline.restarts == 0


def test_a_clock_set_back_goes_on_where_it_was() -> None:
    first = [10 + index * STEP for index in range(50)]
    timeline = Timeline()
    result = placed(first + first + first, timeline)
    assert result == [10 + index * STEP for index in range(150)]
    assert timeline.restarts == 2


def test_sound_is_moved_as_far_as_the_picture() -> None:
    timeline = Timeline()
    picture = [index * STEP for index in range(50)]
    sound = [index * STEP / 2 for index in range(100)]
    placed(picture, timeline, 0)
    placed(sound, timeline, 1)
    moved_picture = placed(picture, timeline, 0)
    moved_sound = placed(sound, timeline, 1)
    assert moved_picture[0] == moved_sound[0] == 2
    assert timeline.restarts == 1


def test_parts_of_less_than_a_second_follow_one_another() -> None:
    timeline = Timeline()
    part = [index * STEP for index in range(15)]
    assert placed(part * 3, timeline) == [index * STEP for index in range(45)]
    assert timeline.restarts == 2


@pytest.mark.parametrize("longer", [0, 2])
def test_a_stream_that_is_set_back_by_little_is_moved_with_one_that_is_by_more(longer: int) -> None:
    timeline = Timeline()
    picture, sound = [index * STEP for index in range(20)], [index * STEP for index in range(5 + longer)]
    for _ in range(3):
        placed(picture, timeline, 0)
        moved = placed(sound, timeline, 1)
    assert moved[0] == 2 * 20 * STEP
    assert timeline.restarts == 2


def test_a_few_frames_out_of_order_are_no_restart() -> None:
    timeline = Timeline()
    rate = Fraction(1, 10)
    times = [index * rate for index in (0, 1, 2, 5, 3, 4, 9, 6, 7, 8, 10)]
    assert placed(times, timeline) == times


def test_a_pause_moves_nothing_behind_it() -> None:
    # What the frame before a pause claims to last is of no matter.
    timeline = Timeline()
    times = [index * STEP for index in range(75)] + [9 + index * STEP for index in range(75)]
    assert placed(times, timeline) == times
    assert timeline.restarts == 0


def test_a_restart_leaves_no_more_room_than_the_longest_stream_needs() -> None:
    timeline = Timeline()
    placed([index * STEP for index in range(50)], timeline, 0)
    placed([index * STEP for index in range(55)], timeline, 1)
    assert placed([Fraction(0)], timeline, 0) == [55 * STEP]
    assert placed([Fraction(0)], timeline, 1) == [55 * STEP]


def test_what_begins_after_a_restart_is_moved_with_the_rest() -> None:
    timeline = Timeline()
    placed([index * STEP for index in range(50)], timeline)
    placed([Fraction(0)], timeline)
    assert placed([STEP], timeline, 7) == [51 * STEP]
    assert timeline.follow() == 2


TICKS = st.integers(0, 90_000 * 3600)


@given(st.lists(TICKS, min_size=1, max_size=60).map(sorted), st.integers(-(10**6), 10**6))
def test_times_in_order_are_never_moved(ticks: list[int], start: int) -> None:
    times = [Fraction(tick + start, 90_000) for tick in ticks]
    assert placed(times, Timeline()) == times


@given(st.lists(st.lists(st.integers(1, 90_000), min_size=1, max_size=20), min_size=1, max_size=5), TICKS)
def test_parts_keep_their_inner_distances(parts: list[list[int]], start: int) -> None:
    timeline = Timeline()
    for steps in parts:
        times = [Fraction(start + sum(steps[:index]), 90_000) for index in range(len(steps))]
        moved = placed(times, timeline)
        assert {after - before for before, after in zip(times, moved, strict=True)} == {moved[0] - times[0]}


PARTS = st.lists(st.tuples(st.integers(10, 60), st.integers(30, 90)), min_size=1, max_size=5)


@given(PARTS, st.integers(0, 10**6))
def test_joined_parts_stay_in_sync(parts: list[tuple[int, int]], start: int) -> None:
    # Frames of 40 ms and packets of 20 ms: each part begins anew, at the same time for both.
    timeline, picture_end = Timeline(), Fraction(-1)
    for frames, packets in parts:
        events = [(index * STEP, 0) for index in range(frames)]
        events += [(index * STEP / 2, 1) for index in range(packets)]
        offsets: dict[int, set[Fraction]] = {0: set(), 1: set()}
        times = []
        for time, stream in sorted(events):
            offset = timeline.place(stream, start + time)
            offsets[stream].add(offset)
            if stream == 0:
                times.append(start + time + offset)
        assert offsets[0] == offsets[1]
        assert len(offsets[0]) == 1
        assert times[0] > picture_end
        picture_end = times[-1]


@given(st.lists(st.fractions(0, 100, max_denominator=1000), min_size=2, max_size=60))
def test_nothing_goes_back_by_more_than_a_second(times: list[Fraction]) -> None:
    latest = Fraction(-1)
    timeline = Timeline()
    for time in times:
        moved = time + timeline.place(0, time)
        assert moved >= latest - 1
        latest = max(latest, moved)


def test_two_transport_streams_in_one_file_become_one_video(tmp_path: Path) -> None:
    recipe = Recipe(pts=range(0, 180_000, 3600), time_base=Fraction(1, 90_000), sounds=("eng",))
    part = make_video(tmp_path / "part.ts", recipe).read_bytes()
    (tmp_path / "joined.ts").write_bytes(part + part)
    sink = pass_through(tmp_path / "joined.ts", tmp_path / "out.mp4")
    after = read(tmp_path / "out.mp4")
    assert sink.frames_written == len(after.pts) >= 98
    steps = [later - earlier for earlier, later in zip(after.times, after.times[1:], strict=False)]
    assert max(steps) < Fraction(1, 5)
    assert abs(after.times[-1] - after.packet_times[1][-1]) < Fraction(1, 4)
    assert sink.repaired_timestamps >= 1
