"""Tracks keep to their faces, whatever detector and mesh get wrong."""

from __future__ import annotations

import numpy as np
import pytest

from stream_unmask.faces.following import FollowSettings, Patience
from stream_unmask.faces.mesh import Mesh
from tests.faces.acting import HEIGHT, WIDTH, Actor, Stage

STILL = Actor(300.0, 150.0)


def clock(seconds: float, rate: float = 30.0) -> np.ndarray:
    return np.arange(round(seconds * rate)) / rate


def test_a_face_is_followed_from_its_first_frame() -> None:
    played = Stage().play(lambda time: [STILL], clock(1.0))
    assert [len(tracks) for tracks in played] == [1] * 30
    assert {tracks[0].number for tracks in played} == {1}
    assert played[-1][0].frames == 30
    assert played[0][0].pose.scale == pytest.approx(40, rel=0.01)


def test_only_boxes_that_are_large_enough_are_followed() -> None:
    side = float(np.sqrt(np.prod(STILL.box()[2:] - STILL.box()[:2])))
    smaller, larger = FollowSettings(min_box=0.9 * side), FollowSettings(min_box=1.1 * side)
    assert [len(tracks) for tracks in Stage().play(lambda time: [STILL], clock(0.2), smaller)] == [1] * 6
    assert [len(tracks) for tracks in Stage().play(lambda time: [STILL], clock(0.2), larger)] == [0] * 6


def test_a_settled_face_is_looked_for_only_now_and_then() -> None:
    stage = Stage()
    stage.play(lambda time: [STILL], clock(1.0, 25.0), FollowSettings(detect_every=5))
    assert stage.looks == pytest.approx([frame / 25 for frame in (0, 1, 2, 7, 12, 17, 22)])


def test_while_nothing_is_new_faces_are_looked_for_once_a_second() -> None:
    stage = Stage(still=True)
    stage.play(lambda time: [STILL], clock(3.2, 25.0), FollowSettings(detect_every=5))
    assert stage.looks == pytest.approx([frame / 25 for frame in (0, 1, 2, 27, 52, 77)])


def test_a_face_that_is_not_seen_for_sure_is_looked_for_although_nothing_is_new() -> None:
    stage, doubtful = Stage(still=True), Actor(300.0, 150.0, presence=0.1)
    stage.play(lambda time: [doubtful], clock(1.0, 25.0), FollowSettings(detect_every=5))
    assert stage.looks == pytest.approx([frame / 25 for frame in (0, 1, 2, 7, 12, 17, 22)])


def test_a_face_that_the_last_search_missed_is_searched_for_although_nothing_is_new() -> None:
    stage = Stage(still=True)
    stage.play(
        lambda time: [Actor(300.0, 150.0, score=0.9 if time < 0.2 else 0.0)],
        clock(2.0, 25.0),
        FollowSettings(detect_every=5),
    )
    assert stage.looks == pytest.approx([0, 0.04, 0.08, *(1.08 + 0.2 * index for index in range(5))])


def test_what_is_new_is_searched_at_once() -> None:
    stage = Stage(still=True)

    def script(time: float) -> list[Actor]:
        if time > 0.65:
            stage.planes.y[100:130, 500:530] = 140
        return [STILL, Actor(515.0, 115.0)] if time > 0.65 else [STILL]

    played = stage.play(script, clock(1.0, 25.0), FollowSettings(detect_every=5))
    assert stage.looks[:4] == pytest.approx([0, 0.04, 0.08, 0.68])
    assert [len(tracks) for tracks in played] == [1] * 17 + [2] * 8


def test_where_frames_come_slowly_a_new_face_is_not_found_later() -> None:
    stage = Stage()
    stage.play(lambda time: [STILL], clock(2.0, 10.0), FollowSettings(detect_every=6))
    assert stage.looks == pytest.approx([0, 0.1, 0.2, 0.5, 0.8, 1.1, 1.4, 1.7])


def test_memory_stays_with_its_track() -> None:
    played = Stage().play(lambda time: [STILL, Actor(500, 150)], clock(0.5))
    first, second = played[0]
    assert first.memory is not second.memory
    assert all(tracks[0].memory is first.memory for tracks in played)


@pytest.mark.parametrize("rate", [10.0, 30.0, 60.0])
def test_crossing_faces_keep_their_numbers(rate: float) -> None:
    def script(time: float) -> list[Actor]:
        return [Actor(120 + 200 * time, 130), Actor(520 - 200 * time, 170, scale=34)]

    played = Stage(noise=0.01).play(script, clock(2.0, rate))
    start = {track.number: track.pose.x for track in played[0]}
    end = {track.number: track.pose.x for track in played[-1]}
    assert start.keys() == end.keys()
    moved = sorted(end[number] - start[number] for number in start)
    assert moved[0] < -350
    assert moved[1] > 350


