"""From face-mesh points to the crop the networks see.

One function serves video and training alike: :func:`align` fits a rigid mean face to the points that a
mask leaves visible (forehead, brows, eyes, nose bridge) and derives the crop from the fit. Because the
fit knows the turn of the head, a turned face keeps the size and the place that it has when seen from
the front; an alignment by the distance between two eyes would zoom in on it.

Method: scaled-orthographic pose from an affine least-squares fit, made orthonormal by an SVD
(the first step of POSIT: DeMenthon & Davis, "Model-Based Object Pose in 25 Lines of Code", 1995).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

MESH_POINTS = 468
"""Points of MediaPipe's face mesh (Kartynnik et al., 2019) without the irises."""

_BRIDGE_DEPTH = 0.3
"""Mesh points above this height of the mean face (in eye distances below the eyes) are used: the nose
bridge is, the cheeks and the nose tip, which masks cover, are not."""

CROP_SIDE = 3.4
"""Side of the crop in eye distances: chin, ears and a worn mask fit in, little else."""

_ROOM_SIDE, _ROOM_BELOW = 1.06, 0.05
"""By how much a crop with more room is larger, and how much lower its centre lies, in sides of the usual one:
it reaches 0.08 further down. Crops of the training lie off by as much now and then."""

_CROP_CENTRE = np.array([0.0, 0.55, -0.15])
"""What the crop is centred on, in the mean face's eye distances (right, down, away from the camera)."""

_FIVE = np.array(
    [
        (-0.480, -0.029, -0.159),
        (0.480, -0.029, -0.159),
        (0.0, 0.453, -0.654),
        (-0.397, 0.933, -0.244),
        (0.397, 0.933, -0.244),
    ]
)
"""Where on the mean face the detector sees eyes, nose tip and mouth corners of faces with masks. Least
squares over 700 training photos with drawn masks, then made 6 % smaller and a quarter deeper, because real
masks stand off the face, by the even ones of 400 photos. On the odd ones the pose of five points is off from
the mesh's by 0.08 eye distances, 6 % in size, 4 degrees in roll and 7 in yaw (standard deviations)."""

