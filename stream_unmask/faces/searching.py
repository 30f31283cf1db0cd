"""Looking at a large picture part by part, for faces that are too small in its thumbnail."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.detection import INPUT_SHAPE, SQUARE, CenterFace, Detections, suppress
from stream_unmask.faces.mesh import Region
from stream_unmask.pixels.planes import Planes

_SMALLEST = 16.0
"""Width in pixels of the smallest face that the detector is sure of."""

_WORTH = 1.5
"""How much larger than in the thumbnail the parts must show a face, lest they cost time for nothing."""

_CORE = 2 * SQUARE // 3
"""Side of the middle of a part; faces count where their centre lies in it, which takes each one once. Around
it is room for a face of half that size."""

_THRESHOLD = 0.3
"""Confidence below which a detection is dropped, 0..1."""


def with_small_faces(detector: CenterFace, planes: Planes, found: Detections, smallest: float) -> Detections:
    """Add the faces of a picture that its thumbnail is too small for.

    Args:
        detector: finds faces.
        planes: the picture.
        found: what its thumbnail shows.
        smallest: width in pixels of the smallest face to be found.

    Returns:
        All of them, best first, in pixels of the picture.
    """
    width, height = planes.width, planes.height
    zoom = min(1.0, _SMALLEST / smallest)
    if zoom < _WORTH * min(INPUT_SHAPE[3] / width, INPUT_SHAPE[2] / height):
        return found
    boxes, scores, five = [found.boxes], [found.scores], [found.five]
    for matrix in _parts(width, height, zoom):
        part = detector.detect_in(planes, matrix, _THRESHOLD)
        in_core = np.abs(_middles(part.boxes) - (SQUARE - 1) / 2).max(axis=1) <= _CORE / 2
        seen = (part.boxes.reshape(-1, 2, 2) - matrix[:, 2]) / zoom
        new = in_core & ~_of_larger(seen.mean(axis=1), part.scores, found)
        boxes.append(seen.reshape(-1, 4)[new])
        scores.append(part.scores[new])
        five.append((part.five[new] - matrix[:, 2]) / zoom)
    order = np.argsort(-np.concatenate(scores), kind="stable")
    every = Detections(*(np.concatenate(each)[order] for each in (boxes, scores, five)))
    kept = suppress(every.boxes)
    return Detections(every.boxes[kept], every.scores[kept], every.five[kept])


def _parts(width: int, height: int, zoom: float) -> Iterator[NDArray[np.float64]]:
    """For each part whose middles cover a picture, the (2, 3) similarity from the picture's pixels to its."""
    side = _CORE / zoom
    for row in range(math.ceil(height / side)):
        for column in range(math.ceil(width / side)):
            x, y = (column + 0.5) * side - 0.5, (row + 0.5) * side - 0.5
            yield Region(x, y, SQUARE / zoom, 0.0).matrix(SQUARE)


def _middles(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def _of_larger(
    middles: NDArray[np.float64], scores: NDArray[np.float64], larger: Detections
) -> NDArray[np.bool_]:
    """Which detections, by their (n, 2) middles, are part of a larger and surer one: an eye, a print."""
    inside = (middles[:, None] >= larger.boxes[:, :2]) & (middles[:, None] <= larger.boxes[:, 2:])
    surer = scores[:, None] <= larger.scores
    return np.asarray(np.any(np.all(inside, axis=2) & surer, axis=1))