@pytest.mark.parametrize("rate", [10.0, 30.0, 60.0])
def test_a_short_miss_is_bridged_and_the_face_carried_on(rate: float) -> None:
    def script(time: float) -> list[Actor]:
        return [] if 1.0 <= time < 1.5 else [Actor(150 + 60 * time, 150)]

    played = Stage().play(script, clock(2.5, rate))
    assert [tracks[0].number for tracks in played] == [1] * len(played)
    coasting = [tracks[0].coasting for tracks in played]
    assert sum(coasting) == pytest.approx(0.5 * rate, abs=1)
    unseen = next(tracks[0] for tracks in played if tracks[0].coasting)
    seen = Stage().play(lambda time: [Actor(150 + 60 * time, 150)], clock(2.5, rate))
    expected = seen[coasting.index(True)][0]
    assert unseen.pose.x == pytest.approx(expected.pose.x, abs=4)


@pytest.mark.parametrize("rate", [10.0, 60.0])
def test_a_lost_face_ends_by_time_not_by_frames(rate: float) -> None:
    def script(time: float) -> list[Actor]:
        return [STILL] if time < 1.0 else []

    times = clock(3.0, rate)
    played = Stage().play(script, times, FollowSettings(coast_seconds=0.7))
    last = max(time for time, tracks in zip(times, played, strict=True) if tracks)
    assert last == pytest.approx(1.7, abs=2.1 / rate)


def test_a_missed_detection_never_drops_a_face_that_the_mesh_sees() -> None:
    def script(time: float) -> list[Actor]:
        return [Actor(300, 150, score=0.9 if time < 0.3 or time > 2.0 else 0.0)]

    played = Stage().play(script, clock(2.5))
    assert [len(tracks) for tracks in played] == [1] * len(played)
    assert not any(tracks[0].coasting for tracks in played)


def test_a_mesh_that_no_detection_confirms_is_given_up() -> None:
    def script(time: float) -> list[Actor]:
        return [Actor(300, 150, score=0.9 if time < 0.3 else 0.0)]

    assert Stage().play(script, clock(4.0))[-1] == []


@pytest.mark.parametrize(
    ("actor", "followed"),
    [
        (Actor(300, 150, score=0.35, presence=0.9), True),
        (Actor(300, 150, score=0.35, presence=0.1), False),
        (Actor(300, 150, score=0.7, presence=0.0), True),
        (Actor(300, 150, score=0.7, presence=0.0, mesh_off=0.6), False),
        (Actor(300, 150, score=0.7, presence=0.0, mesh_off=0.6, closer=0.2), False),
        (Actor(300, 150, score=0.45, presence=0.0, mesh_off=0.6, closer=0.7), True),
        (Actor(300, 150, score=0.7, presence=0.0, mesh_off=0.6, closer=0.7, squeezed=0.5), False),
        (Actor(300, 150, score=0.7, presence=1.0, mesh_off=0.4), True),
        (Actor(300, 150, score=0.7, presence=1.0, mesh_off=1.5), False),
    ],
    ids=[
        "unsure but a face",
        "unsure and no face",
        "sure, mesh agrees",
        "sure, mesh lies elsewhere, none in a close-up",
        "hardly one in a close-up",
        "one in a close-up",
        "in a close-up none with the points of a face",
        "a mesh that is sure and not far off",
        "a mesh that is sure of something else",
    ],
)
def test_what_counts_as_a_face(actor: Actor, followed: bool) -> None:
    played = Stage().play(lambda time: [actor], clock(1.0))
    assert [len(tracks) for tracks in played] == [int(followed)] * 30


def test_a_face_without_a_mesh_is_followed_where_the_detector_sees_it() -> None:
    def script(time: float) -> list[Actor]:
        return [Actor(200 + 80 * time, 150, presence=0.0, mesh_off=0.6, closer=0.9)]

    played = Stage(noise=0.01).play(script, clock(2.0))
    assert {track.number for tracks in played for track in tracks} == {1}
    true = np.array([200 + 80 * time for time in clock(2.0)])
    off = np.array([tracks[0].pose.x for tracks in played]) - true
    assert np.abs(off).max() < 0.2 * 40


def test_a_mesh_that_slid_onto_another_face_is_called_back() -> None:
    actor = Actor(300, 150, score=0.6, presence=1.0, mesh_off=1.5, closer=0.7)
    played = Stage().play(lambda time: [actor], [0.0])
    assert played[0][0].pose.x == pytest.approx(300, abs=0.2 * actor.scale)


