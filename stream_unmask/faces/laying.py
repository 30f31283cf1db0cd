"""Another face laid on a masked head: its own mesh, moved rigidly by what the mask leaves visible.

Points that a mask covers are never used: the mesh network guesses them, and draws a masked face up to 8 %
small and its chin up to a quarter of an eye distance high. Even the visible points suffer; that is
cancelled by comparing like with like: the mesh that the network sees on the other face *wearing this mask*
is fitted to the mesh that it sees here (:mod:`stream_unmask.faces.masked_mesh` makes the former). What is
left is bent: the width of the lower face, the visible points, and the chin, which the mask's lower edge
tells.

Everything is in pixels of one picture, z in the same unit, unless eye distances are named.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import Alignment, mean_face

Points = NDArray[np.float64]
"""(468, 3) mesh points: x to the right, y down, z away from the camera."""

_BRIDGE_DEPTH = 0.3
"""Points above this height of the mean face, in eye distances below the eyes, are what masks leave
visible."""

BRIDGE, CHIN = 168, 152
"""Mesh points of the nose bridge, between the eyes, and of the chin's tip."""
_EYE_CORNERS = np.array([33, 133, 263, 362])

_OUTLINE = np.array([234, 454, 93, 323, 132, 361, 58, 288, 127, 356])
"""Points on the face's sides, in pairs, that show beside a mask how wide the face is."""

_WIDEST = 0.12
_WIDTH_SHARE = 0.7
"""How far the lower face's width may differ, and how much of the difference is believed."""

_REACH = 0.35
_STIFFNESS = 2.0
"""How far a visible point pulls others along, in eye distances, and how many visible points it takes to be
believed by two thirds when each agrees."""

CHIN_GAP = 0.10
"""The chin lies this many eye distances above the mask's lower edge."""

_SHORTEST, _LONGEST = 0.90, 1.12
"""How far the way from bridge to chin may be changed."""

_CUT_SLACK = 1.02
"""Where the crop cuts the mask's edge, the chin is only drawn down, and from this much on."""

_LEAST_WEIGHT = 1e-9


@dataclass(frozen=True, slots=True)
class Rigid:
    """A similarity in space: turn, size and place.

    Attributes:
        scale: above 0.
        rotation: (3, 3), its determinant 1.
        shift: (3,).
    """

    scale: float
    rotation: NDArray[np.float64]
    shift: NDArray[np.float64]

    def __call__(self, points: Points) -> Points:
        """(n, 3) points, moved."""
        return self.scale * points @ self.rotation.T + self.shift


def fit_rigid(source: Points, target: Points, weights: NDArray[np.float64]) -> Rigid:
    """The similarity that takes points to others with the least weighted squares.

    Method: Umeyama, "Least-squares estimation of transformation parameters between two point patterns", 1991.

    Args:
        source: (n, 3).
        target: (n, 3).
        weights: (n,), none below 0, at least three of points not in a line above.
    """
    weights = weights / weights.sum()
    source_middle, target_middle = weights @ source, weights @ target
    from_middle, to_middle = source - source_middle, target - target_middle
    left, stretch, right = np.linalg.svd((to_middle * weights[:, None]).T @ from_middle)
    # A mirror image would fit flat faces as well.
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    rotation = (left * signs) @ right
    scale = float((stretch * signs).sum() / (weights @ (from_middle**2).sum(1)))
    return Rigid(scale, rotation, target_middle - scale * rotation @ source_middle)


def carried(rigid: Rigid, affine: NDArray[np.float64]) -> Rigid:
    """The similarity that moves as a rigid one does, and then within the picture as a (2, 3) one does."""
    zoom = math.hypot(affine[0, 0], affine[1, 0])
    turn = np.eye(3)
    turn[:2, :2] = affine[:, :2] / zoom
    shift = np.append(affine[:, :2] @ rigid.shift[:2] + affine[:, 2], zoom * rigid.shift[2])
    return Rigid(zoom * rigid.scale, turn @ rigid.rotation, shift)


@cache
def visible_points() -> NDArray[np.intp]:
    """Numbers of the mesh points that masks leave visible: forehead, brows, eyes, nose bridge."""
    return np.flatnonzero(mean_face()[:, 1] < _BRIDGE_DEPTH)


def visible_weights(points: Points, mask: NDArray[np.float32] | None = None) -> NDArray[np.float64]:
    """(468,) how far each point of a masked face is believed, 0..1.

    Args:
        points: the masked face's mesh in crop pixels.
        mask: (S, S) soft mask of the crop. A mask that is worn so high that less than a third of the points
            would be left does not count.
    """
    weights = np.zeros(len(points))
    weights[visible_points()] = 1.0
    if mask is not None:
        bare = weights * (1.0 - values_at(mask, points))
        if bare.sum() > weights.sum() / 3:
            return bare
    return weights


