"""Faces that are too small in a large picture's thumbnail are found, each once."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from stream_unmask.faces.detection import CenterFace
from stream_unmask.faces.searching import with_small_faces
from stream_unmask.video.images import as_frame
from stream_unmask.video.thumbnail import Thumbnailer
from tests.faces.photos import photo

SMALL = 0.4
"""Of the photograph, whose face is about 110 pixels wide."""

MIDDLE = np.array([225, 115]) * SMALL
"""Of the face in the small photograph."""


def test_small_faces_are_found_once_wherever_they_are(detector: CenterFace) -> None:
    # The second one lies where four parts meet, the last one in the picture's corner.
    places = np.array([(300, 200), (512, 512), (1400, 900), (2510, 1955)])
    picture = np.full((2000, 2600, 3), 128, np.uint8)
    face = cv2.resize(photo(), None, fx=SMALL, fy=SMALL, interpolation=cv2.INTER_AREA)
    for x, y in (places - MIDDLE).round().astype(int):
        here = picture[y : y + len(face), x : x + len(face)]
        here[:] = face[: here.shape[0], : here.shape[1]]
    frame = as_frame(picture)
    shown = detector.detect(Thumbnailer().shrink(frame))
    found = with_small_faces(detector, frame.planes(), shown, smallest=32)
    sure = found.scores > 0.5
    assert (shown.scores < 0.5).all()
    assert sure.sum() == len(places)
    middles = found.boxes[sure].reshape(-1, 2, 2).mean(axis=1)
    apart = np.linalg.norm(middles[:, None] - places, axis=2)
    assert sorted(apart.argmin(axis=1)) == [0, 1, 2, 3]
    assert apart.min(axis=1).max() < 10
    assert np.abs(found.five[sure][:, :2].mean(axis=1) - middles).max() < 20
    assert (np.diff(found.scores) <= 0).all()


def test_a_picture_that_is_not_large_is_not_looked_at_again(
    detector: CenterFace, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = as_frame(photo())
    shown = detector.detect(Thumbnailer().shrink(frame))
    monkeypatch.setattr(detector, "detect_in", None)
    assert with_small_faces(detector, frame.planes(), shown, smallest=32) is shown
