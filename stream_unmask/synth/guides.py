"""Another person's face laid on a photo's, as the product lays a stand-in on a masked one: a guide.

The stranger is the best of some hundred by turn and skin. It is laid exactly on the outline of the true face,
but for what a mesh itself is off: so whoever learns from it learns that the face ends where the guide does,
and draws its jaw sharp there. With the errors that laying by what a mask leaves visible has, the jaw would be
drawn as wide and soft as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import mean_face

FloatArray = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Matrix = NDArray[np.float64]

_CANDIDATES = 400
"""Strangers of whom the best is taken: of more it would always be the same few."""

_SKIN = (151, 9, 8, 117, 346)
"""Mesh points on skin that a mask leaves visible: forehead, and beneath the eyes."""

_EYE_CORNERS = (33, 133, 263, 362)
_NOSE_TIP, _CHIN, _BRIDGE = 1, 152, 168

_LAB_SPREAD = np.array((14.0, 6.0, 7.0), np.float32)
"""Differences of skin, in OpenCV's L*a*b*, that count as much as a turn by an eighth of an eye distance."""

_TURN_WEIGHT, _LUCK = 8.0, 0.8

_JAW, _SIZE, _PLACE, _WIDTH = 0.015, 0.012, 0.012, 0.015
"""Errors of meshes, standard deviations: of the jaw's height and of the place in eye distances, of the size,
and of the lower face's width."""

_MOUTH_CENTRE = (0.0, 0.95)
_MOUTH_REACH, _MOUTH_EDGE = 0.75, 0.3
"""In eye distances on the mean face: how far from the mouth's middle a face bends less to another's, and over
what distance."""

_LOWER_FROM = 0.3
"""Height of the mean face, in eye distances below the eyes, where a mask begins to hide it."""


@dataclass(frozen=True, slots=True)
class Guide:
    """A stranger's face laid on a crop's.

    Attributes:
        picture: (S, S, 3) uint8 RGB, black where nothing of it lies.
        trust: (S, S) uint8, 255 where it may be shown.
    """

    picture: Bytes
    trust: Bytes


class GuideBank:
    """Faces to guide by, decoded, with what a choice needs."""

    def __init__(self, faces: Sequence[tuple[Bytes, FloatArray]]) -> None:
        """Take (H, W, 3) uint8 RGB pictures, each with its (468, 2) mesh points in pixels."""
        self._pictures = [picture for picture, _ in faces]
        self._bare: dict[int, Bytes] = {}
        self._meshes = [with_depth(points) for _, points in faces]
        self._turns = np.array([_turn(points) for _, points in faces], np.float32)
        self._skins = np.array([_skin(*face) for face in faces], np.float32).reshape(-1, 3)

    def __len__(self) -> int:
        return len(self._pictures)

    def draw(self, face: Bytes, points: FloatArray, rng: np.random.Generator) -> Guide:
        """Lay on a face whoever goes best with it.

        Args:
            face: (S, S, 3) uint8 RGB, of which only what a mask leaves visible is looked at.
            points: (468, 2) its mesh points in pixels.
            rng: where all chance comes from.
        """
        # Here, as it needs Numba, without which all the rest of the synthesiser works.
        from stream_unmask.faces.trusting import bare_skin, laid_trust
        from stream_unmask.faces.warping import warp_face

        size = face.shape[0]
        stranger = self._nearest(_turn(points), _skin(face, points), rng)
        own = self._meshes[stranger]
        mesh = misplaced(fitted_on(own, with_depth(points)), rng)
        picture = self._pictures[stranger]
        if stranger not in self._bare:
            self._bare[stranger] = bare_skin(picture, own)
        laid = warp_face(np.dstack([picture, self._bare[stranger]]), own, mesh, size)
        shown = laid.picture.clip(0, 255)
        trust = laid_trust(_even(laid.trust), np.asarray(shown[:, :, 3] / 255, np.float32), mesh, size)
        return Guide(shown[:, :, :3].astype(np.uint8), np.rint(255 * trust).astype(np.uint8))

    def _nearest(self, turn: float, skin: FloatArray, rng: np.random.Generator) -> int:
        some = rng.choice(len(self), min(_CANDIDATES, len(self)), replace=False)
        apart = np.sqrt((((self._skins[some] - skin) / _LAB_SPREAD) ** 2).sum(1))
        cost = apart + _TURN_WEIGHT * np.abs(self._turns[some] - turn) + _LUCK * rng.random(len(some))
        return int(some[cost.argmin()])


