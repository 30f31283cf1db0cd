"""A face's picture laid on another picture of the same face so that both look alike where the mask is not.

The mesh says where a masked head is to a few degrees and percent; the pixels of eyes, brows and nose bridge
say it to a fraction of a pixel. Six numbers are sought (turn, size and place) that bring spots on the
surface of the one face over the same spots of the other, whatever the light: Gauss-Newton over locally
normalised brightness with robust weights (Cauchy's), held by a prior from the mesh. Method: direct alignment,
Lucas and Kanade, "An Iterative Image Registration Technique", 1981, on a surface in space as in Baker and
Matthews, "Lucas-Kanade 20 Years On", 2004. How alike the two are in the end, as a correlation, is the measure
of everything: the same person's faces reach 0.73 to 0.99, two people's seldom more than 0.74.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.comparing import accumulate, compare
from stream_unmask.faces.laying import Points, Rigid, eye_distance, visible_points
from stream_unmask.faces.warping import mesh_surface

FloatArray = NDArray[np.float32]

SIDE = 128
"""Side in pixels at which faces are compared, in crops of 3.4 eye distances."""

_RED, _GREEN, _BLUE = np.float32(0.1495), np.float32(0.2935), np.float32(0.057)
"""Weights of colours in [-1, 1] in brightness in 0..1, but for a constant."""

BLURS = (3.0, 1.5, 1.0)
"""Deviations in pixels of the blurs before comparing: a coarse one finds from afar, a fine one is exact."""

_AROUND = 13
"""Side in pixels of the box, used twice, that brightness is normalised within."""

_NOISE = 0.02
"""Contrast, of brightness in 0..1, below which there is nothing to be compared but noise."""

_BARE = 0.05
_KEPT_OFF = 5
"""Soft mask below which a pixel is bare, and side in pixels of the square that must be."""

_LEAST_FACING = 0.25
"""How squarely a spot must be seen, there and here, to be compared: its normal's part towards the camera."""

_SKIN = 127

_ASIDE, _ABOVE, _FAR = 0.95, 0.5, 0.3
"""How far from the eyes, in eye distances aside and up or down, spots count, and how much all others do:
foreheads and temples tell little, and hair falls over them."""

_LEAST_SPOTS = 80

_DEPENDENT = 100.0
"""Neighbouring pixels that count as one: what is wrong with one (an expression, light) is with them all."""

_MOST = np.array([0.12, 0.12, 0.12, 0.06, 4.0, 4.0])
"""Most that one step changes: radians, the logarithm of the size, pixels."""

_STILL = np.array([1e-3, 1e-3, 1e-3, 5e-4, 0.02, 0.02])
"""Steps below which no further one is taken."""


@dataclass(frozen=True, slots=True)
class Looseness:
    """How far a match may stray from its prior: standard deviations.

    Attributes:
        turn: radians about the axes across and down, and in the picture's plane.
        growth: of the logarithm of the size.
        shift: pixels of :data:`SIDE`.
    """

    turn: tuple[float, float, float]
    growth: float
    shift: float

    @property
    def information(self) -> NDArray[np.float64]:
        """(6,) what each number weighs."""
        return np.asarray(1 / np.array([*self.turn, self.growth, self.shift, self.shift]) ** 2)


@dataclass(frozen=True, slots=True)
class Spots:
    """What of a face is compared, its spots one a pixel.

    Attributes:
        centre: (3,) of the visible mesh points: what the face is turned about.
        places: (n, 3) float32 in pixels of a picture of :data:`SIDE`, from the centre.
        normals: (n, 3) float32 outward ones: right, down, away from the camera.
        weights: (n,) float32 how much each counts, above 0: eyes and brows most.
        values: (len(BLURS), n) float32 normalised brightness.
    """

    centre: NDArray[np.float64]
    places: FloatArray
    normals: FloatArray
    weights: FloatArray
    values: FloatArray


