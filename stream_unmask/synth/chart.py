"""The face's chart: a flat map of the mean face that a mask is drawn on, and the way to the picture.

Chart coordinates are those of the mean face seen from the front, in eye distances: the eyes lie at the
origin, x to the picture's right, y down, the chin at y = 1.72. Two thin-plate splines (Bookstein,
"Principal Warps", 1989) through mesh points lead to and fro, and go on smoothly outside the face, where
ear loops and overhanging cloth lie.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import mean_face

FloatArray = NDArray[np.float32]

_MIDLINE = (168, 6, 197, 195, 5, 4, 2, 200, 152)
_INNER = (
    (33, 263),
    (133, 362),
    (118, 347),
    (50, 280),
    (205, 425),
    (187, 411),
    (136, 365),
    (150, 379),
    (176, 400),
)
_OUTLINE = ((127, 356), (234, 454), (93, 323), (132, 361), (58, 288), (172, 397))
_INNER_NEIGHBOUR = ((116, 345), (116, 345), (123, 352), (147, 376), (192, 416), (214, 434))
_GRID = 32


@dataclass(frozen=True, slots=True)
class Spline:
    """A thin-plate spline: ``anchors`` (n, 2), ``weights`` (n + 3, 2)."""

    anchors: FloatArray
    weights: FloatArray

    @classmethod
    def through(cls, source: FloatArray, target: FloatArray, smooth: float) -> Spline:
        """Fit a spline from ``source`` (n, 2) to ``target`` (n, 2), or near it if it is to be smooth."""
        count = len(source)
        system = np.zeros((count + 3, count + 3), np.float64)
        system[:count] = _basis(source, source)
        system[:count, :count] += smooth * np.eye(count)
        system[count:, :count] = system[:count, count:].T
        right = np.zeros((count + 3, 2))
        right[:count] = target
        return cls(source, np.linalg.solve(system, right).astype(np.float32))

    def __call__(self, points: FloatArray) -> FloatArray:
        return _basis(points, self.anchors) @ self.weights


def _basis(points: FloatArray, anchors: FloatArray) -> FloatArray:
    """(n, m + 3) the spline's functions of ``points`` (n, 2) round ``anchors`` (m, 2)."""
    count = len(anchors)
    basis = np.empty((len(points), count + 3), np.float32)
    square = (points[:, :1] - anchors[:, 0]) ** 2
    square += (points[:, 1:] - anchors[:, 1]) ** 2
    np.multiply(square, np.log(square + np.float32(1e-6)), out=basis[:, :count])
    basis[:, count] = 1
    basis[:, count + 1 :] = points
    return basis


def anchors(points: FloatArray) -> list[int]:
    """Mesh points to fit through: those of the outline only where they do not lie behind the cheek.

    Args:
        points: (468, 2) the mesh in eye distances.
    """
    used = list(_MIDLINE) + [index for pair in _INNER for index in pair]
    for pair, inner in zip(_OUTLINE, _INNER_NEIGHBOUR, strict=True):
        for side, sign in ((0, -1.0), (1, 1.0)):
            if sign * (points[pair[side], 0] - points[inner[side], 0]) > 0.02:
                used.append(pair[side])
    return used


@dataclass(frozen=True, slots=True)
class Chart:
    """The chart of one face.

    Attributes:
        size: side of the crop in pixels.
        unit: crop pixels in one eye distance.
        points: (468, 2) mesh points in crop pixels.
        hull: (n, 2) convex hull of the mesh in crop pixels: the face's silhouette.
    """

    size: int
    unit: float
    points: FloatArray
    hull: FloatArray
    _out: Spline
    _back: Spline

    @classmethod
    def of(cls, points: FloatArray, size: int, unit: float) -> Chart:
        """Fit the chart to ``points`` (468, 2) in pixels of a crop of ``size`` pixels."""
        mean = mean_face()[:, :2].astype(np.float32)
        scaled = (points / unit).astype(np.float32)
        used = anchors(scaled)
        hull = np.asarray(cv2.convexHull(points.astype(np.float32)), np.float32)[:, 0]
        out = Spline.through(mean[used], scaled[used], 0.02)
        back = Spline.through(scaled[used], mean[used], 0.02)
        return cls(size, unit, points, hull, out, back)

    def to_crop(self, places: FloatArray) -> FloatArray:
        """Chart places (n, 2) in crop pixels."""
        return self._out(np.asarray(places, np.float32)) * np.float32(self.unit)

    def of_crop(
        self, window: tuple[slice, slice], corner: FloatArray, unit: float
    ) -> tuple[FloatArray, FloatArray]:
        """Where the pixels of a part of the crop lie in a flat drawing of the chart.

        Args:
            window: H rows and W columns of the crop.
            corner: (2,) chart place of the drawing's first pixel.
            unit: pixels of the drawing in one eye distance.

        Returns:
            (H, W) x and y in pixels of the drawing.
        """
        step = self.size // _GRID
        # Whole cells, and one more on each side, so that the window is interpolated everywhere.
        rows, columns = (np.arange(cut.start // step - 1, -(-cut.stop // step) + 1) for cut in window)
        down, across = (((cells + 0.5) * step - 0.5) / self.unit for cells in (rows, columns))
        grid = np.stack(np.meshgrid(across, down), -1).astype(np.float32)
        places = (self._back(grid.reshape(-1, 2)) - corner) * np.float32(unit)
        coarse = places.reshape(grid.shape)
        sides = (len(columns) * step, len(rows) * step)
        inner = tuple(
            slice(cut.start - int(cells[0]) * step, cut.stop - int(cells[0]) * step)
            for cut, cells in zip(window, (rows, columns), strict=True)
        )
        x, y = (
            np.asarray(cv2.resize(coarse[..., axis], sides, interpolation=cv2.INTER_LINEAR), np.float32)[
                inner
            ]
            for axis in (0, 1)
        )
        return x, y
