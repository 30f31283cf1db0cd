"""What a bare face is like, in numbers that tell whether it serves as a stand-in, and for whom."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.laying import Points, eye_distance, head_angles

Pixels = NDArray[np.uint8]

SIDE = 256
"""Side in pixels of the crop in which everything is measured."""

# fmt: off
FOREHEAD = (151, 108, 337, 9, 69, 299)
BELOW_BROWS = (8, 168, 6, 122, 351, 117, 346, 118, 347)
FOREHEAD_AND_BRIDGE = FOREHEAD + BELOW_BROWS
UPPER_SKIN = (151, 108, 337, 9, 69, 299, 117, 346, 118, 347, 6, 197)
_CHEEKS = ((50, 205, 36, 101, 118, 117, 187, 147, 207), (280, 425, 266, 330, 347, 346, 411, 376, 427))
_LOW_CHEEKS = ((187, 207, 147, 192, 214), (411, 427, 376, 416, 434))
CHIN = (199, 200, 175, 171, 396, 32, 262, 140, 369, 208, 428)
UPPER_LIP = (164, 167, 393, 165, 391, 92, 322)
_LIPS = (0, 37, 267, 17, 84, 314, 85, 315, 39, 269, 181, 405)
_JAW = (172, 397, 136, 365, 150, 379, 149, 378, 176, 400)
# fmt: on

_HAIR_LIGHT, _HAIR_CHROMA = 30.0, 6.0
"""L and chroma below which a place is hair or dark glasses: skin in shadow keeps its chroma."""

_SKIN_CHROMA, _FEW = 9.0, 3
"""Chroma from which a place is surely skin, and how many of these there must be for hair to be left out."""

_NOSE_LINE = (8, 195)
"""From between the brows to above the nose tip: a pair of glasses has its bridge across."""

_MOUTH_GAP = ((13, 14), (82, 87), (312, 317), (81, 178), (311, 402))
"""Pairs of points on the lips' inner rims."""

_SKIN_REACH = (26.0, 15.0)
"""How far lightness and chroma of skin (Lab) may be off the cheeks' for skin still."""


@dataclass(frozen=True, slots=True)
class Looks:
    """One bare face. Lightness and chroma are of CIE Lab, L in 0..100.

    Attributes:
        skin: (3,) L, a, b of forehead, nose bridge and below the eyes.
        yaw: degrees, positive where the nose points to the picture's right.
        pitch: degrees, positive where it points down.
        openness: gap between the lips in eye distances.
        smile: width of the mouth in eye distances; about 0.8 at rest.
        beard: by how much chin, jaw and upper lip are darker than the cheeks.
        stubble: fine contrast of chin and upper lip less that of the cheeks.
        texture: fine contrast of forehead, nose bridge and below the eyes: wrinkles, pores, and how sharp the
            picture is.
        lips: by how much redder (a) the lips are than the cheeks.
        uneven: spread of L over the skin of cheeks, nose and chin.
        sided: difference of L between the cheeks.
        shine: by how much the brightest skin is above the median.
        teeth: by how much the brightest place between the lips is brighter than the lips.
        rims: fine contrast across the nose's bridge: glasses.
        clear_left: share of the cheek on the picture's left that shows skin and no hair, 0..1.
        clear_right: the same on the right.
        clear_chin: the same of chin, lips' surroundings and jaw; beards are not clear.
        length: from nose bridge to chin in eye distances.
        eyes: height and width of the open eyes in eye distances; children's are large.
    """

    skin: NDArray[np.float64]
    yaw: float
    pitch: float
    openness: float
    smile: float
    beard: float
    stubble: float
    texture: float
    lips: float
    uneven: float
    sided: float
    shine: float
    teeth: float
    rims: float
    clear_left: float
    clear_right: float
    clear_chin: float
    length: float
    eyes: float


def measure(picture: Pixels, points: Points) -> Looks:
    """Measure a bare face.

    Args:
        picture: (S, S, 3) RGB crop.
        points: (468, 3) its mesh in the crop's pixels.
    """
    patches = Patches(picture, points)
    angles, unit = head_angles(points), eye_distance(points)
    cheeks = np.concatenate([patches.lab(side) for side in _CHEEKS])
    cheek = np.median(cheeks, axis=0)
    low = np.median(np.concatenate([patches.lab(side) for side in _LOW_CHEEKS]), axis=0)
    left, right = (patches.lab(side) for side in _CHEEKS)
    lower = np.concatenate([patches.lab(CHIN), patches.lab(UPPER_LIP), patches.lab(_JAW)])
    smooth = np.concatenate([left[:, 0], right[:, 0], patches.lab(CHIN)[:, 0]])
    fine = np.concatenate([patches.contrast(CHIN), patches.contrast(UPPER_LIP)])
    eyes = (_apart(points, 159, 145) + _apart(points, 386, 374) + _apart(points, 33, 133)) / 3
    return Looks(
        skin=patches.skin(FOREHEAD_AND_BRIDGE),
        yaw=angles.yaw,
        pitch=angles.pitch,
        openness=_apart(points, 13, 14) / unit,
        smile=_apart(points, 61, 291) / unit,
        beard=float(max(cheek[0], low[0]) - np.percentile(lower[:, 0], 35)),
        stubble=float(np.median(fine) - np.median(patches.contrast(_CHEEKS[0] + _CHEEKS[1]))),
        texture=patches.texture(UPPER_SKIN),
        lips=float(np.median(patches.lab(_LIPS)[:, 1]) - cheek[1]),
        uneven=float(smooth.std()),
        sided=float(abs(left[:, 0].mean() - right[:, 0].mean())),
        shine=float(smooth.max() - np.median(smooth)),
        teeth=patches.teeth(),
        rims=patches.rims(),
        clear_left=_clear(left, cheek),
        clear_right=_clear(right, cheek),
        clear_chin=_clear(lower, cheek),
        length=_apart(points, 168, 152) / unit,
        eyes=eyes / unit,
    )