def fitting_weights(points: Points, mask: NDArray[np.float32]) -> NDArray[np.float64]:
    """:func:`visible_weights` of which none is 0: for fits, which otherwise may have nothing to go by."""
    return visible_weights(points, mask) + _LEAST_WEIGHT


def values_at(plane: NDArray[np.float32], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) a plane's (S, S) values at the pixels nearest to points (n, 2 or more); its edge beyond it."""
    last = np.array(plane.shape[::-1]) - 1
    columns, rows = np.clip(np.rint(points[:, :2]), 0, last).astype(int).T
    return np.asarray(plane[rows, columns], np.float64)


def eye_distance(points: Points) -> float:
    """Distance between the centres of the eyes in space, which a turned head keeps."""
    first, second, third, fourth = points[_EYE_CORNERS]
    apart = first + second - third - fourth
    return 0.5 * math.sqrt(apart @ apart)


def to_crop(points: Points, alignment: Alignment) -> Points:
    """Mesh points of a frame in pixels of the face's crop."""
    moved = np.empty_like(points)
    moved[:, :2] = points[:, :2] @ alignment.matrix[:, :2].T + alignment.matrix[:, 2]
    moved[:, 2] = points[:, 2] * alignment.scale
    return moved


def to_frame(points: Points, alignment: Alignment) -> Points:
    """Mesh points of a face's crop in pixels of the frame."""
    moved = np.empty_like(points)
    moved[:, :2] = np.linalg.solve(alignment.matrix[:, :2], (points[:, :2] - alignment.matrix[:, 2]).T).T
    moved[:, 2] = points[:, 2] / alignment.scale
    return moved


@dataclass(frozen=True, slots=True)
class Angles:
    """How a head is turned, in degrees.

    Attributes:
        yaw: positive where the nose points to the picture's right.
        pitch: positive where it points down.
    """

    yaw: float
    pitch: float


def head_angles(points: Points, weights: NDArray[np.float64] | None = None) -> Angles:
    """The turn of a head from its mesh, free of roll; ``weights`` (468,) say which points count."""
    rotation = fit_rigid(mean_face(), points, np.ones(len(points)) if weights is None else weights).rotation
    right, down, back = -rotation[:, 2]
    roll = np.arctan2(rotation[1, 0] - rotation[0, 1], rotation[0, 0] + rotation[1, 1])
    cos, sin = np.cos(roll), np.sin(roll)
    aside, below = cos * right + sin * down, cos * down - sin * right
    return Angles(float(np.degrees(np.arctan2(aside, -back))), float(np.degrees(np.arctan2(below, -back))))


@dataclass(frozen=True, slots=True)
class MaskEdge:
    """How far down a mask reaches.

    Attributes:
        below: eye distances from the nose bridge to the lower edge, along the way to the chin.
        cut: the crop ends before the mask does.
    """

    below: float
    cut: bool


_MASKED = 0.5
_ROWS = np.arange(0.3, 2.9, 0.025)
_COLUMNS = np.linspace(-0.25, 0.25, 7)
"""Where along and beside the way down, in eye distances, a mask's lower edge is looked for."""


def mask_edge(mask: NDArray[np.float32], laid: Points) -> MaskEdge | None:
    """Find the lower edge of a mask below the chin.

    Args:
        mask: (S, S) soft mask.
        laid: the mesh laid rigidly on the head, in crop pixels; its bridge and chin give the direction.

    Returns:
        None where no mask lies there.
    """
    unit = eye_distance(laid)
    bridge, way = laid[BRIDGE, :2], laid[CHIN, :2] - laid[BRIDGE, :2]
    down = way / max(math.hypot(*way), 1e-6)
    lowest = np.empty(len(_COLUMNS), np.int64)
    _find_lowest(mask, bridge, unit * down, _ROWS, _COLUMNS, lowest)
    found = sorted(row for row in lowest.tolist() if row >= 0)
    if len(found) < len(_COLUMNS) // 2:
        return None
    place = 0.75 * (len(found) - 1)
    below, above = found[math.floor(place)], found[math.ceil(place)]
    edge = int(below + (place - math.floor(place)) * (above - below))
    column = int(np.where(lowest < 0, len(_ROWS), np.abs(lowest - edge)).argmin())
    further = _ROWS[min(edge + 2, len(_ROWS) - 1)]
    x, y = bridge + unit * (further * down + _COLUMNS[column] * np.array([-down[1], down[0]]))
    return MaskEdge(float(_ROWS[edge]), not (0 <= x <= mask.shape[1] - 1 and 0 <= y <= mask.shape[0] - 1))


