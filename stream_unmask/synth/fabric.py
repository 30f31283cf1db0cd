"""Cloth: its colours and its texture.

A mask is made flat, on a :class:`Plane` of the face's chart, and laid on the picture by one resampling.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_TILE = 256
_BANK = 24

_COLOURS = {
    "surgical": (
        ((165, 205, 235), 0.22),
        ((105, 170, 225), 0.16),
        ((95, 190, 215), 0.10),
        ((150, 215, 200), 0.12),
        ((70, 175, 150), 0.05),
        ((240, 243, 245), 0.24),
        ((35, 35, 38), 0.14),
        ((240, 190, 205), 0.07),
        ((238, 215, 200), 0.05),
        ((190, 160, 210), 0.02),
    ),
    "respirator": (
        ((242, 242, 240), 0.74),
        ((35, 35, 38), 0.12),
        ((225, 220, 205), 0.05),
        ((120, 175, 205), 0.05),
        ((235, 180, 190), 0.05),
        ((70, 165, 150), 0.02),
    ),
    "rubber": (
        ((120, 124, 132), 0.25),
        ((40, 40, 44), 0.25),
        ((165, 168, 172), 0.15),
        ((215, 218, 220), 0.08),
        ((195, 180, 155), 0.08),
        ((55, 105, 160), 0.09),
        ((50, 130, 140), 0.05),
        ((75, 80, 70), 0.05),
    ),
    "cloth": (
        ((28, 28, 32), 0.36),
        ((240, 240, 240), 0.18),
        ((130, 130, 135), 0.12),
        ((40, 55, 100), 0.1),
        ((215, 190, 155), 0.08),
        ((240, 205, 185), 0.05),
        ((200, 40, 90), 0.05),
        ((240, 150, 170), 0.05),
        ((60, 110, 75), 0.05),
        ((190, 30, 35), 0.06),
        ((70, 130, 190), 0.05),
    ),
}
_GROUP = {"surgical": "surgical", "kn95": "respirator", "n95": "respirator", "elastomeric": "rubber"}


@dataclass(frozen=True, slots=True)
class Tiles:
    """Textures that repeat seamlessly, made once; each is stored twice over in both directions.

    Attributes:
        folds: (n, 2T, 2T, 2) slopes, right and down, of soft folds; deviation about 1.
        creases: the same of sharp creases, as in paper.
        weave: (n, 2T, 2T) fine noise, mean 0, deviation 1.
        blotches: (n, 2T, 2T) smooth noise in 0..1, for prints.
    """

    folds: FloatArray
    creases: FloatArray
    weave: FloatArray
    blotches: FloatArray


def _smooth_noise(rng: np.random.Generator, across: float, down: float) -> FloatArray:
    noise = rng.standard_normal((_TILE, _TILE)).astype(np.float32)
    margin = _TILE // 2
    wrapped = cv2.copyMakeBorder(noise, margin, margin, margin, margin, cv2.BORDER_WRAP)
    blurred = cv2.GaussianBlur(wrapped, (0, 0), sigmaX=across, sigmaY=down)
    smooth = blurred[margin:-margin, margin:-margin]
    return np.asarray((smooth - smooth.mean()) / smooth.std(), np.float32)


def _slopes(height: FloatArray) -> FloatArray:
    """(T, T, 2) slopes of a height that repeats, deviation 1."""
    right = (np.roll(height, -1, 1) - np.roll(height, 1, 1)) / 2
    down = (np.roll(height, -1, 0) - np.roll(height, 1, 0)) / 2
    slopes = np.stack([right, down], -1)
    return np.asarray(slopes / slopes.std(), np.float32)


def _folds(rng: np.random.Generator) -> FloatArray:
    wide = float(rng.uniform(8, 40))
    return _slopes(_smooth_noise(rng, wide, wide * float(rng.uniform(0.25, 1.0))))


def _creases(rng: np.random.Generator) -> FloatArray:
    """Ridged noise: where smooth noise passes zero its absolute value has a crease."""
    height = np.zeros((_TILE, _TILE), np.float32)
    for share, size in ((1.0, rng.uniform(16, 30)), (0.5, rng.uniform(8, 15)), (0.2, rng.uniform(4, 7))):
        height -= np.float32(share) * np.abs(_smooth_noise(rng, size * rng.uniform(0.8, 2.0), size))
    soft = cv2.GaussianBlur(height, (0, 0), 1.0, borderType=cv2.BORDER_REFLECT_101)
    return _slopes(np.asarray(soft, np.float32))


def _weave(rng: np.random.Generator) -> FloatArray:
    """Threads, felt or plain noise."""
    style = rng.integers(3)
    noise = _smooth_noise(rng, 0.7, 0.7)
    if style == 0:
        return noise
    if style == 1:
        return _smooth_noise(rng, float(rng.uniform(1.0, 2.5)), 0.6)
    period = float(rng.choice((2, 4, 8)))
    ramp = np.arange(_TILE, dtype=np.float32) * (2 * np.pi / period)
    return np.asarray((np.sin(ramp)[:, None] + np.sin(ramp)[None]) * 0.8 + 0.4 * noise, np.float32)


def _blotches(rng: np.random.Generator) -> FloatArray:
    size = float(rng.uniform(3, 14))
    return np.asarray(0.5 + 0.5 * np.tanh(2.0 * _smooth_noise(rng, size, size)), np.float32)


@cache
def tiles() -> Tiles:
    """The bank of textures, the same in every process."""
    rng = np.random.default_rng(7)
    banks = [
        np.array([np.concatenate([np.concatenate([tile] * 2)] * 2, 1) for tile in made], np.float32)
        for made in ([draw(rng) for _ in range(_BANK)] for draw in (_folds, _creases, _weave, _blotches))
    ]
    return Tiles(*banks)


class Plane:
    """A rectangle of the chart, drawn flat.

    Attributes:
        unit: pixels in one eye distance.
        corner: (2,) chart place of the first pixel.
        x: (1, W) chart places of the columns.
        y: (H, 1) chart places of the rows.
    """

    def __init__(self, low: FloatArray, high: FloatArray, unit: float) -> None:
        """Cover the chart from ``low`` to ``high``, both (2,), with ``unit`` pixels in an eye distance."""
        width, height = (int(side) for side in np.maximum(np.round((high - low) * unit), 2))
        self.unit = unit
        self.corner = low.astype(np.float32)
        self.x = (low[0] + np.arange(width, dtype=np.float32) / np.float32(unit))[None]
        self.y = (low[1] + np.arange(height, dtype=np.float32) / np.float32(unit))[:, None]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.y.shape[0], self.x.shape[1]

    def pixels(self, places: FloatArray) -> FloatArray:
        """Chart places (n, 2) in pixels of the plane."""
        return np.asarray((places - self.corner) * np.float32(self.unit), np.float32)

    def cut(self, bank: FloatArray, rate: float, rng: np.random.Generator) -> FloatArray:
        """A random piece of a random tile, as large as the plane.

        Args:
            bank: (n, 2T, 2T) or (n, 2T, 2T, 2) tiles.
            rate: tile pixels in one eye distance.
            rng: where all chance comes from.
        """
        height, width = self.shape
        zoom = min(rate / self.unit, (_TILE - 1) / max(height, width))
        rows, columns = max(2, int(height * zoom)), max(2, int(width * zoom))
        number, top, left = (int(n) for n in rng.integers((len(bank), _TILE, _TILE)))
        piece = bank[number, top : top + rows, left : left + columns]
        return np.asarray(cv2.resize(piece, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def draw_colour(kind: str, rng: np.random.Generator) -> FloatArray:
    """(3,) RGB in 0..255, the colour of a whole mask."""
    if rng.random() < 0.12:
        return rng.uniform(20, 245, 3).astype(np.float32)
    choices = _COLOURS[_GROUP.get(kind, "cloth")]
    weights = np.array([weight for _, weight in choices])
    colour = np.array(choices[int(rng.choice(len(choices), p=weights / weights.sum()))][0], np.float32)
    return np.clip(colour * rng.uniform(0.85, 1.08) + rng.normal(0, 7, 3), 5, 252).astype(np.float32)