class Scene:
    """A masked head that faces are to be laid on.

    Attributes:
        bare: (SIDE, SIDE) float32, 1 where something is to be compared, else 0.
    """

    def __init__(self, crop: FloatArray, mask: FloatArray) -> None:
        """Take what a frame shows.

        Args:
            crop: (3, S, S) RGB in [-1, 1].
            mask: (S, S) soft mask of the crop.
        """
        red, green, blue = (_at_side(plane) for plane in crop)
        self._brightness = np.asarray(_RED * red + _GREEN * green + _BLUE * blue, np.float32)
        masked = (_at_side(mask) >= _BARE).astype(np.float32)
        self.bare = np.asarray(1 - cv2.dilate(masked, np.ones((_KEPT_OFF, _KEPT_OFF), np.uint8)), np.float32)
        self._planes: dict[int, FloatArray] = {}

    def planes(self, blur: int) -> FloatArray:
        """(3, SIDE, SIDE) normalised brightness and its slopes across and down, at one of :data:`BLURS`."""
        if blur not in self._planes:
            plane = _normalised(self._brightness, self.bare, BLURS[blur])
            slopes = [cv2.Sobel(plane, cv2.CV_32F, *way, ksize=3, scale=1 / 8) for way in ((1, 0), (0, 1))]
            self._planes[blur] = np.stack([plane, *slopes])
        return self._planes[blur]


@dataclass(frozen=True, slots=True)
class Match:
    """How well a face lies.

    Attributes:
        rigid: takes the face's mesh to the scene.
        correlation: of what is compared, -1..1; 0 where too little is.
    """

    rigid: Rigid
    correlation: float


def spots(picture: NDArray[np.uint8], points: Points, bare: NDArray[np.uint8]) -> Spots:
    """Get a face ready to be laid on many scenes.

    Args:
        picture: (S, S, 3) RGB crop of a bare face.
        points: (468, 3) its mesh in the crop's pixels.
        bare: (S, S) where it shows skin and no hair, 255 where it does: hair lies otherwise at every moment.
    """
    own = at_side(points, len(picture))
    grey = cv2.cvtColor(_at_side(picture), cv2.COLOR_RGB2GRAY)
    brightness = np.asarray(grey, np.float32) / np.float32(255)
    planes = [_normalised(brightness, np.ones_like(brightness), blur) for blur in BLURS]
    surface = mesh_surface(own, SIDE)
    seen = surface.inside & (surface.normals[:, :, 2] < -_LEAST_FACING) & (_at_side(bare) > _SKIN)
    rows, columns = np.nonzero(cv2.erode(seen.astype(np.uint8), np.ones((3, 3), np.uint8)))
    centre = own[visible_points()].mean(0)
    places = np.column_stack([columns, rows, surface.depths[rows, columns]]) - centre
    return Spots(
        centre,
        np.ascontiguousarray(places, np.float32),
        np.ascontiguousarray(surface.normals[rows, columns]),
        _weights(places, eye_distance(own)),
        np.stack([plane[rows, columns] for plane in planes]),
    )


def _weights(places: NDArray[np.float64], unit: float) -> FloatArray:
    """How much spots (n, 3) count, by how far they are from the eyes; ``unit`` is the distance of those."""
    away = np.hypot(places[:, 0] / (_ASIDE * unit), places[:, 1] / (_ABOVE * unit))
    return np.asarray(_FAR + (1 - _FAR) * np.exp(-(away**2)), np.float32)


def at_side(points: Points, size: int) -> Points:
    """Points in pixels of a crop, in pixels of the same crop at :data:`SIDE`."""
    zoom = SIDE / size
    return np.asarray(points * zoom + np.array([(zoom - 1) / 2, (zoom - 1) / 2, 0.0]))


