"""Turned heads from photos of less turned ones.

The mean face lends a photo's mesh its depth; the mesh is turned in space and seen from the front again, and a
thin-plate spline carries the picture along: the far cheek is squeezed, the near one stretched, and what lies
around the head stays where it is. After Zhu et al., "Face Alignment Across Large Poses: A 3D Solution", 2016,
section 4, without their triangles.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import fit_pose, mean_face
from stream_unmask.synth.chart import Spline, anchors
from stream_unmask.synth.drawing import remap

FloatArray = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Matrix = NDArray[np.float64]

_LEAST, _MOST = 8.0, 28.0
"""Degrees by which a head is turned."""

_FARTHEST = 42.0
"""Degrees of yaw beyond which a turned photo no longer looks like a face."""

_NECK = np.array([0.0, 0.6, 0.55])
"""What a head turns about, in the mean face's eye distances."""

_CROWN = ((0.0, -1.5, 0.45), (-0.65, -1.4, 0.55), (0.65, -1.4, 0.55))
_EAR = ((1.22, -0.6, 0.8), (1.25, 0.35, 0.95), (1.1, 1.1, 0.9))
"""The head outside the mesh: its top, and the side that turns into sight."""

_STILL = (
    (1.5, -1.2, 0.6),
    (1.5, -0.4, 0.6),
    (1.5, 0.4, 0.6),
    (1.5, 1.2, 0.6),
    (-0.5, 2.4, 0.6),
    (0.5, 2.4, 0.6),
)
"""What a turn leaves where it is: behind the side that turns out of sight, and at the neck."""

_TIGHTEST, _WIDEST = 0.25, 3.2
"""How much of the photo a pixel of the turned one may take, in pixels across or down."""

_GRID = 32


@dataclass(frozen=True, slots=True)
class Turn:
    """A photo's face, turned.

    Attributes:
        points: (468, 2) mesh points in pixels of the photo, were it turned.
        unit: eye distance in these pixels.
        back: takes places of the turned photo to those of the photo, both in eye distances.
    """

    points: FloatArray
    unit: float
    back: Spline

    def crop(self, picture: Bytes, matrix: Matrix, size: int) -> Bytes:
        """The crop of ``size`` pixels to which ``matrix`` (2, 3) takes the turned photo.

        Args:
            picture: (H, W, 3) the photo as it is.
            matrix: from pixels of the turned photo to those of the crop.
            size: side of the crop.
        """
        places = ((np.arange(_GRID) + 0.5) * (size / _GRID) - 0.5).astype(np.float32)
        grid = np.stack(np.meshgrid(places, places), -1).reshape(-1, 2)
        back = np.asarray(cv2.invertAffineTransform(matrix))
        turned = (grid @ back[:, :2].T + back[:, 2]) / self.unit
        taken = (self.back(turned.astype(np.float32)) * np.float32(self.unit)).reshape(_GRID, _GRID, 2)
        x, y = cv2.split(cv2.resize(taken, (size, size), interpolation=cv2.INTER_CUBIC))
        return remap(picture, np.asarray(x), np.asarray(y), cv2.BORDER_REFLECT_101)


@cache
def _inverse() -> tuple[Matrix, Matrix]:
    """The mean face's middle, and the pseudo-inverse (3, 468) of its points around that."""
    mean = mean_face()
    return mean.mean(0), np.linalg.pinv(mean - mean.mean(0))


def _axes(points: FloatArray) -> tuple[Matrix, float]:
    """(3, 3) how the head of mesh points (468, 2) is turned, its rows being the camera's axes; its scale."""
    _, inverse = _inverse()
    left, stretch, right = np.linalg.svd((inverse @ (points - points.mean(0))).T, full_matrices=False)
    seen = left @ right
    return np.vstack([seen, np.cross(seen[0], seen[1])]), float(stretch.mean())


def _rotation(yaw: float, pitch: float) -> Matrix:
    """(3, 3) a turn to the picture's right, then a nod, in degrees."""
    (cos, sin), (nod_cos, nod_sin) = (
        (np.cos(angle), np.sin(angle)) for angle in np.radians((yaw, pitch)).tolist()
    )
    across = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
    nod = np.array([[1, 0, 0], [0, nod_cos, -nod_sin], [0, nod_sin, nod_cos]])
    return np.asarray(nod @ across)


def turn_by(points: FloatArray, yaw: float, pitch: float, side: int) -> Turn | None:
    """Turn a head.

    Args:
        points: (468, 2) mesh points in pixels of the photo.
        yaw: to the picture's right, in degrees.
        pitch: downwards, in degrees.
        side: of the photo in pixels.

    Returns:
        None where its picture would be torn or folded.
    """
    axes, unit = _axes(points)
    mean, middle = mean_face(), points.mean(0)
    centre, _ = _inverse()
    seen = (points - middle) / unit
    flat = np.concatenate([seen, ((mean - centre) @ axes[2])[:, None]], 1)
    near = -np.sign(yaw)
    around = np.array([*_CROWN, *((near * x, y, z) for x, y, z in _EAR)]) - centre
    body = np.concatenate([flat, around @ axes.T])
    pivot = (_NECK - centre) @ axes.T
    moved = (body - pivot) @ (axes @ _rotation(yaw, pitch) @ axes.T).T + pivot
    place = middle / unit
    before, after = (np.asarray(each[:, :2] + place, np.float32) for each in (body, moved))
    still = (np.array(_STILL) * (-near, 1, 1) - centre) @ axes[:2].T + place
    rim = np.array([(x, y) for x in (-0.1, 0.5, 1.1) for y in (-0.1, 0.5, 1.1) if (x, y) != (0.5, 0.5)])
    fixed = np.concatenate([still, rim * side / unit]).astype(np.float32)
    used = [*sorted(set(anchors(before[:468])) & set(anchors(after[:468]))), *range(468, len(body))]
    back = Spline.through(np.concatenate([after[used], fixed]), np.concatenate([before[used], fixed]), 0.01)
    turn = Turn(after[:468] * np.float32(unit), unit, back)
    return turn if _is_whole(turn, side) else None


def _is_whole(turn: Turn, side: int) -> bool:
    """Whether the turned photo is neither folded nor smeared where the face is."""
    low, high = turn.points.min(0) / turn.unit, turn.points.max(0) / turn.unit
    x, y = (np.linspace(low[axis], high[axis], 16, dtype=np.float32) for axis in (0, 1))
    taken = turn.back(np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)).reshape(16, 16, 2)
    across = np.diff(taken[..., 0], axis=1) / (x[1] - x[0])
    down = np.diff(taken[..., 1], axis=0) / (y[1] - y[0])
    return bool(min(across.min(), down.min()) > _TIGHTEST and max(across.max(), down.max()) < _WIDEST)


def draw_turn(points: FloatArray, side: int, rng: np.random.Generator) -> Turn | None:
    """Turn a head further, as far as its photo bears it.

    Args:
        points: (468, 2) mesh points in pixels of the photo.
        side: of the photo in pixels.
        rng: where all chance comes from.

    Returns:
        None where the head is turned enough already, or its photo does not bear it.
    """
    now = fit_pose(points).yaw
    sign = float(np.sign(now)) if abs(now) > 6 else float(rng.choice((-1.0, 1.0)))
    yaw = min(float(rng.uniform(_LEAST, _MOST)), _FARTHEST - abs(now))
    pitch = float(np.clip(rng.normal(0, 5), -12, 12))
    while yaw >= _LEAST:
        turn = turn_by(points, sign * yaw, pitch, side)
        if turn is not None:
            return turn
        yaw, pitch = 0.85 * yaw, 0.85 * pitch
    return None