@numba.njit(nogil=True, cache=True)
def _find_lowest(mask: Any, bridge: Any, down: Any, rows: Any, columns: Any, lowest: Any) -> None:
    """Fill (n,) ``lowest`` with the last of the ``rows`` at which the mask lies in each of the ``columns``.

    Args:
        mask: (S, S) soft mask.
        bridge: x and y of where rows and columns begin.
        down: x and y of a step of one down the rows; the columns lie across.
        rows: (m,) steps down.
        columns: (n,) steps aside.
        lowest: -1 where the mask lies at none.
    """
    for column in range(len(columns)):
        lowest[column] = -1
        for row in range(len(rows) - 1, -1, -1):
            x = bridge[0] + rows[row] * down[0] - columns[column] * down[1]
            y = bridge[1] + rows[row] * down[1] + columns[column] * down[0]
            if x < 0 or y < 0 or x > mask.shape[1] - 1 or y > mask.shape[0] - 1:
                continue
            if mask[int(np.rint(y)), int(np.rint(x))] > _MASKED:
                lowest[column] = row
                break


def warm_up() -> None:
    """Compile (or load from numba's cache) what laying runs."""
    mask_edge(np.ones((8, 8), np.float32), 2 * mean_face() + 2)


@dataclass(frozen=True, slots=True)
class Bend:
    """How a rigidly laid face is bent to fit the head.

    Attributes:
        width: factor of the lower face's width.
        chin: factor of the way from the nose bridge down.
        residuals: (n, 2) by how many eye distances each of :func:`visible_points` is missed.
    """

    width: float
    chin: float
    residuals: NDArray[np.float64]


def measure_bend(rigid: Rigid, own: Points, worn: Points, target: Points, edge: MaskEdge | None) -> Bend:
    """How a face has to be bent.

    Args:
        rigid: takes ``worn`` to ``target``.
        own: the face's own mesh.
        worn: its mesh as the network sees it with the target's mask on; ``own`` where that is not known.
        target: the masked head's mesh.
        edge: of the mask, from :func:`mask_edge`; None leaves the chin where it is.
    """
    seen, laid = rigid(worn), rigid(own)
    unit = eye_distance(laid)
    across = _across(rigid)
    width = _half_width(target, across) / max(_half_width(seen, across), 1e-6)
    width = 1 + _WIDTH_SHARE * (float(np.clip(width, 1 - _WIDEST, 1 + _WIDEST)) - 1)
    widened = _widened(seen, across, width)
    numbers = visible_points()
    residuals = (target[numbers, :2] - widened[numbers, :2]) / unit
    return Bend(width, _chin_factor(laid, unit, edge), residuals)


def bend(rigid: Rigid, own: Points, by: Bend) -> Points:
    """A face's own mesh, laid and bent: (468, 3) in the target's pixels."""
    points = _widened(rigid(own), _across(rigid), by.width)
    unit = eye_distance(points)
    points[:, :2] += unit * (_pull() @ by.residuals)
    way = points[CHIN, :2] - points[BRIDGE, :2]
    down = way / max(float(np.linalg.norm(way)), 1e-6)
    along = (points[:, :2] - points[BRIDGE, :2]) @ down
    points[:, :2] += ((by.chin - 1) * along * _shares(1.6))[:, None] * down
    return points


def _chin_factor(laid: Points, unit: float, edge: MaskEdge | None) -> float:
    if edge is None:
        return 1.0
    chin = float(np.linalg.norm(laid[CHIN, :2] - laid[BRIDGE, :2])) / unit
    factor = (edge.below - CHIN_GAP) / max(chin, 1e-6)
    if edge.cut and factor < _CUT_SLACK:
        return 1.0
    return float(np.clip(factor, _SHORTEST, _LONGEST))


def _across(rigid: Rigid) -> NDArray[np.float64]:
    """(2,) the direction in the picture that leads across the face."""
    across = rigid.rotation[:2, 0]
    return np.asarray(across / max(float(np.linalg.norm(across)), 1e-6))


def _half_width(points: Points, across: NDArray[np.float64]) -> float:
    return float(np.abs((points[_OUTLINE, :2] - points[BRIDGE, :2]) @ across).mean())


def _widened(points: Points, across: NDArray[np.float64], width: float) -> Points:
    points = points.copy()
    aside = (points[:, :2] - points[BRIDGE, :2]) @ across
    points[:, :2] += ((width - 1) * aside * _shares(2.0))[:, None] * across
    return points


@cache
def _heights() -> NDArray[np.float64]:
    """(468,) 0 from the nose bridge up, 1 at the chin's height."""
    down = mean_face()[:, 1] - _BRIDGE_DEPTH
    return np.asarray(np.clip(down / down[CHIN], 0, 1.2))


@cache
def _shares(steepness: float) -> NDArray[np.float64]:
    """(468,) how far each point follows a change of the lower face: 0 from the nose bridge up, 1 below."""
    return np.clip(steepness * _heights(), 0, 1)


@cache
def _pull() -> NDArray[np.float64]:
    """(468, n) how far each point follows each visible one's residual, by distance on the mean face."""
    face = mean_face()[:, :2]
    apart = ((face[:, None] - face[None, visible_points()]) ** 2).sum(-1) / _REACH**2
    near = np.exp(-apart)
    return np.asarray(near / (near.sum(1, keepdims=True) + _STIFFNESS))
