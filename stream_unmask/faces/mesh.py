"""Fitting a dense mesh to one face with MediaPipe's Face Mesh."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.engine import Engine
from stream_unmask.faces.alignment import MESH_POINTS, Pose, fit_pose, place_mean_face
from stream_unmask.pixels.planes import Planes
from stream_unmask.pixels.sampling import sample_crop

_SIDE = 192
"""Pixels along each side of the network's input."""

MARGIN = 1.5
"""Side of the region that the network wants, in sides of the face's box."""

_EYES = np.array([(33, 133), (263, 362)])
"""Outer and inner corner of the eyes on the upright picture's left and right."""


@dataclass(frozen=True, slots=True)
class Region:
    """A turned square in the frame that holds one face.

    Attributes:
        x: centre in frame pixels.
        y: centre in frame pixels.
        side: length of a side in frame pixels.
        roll: turn of the face in the picture plane in radians, clockwise positive.
    """

    x: float
    y: float
    side: float
    roll: float

    @classmethod
    def of_detection(cls, box: NDArray[np.float64], five: NDArray[np.float64]) -> Region:
        """Where to look for the mesh of a detected face.

        Args:
            box: (4,) x0, y0, x1, y1 in frame pixels.
            five: (5, 2) eyes, nose and mouth corners in frame pixels, left eye first.
        """
        x, y = (box[:2] + box[2:]) / 2
        right, down = five[1] - five[0]
        side = MARGIN * float(max(box[2] - box[0], box[3] - box[1]))
        return cls(float(x), float(y), side, float(np.arctan2(down, right)))

    def toward(self, other: Region, share: float) -> Region:
        """The region a ``share`` (0..1) of the way to another one."""
        turn = float(np.remainder(other.roll - self.roll + np.pi, 2 * np.pi) - np.pi)
        return Region(
            self.x + share * (other.x - self.x),
            self.y + share * (other.y - self.y),
            self.side + share * (other.side - self.side),
            self.roll + share * turn,
        )

    def matrix(self, size: int) -> NDArray[np.float64]:
        """(2, 3) similarity that takes frame pixels to this region, upright, drawn ``size`` pixels wide."""
        zoom = size / self.side
        cos, sin = np.cos(self.roll) * zoom, np.sin(self.roll) * zoom
        middle = (size - 1) / 2
        return np.array(
            [
                [cos, sin, middle - cos * self.x - sin * self.y],
                [-sin, cos, middle + sin * self.x - cos * self.y],
            ]
        )


@dataclass(frozen=True)
class Mesh:
    """The mesh of one face in one frame.

    Attributes:
        points: (468, 3) float64; x and y in frame pixels, z (away from the camera) in the same unit.
        presence: the network's belief that its region held a face, 0..1.
    """

    points: NDArray[np.float64]
    presence: float

    @classmethod
    def guessed(cls, five: NDArray[np.float64]) -> Mesh | None:
        """The mean face where a detection's (5, 2) points have it, in place of a mesh; its presence is 0.

        Returns:
            None where the points are not those of a face.
        """
        points = place_mean_face(five)
        return None if points is None else cls(points, 0.0)

    @cached_property
    def pose(self) -> Pose:
        """The pose of the face."""
        return fit_pose(self.points)

    @property
    def box(self) -> NDArray[np.float64]:
        """(4,) x0, y0, x1, y1 around the points in frame pixels."""
        return np.concatenate([self.points[:, :2].min(axis=0), self.points[:, :2].max(axis=0)])

    @cached_property
    def eyes(self) -> NDArray[np.float64]:
        """(2, 2) the eyes' centres in frame pixels, the one on the upright picture's left first."""
        return np.asarray(self.points[_EYES, :2].mean(axis=1))

    def region(self) -> Region:
        """Where to look for this face in the next frame."""
        seen = self.points[:, :2]
        right, down = self.eyes[1] - self.eyes[0]
        roll = float(np.arctan2(down, right))
        axes = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
        upright = seen @ axes.T
        low, high = upright.min(axis=0), upright.max(axis=0)
        x, y = (low + high) / 2 @ axes
        return Region(float(x), float(y), MARGIN * float((high - low).max()), roll)


class FaceMesh:
    """Finds the mesh of 468 points.

    Method: "Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs" (Kartynnik et al., 2019).
    As there, a face is looked for where the frame before had it, so that no detector runs in between.
    """

    def __init__(self, engine: Engine) -> None:
        """Take over a compiled network.

        Args:
            engine: ``face_landmark.tflite``: one (1, 192, 192, 3) RGB input in 0..1; 468 points in input
                pixels and a logit of presence as outputs.
        """
        self._engine = engine
        self._crop = np.empty((3, _SIDE, _SIDE), np.float32)
        self._input = np.empty((1, _SIDE, _SIDE, 3), np.float32)

    def fit(self, planes: Planes, region: Region) -> Mesh:
        """Fit the mesh to the face in a region.

        Args:
            planes: the frame.
            region: where the face is; the network tolerates some 20 % of its side in place and size.
        """
        matrix = region.matrix(_SIDE)
        crop = sample_crop(planes, matrix, _SIDE, self._crop)
        cv2.merge(tuple(crop), self._input[0])
        self._input *= 0.5
        self._input += 0.5
        points, logit = self._engine.run(self._input)
        # The network counts from the corner of the first pixel; half a pixel takes that to its centre.
        inside = points.reshape(MESH_POINTS, 3).astype(np.float64) - (0.5, 0.5, 0.0)
        zoom = region.side / _SIDE
        axes = matrix[:, :2] * zoom
        frame = np.empty_like(inside)
        frame[:, :2] = (inside[:, :2] - matrix[:, 2]) @ axes * zoom
        frame[:, 2] = inside[:, 2] * zoom
        return Mesh(frame, float(1.0 / (1.0 + np.exp(-logit.item()))))


def fit_settled(network: FaceMesh, planes: Planes, region: Region, fits: int = 4) -> Mesh:
    """Fit a mesh in a region, then in its own, until it no longer depends on where one looked first.

    Args:
        network: fits meshes.
        planes: the picture.
        region: where the face is.
        fits: how often in all.
    """
    mesh = network.fit(planes, region)
    for _ in range(fits - 1):
        mesh = network.fit(planes, mesh.region())
    return mesh
