"""What is not a mask: hands, microphones, cups, scarves at the neck; glasses and hair in front of a mask."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.synth.fabric import draw_print, sample, tiles
from trainer.synth.masks import fill, stroke
from trainer.synth.shapes import curve

FloatArray = NDArray[np.float32]
Bytes = NDArray[np.uint8]


def _places(size: int) -> tuple[FloatArray, FloatArray]:
    """(S, S) x and y of a crop's pixels in eye distances from its corner."""
    places = np.arange(size, dtype=np.float32) * np.float32(3.4 / size)
    x, y = np.meshgrid(places, places)
    return x.astype(np.float32), y.astype(np.float32)


def _paint(picture: Bytes, area: Bytes, colour: FloatArray, rng: np.random.Generator) -> None:
    """Fill ``area`` with a softly lit colour, (3,) or (S, S, 3), in place."""
    size = picture.shape[0]
    rim = cv2.GaussianBlur(area, (0, 0), size / 40).astype(np.float32) / 255
    bank = tiles()
    x, y = _places(size)
    noise = sample(bank.blotches[rng.integers(len(bank.blotches))], x, y, 50.0) - 0.5
    slope = np.float32(rng.normal(0, 0.15)) * (x - 1.7) + np.float32(rng.normal(0, 0.1)) * (y - 1.7)
    shade = 0.55 + 0.5 * rim + slope + np.float32(rng.uniform(0, 0.15)) * noise
    thing = np.clip(colour * shade[..., None], 0, 255)
    alpha = area.astype(np.float32)[..., None] / 255
    picture[:] = (picture + alpha * (thing - picture)).astype(np.uint8)


def _skin(picture: Bytes, points: FloatArray) -> FloatArray:
    """(3,) the colour of the cheeks and the forehead."""
    spots = np.clip(points[[50, 280, 151, 9]], 0, picture.shape[0] - 1).astype(int)
    return np.asarray(np.median(picture[spots[:, 1], spots[:, 0]], axis=0), np.float32)


def _hand(picture: Bytes, points: FloatArray, unit: float, rng: np.random.Generator) -> Bytes:
    """Fingers from below or from a side."""
    area = np.zeros(picture.shape[:2], np.uint8)
    goal = points[13] + rng.normal(0, 0.25, 2) * unit
    angle = float(rng.uniform(-1.2, 1.2))
    down = np.array([np.sin(angle), np.cos(angle)]) * unit
    across = np.array([np.cos(angle), -np.sin(angle)]) * unit
    width = float(rng.uniform(0.16, 0.26))
    for finger in range(int(rng.integers(1, 5))):
        tip = goal + across * (finger - 1.5) * width * 1.08 - down * float(rng.uniform(0, 0.35))
        bend = tip + down * 0.7 + across * float(rng.normal(0, 0.08))
        line = curve([tuple(tip), tuple(bend), tuple(tip + down * 1.6)])
        stroke(area, line, 255, max(2, int(width * unit)))
    palm = goal + down * 1.5
    cv2.circle(area, (int(palm[0]), int(palm[1])), int(unit * rng.uniform(0.4, 0.7)), 255, -1, cv2.LINE_AA)
    tone = _skin(picture, points) * rng.uniform(0.85, 1.15) + rng.normal(0, 5, 3)
    _paint(picture, area, np.asarray(tone, np.float32), rng)
    return area


def _microphone(picture: Bytes, points: FloatArray, unit: float, rng: np.random.Generator) -> Bytes:
    area = np.zeros(picture.shape[:2], np.uint8)
    head = points[17] + np.array([rng.normal(0, 0.3), rng.uniform(-0.1, 0.5)]) * unit
    foot = head + np.array([rng.normal(0, 0.6), 2.0]) * unit
    radius = unit * float(rng.uniform(0.15, 0.36))
    cv2.circle(area, (int(head[0]), int(head[1])), int(radius), 255, -1, cv2.LINE_AA)
    stroke(area, np.array([head, foot], np.float32), 255, max(2, int(1.1 * radius)))
    tone = np.full(3, rng.choice((30, 60, 110, 190))) if rng.random() < 0.7 else rng.uniform(20, 230, 3)
    _paint(picture, area, np.asarray(tone, np.float32), rng)
    return area