class Patches:
    """Small spots of a crop around mesh points."""

    def __init__(self, picture: Pixels, points: Points) -> None:
        """Take a crop (S, S, 3) and the mesh points (468, 3) in its pixels."""
        zoom = SIDE / len(picture)
        small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
        self._lab: NDArray[np.float32] = np.asarray(cv2.blur(lab, (5, 5)), np.float32)
        fine = lab[:, :, 0] - cv2.GaussianBlur(lab[:, :, 0], (0, 0), 3)
        self._contrast = np.asarray(cv2.blur(np.abs(fine), (9, 9)), np.float32)
        self._across = np.asarray(cv2.blur(fine, (7, 1)), np.float32)
        self._places = np.clip(np.rint((points[:, :2] + 0.5) * zoom - 0.5), 3, SIDE - 4).astype(int)

    def lab(self, numbers: tuple[int, ...]) -> NDArray[np.float64]:
        """(n, 3) mean L, a, b around each point."""
        return self._at(self._lab, numbers)

    def contrast(self, numbers: tuple[int, ...]) -> NDArray[np.float64]:
        """(n,) mean fine contrast of L around each point."""
        return self._at(self._contrast, numbers)

    def texture(self, numbers: tuple[int, ...], bare: NDArray[np.bool_] | None = None) -> float:
        """Fine contrast of L at points, as a share of L.

        Args:
            numbers: of the points.
            bare: (n,) which of them count; all where none would.
        """
        contrast, light = self.contrast(numbers), np.maximum(self.lab(numbers)[:, 0], 15)
        shares = 100 * contrast / light
        # Hair and rims of glasses are rougher than any skin.
        return float(np.quantile(shares[bare] if bare is not None and bare.any() else shares, 0.3))

    def teeth(self) -> float:
        """By how much L is higher between the lips than on them, where it is highest."""
        upper, lower = np.array(_MOUTH_GAP).T
        between = (self._places[upper] + self._places[lower]) // 2
        bright = self._lab[between[:, 1], between[:, 0], 0].max()
        return float(bright - np.median(self.lab(_LIPS)[:, 0]))

    def rims(self) -> float:
        """The strongest contrast of L down the nose's bridge."""
        first, last = self._places[list(_NOSE_LINE)]
        columns, rows = np.rint(np.linspace(first, last, 24)).astype(int).T
        return float(np.abs(self._across[rows, columns]).max())

    def skin(self, numbers: tuple[int, ...], bare: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
        """(3,) L, a, b of skin at points, hair and highlights left out.

        Args:
            numbers: of the points.
            bare: (n,) which of them count; all where none would.
        """
        found = self.lab(numbers)
        if bare is not None and bare.any():
            found = found[bare]
        chroma = np.hypot(found[:, 1], found[:, 2])
        if (chroma > _SKIN_CHROMA).sum() >= _FEW:
            found = found[(found[:, 0] > _HAIR_LIGHT) | (chroma > _HAIR_CHROMA)]
        usual = np.abs(found[:, 0] - np.median(found[:, 0])) < 20
        return np.asarray(np.median(found[usual], axis=0))

    def _at(self, plane: NDArray[np.float32], numbers: tuple[int, ...]) -> NDArray[np.float64]:
        columns, rows = self._places[list(numbers)].T
        return np.asarray(plane[rows, columns], np.float64)


def _apart(points: Points, first: int, second: int) -> float:
    return float(np.linalg.norm(points[first] - points[second]))


def _clear(found: NDArray[np.float64], skin: NDArray[np.float64]) -> float:
    """The share of patches (n, 3) that are of the skin's colour."""
    off = found - skin
    alike = (np.abs(off[:, 0]) < _SKIN_REACH[0]) & (np.hypot(off[:, 1], off[:, 2]) < _SKIN_REACH[1])
    return float(alike.mean())
