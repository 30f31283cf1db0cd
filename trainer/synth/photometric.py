"""What a camera does to a face: light and colour, which the truth shares, and damage, which it does not."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


def draw_tone(rng: np.random.Generator) -> Bytes:
    """(256, 3) uint8 table for :func:`apply_tone`: exposure, contrast, gamma and colour cast."""
    ramp = np.arange(256, dtype=np.float32) / 255
    strength = float(rng.choice((0.35, 1.0)))
    gamma = float(np.exp(strength * rng.normal(0, 0.22)))
    contrast = 1 + strength * float(rng.normal(0, 0.15))
    gain = 1 + strength * float(rng.normal(0, 0.12))
    if rng.random() < 0.07:
        gain *= float(rng.uniform(0.3, 0.7))
    cast = 1 + strength * rng.normal(0, 0.06, 3)
    curves = ((ramp**gamma - 0.5) * contrast + 0.5)[:, None] * gain * cast
    return np.clip(curves * 255, 0, 255).astype(np.uint8)


def apply_tone(picture: Bytes, table: Bytes) -> Bytes:
    """``picture`` (H, W, 3) seen through ``table``."""
    return np.asarray(cv2.LUT(picture, table[None]), np.uint8)


def damage(picture: Bytes, rng: np.random.Generator, strength: float = 1.0) -> Bytes:
    """Blur, a small face scaled up, noise and JPEG.

    Args:
        picture: (H, W, 3) uint8 RGB.
        rng: where all chance comes from.
        strength: 0..1, share of the full chances and amounts.
    """
    height, width = picture.shape[:2]
    if rng.random() < 0.45 * strength:
        factor = float(rng.uniform(1.1, 1.5 + 3.5 * strength * rng.random()))
        small = cv2.resize(picture, (int(width / factor), int(height / factor)), interpolation=cv2.INTER_AREA)
        way = cv2.INTER_LINEAR if rng.random() < 0.6 else cv2.INTER_CUBIC
        picture = np.asarray(cv2.resize(small, (width, height), interpolation=way), np.uint8)
    if rng.random() < 0.25 * strength:
        if rng.random() < 0.3:
            length = int(rng.integers(3, 4 + int(6 * strength)))
            kernel = np.zeros((length, length), np.float32)
            angle = float(rng.uniform(0, np.pi))
            reach = (length - 1) / 2
            step = np.array([np.cos(angle), np.sin(angle)]) * reach
            ends = [(round(reach + sign * step[0]), round(reach + sign * step[1])) for sign in (-1, 1)]
            cv2.line(kernel, ends[0], ends[1], 1.0)
            picture = np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()), np.uint8)
        else:
            picture = np.asarray(
                cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.4, 1 + strength))), np.uint8
            )
    if rng.random() < 0.5:
        deviation = np.float32(rng.uniform(1, 2 + 10 * strength))
        noise = (rng.standard_normal((height, width), np.float32) * deviation).astype(np.int16)
        picture = np.asarray(cv2.add(picture, cv2.merge([noise] * 3), dtype=cv2.CV_8U), np.uint8)
    if rng.random() < 0.75:
        quality = int(rng.integers(int(90 - 60 * strength), 96))
        _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        picture = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return picture
