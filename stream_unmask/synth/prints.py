"""What is printed on cloth, woven into it or knitted."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.synth.fabric import Plane, tiles

FloatArray = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_SETT = 64
"""Threads in one repeat of a tartan."""


def draw_ink(base: FloatArray, rng: np.random.Generator) -> FloatArray:
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
    rate = np.float32(2 * np.pi * np.exp(rng.uniform(np.log(1.3), np.log(14))))
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
    motif, step = _motif(rng), float(np.exp(rng.uniform(np.log(0.12), np.log(1.1))))
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
        ink = tuple(float(value) for value in draw_ink(base, rng))
        cv2.fillPoly(cloth, list(fixed[chosen]), ink, cv2.LINE_AA, 4)


def _tartan(plane: Plane, base: FloatArray, rng: np.random.Generator) -> FloatArray:
    """(H, W, 3) bands of a few colours that cross: from gingham to tartan, 3 to 8 checks over a mask."""
    sett = np.empty((_SETT, 3), np.float32)
    sett[:] = base
    ink = draw_ink(base, rng)
    sett[: int(_SETT * rng.uniform(0.3, 0.55))] = ink
    for _ in range(int(rng.integers(0, 4))):
        start = int(rng.integers(_SETT - 2))
        sett[start : start + int(rng.integers(2, 12))] = draw_ink(ink, rng)
    rate = np.float32(_SETT / np.exp(rng.uniform(np.log(0.24), np.log(0.7))))
    if rng.random() < 0.6:
        along, aside = plane.x, plane.y
    else:
        slant = np.float32(rng.normal(0.8, 0.3))
        along, aside = plane.x + slant * plane.y, plane.y - slant * plane.x
    warp, weft = (sett[(threads * rate).astype(np.int32) % _SETT] for threads in (along, aside))
    share = np.float32(rng.uniform(0.4, 0.6))
    return np.asarray(share * warp + (1 - share) * weft, np.float32)


def draw_knit(plane: Plane, base: FloatArray, rng: np.random.Generator) -> Bytes:
    """(H, W, 3) RGB, columns of stitches in one colour, or in rows of two."""
    rate = np.float32(rng.uniform(7, 20))
    columns = plane.x * rate
    # A stitch is a V: each row is lifted towards the edges of its column.
    rows = plane.y * rate * np.float32(rng.uniform(0.9, 1.6)) + np.abs(columns % 1 - np.float32(0.5))
    deep = np.float32(rng.uniform(0.08, 0.3))
    tone = 1 - deep * (np.abs(rows % 1 - np.float32(0.5)) + np.abs(columns % 1 - np.float32(0.5)))
    colours: FloatArray = base
    if rng.random() < 0.3:
        broad = np.float32(rng.uniform(2, 12))
        colours = np.where((rows % broad < broad * np.float32(0.4))[..., None], draw_ink(base, rng), base)
    return np.asarray(np.clip(colours * tone[..., None], 0, 255), np.uint8)


def draw_print(plane: Plane, base: FloatArray, rng: np.random.Generator) -> Bytes:
    """(H, W, 3) RGB, a cloth of ground colour ``base`` (3,) with something printed on it."""
    if rng.random() < 0.28:
        cloth = np.empty((*plane.shape, 3), np.uint8)
        cloth[:] = base
        _scatter(cloth, plane, base, rng)
        return cloth
    if rng.random() < 0.22:
        return np.clip(_tartan(plane, base, rng), 0, 255).astype(np.uint8)
    colours: FloatArray = base
    for _ in range(1 + int(rng.random() < 0.3)):
        colours = colours + _pattern(plane, rng)[..., None] * (draw_ink(base, rng) - colours)
    return np.clip(colours, 0, 255).astype(np.uint8)
