"""Cloth: its colours, its texture, what is printed on it.

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
_GROUP = {"surgical": "surgical", "kn95": "respirator", "n95": "respirator"}


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


def _ink(base: FloatArray, rng: np.random.Generator) -> FloatArray:
    """A colour to print with: white, black, or any that is unlike the ground."""
    style = rng.random()
    if style < 0.25:
        return np.full(3, 240.0 if base.mean() < 150 else 30.0, np.float32)
    if style < 0.45:
        return np.asarray(np.clip(base * rng.choice((0.6, 0.75, 1.35)), 5, 250), np.float32)
    return rng.uniform(10, 250, 3).astype(np.float32)


def _pattern(plane: Plane, rng: np.random.Generator) -> FloatArray:
    """(H, W) how much ink a stripe, dot, check, gradient or blotch lays down, 0..1."""
    angle = float(rng.choice((0.0, np.pi / 2, np.pi / 4, rng.uniform(0, np.pi))))
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    along, aside = plane.x * cos + plane.y * sin, plane.y * cos - plane.x * sin
    rate = np.float32(2 * np.pi * rng.uniform(2.5, 14))
    style = int(rng.choice(6, p=(0.16, 0.22, 0.22, 0.08, 0.1, 0.22)))
    hard = np.float32(rng.uniform(2, 8))
    if style == 0:
        amount = 0.5 + 0.5 * np.tanh(hard * (np.sin(along * rate) + np.float32(rng.uniform(-0.6, 0.6))))
    elif style == 1:
        spot = np.float32(rng.uniform(0.3, 0.8))
        amount = 0.5 + 0.5 * np.tanh(8 * (np.cos(along * rate) * np.cos(aside * rate) - spot))
    elif style == 2:
        thin = np.float32(rng.choice((0.0, 0.0, 0.8)))
        lines = np.tanh(hard * (np.sin(along * rate) - thin)) + np.tanh(hard * (np.sin(aside * rate) - thin))
        amount = 0.25 * (2 + lines)
    elif style == 3:
        # Houndstooth, nearly: checks cut by a diagonal.
        checks = np.sign(np.sin(along * rate)) + np.sign(np.sin(aside * rate))
        amount = 0.5 + 0.5 * np.sign(checks + 0.6 * np.sin((along + aside) * rate * 2))
    elif style == 4:
        amount = 0.5 + 0.5 * np.tanh(
            np.float32(rng.uniform(0.8, 3)) * (along - np.float32(rng.normal(0.5, 0.4)))
        )
    else:
        amount = plane.cut(tiles().blotches, float(rng.uniform(60, 200)), rng)
    return np.broadcast_to(np.asarray(amount, np.float32), plane.shape)


def _motif(rng: np.random.Generator) -> FloatArray:
    """(n, 2) outline of a flower, a star, a leaf, a heart or a ring's disc, about 1 in radius."""
    turn = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    style = rng.integers(4)
    petals = int(rng.integers(4, 8))
    if style == 0:
        radius = 0.65 + 0.35 * np.cos(petals * turn)
    elif style == 1:
        radius = 0.55 + 0.45 * np.abs((petals * turn / np.pi) % 2 - 1)
    elif style == 2:
        radius = 0.35 + 0.65 * np.abs(np.cos(turn)) ** 3
    else:
        radius = 0.8 - 0.35 * np.sin(turn) + 0.25 * np.abs(np.cos(turn))
    return np.stack([radius * np.cos(turn), radius * np.sin(turn)], 1).astype(np.float32)


def _scatter(cloth: Bytes, plane: Plane, base: FloatArray, rng: np.random.Generator) -> None:
    """Print one motif many times over, in place."""
    motif, step = _motif(rng), float(rng.uniform(0.12, 0.6))
    height, width = (int(side / plane.unit / step) + 2 for side in plane.shape)
    rows, columns = np.indices((height, width)).reshape(2, -1)
    places = np.stack([columns + rows % 2 / 2, rows], 1) + rng.normal(0, 0.1, (len(rows), 2))
    angle = rng.uniform(0, 2 * np.pi, len(rows))
    turn = np.stack([np.cos(angle), np.sin(angle), -np.sin(angle), np.cos(angle)], 1).reshape(-1, 2, 2)
    sized = turn * rng.uniform(0.2, 0.4, (len(rows), 1, 1))
    outlines = plane.unit * step * (motif @ sized + places[:, None])
    fixed = np.round(outlines * 16).astype(np.int32)
    second = rng.random(len(rows)) < rng.choice((0.0, 0.4))
    for chosen in (~second, second):
        ink = tuple(float(value) for value in _ink(base, rng))
        cv2.fillPoly(cloth, list(fixed[chosen]), ink, cv2.LINE_AA, 4)


def draw_print(plane: Plane, base: FloatArray, rng: np.random.Generator) -> Bytes:
    """(H, W, 3) RGB, a cloth of ground colour ``base`` (3,) with something printed on it."""
    if rng.random() < 0.28:
        cloth = np.empty((*plane.shape, 3), np.uint8)
        cloth[:] = base
        _scatter(cloth, plane, base, rng)
        return cloth
    colours: FloatArray = base
    for _ in range(1 + int(rng.random() < 0.3)):
        colours = colours + _pattern(plane, rng)[..., None] * (_ink(base, rng) - colours)
    return np.clip(colours, 0, 255).astype(np.uint8)
