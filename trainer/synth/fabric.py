"""Colours and cloth: what a mask is made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

_TILE = 256
_BANK = 24

_COLOURS = {
    "surgical": (
        ((150, 195, 225), 0.34),
        ((105, 165, 220), 0.12),
        ((160, 215, 205), 0.14),
        ((240, 243, 245), 0.2),
        ((35, 35, 38), 0.12),
        ((240, 190, 205), 0.08),
        ((238, 215, 200), 0.05),
    ),
    "respirator": (
        ((240, 240, 238), 0.72),
        ((35, 35, 38), 0.12),
        ((225, 220, 205), 0.06),
        ((150, 195, 225), 0.05),
        ((235, 180, 190), 0.05),
    ),
    "cloth": (
        ((28, 28, 32), 0.34),
        ((240, 240, 240), 0.14),
        ((130, 130, 135), 0.12),
        ((40, 55, 100), 0.1),
        ((215, 190, 155), 0.08),
        ((240, 205, 185), 0.06),
        ((200, 40, 90), 0.06),
        ((240, 140, 125), 0.06),
        ((60, 110, 75), 0.04),
        ((190, 30, 35), 0.06),
    ),
}
_GROUP = {"surgical": "surgical", "kn95": "respirator", "n95": "respirator"}


@dataclass(frozen=True, slots=True)
class Tiles:
    """Textures that repeat seamlessly, made once.

    Attributes:
        folds: (n, T, T) soft noise with a slope of about 1, to be used as light on folds.
        weave: (n, T, T) fine noise, mean 0, deviation 1.
        blotches: (n, T, T) smooth noise in 0..1, for prints.
    """

    folds: FloatArray
    weave: FloatArray
    blotches: FloatArray


def _smooth_noise(rng: np.random.Generator, across: float, down: float) -> FloatArray:
    noise = rng.standard_normal((_TILE, _TILE)).astype(np.float32)
    wrapped = np.tile(noise, (3, 3))
    smooth = cv2.GaussianBlur(wrapped, (0, 0), sigmaX=across, sigmaY=down)[
        _TILE : 2 * _TILE, _TILE : 2 * _TILE
    ]
    return np.asarray((smooth - smooth.mean()) / smooth.std(), np.float32)


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


@cache
def tiles() -> Tiles:
    """The bank of textures, the same in every process."""
    rng = np.random.default_rng(7)
    folds = []
    for _ in range(_BANK):
        wide = float(rng.uniform(8, 40))
        height = _smooth_noise(rng, wide, wide * float(rng.uniform(0.25, 1.0)))
        slope = cv2.Sobel(np.tile(height, (3, 3)), cv2.CV_32F, 0, 1)[_TILE : 2 * _TILE, _TILE : 2 * _TILE]
        folds.append(slope / slope.std())
    blotches = []
    for _ in range(_BANK):
        size = float(rng.uniform(3, 14))
        blotches.append(0.5 + 0.5 * np.tanh(2.0 * _smooth_noise(rng, size, size)))
    return Tiles(
        np.array(folds, np.float32),
        np.array([_weave(rng) for _ in range(_BANK)], np.float32),
        np.array(blotches, np.float32),
    )


def draw_colour(kind: str, rng: np.random.Generator) -> FloatArray:
    """(3,) RGB in 0..255, the colour of a whole mask."""
    if rng.random() < 0.12:
        return rng.uniform(20, 245, 3).astype(np.float32)
    choices = _COLOURS[_GROUP.get(kind, "cloth")]
    weights = np.array([weight for _, weight in choices])
    colour = np.array(choices[int(rng.choice(len(choices), p=weights / weights.sum()))][0], np.float32)
    return np.clip(colour * rng.uniform(0.85, 1.08) + rng.normal(0, 7, 3), 5, 252).astype(np.float32)


def sample(tile: FloatArray, x: FloatArray, y: FloatArray, scale: float) -> FloatArray:
    """``tile`` read at chart places ``x``, ``y``, repeating every ``_TILE / scale`` eye distances."""
    u = np.mod(x * np.float32(scale), np.float32(_TILE - 1))
    v = np.mod(y * np.float32(scale), np.float32(_TILE - 1))
    return np.asarray(cv2.remap(tile, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP), np.float32)


def draw_print(x: FloatArray, y: FloatArray, base: FloatArray, rng: np.random.Generator) -> FloatArray:
    """A printed cloth.

    Args:
        x: (H, W) chart places.
        y: (H, W) chart places.
        base: (3,) RGB of the ground.

    Returns:
        (H, W, 3) RGB in 0..255.
    """
    angle = float(rng.uniform(0, np.pi))
    along = x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))
    aside = y * np.float32(np.cos(angle)) - x * np.float32(np.sin(angle))
    rate = np.float32(2 * np.pi * rng.uniform(3, 14))
    style = rng.integers(5)
    if style == 0:
        amount = 0.5 + 0.5 * np.tanh(4 * np.sin(along * rate))
    elif style == 1:
        amount = 0.5 + 0.5 * np.tanh(8 * (np.cos(along * rate) * np.cos(aside * rate) - 0.45))
    elif style == 2:
        amount = 0.25 * (2 + np.tanh(4 * np.sin(along * rate)) + np.tanh(4 * np.sin(aside * rate)))
    else:
        amount = sample(
            tiles().blotches[rng.integers(_BANK)], along + 5, aside + 5, float(rng.uniform(60, 200))
        )
    ink = rng.uniform(10, 250, 3).astype(np.float32)
    cloth = base + amount.astype(np.float32)[..., None] * (ink - base)
    if style == 4:
        second = sample(
            tiles().blotches[rng.integers(_BANK)], aside + 9, along + 9, float(rng.uniform(60, 200))
        )
        cloth += (second[..., None] > 0.6) * (rng.uniform(10, 250, 3).astype(np.float32) - cloth)
    return np.asarray(cloth, np.float32)
