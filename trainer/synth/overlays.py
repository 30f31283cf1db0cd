"""What lies before a face and its mask alike: glasses, hair, a face shield."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.synth.drawing import fill, mix, stroke
from trainer.synth.shapes import curve

FloatArray = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_AROUND = np.linspace(0, 2 * np.pi, 36, endpoint=False)


def draw_glasses(
    points: FloatArray, size: int, unit: float, rng: np.random.Generator
) -> tuple[Bytes, tuple[int, ...]]:
    """Glasses, clear, dark or glaring: how much they hide, (S, S) uint8, and their colour."""
    area = np.zeros((size, size), np.uint8)
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
    return area, (tone, int(tone * rng.uniform(least, 1)), int(tone * rng.uniform(least, 1)))


def draw_hair(
    points: FloatArray, size: int, unit: float, rng: np.random.Generator
) -> tuple[Bytes, tuple[int, ...]]:
    """Strands that hang from the temples over the cheeks: where, (S, S) uint8, and their colour."""
    area = np.zeros((size, size), np.uint8)
    side = points[127] if rng.random() < 0.5 else points[356]
    thickest = int(rng.integers(3, 8))
    for _ in range(int(rng.integers(2, 22))):
        start = side + rng.normal(0, 0.12, 2) * unit
        end = start + np.array([rng.normal(0, 0.25), rng.uniform(0.8, 2.2)]) * unit
        middle = (start + end) / 2 + rng.normal(0, 0.12, 2) * unit
        stroke(area, curve([tuple(start), tuple(middle), tuple(end)]), 255, int(rng.integers(1, thickest)))
    tone = float(rng.uniform(15, 130))
    return area, (int(tone), int(tone * rng.uniform(0.6, 0.95)), int(tone * rng.uniform(0.4, 0.9)))


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
    soft = cv2.GaussianBlur(haze, (0, 0), unit * float(rng.uniform(0.02, 0.12)))
    alpha = cv2.min(soft, area).astype(np.float32) * np.float32(1 / 255)
    light = np.empty_like(crop)
    light[:] = np.clip(rng.uniform(170, 255) + rng.normal(0, 12, 3), 0, 255)
    return mix(crop, light, alpha), mix(truth, light, alpha)
