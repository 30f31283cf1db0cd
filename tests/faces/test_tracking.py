"""Matching detections with tracks, and where boxes are expected."""

from __future__ import annotations

import numpy as np
import pytest

from stream_unmask.faces.alignment import mean_face
from stream_unmask.faces.boxes import closeness, overlaps
from stream_unmask.faces.detection import Detections
from stream_unmask.faces.mesh import Mesh
from stream_unmask.faces.motion import BoxMotion
from stream_unmask.faces.tracking import Track, match


def square(x: float, y: float, side: float = 40.0) -> np.ndarray:
    return np.array([x - side / 2, y - side / 2, x + side / 2, y + side / 2])


def found(*faces: tuple[float, float, float]) -> Detections:
    """Detections at x, y with a score."""
    boxes = np.array([square(x, y) for x, y, _ in faces]).reshape(-1, 4)
    return Detections(boxes, np.array([score for *_, score in faces]), np.zeros((len(faces), 5, 2)))


def test_overlap_and_closeness_of_boxes() -> None:
    one = np.array([[0.0, 0.0, 10.0, 10.0]])
    others = np.array(
        [[0.0, 0.0, 10.0, 10.0], [5.0, 0.0, 15.0, 10.0], [12.0, 0.0, 22.0, 10.0], [90.0, 0, 100, 10]]
    )
    np.testing.assert_allclose(overlaps(one, others), [[1, 1 / 3, 0, 0]])
    near = closeness(one, others)[0]
    assert near[0] == pytest.approx(1)
    assert (np.diff(near) < 0).all()
    assert near[3] > -1


def test_nothing_matches_nothing() -> None:
    assert match(np.empty((0, 4)), found()).pairs == []
    assert match(np.array([square(0, 0)]), found()).pairs == []
    assert match(np.empty((0, 4)), found((10, 10, 0.9))).new == [0]


def test_the_closest_pairs_win() -> None:
    tracks = np.array([square(100, 100), square(130, 100)])
    matches = match(tracks, found((128, 100, 0.9), (105, 100, 0.8)))
    assert sorted(matches.pairs) == [(0, 1), (1, 0)]
    assert matches.new == []


def test_a_fast_face_is_matched_without_any_overlap() -> None:
    assert match(np.array([square(100, 100)]), found((145, 100, 0.9))).pairs == [(0, 0)]
    assert match(np.array([square(100, 100)]), found((300, 100, 0.9))).new == [0]


def test_an_unsure_detection_keeps_a_track_that_it_lies_on_but_takes_none() -> None:
    track = np.array([square(100, 100)])
    assert match(track, found((104, 100, 0.35))).pairs == [(0, 0)]
    assert match(track, found((140, 100, 0.35))).new == [0]
    assert match(track, found((110, 100, 0.6), (100, 100, 0.35))).pairs == [(0, 0)]


@pytest.mark.parametrize("step", [1 / 60, 1 / 12])
def test_a_moving_box_is_expected_where_it_goes(step: float) -> None:
    motion = BoxMotion(square(100, 100), 0.01)
    speed = 80.0
    for index in range(1, round(1 / step)):
        motion.predict(step)
        motion.correct(square(100 + speed * step * index, 100), 0.01)
    before = motion.box
    motion.predict(0.1)
    assert motion.box[0] - before[0] == pytest.approx(speed * 0.1, rel=0.25)
    assert motion.side == pytest.approx(40, rel=0.02)


def test_a_box_that_is_not_seen_comes_to_rest() -> None:
    motion = BoxMotion(square(100, 100), 0.01)
    for index in range(1, 30):
        motion.predict(1 / 30)
        motion.correct(square(100 + 10 * index, 100), 0.01)
    for _ in range(90):
        motion.predict(1 / 30)
    before = motion.box
    motion.predict(1 / 30)
    assert abs(motion.box[0] - before[0]) < 0.1


def test_a_track_tells_when_it_may_follow_another_head() -> None:
    mean = mean_face() * 60 + np.array([200, 200, 0])
    track = Track(1, None, Mesh(mean, 0.9), 0.9)
    track.found(Mesh(mean + np.array([6, 10, 0]), 0.9), 0.9)
    assert track.person == 0
    track.found(Mesh(mean + np.array([150, 0, 0]), 0.9), 0.9)
    assert track.person == 1


def test_a_track_keeps_the_mesh_that_it_was_last_seen_with() -> None:
    first, second = (Mesh(mean_face() * 80 + (200 + x, 150, 0), 0.9) for x in (0, 4))
    track = Track(1, None, first, 0.9)
    track.predict(0.04)
    track.see(second)
    assert track.mesh is second
    assert (track.coasting, track.unseen) == (False, 0.0)
    track.predict(0.04)
    track.predict(0.04)
    assert track.mesh is second
    assert track.coasting
    assert track.unseen == pytest.approx(0.08)
