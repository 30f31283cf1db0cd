"""What lies before a face and its mask alike: glasses, hair, a face shield; and who stands beside it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.synth.drawing import fill, lay_over, stroke, warp
from stream_unmask.synth.shapes import curve

FloatArray = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_AROUND = np.linspace(0, 2 * np.pi, 36, endpoint=False)


def draw_glasses(
    face: Bytes, points: FloatArray, unit: float, rng: np.random.Generator
) -> tuple[Bytes, Bytes]:
    """Glasses, clear, dark or glaring: how much they hide, (S, S) uint8, and what they look like.

    Args:
        face: (S, S, 3) uint8 RGB.
        points: (468, 2) mesh points in its pixels.
        unit: pixels in one eye distance.
        rng: where all chance comes from.
    """
    area, paint = np.zeros(face.shape[:2], np.uint8), np.empty_like(face)
    thickness = int(rng.integers(1, 4))
    glass = int(rng.integers(50, 256)) if rng.random() < 0.3 else 0
    wide, high = float(rng.uniform(0.78, 1.05)), unit * float(rng.uniform(0.24, 0.4))
    # From rectangles to circles.
    power = float(rng.choice((1.0, 0.8, 0.5)))
    ring = np.stack([np.sign(wave) * np.abs(wave) ** power for wave in (np.cos(_AROUND), np.sin(_AROUND))], 1)
    inner = []
    for outer_eye, inner_eye in ((33, 133), (263, 362)):
        across = (points[inner_eye] - points[outer_eye]) * wide
        down = np.array([-across[1], across[0]]) / max(float(np.linalg.norm(across)), 1e-3) * high
        middle = (points[outer_eye] + points[inner_eye]) / 2 + np.array([0, 0.08 * unit])
        rim = (middle + ring @ np.stack([across, down])).astype(np.float32)
        if glass:
            fill(area, rim, glass)
        stroke(area, np.concatenate([rim, rim[:1]]), 255, thickness)
        inner.append(middle + across - np.array([0, 0.05 * unit]))
    stroke(area, np.array(inner, np.float32), 255, thickness)
    tone = int(rng.choice((25, 40, 90, 170, 225)))
    least = 0.55 if tone < 100 else 0.85
    paint[:] = tone, int(tone * rng.uniform(least, 1)), int(tone * rng.uniform(least, 1))
    return area, paint


def draw_hair(face: Bytes, points: FloatArray, unit: float, rng: np.random.Generator) -> tuple[Bytes, Bytes]:
    """Strands and locks that hang from the temples over the cheeks, mostly of this head's colour.

    Arguments and what is returned are those of :func:`draw_glasses`.
    """
    size = face.shape[0]
    area = np.zeros((size, size), np.uint8)
    temple, outwards = (127, -1.0) if rng.random() < 0.5 else (356, 1.0)
    thickest, locks = int(rng.integers(3, 8)), int(rng.integers(0, 3))
    for number in range(int(rng.integers(2, 18))):
        start = points[temple] + rng.normal(0, 0.12, 2) * unit
        if number < locks:
            start += np.array([0.15 * outwards, -0.5]) * unit
        end = start + np.array([rng.normal(0, 0.25), rng.uniform(0.8, 2.2)]) * unit
        middle = (start + end) / 2 + rng.normal(0, 0.12, 2) * unit
        path = curve([tuple(start), tuple(middle), tuple(end)], 8)
        if number < locks:
            along = np.linspace(0, 1, len(path))
            taper = np.minimum(1 - along, 0.1 + 3 * along)
            half = np.zeros_like(path)
            half[:, 0] = unit * rng.uniform(0.05, 0.25) * taper
            fill(area, np.concatenate([path - half, (path + half)[::-1]]), 255)
        else:
            stroke(area, path, 255, int(rng.integers(1, thickest)))
    # Hair is the darkest of what lies above the forehead and beside the brows.
    around = points[[10, 21, 251]] + np.array([(0, -0.4), (-0.12, 0), (0.12, 0)]) * unit
    x, y = np.clip(around, 0, size - 1).astype(int).T
    tone = min(face[y, x].astype(np.float32), key=lambda colour: float(colour.sum()))
    if rng.random() < 0.2:
        tone = np.array((1, rng.uniform(0.6, 0.95), rng.uniform(0.4, 0.9)), np.float32)
        tone *= np.float32(rng.uniform(15, 130))
    shade = 1 + np.float32(rng.uniform(0.1, 0.4)) * rng.standard_normal((8, size // 2, 1), np.float32)
    strands = np.clip(tone * shade, 0, 255).astype(np.uint8)
    return area, np.asarray(cv2.resize(strands, (size, size)), np.uint8)


def draw_shield(
    crop: Bytes, truth: Bytes, points: FloatArray, unit: float, rng: np.random.Generator
) -> tuple[Bytes, Bytes]:
    """Both pictures behind a clear face shield, which glares: it hides neither face nor mask."""
    size = crop.shape[0]
    middle, sides = points[9, 0], points[[234, 454], 0] + np.array([-0.15, 0.15]) * unit
    top, bottom = points[10, 1] + rng.uniform(-0.3, 0.2) * unit, points[152, 1] + rng.uniform(0.1, 0.9) * unit
    places = [(sides[0], top), (middle, top - 0.1 * unit), (sides[1], top), (sides[1], bottom)]
    outline = np.array([*places, (middle, bottom + 0.15 * unit), (sides[0], bottom)], np.float32)
    haze, area = np.zeros((size, size), np.uint8), np.zeros((size, size), np.uint8)
    fill(area, outline, 255)
    fill(haze, outline, int(rng.integers(5, 50)))
    slant = float(rng.normal(0, 0.5)) * unit
    for _ in range(int(rng.integers(1, 4))):
        left, wide = rng.uniform(sides[0], sides[1]), unit * rng.uniform(0.05, 0.5)
        streak = np.array(
            [(left, top), (left + wide, top), (left + slant + wide, bottom), (left + slant, bottom)]
        )
        fill(haze, streak.astype(np.float32), int(rng.integers(40, 170)))
    soft = np.asarray(cv2.GaussianBlur(haze, (0, 0), unit * float(rng.uniform(0.02, 0.12))), np.uint8)
    light = np.empty_like(crop)
    light[:] = np.clip(rng.uniform(170, 255) + rng.normal(0, 12, 3), 0, 255)
    glare = np.minimum(soft, area)
    return lay_over(crop, light, glare), lay_over(truth, light, glare)


def stand_beside(
    pictures: tuple[Bytes, Bytes],
    other: Bytes,
    mask: Bytes,
    points: FloatArray,
    unit: float,
    rng: np.random.Generator,
) -> tuple[Bytes, Bytes]:
    """Both pictures with somebody else's face, masked or not, half in sight behind this one.

    Args:
        pictures: crop and truth, (S, S, 3) uint8 RGB each.
        other: (S, S, 3) the other face, in a crop like these.
        mask: (S, S) uint8, 255 where this face's mask is.
        points: (468, 2) mesh points of both faces in crop pixels.
        unit: pixels in one eye distance.
        rng: where all chance comes from.
    """
    size = other.shape[0]
    middle = points.mean(0) - (0, 0.15 * unit)
    axes, inner = ((int(wide * unit), int(high * unit)) for wide, high in ((1.3, 1.75), (1.15, 1.6)))
    head, own = np.zeros((size, size), np.uint8), np.zeros((size, size), np.uint8)
    cv2.ellipse(head, (int(middle[0]), int(middle[1])), axes, 0, 0, 360, 255, -1, cv2.LINE_AA)
    cv2.ellipse(own, (int(middle[0]), int(middle[1])), inner, 0, 0, 360, 255, -1, cv2.LINE_AA)
    np.maximum(own, mask, out=own)
    zoom = float(rng.uniform(0.65, 1.15))
    angle, side = float(rng.normal(0, 0.15)), float(rng.choice((-1, 1)))
    turn = zoom * np.array([[-np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    goal = middle + np.array([side * rng.uniform(1.7, 2.5), rng.normal(0, 0.4)]) * unit
    matrix = np.concatenate([turn, (goal - turn @ middle)[:, None]], 1)
    seen = warp(other, matrix, size, cv2.BORDER_REFLECT_101)
    area = np.minimum(warp(head, matrix, size, cv2.BORDER_CONSTANT), 255 - own)
    soft = np.asarray(cv2.GaussianBlur(area, (0, 0), 0.02 * unit), np.uint8)
    return lay_over(pictures[0], seen, soft), lay_over(pictures[1], seen, soft)