def lay(
    face: Spots, scene: Scene, start: Rigid, prior: Rigid, looseness: Looseness, steps: Sequence[int]
) -> Match:
    """Lay a face on a scene so that it looks like what is visible there.

    Args:
        face: from :func:`spots`.
        scene: the head.
        start: where to begin; takes the face's mesh to the scene, both in pixels of :data:`SIDE`.
        prior: where the face lies as far as the mesh tells.
        looseness: how far it may stray from there.
        steps: for each step which of :data:`BLURS` to compare at.
    """
    rigid, correlation = start, 0.0
    found = np.empty((len(face.places), 7), np.float32)
    for blur in steps:
        compared, correlation = _compared(face, scene, blur, rigid, found)
        if len(compared) < _LEAST_SPOTS:
            return Match(rigid, 0.0)
        by = _step(compared, _apart(rigid, prior, face.centre), looseness.information)
        rigid = _moved(rigid, by, face.centre)
        if (np.abs(by) < _STILL).all():
            break
    return Match(rigid, correlation)


def _compared(
    face: Spots, scene: Scene, blur: int, rigid: Rigid, found: FloatArray
) -> tuple[FloatArray, float]:
    """The spots that are seen, (m, 7) as :func:`compare` has them, and how alike both faces are there."""
    turned = (rigid.scale * rigid.rotation).astype(np.float32)
    x, y, _ = rigid(face.centre[None])[0]
    least = np.float32(_LEAST_FACING * rigid.scale)
    args = (face.places, face.normals, face.weights, face.values[blur], scene.planes(blur), scene.bare)
    count, correlation = compare(*args, turned, np.float32(x), np.float32(y), least, found)
    return found[:count], correlation


def _step(
    compared: FloatArray, apart: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(6,) by how much to turn, grow and shift; ``apart`` is what the prior wants, with these weights."""
    spread = 1.4826 * float(np.median(np.abs(compared[:, 3]))) + 1e-3
    information, pull = np.zeros((6, 6)), np.zeros(6)
    accumulate(compared, np.float32(2 * spread), information, pull)
    share = 1 / (_DEPENDENT * spread**2)
    by = np.linalg.solve(share * information + np.diag(weights), share * pull + weights * apart)
    return np.asarray(np.clip(by, -_MOST, _MOST))


def _apart(rigid: Rigid, other: Rigid, centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """(6,) turn, growth and shift from one to the other."""
    turn = cv2.Rodrigues(other.rotation @ rigid.rotation.T)[0][:, 0]
    shift = (other(centre[None]) - rigid(centre[None]))[0, :2]
    return np.array([*turn, np.log(other.scale / rigid.scale), *shift])


def _moved(rigid: Rigid, by: NDArray[np.float64], centre: NDArray[np.float64]) -> Rigid:
    """Turned about the centre, grown and shifted."""
    place = rigid(centre[None])[0] + (by[4], by[5], 0)
    rotation = cv2.Rodrigues(by[:3].copy())[0] @ rigid.rotation
    scale = rigid.scale * float(np.exp(by[3]))
    return Rigid(scale, rotation, place - scale * rotation @ centre)


def _at_side(picture: NDArray[Any]) -> NDArray[Any]:
    return cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def _normalised(brightness: FloatArray, bare: FloatArray, blur: float) -> FloatArray:
    """What of a picture is left when brightness and contrast around are taken off, where it is bare.

    Args:
        brightness: (SIDE, SIDE) in 0..1.
        bare: (SIDE, SIDE) 1 where it counts, 0 elsewhere.
        blur: deviation in pixels.
    """
    soft = np.asarray(cv2.GaussianBlur(brightness, (0, 0), blur), np.float32)
    share = np.maximum(_around(bare), np.float32(0.02))
    off = np.asarray((soft - _around(soft * bare) / share) * bare, np.float32)
    spread = cv2.sqrt(_around(off * off) / share + np.float32(_NOISE**2))
    return np.asarray(off / spread, np.float32)


def _around(plane: FloatArray) -> FloatArray:
    """Means around each pixel: two boxes, which are near enough to a Gaussian of five pixels."""
    once = cv2.blur(plane, (_AROUND, _AROUND), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.blur(once, (_AROUND, _AROUND), borderType=cv2.BORDER_REPLICATE), np.float32)