def _cup(picture: Bytes, points: FloatArray, unit: float, rng: np.random.Generator) -> Bytes:
    area = np.zeros(picture.shape[:2], np.uint8)
    rim = points[14] + np.array([rng.normal(0, 0.1), rng.uniform(-0.15, 0.2)]) * unit
    half, deep = unit * float(rng.uniform(0.3, 0.6)), unit * float(rng.uniform(0.8, 1.6))
    sides = np.array([[-half, 0], [half, 0], [half * 0.75, deep], [-half * 0.75, deep]]) + rim
    fill(area, sides.astype(np.float32), 255)
    cv2.ellipse(
        area, (int(rim[0]), int(rim[1])), (int(half), int(half * 0.3)), 0, 0, 360, 255, -1, cv2.LINE_AA
    )
    tone = np.full(3, rng.uniform(200, 245)) if rng.random() < 0.5 else rng.uniform(20, 230, 3)
    _paint(picture, area, np.asarray(tone, np.float32), rng)
    return area


def _scarf(picture: Bytes, points: FloatArray, unit: float, rng: np.random.Generator) -> Bytes:
    """Cloth round the neck that ends below the lips."""
    area = np.zeros(picture.shape[:2], np.uint8)
    chin = points[152] + np.array([0, rng.uniform(-0.12, 0.25)]) * unit
    left, right = points[172] + np.array([-0.35, 0.25]) * unit, points[397] + np.array([0.35, 0.25]) * unit
    top = curve([tuple(left), tuple(chin), tuple(right)])
    floor = float(picture.shape[0]) + 40
    outline = np.concatenate([top, np.array([[right[0] + unit, floor], [left[0] - unit, floor]], np.float32)])
    fill(area, outline.astype(np.float32), 255)
    x, y = _places(picture.shape[0])
    tone = rng.uniform(15, 245, 3).astype(np.float32)
    cloth = draw_print(x, y, tone, rng) if rng.random() < 0.5 else np.broadcast_to(tone, picture.shape)
    _paint(picture, area, np.asarray(cloth, np.float32), rng)
    return area


_THINGS: tuple[tuple[Callable[[Bytes, FloatArray, float, np.random.Generator], Bytes], float], ...] = (
    (_hand, 0.4),
    (_microphone, 0.2),
    (_cup, 0.15),
    (_scarf, 0.25),
)


def hold_something(picture: Bytes, points: FloatArray, unit: float, rng: np.random.Generator) -> Bytes:
    """Draw one thing that is not a mask, in place.

    Args:
        picture: (S, S, 3) uint8 RGB.
        points: (468, 2) mesh points in its pixels.
        unit: pixels in one eye distance.

    Returns:
        (S, S) uint8, 255 where the thing is.
    """
    index = int(rng.choice(len(_THINGS), p=[share for _, share in _THINGS]))
    return _THINGS[index][0](picture, points, unit, rng)


def draw_glasses(
    points: FloatArray, size: int, unit: float, rng: np.random.Generator
) -> tuple[Bytes, tuple[int, ...]]:
    """Rims and bridge of glasses: where they are, (S, S) uint8, and their colour."""
    area = np.zeros((size, size), np.uint8)
    thickness = int(rng.integers(1, 4))
    wide, high = unit * float(rng.uniform(0.36, 0.46)), unit * float(rng.uniform(0.24, 0.4))
    across = points[263] - points[33]
    tilt = float(np.degrees(np.arctan2(across[1], across[0])))
    inner = []
    for outer_eye, inner_eye, sign in ((33, 133, 1), (263, 362, -1)):
        middle = (points[outer_eye] + points[inner_eye]) / 2 + np.array([0, 0.08 * unit])
        centre = (int(middle[0]), int(middle[1]))
        cv2.ellipse(area, centre, (int(wide), int(high)), tilt, 0, 360, 255, thickness, cv2.LINE_AA)
        inner.append(middle + np.array([sign * wide, -0.05 * unit]))
    stroke(area, np.array(inner, np.float32), 255, thickness)
    tone = int(rng.choice((25, 40, 90, 170)))
    return area, (tone, int(tone * rng.uniform(0.6, 1)), int(tone * rng.uniform(0.5, 1)))


def draw_hair(
    points: FloatArray, size: int, unit: float, rng: np.random.Generator
) -> tuple[Bytes, tuple[int, ...]]:
    """Strands that hang from the temples over the cheeks: where, (S, S) uint8, and their colour."""
    area = np.zeros((size, size), np.uint8)
    side = points[127] if rng.random() < 0.5 else points[356]
    for _ in range(int(rng.integers(2, 14))):
        start = side + rng.normal(0, 0.12, 2) * unit
        end = start + np.array([rng.normal(0, 0.25), rng.uniform(0.8, 2.2)]) * unit
        middle = (start + end) / 2 + rng.normal(0, 0.12, 2) * unit
        stroke(area, curve([tuple(start), tuple(middle), tuple(end)]), 255, int(rng.integers(1, 5)))
    tone = float(rng.uniform(15, 130))
    return area, (int(tone), int(tone * rng.uniform(0.6, 0.95)), int(tone * rng.uniform(0.4, 0.9)))
