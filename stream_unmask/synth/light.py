"""Where the light on a face comes from, and how a surface that it falls on looks.

A face is taken for a matt body of one colour under a far light and an even one (first-order spherical
harmonics: Basri & Jacobs, "Lambertian Reflectance and Linear Subspaces", 2003). Directions are those of the
face's chart: right, down, and out of the face; so the turn of the head needs no thought.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import mean_face

FloatArray = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_SMALL = 32


@dataclass(frozen=True, slots=True)
class Light:
    """The light on one face.

    Attributes:
        exposure: how bright a grey card would be, 1 in a well-lit photo.
        far: (3,) share of the light on skin towards the camera that comes from a far light, times its
            direction; the rest comes from everywhere.
    """

    exposure: float
    far: FloatArray

    def shade(self, slopes: FloatArray, strength: float) -> FloatArray:
        """How bright a cloth is, about 1 where it lies flat.

        Args:
            slopes: (H, W, 2) rise of the cloth out of the face, to the right and downwards.
            strength: of the far light, 1 as on skin.

        Returns:
            (H, W) factors.
        """
        across, down = slopes[..., 0], slopes[..., 1]
        upright = 1 / np.sqrt(1 + across * across + down * down)
        right, below, out = (np.float32(strength) * self.far).tolist()
        lit = (out - right * across - below * down) * upright
        return np.asarray(np.maximum(lit + np.float32(1 - out), 0.12), np.float32)


@cache
def _places() -> tuple[NDArray[np.intp], FloatArray]:
    """Mesh points on plain skin, and the matrix that takes their brightness to even and far light."""
    mean = mean_face()
    x, y, z = mean.T
    powers = [(i, j) for i in range(5) for j in range(5 - i)]
    inner = np.abs(x) < 0.95
    surface = np.stack([x**i * y**j for i, j in powers], 1)
    weights = np.linalg.lstsq(surface[inner], -z[inner], rcond=None)[0]
    across = np.stack([i * x ** max(i - 1, 0) * y**j for i, j in powers], 1) @ weights
    down = np.stack([j * x**i * y ** max(j - 1, 0) for i, j in powers], 1) @ weights
    eyes = (np.abs(y) < 0.25) & (np.abs(x) > 0.15)
    mouth = (y > 0.95) & (y < 1.45) & (np.abs(x) < 0.5)
    used = np.flatnonzero((np.abs(x) < 0.85) & (y > -0.55) & (y < 1.6) & ~eyes & ~mouth)
    normals = np.stack([-across[used], -down[used], np.ones(len(used))], 1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    basis = np.concatenate([np.ones((len(used), 1)), normals], 1)
    # What skin, beard and hair do to the brightness is not light: a far light must earn its place.
    ridge = len(used) * np.diag([1e-6, 0.01, 0.03, 0.03])
    return used, np.linalg.solve(basis.T @ basis + ridge, basis.T).astype(np.float32)


def _median(values: FloatArray) -> float:
    """``np.median``, which spends most of its time on cases that are not ours."""
    half = len(values) // 2
    if len(values) % 2:
        return float(np.partition(values, half)[half])
    low, high = np.partition(values, (half - 1, half))[half - 1 : half + 1]
    return float(np.float32(low + high) / np.float32(2))


def _bright(small: Bytes) -> float:
    """``np.quantile(small, 0.9)``; the same is true of it."""
    place = 0.9 * (small.size - 1)
    below = int(place)
    low, high = np.partition(small, (below, below + 1), None)[below : below + 2].tolist()
    return float(high - (high - low) * (1 - (place - below)))


def estimate_light(face: Bytes, points: FloatArray) -> Light:
    """Estimate the light on a bare face.

    Args:
        face: (S, S, 3) uint8 RGB crop.
        points: (468, 2) mesh points in its pixels.
    """
    small = cv2.cvtColor(cv2.resize(face, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    used, solve = _places()
    at = np.clip(points[used] * (_SMALL / face.shape[0]), 0, _SMALL - 1).astype(np.intp)
    grey = small[at[:, 1], at[:, 0]].astype(np.float32)
    middle = max(_median(grey), 6.0)
    even, *far = (solve @ np.clip(grey, 0.5 * middle, 1.6 * middle)).tolist()
    level = max(even + far[2], 6.0)
    sides = np.clip(np.array(far[:2]) / level, (-0.6, -0.6), (0.6, 0.3))
    # The part towards the camera is the least certain; a plausible one goes with the rest.
    direction = np.array([*sides, np.clip(far[2] / level, 0.25, 0.7)], np.float32)
    # Dark skin is not dim light: something in the picture is brighter then.
    exposure = max(level / 150, _bright(np.asarray(small, np.uint8)) / 240)
    return Light(exposure, direction)
