"""Joining parts whose clock was set back."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from stream_unmask.output.timeline import Timeline
from tests.video.making import Recipe, make_video, pass_through, read

STEP = Fraction(1, 25)


def placed(times: list[Fraction], timeline: Timeline, stream: int = 0) -> list[Fraction]:
    return [time + timeline.place(stream, time, STEP) for time in times]


@pytest.mark.parametrize(
    "times",
    [
        pytest.param([index * STEP for index in range(20)], id="even"),
        pytest.param([Fraction(0), Fraction(1), Fraction(3600)], id="gap"),
        pytest.param([Fraction(-2), Fraction(-1), Fraction(0)], id="negative"),
        pytest.param([Fraction(2), Fraction(3, 2), Fraction(5, 2)], id="slight disorder"),
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