_MOST_STRETCH = 1.5
"""How much longer than wide, or wider than long, five points may lie on the mean face; 99 of 100 real ones
stay below 1.33."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """Where a face's crop lies in its frame.

    Attributes:
        matrix: (2, 3) float64 similarity from frame pixels to crop pixels; pixel centres lie at whole
            numbers in both.
        size: side S of the crop in pixels.
        yaw: turn of the head to its left or right in degrees, 0 when it faces the camera, positive
            where the nose points to the picture's right.
        eye_distance: distance between the eyes in frame pixels, as if seen from the front.
        roomy: it has more room below the chin than the usual one.
    """

    matrix: NDArray[np.float64]
    size: int
    yaw: float
    eye_distance: float
    roomy: bool = False

    @property
    def scale(self) -> float:
        """Crop pixels per frame pixel; below 1 the face is larger than the crop."""
        return float(np.hypot(self.matrix[0, 0], self.matrix[0, 1]))

    def with_room(self) -> Alignment:
        """The crop, at the same size, that has room for what of a mask reaches below the usual one."""
        if self.roomy:
            return self
        to_usual = roomy_to_usual(self.size)
        matrix = self.matrix.copy()
        matrix[:, 2] -= to_usual[:, 2]
        return replace(self, matrix=matrix / _ROOM_SIDE, roomy=True)


@dataclass(frozen=True, slots=True)
class Pose:
    """A rigid mean face seen by a scaled-orthographic camera: what an alignment is made of.

    Kept apart from :class:`Alignment` because filters smooth these five numbers, not a matrix.

    Attributes:
        x: crop centre in frame pixels.
        y: crop centre in frame pixels.
        roll: turn in the picture plane in radians, clockwise positive.
        scale: eye distance in frame pixels.
        yaw: as in :class:`Alignment`, in degrees.
    """

    x: float
    y: float
    roll: float
    scale: float
    yaw: float

    def toward(self, other: Pose, share: float) -> Pose:
        """The pose a ``share`` (0..1) of the way to another one."""
        turn = float(np.remainder(other.roll - self.roll + np.pi, 2 * np.pi) - np.pi)
        return Pose(
            self.x + share * (other.x - self.x),
            self.y + share * (other.y - self.y),
            self.roll + share * turn,
            self.scale + share * (other.scale - self.scale),
            self.yaw + share * (other.yaw - self.yaw),
        )

    def alignment(self, size: int) -> Alignment:
        """The crop of ``size`` pixels that shows this pose upright and centred."""
        zoom = size / (CROP_SIDE * self.scale)
        cos, sin = np.cos(self.roll) * zoom, np.sin(self.roll) * zoom
        middle = (size - 1) / 2
        matrix = np.array(
            [
                [cos, sin, middle - cos * self.x - sin * self.y],
                [-sin, cos, middle + sin * self.x - cos * self.y],
            ]
        )
        return Alignment(matrix, size, self.yaw, self.scale)


def roomy_to_usual(size: int) -> NDArray[np.float64]:
    """(2, 3) from the pixels of a crop with more room to those of the usual one, both ``size`` wide."""
    middle = (size - 1) / 2
    start = middle - _ROOM_SIDE * middle
    return np.array([[_ROOM_SIDE, 0.0, start], [0.0, _ROOM_SIDE, start + _ROOM_BELOW * size]])


@cache
def mean_face() -> NDArray[np.float64]:
    """(468, 3) mean face mesh: symmetric, eyes level at the origin, one eye distance wide.

    Axes: x to the picture's right, y down, z away from the camera.
    """
    with files(__package__).joinpath("face_model.npy").open("rb") as file:
        return np.asarray(np.load(file, allow_pickle=False), np.float64)


@cache
def _visible() -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """Indices of the points used, their centre, and the pseudo-inverse of their centred positions."""
    used = np.flatnonzero(mean_face()[:, 1] < _BRIDGE_DEPTH)
    points = mean_face()[used]
    centre = points.mean(axis=0)
    return used, centre, np.linalg.pinv(points - centre)


def fit_pose(points: NDArray[np.floating]) -> Pose:
    """Fit the mean face to mesh points.

    Args:
        points: (>= 468, 2 or more) mesh points, x and y in frame pixels first. Only those that a mask
            leaves visible are used.

    Returns:
        The pose, with the crop's centre in frame pixels.
    """
    used, centre, inverse = _visible()
    rotation, scale, middle, _ = _rigid(np.asarray(points, np.float64)[used, :2], inverse)
    x, y = middle + scale * rotation @ (_CROP_CENTRE - centre)
    # The roll is that of the head's upright axis as the picture shows it, free of yaw and pitch.
    roll = float(np.arctan2(rotation[1, 0] - rotation[0, 1], rotation[0, 0] + rotation[1, 1]))
    turn = np.cos(roll) * rotation[0, 2] + np.sin(roll) * rotation[1, 2]
    towards = rotation[0, 0] * rotation[1, 1] - rotation[0, 1] * rotation[1, 0]
    yaw = float(np.degrees(np.arctan2(-turn, towards)))
    return Pose(float(x), float(y), roll, scale, yaw)


def place_mean_face(five: NDArray[np.floating]) -> NDArray[np.float64] | None:
    """Lay the mean face where a detector saw eyes, nose and mouth.

    Rougher than a mesh, but there for faces of which a mask leaves no mesh much to go by.

    Args:
        five: (5, 2) eyes, nose tip and mouth corners in frame pixels, left ones first.

    Returns:
        (468, 3) mesh points; x and y in frame pixels, z in the same unit. None where no head has the points
        so.
    """
    centre = _FIVE.mean(axis=0)
    rotation, scale, middle, stretch = _rigid(five, np.linalg.pinv(_FIVE - centre))
    if stretch > _MOST_STRETCH:
        return None
    axes = np.vstack([rotation, np.cross(rotation[0], rotation[1])])
    return np.asarray((mean_face() - centre) @ axes.T * scale + (*middle, 0.0))


def _rigid(
    seen: NDArray[np.floating], inverse: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float, NDArray[np.float64], float]:
    """Fit points of the mean face, given by their pseudo-inverse (3, n), to seen ones (n, 2).

    Returns:
        (2, 3) rotation, scale, (2,) middle of the seen points, and how far from rigid the fit had to be.
    """
    middle = seen.mean(axis=0)
    left, stretch, right = np.linalg.svd((inverse @ (seen - middle)).T, full_matrices=False)
    ratio = float(stretch[0] / max(stretch[1], 1e-9))
    return left @ right, float(stretch.mean()), middle, ratio


def align(points: NDArray[np.floating], size: int) -> Alignment:
    """The alignment of a face from its mesh points; see :func:`fit_pose`."""
    return fit_pose(points).alignment(size)
