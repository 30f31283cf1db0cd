"""CenterFace: reading its outputs, and finding a real face however the frame lies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engines.engine import Port
from stream_unmask.faces.detection import CenterFace, decode
from stream_unmask.video.thumbnail import Thumbnail, Thumbnailer
from tests.faces.photos import photo_frame, turned

HIGH, WIDE = 96, 160


class Outputs:
    """CenterFace's four outputs with faces put in by hand, 640 x 384."""

    def __init__(self) -> None:
        self.heat = np.zeros((1, 1, HIGH, WIDE), np.float32)
        self.scale = np.zeros((1, 2, HIGH, WIDE), np.float32)
        self.offset = np.zeros((1, 2, HIGH, WIDE), np.float32)
        self.landmarks = np.zeros((1, 10, HIGH, WIDE), np.float32)

    def put(self, row: int, column: int, score: float, width: float = 40.0, height: float = 60.0) -> None:
        self.heat[0, 0, row, column] = score
        self.scale[0, :, row, column] = np.log(height / 4), np.log(width / 4)
        self.offset[0, :, row, column] = 0.25, -0.5
        self.landmarks[0, :, row, column] = (0.3, 0.25, 0.3, 0.75, 0.5, 0.5, 0.7, 0.3, 0.7, 0.7)

    def decode(self, threshold: float = 0.3) -> Any:
        return decode(self.heat, self.scale, self.offset, self.landmarks, threshold)


def test_nothing_is_found_in_nothing() -> None:
    found = Outputs().decode()
    assert len(found) == 0
    assert found.boxes.shape == (0, 4)
    assert found.five.shape == (0, 5, 2)


def test_a_cell_becomes_a_box_with_its_landmarks() -> None:
    outputs = Outputs()
    outputs.put(row=30, column=50, score=0.8)
    found = outputs.decode()
    # Centre (50 + 0.5 - 0.5, 30 + 0.5 + 0.25) cells of four pixels, whose first centre is at -0.5 + 0.5.
    x0, y0 = 200 - 0.5 - 20, 123 - 0.5 - 30
    np.testing.assert_allclose(found.boxes, [[x0, y0, x0 + 40, y0 + 60]], atol=1e-4)
    np.testing.assert_allclose(found.scores, [0.8], atol=1e-6)
    np.testing.assert_allclose(found.five[0, 0], [x0 + 10, y0 + 18], atol=1e-4)
    np.testing.assert_allclose(found.five[0, 4], [x0 + 28, y0 + 42], atol=1e-4)


def test_neighbouring_cells_are_one_face_and_the_best_one_stays() -> None:
    outputs = Outputs()
    outputs.put(30, 50, 0.6)
    outputs.put(30, 51, 0.9)
    outputs.put(31, 51, 0.5)
    outputs.put(30, 90, 0.7)
    found = outputs.decode()
    np.testing.assert_allclose(found.scores, [0.9, 0.7], atol=1e-6)
    assert found.boxes[0, 0] > 180


def test_faces_below_the_threshold_are_dropped() -> None:
    outputs = Outputs()
    outputs.put(30, 50, 0.29)
    outputs.put(30, 90, 0.31)
    assert len(outputs.decode()) == 1
    assert len(outputs.decode(threshold=0.5)) == 0


def test_a_face_cut_off_by_the_frame_keeps_its_whole_box() -> None:
    outputs = Outputs()
    outputs.put(2, 1, 0.8)
    assert (outputs.decode().boxes[0, :2] < 0).all()


class Recorder:
    """An engine that finds one face and keeps what it was given."""

    description, max_batch = "a stand-in", 1
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()

    def run(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        self.given = inputs[0].copy()
        outputs = Outputs()
        outputs.put(30, 50, 0.8)
        return outputs.heat, outputs.scale, outputs.offset, outputs.landmarks


def test_the_network_sees_rgb_from_0_to_255_and_its_boxes_become_the_frames() -> None:
    engine = Recorder()
    rgb = np.zeros((384, 640, 3), np.uint8)
    rgb[:, :, 0] = 250
    rgb[100, 200] = (1, 2, 3)
    # The frame is twice as large and lies on its side.
    to_frame = np.array([[0.0, 2.0, 0.0], [-2.0, 0.0, 1280.0]])
    found = CenterFace(engine).detect(Thumbnail(rgb, to_frame))
    assert engine.given.shape == (1, 3, 384, 640)
    np.testing.assert_array_equal(engine.given[0, :, 100, 200], [1, 2, 3])
    assert engine.given[0, 0].max() == 250
    (box,) = found.boxes
    assert (box[2] - box[0], box[3] - box[1]) == (pytest.approx(120, abs=1e-3), pytest.approx(80, abs=1e-3))
    assert found.five[0, 0, 1] > found.five[0, 1, 1]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_real_face_is_found_whichever_way_the_frame_is_stored(detector: CenterFace, rotation: int) -> None:
    frame, to_frame = photo_frame(rotation)
    found = detector.detect(Thumbnailer(rotation=rotation).shrink(frame))
    assert len(found) == 1
    assert found.scores[0] > 0.7
    # The astronaut's eyes, by hand, in the upright photograph.
    expected = turned(np.array([[204.0, 103.0], [245.0, 102.0]]), to_frame)
    assert np.abs(found.five[0, :2] - expected).max() < 6
