"""Finding faces in one frame with CenterFace."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engines.engine import Engine
from stream_unmask.faces.boxes import overlaps
from stream_unmask.faces.mesh import MARGIN, Region
from stream_unmask.pixels.geometry import invert
from stream_unmask.pixels.planes import Planes
from stream_unmask.pixels.sampling import sample_crop
from stream_unmask.video.thumbnail import Thumbnail

INPUT_SHAPE = (1, 3, 384, 640)
"""What CenterFace's engine must be loaded with: the thumbnail's height and width."""

SQUARE = INPUT_SHAPE[2]
"""Side in pixels of a part of a frame that is looked at by itself."""

_STRIDE = 4
_SAME_FACE = 0.3
"""Boxes that overlap more than this (intersection over union) show one face."""

_CLOSE_UP = 5 / 3
"""Side of a close-up in sides of a mesh's region: the face then is as large as the network likes it best."""

_HINT = 0.2
"""Confidence from which a close-up may show a face: it is one that was seen before."""


@dataclass(frozen=True, slots=True)
class Detections:
    """The faces seen in one frame, best first.

    Attributes:
        boxes: (n, 4) float64 x0, y0, x1, y1 in frame pixels; a face that the frame cuts off has a box
            that reaches beyond it.
        scores: (n,) float64 confidence, 0..1.
        five: (n, 5, 2) float64 frame pixels of the eye on the picture's left, the right one, the nose
            tip, and the left and right mouth corner, as the upright picture shows them.
    """

    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    five: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.scores)


class CenterFace:
    """The face detector.

    Method: "CenterFace: Joint Face Detection and Alignment Using Face as Point" (Xu et al., 2019).
    """

    def __init__(self, engine: Engine, *, threshold: float = 0.3) -> None:
        """Take over a compiled network.

        Args:
            engine: ``centerface.onnx``, loaded with :data:`INPUT_SHAPE`.
            threshold: confidence below which a detection is dropped, 0..1.
        """
        self._engine = engine
        self._threshold = threshold
        self._input = np.empty(INPUT_SHAPE, np.float32)

    def detect(self, thumbnail: Thumbnail) -> Detections:
        """Find the faces of one frame.

        Args:
            thumbnail: the frame's small upright picture, 384 rows of 640 pixels.

        Returns:
            What was found, in pixels of the frame that the thumbnail was made of.
        """
        self._input[0] = thumbnail.rgb.transpose(2, 0, 1)
        found = self._find(self._threshold)
        corners = _apply(thumbnail.to_frame, found.boxes.reshape(-1, 2, 2))
        boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
        return Detections(boxes, found.scores, _apply(thumbnail.to_frame, found.five))

    def look_closer(self, planes: Planes, region: Region) -> tuple[float, NDArray[np.float64]] | None:
        """Look at one face again, upright and as large as the network likes it best.

        What is no face is seldom found again; a real one has its points more exactly.

        Args:
            planes: the frame.
            region: where the face is, as for a mesh.

        Returns:
            The score and the (5, 2) points in frame pixels, None where no face is found.
        """
        matrix = replace(region, side=region.side * _CLOSE_UP).matrix(SQUARE)
        found = self.detect_in(planes, matrix, _HINT)
        half = SQUARE / (2 * _CLOSE_UP * MARGIN)
        middle = np.full(2, (SQUARE - 1) / 2)
        near = overlaps(np.concatenate([middle - half, middle + half])[None], found.boxes)[0] > _SAME_FACE
        if not near.any():
            return None
        best = int(near.argmax())
        return float(found.scores[best]), _apply(invert(matrix), found.five[best])

    def detect_in(self, planes: Planes, matrix: NDArray[np.float64], threshold: float) -> Detections:
        """Find the faces in a square part of a frame.

        Args:
            planes: the frame.
            matrix: (2, 3) similarity from frame pixels to those of the part, :data:`SQUARE` on each side.
            threshold: lowest confidence kept, 0..1.

        Returns:
            What was found, in pixels of the part.
        """
        left = (INPUT_SHAPE[3] - SQUARE) // 2
        crop = sample_crop(planes, matrix, SQUARE)
        self._input[:] = 0
        np.clip(crop * 127.5 + 127.5, 0, 255, out=self._input[0, :, :, left : left + SQUARE])
        found = self._find(threshold)
        return Detections(found.boxes - (left, 0, left, 0), found.scores, found.five - (left, 0))

    def _find(self, threshold: float) -> Detections:
        """The faces in the input, in its pixels."""
        heat, scale, offset, landmarks = self._engine.run(self._input)
        return decode(heat, scale, offset, landmarks, threshold)


def decode(
    heat: NDArray[np.float32],
    scale: NDArray[np.float32],
    offset: NDArray[np.float32],
    landmarks: NDArray[np.float32],
    threshold: float,
) -> Detections:
    """Read detections out of CenterFace's four outputs.

    Args:
        heat: (1, 1, h, w) confidence that a face is centred in a cell of 4x4 pixels.
        scale: (1, 2, h, w) logarithm of the face's height and width, in cells.
        offset: (1, 2, h, w) where in its cell the centre lies, down and right.
        landmarks: (1, 10, h, w) five points, each down and right from the box's corner, in box sides.
        threshold: lowest confidence kept, 0..1.

    Returns:
        Non-overlapping detections in pixels of the network's input, best first.
    """
    rows, columns = np.nonzero(heat[0, 0] > threshold)
    scores = heat[0, 0, rows, columns].astype(np.float64)
    order = np.argsort(-scores, kind="stable")
    rows, columns, scores = rows[order], columns[order], scores[order]
    # From here on (n, 2) arrays hold x before y; the network has y first.
    sides = np.exp(scale[0, ::-1, rows, columns].astype(np.float64)) * _STRIDE
    cells = np.stack([columns, rows], axis=1) + 0.5
    # The last half pixel takes the network's corners to pixel centres at whole numbers.
    centres = (cells + offset[0, ::-1, rows, columns]) * _STRIDE - 0.5
    corners = centres - sides / 2
    boxes = np.concatenate([corners, corners + sides], axis=1)
    points = landmarks[0, :, rows, columns].reshape(-1, 5, 2)[:, :, ::-1]
    five = points * sides[:, None] + corners[:, None]
    kept = suppress(boxes)
    return Detections(boxes[kept], scores[kept], five[kept])


def suppress(boxes: NDArray[np.float64]) -> NDArray[np.intp]:
    """Non-maximum suppression: indices of boxes, best first, that no better kept one overlaps."""
    same = overlaps(boxes, boxes) > _SAME_FACE
    kept: list[int] = []
    for index in range(len(boxes)):
        if not same[index, kept].any():
            kept.append(index)
    return np.array(kept, np.intp)


def _apply(affine: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    return points @ affine[:, :2].T + affine[:, 2]