@pytest.mark.parametrize("worn", [True, False])
def test_in_a_single_picture_a_mask_vouches_for_what_may_be_no_face(worn: bool) -> None:
    doubtful = Actor(300, 150, score=0.4, presence=0.0, mesh_off=0.6, closer=0.3)
    asked = []

    def vouch(_frame: object, mesh: Mesh) -> bool:
        asked.append(mesh.pose.x)
        return worn

    sure = Actor(500, 150)
    (tracks,) = Stage().play(lambda time: [doubtful, sure], [0.0], patience=Patience(32, vouch))
    assert asked == [pytest.approx(300, abs=0.2 * doubtful.scale)]
    assert len(tracks) == 1 + worn
    assert len(Stage().play(lambda time: [doubtful, sure], [0.0])[0]) == 1


def test_a_doubtful_mesh_is_followed_while_detections_vouch_for_it() -> None:
    def script(time: float) -> list[Actor]:
        return [Actor(200 + 80 * time, 150, presence=0.05, score=0.7)]

    played = Stage(noise=0.01).play(script, clock(2.0))
    assert {tracks[0].number for tracks in played} == {1}
    assert not any(tracks[0].coasting for tracks in played)


def test_a_doubtful_mesh_trembles_less_than_it_would_and_lags_little() -> None:
    def script(time: float) -> list[Actor]:
        return [Actor(200 + 80 * time, 150, presence=presence)]

    true = 200 + 80 * clock(3.0)
    trembling = {}
    for presence in (0.05, 1.0):
        played = Stage(noise=0.05).play(script, clock(3.0))
        off = np.array([tracks[0].pose.x for tracks in played]) - true
        assert abs(off[30:].mean()) < 0.1 * 40
        trembling[presence] = np.abs(np.diff(off[30:])).mean()
    assert trembling[0.05] < 0.7 * trembling[1.0]


def test_a_doubtful_mesh_that_leaps_is_not_followed() -> None:
    def script(time: float) -> list[Actor]:
        leaping = 0.5 < time < 0.6
        return [Actor(300, 150, presence=0.05, mesh_off=0.9 if leaping else 0.0)]

    played = Stage().play(script, clock(1.0))
    assert max(abs(tracks[0].pose.x - played[0][0].pose.x) for tracks in played) < 4


def test_a_mesh_gone_astray_is_set_right_by_the_next_detection() -> None:
    stage = Stage()

    def script(time: float) -> list[Actor]:
        astray = 0.5 < time < 0.55
        return [Actor(300, 150, mesh_off=0.6 if astray else 0.0)]

    played = stage.play(script, clock(1.5))
    assert played[-1][0].number == 1
    assert played[-1][0].pose.x == pytest.approx(300, abs=2)


def test_two_tracks_on_one_face_become_the_older_one() -> None:
    def script(time: float) -> list[Actor]:
        other = max(0.0, 90 - 90 * time)
        return [Actor(300, 150), Actor(300 + other, 150, score=0.8 if other > 30 else 0.0)]

    played = Stage().play(script, clock(2.0))
    assert [track.number for track in played[0]] == [1, 2]
    assert [track.number for track in played[-1]] == [1]


def test_a_face_that_leaves_the_frame_is_let_go() -> None:
    def script(time: float) -> list[Actor]:
        x = 500 + 200 * time
        return [Actor(x, 150)] if x < WIDTH + 60 else []

    played = Stage().play(script, clock(1.5))
    boxes = [track.box for tracks in played for track in tracks]
    assert max((box[0] + box[2]) / 2 for box in boxes) < WIDTH
    assert played[-1] == []


def test_a_cut_ends_all_tracks_and_finds_the_faces_of_the_new_scene() -> None:
    stage = Stage()

    def script(time: float) -> list[Actor]:
        if time >= 1.0:
            stage.planes.y[: HEIGHT // 2] = 20
            stage.planes.y[HEIGHT // 2 :] = 220
        return [STILL]

    played = stage.play(script, clock(2.0))
    assert [tracks[0].number for tracks in played] == [1] * 30 + [2] * 30


def test_faces_too_small_to_follow_cost_no_mesh() -> None:
    stage = Stage()
    assert stage.play(lambda time: [Actor(300, 150, scale=6)], clock(1.0))[-1] == []
    assert stage.fits == 0


def test_uneven_and_backward_timestamps_do_not_shake_a_still_face() -> None:
    steps = np.array([0.0, 0.01, 0.2, 0.033, 0.0, -5.0, 0.04, 0.5, 0.001, 0.033] * 6)
    played = Stage(noise=0.01).play(lambda time: [STILL], np.cumsum(steps))
    assert {track.number for tracks in played for track in tracks} == {1}
    x = np.array([tracks[0].pose.x for tracks in played])
    assert np.abs(x - 300).max() < 2


def test_still_faces_are_steadier_than_their_meshes() -> None:
    noise = 0.01
    played = Stage(noise=noise).play(lambda time: [STILL], clock(4.0))
    x = np.array([tracks[0].pose.x for tracks in played])[30:]
    trembling = noise * STILL.scale * 2 / np.sqrt(np.pi)
    assert np.abs(np.diff(x)).mean() < 0.25 * trembling