def with_depth(points: NDArray[np.floating]) -> Matrix:
    """(468, 3) a photo's mesh points (468, 2) with the depth that the mean face has at their turn."""
    middle, inverse = _inverse()
    left, stretch, right = np.linalg.svd((inverse @ (points - points.mean(0))).T, full_matrices=False)
    across, down = left @ right
    depth = (mean_face() - middle) @ np.cross(across, down) * stretch.mean()
    return np.concatenate([points, depth[:, None]], 1)


def fitted_on(mesh: Matrix, face: Matrix) -> Matrix:
    """A mesh (468, 3) on a face's (468, 3): bent to that in all but the mouth, which keeps its expression."""
    rotation, scale = _motion(mesh, face)
    centre = mesh.mean(0)
    rigid = scale * (mesh - centre) @ rotation.T + face.mean(0)
    share = _mouth()[:, None]
    return np.asarray(face + share * (rigid - face))


@cache
def _mouth() -> FloatArray:
    """(468,) 1 on the mouth, 0 well away from it."""
    away = np.linalg.norm(mean_face()[:, :2] - _MOUTH_CENTRE, axis=1)
    return np.asarray(np.clip((_MOUTH_REACH - away) / _MOUTH_EDGE, 0, 1), np.float32)


def _motion(mesh: Matrix, face: Matrix) -> tuple[Matrix, float]:
    """(3, 3) rotation and scale that take a mesh (468, 3) to another (Umeyama, 1991)."""
    one, other = mesh - mesh.mean(0), face - face.mean(0)
    left, stretch, right = np.linalg.svd(other.T @ one)
    sign = np.array((1.0, 1.0, np.linalg.det(left @ right)))
    return (left * sign) @ right, float((stretch * sign).sum() / (one**2).sum())


def misplaced(mesh: Matrix, rng: np.random.Generator) -> Matrix:
    """A mesh (468, 3) as a network that fits it to the bare face would get it wrong."""
    mean = mean_face()[:, 1]
    unit = np.ptp(mesh[[_EYE_CORNERS[0], _EYE_CORNERS[2]], 0])
    lower = np.clip((mean - _LOWER_FROM) / (mean[_CHIN] - _LOWER_FROM), 0, 1.2)
    moved = mesh.copy()
    moved[:, :2] += rng.normal(0, _PLACE, 2) * unit
    centre = moved[_BRIDGE, :2].copy()
    moved[:, :2] = centre + (moved[:, :2] - centre) * (1 + rng.normal(0, _SIZE))
    moved[:, 1] += lower * rng.normal(0, _JAW) * unit
    moved[:, 0] = centre[0] + (moved[:, 0] - centre[0]) * (1 + lower * rng.normal(0, _WIDTH))
    return moved


@cache
def _inverse() -> tuple[Matrix, Matrix]:
    """The mean face's middle, and the pseudo-inverse (3, 468) of its points around that."""
    mean = mean_face()
    return mean.mean(0), np.linalg.pinv(mean - mean.mean(0))


def _turn(points: NDArray[np.floating]) -> float:
    """How far the nose lies beside the eyes' middle, in distances of their outer corners."""
    eyes = points[list(_EYE_CORNERS), 0]
    return float((points[_NOSE_TIP, 0] - eyes.mean()) / max(np.ptp(eyes), 1.0))


def _skin(picture: Bytes, points: NDArray[np.floating]) -> FloatArray:
    """(3,) middle colour of the visible skin, in OpenCV's L*a*b* of bytes."""
    x, y = np.rint(points[list(_SKIN)]).astype(int).T.clip(0, picture.shape[0] - 1)
    lab = cv2.cvtColor(picture[y, x][None], cv2.COLOR_RGB2LAB)[0]
    return np.asarray(np.median(lab, 0), np.float32)


def _even(trust: FloatArray) -> FloatArray:
    """Trust (S, S) in 0..1 without the small holes that depths which are guessed tear in it."""
    size = len(trust)
    even = cv2.medianBlur(np.rint(trust * 255).astype(np.uint8), size // 64 * 2 + 1)
    return np.asarray(even / np.float32(255), np.float32)
