"""What a camera does to a face: light and colour, which the truth shares, and damage, which it does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.synth.compiling import njit

Bytes = NDArray[np.uint8]
FloatArray = NDArray[np.float32]
Codec = Callable[[Sequence[Bytes], int], list[Bytes]]
"""Codes (H, W, 3) RGB frames as one H.264 video with this quantizer, 18 (good) to 45, and decodes them."""

_GRAIN_SIDE = 512

_GREY = 0.03
"""Share of pictures without colour."""


def draw_tone(rng: np.random.Generator) -> Bytes:
    """(256, 3) uint8 table for :func:`apply_tone`: exposure, contrast, gamma and colour cast."""
    ramp = np.arange(256, dtype=np.float32) / 255
    strength = float(rng.choice((0.3, 1.0)))
    gamma = float(np.exp(strength * rng.normal(0, 0.2)))
    contrast = 1 + strength * float(rng.normal(0, 0.15))
    gain = 1 + strength * float(rng.normal(0, 0.12))
    if rng.random() < 0.07:
        gain *= float(rng.uniform(0.3, 0.7))
    cast = 1 + strength * rng.normal(0, 0.06, 3)
    curves = ((ramp**gamma - 0.5) * contrast + 0.5)[:, None] * gain * cast
    return np.clip(curves * 255, 0, 255).astype(np.uint8)


def apply_tone(picture: Bytes, table: Bytes) -> Bytes:
    """``picture`` (H, W, 3) seen through ``table``."""
    seen = np.empty_like(picture)
    _look_up(picture, table, seen)
    return seen


@njit
def _look_up(picture: Any, table: Any, seen: Any) -> None:
    # Half the time of cv2.LUT.
    for i in range(picture.shape[0]):
        for j in range(picture.shape[1]):
            seen[i, j, 0] = table[picture[i, j, 0], 0]
            seen[i, j, 1] = table[picture[i, j, 1], 1]
            seen[i, j, 2] = table[picture[i, j, 2], 2]


def draw_lamps(size: int, rng: np.random.Generator) -> Bytes:
    """(S, S, 3) uint8 for :func:`apply_lamps`: coloured light that differs from place to place."""
    coarse = 128 * np.exp(rng.normal(0, 0.25, (3, 3, 1)) + rng.normal(0, 0.12, (3, 3, 3)))
    small = np.clip(coarse, 30, 255).astype(np.uint8)
    return np.asarray(cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC), np.uint8)


def apply_lamps(picture: Bytes, lamps: Bytes) -> Bytes:
    """``picture`` (S, S, 3) in the light of ``lamps``; 128 leaves it alone."""
    return np.asarray(cv2.multiply(picture, lamps, scale=1 / 128), np.uint8)


@cache
def _grain() -> FloatArray:
    """(8, side, side) noise of deviation 1, as it comes from a sensor and as demosaicing leaves it."""
    rng = np.random.default_rng(11)
    noise = rng.standard_normal((8, _GRAIN_SIDE, _GRAIN_SIDE), np.float32)
    for layer in noise[4:]:
        layer[:] = cv2.GaussianBlur(layer, (0, 0), 0.8)
        layer /= layer.std()
    return noise


def _noisy(picture: Bytes, deviation: float, coloured: bool, rng: np.random.Generator) -> Bytes:
    height, width = picture.shape[:2]

    def layer(share: float) -> NDArray[np.int16]:
        number, top, left = (
            int(n) for n in rng.integers((8, _GRAIN_SIDE - height + 1, _GRAIN_SIDE - width + 1))
        )
        piece = _grain()[number, top : top + height, left : left + width]
        return np.asarray(np.rint(piece * np.float32(deviation * share)), np.int16)

    luma = layer(1.0)
    layers = [luma + layer(0.7) for _ in range(3)] if coloured else [luma] * 3
    return np.asarray(cv2.add(picture, cv2.merge(layers), dtype=cv2.CV_8U), np.uint8)


def _coarse(picture: Bytes, strength: float, rng: np.random.Generator) -> Bytes:
    """As if the face had been small and scaled up."""
    height, width = picture.shape[:2]
    factor = float(rng.uniform(1.1, 1.5 + 3.5 * strength * rng.random()))
    small = cv2.resize(picture, (int(width / factor), int(height / factor)), interpolation=cv2.INTER_AREA)
    way = cv2.INTER_LINEAR if rng.random() < 0.6 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(small, (width, height), interpolation=way), np.uint8)


def _blurred(picture: Bytes, strength: float, rng: np.random.Generator) -> Bytes:
    """Out of focus, or moved."""
    if rng.random() >= 0.3:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.4, 1 + strength))), np.uint8)
    length = int(rng.integers(3, 4 + int(6 * strength)))
    kernel = np.zeros((length, length), np.float32)
    angle = float(rng.uniform(0, np.pi))
    reach = (length - 1) / 2
    step = np.array([np.cos(angle), np.sin(angle)]) * reach
    ends = [(round(reach + sign * step[0]), round(reach + sign * step[1])) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0)
    return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()), np.uint8)


def _jpeg(picture: Bytes, quality: int) -> Bytes:
    _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def damage(
    pictures: Sequence[Bytes], rng: np.random.Generator, strength: float = 1.0, codec: Codec | None = None
) -> list[Bytes]:
    """Frames of one shot, hurt by blur, a small face scaled up, noise and compression.

    One camera hurts all its frames alike: with the same blur, but with other noise in each.

    Args:
        pictures: (H, W, 3) uint8 RGB, in the order of time.
        rng: where all chance comes from.
        strength: 0..1, share of the full chances and amounts.
        codec: what one shot in seven goes through; without one JPEG stands in for it.
    """
    seed = int(rng.integers(1 << 32))
    hurt = []
    for number, picture in enumerate(pictures):
        same, other = np.random.default_rng(seed), np.random.default_rng((seed, number))
        if same.random() < 0.45 * strength:
            picture = _coarse(picture, strength, same)
        if same.random() < 0.25 * strength:
            picture = _blurred(picture, strength, same)
        if same.random() < 0.5:
            deviation = float(same.uniform(1, 2 + 10 * strength * same.random()))
            picture = _noisy(picture, deviation, same.random() < 0.25, other)
        hurt.append(picture)
    style = rng.random()
    if style < 0.15 and codec is not None:
        return codec(hurt, int(rng.integers(20, 24 + int(16 * strength))))
    if style < 0.75:
        return [_jpeg(picture, int(rng.integers(int(90 - 60 * strength), 96))) for picture in hurt]
    return hurt


def light(crop: Bytes, truth: Bytes, rng: np.random.Generator) -> tuple[Bytes, Bytes]:
    """Crop and truth in the same random light."""
    table = draw_tone(rng)
    crop, truth = apply_tone(crop, table), apply_tone(truth, table)
    if rng.random() < 0.08:
        lamps = draw_lamps(crop.shape[0], rng)
        crop, truth = apply_lamps(crop, lamps), apply_lamps(truth, lamps)
    return crop, truth


def fade(crop: Bytes, truth: Bytes, rng: np.random.Generator) -> tuple[Bytes, Bytes]:
    """Crop and truth, which now and then lose their colour as in infrared, in old film or in sepia."""
    if rng.random() >= _GREY:
        return crop, truth
    weights = np.array((0.299, 0.587, 0.114)) if rng.random() < 0.6 else rng.dirichlet((3, 2, 1))
    tint = np.array((1.08, 0.98, 0.8)) ** rng.uniform(0.2, 1.2) if rng.random() < 0.3 else np.ones(3)
    mixed = np.outer(tint, weights)
    faded = [np.asarray(cv2.transform(picture, mixed), np.uint8) for picture in (crop, truth)]
    return faded[0], faded[1]


def cut_off(crop: Bytes, mask: Bytes, rng: np.random.Generator) -> tuple[Bytes, Bytes]:
    """A crop that reaches over the edge of its frame: there the last pixels go on, or black."""
    turns = int(rng.integers(4))
    crop, mask = np.rot90(crop, turns).copy(), np.rot90(mask, turns).copy()
    edge = int(crop.shape[1] * rng.uniform(0.6, 0.95))
    crop[:, edge:] = crop[:, edge - 1 : edge] if rng.random() < 0.7 else 0
    mask[:, edge:] = 0
    return np.ascontiguousarray(np.rot90(crop, -turns)), np.ascontiguousarray(np.rot90(mask, -turns))
