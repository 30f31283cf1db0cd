"""What is not a mask: hands, microphones, cups, phones, collars, scarves and beards."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import CROP_SIDE
from stream_unmask.synth.chart import Chart
from stream_unmask.synth.drawing import fill, lay, stroke, window
from stream_unmask.synth.fabric import Plane, draw_colour, tiles
from stream_unmask.synth.hands import draw_hand
from stream_unmask.synth.prints import draw_knit, draw_print
from stream_unmask.synth.shapes import curve

FloatArray = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Draw = Callable[[Bytes, FloatArray, float, np.random.Generator], Bytes]

_JAW = (93, 58, 172, 136, 150, 176, 152, 400, 379, 365, 397, 288, 323)
_BARE = (151, 9, 168, 108, 337, 117, 346)
_LIPS = (61, 40, 37, 0, 267, 270, 291, 321, 405, 17, 181, 91)
_BEARD_SIDE = ((1.04, 0.35), (1.02, 0.9), (0.82, 1.4), (0.4, 1.76), (0.0, 1.9))
_BEARD_TOP = ((0.9, 0.5), (0.78, 0.95), (0.52, 1.05), (0.4, 0.9), (0.0, 0.82))
_BEARD_HALF = (*_BEARD_TOP[::-1], *_BEARD_SIDE)
_BEARD = curve([*_BEARD_HALF, *((-x, y) for x, y in _BEARD_HALF[-2:0:-1])])
"""Outline of a beard in chart coordinates; the lips are left out of it later."""


def _paint(picture: Bytes, area: Bytes, colour: FloatArray | Bytes, rng: np.random.Generator) -> Bytes:
    """Fill ``area`` with a softly lit colour, (3,) or (S, S, 3), in place; returns the area."""
    where = window(area)
    if where is None:
        return area
    size, inside = picture.shape[0], area[where]
    height, width = inside.shape
    small = cv2.resize(inside, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), size / 160, borderType=cv2.BORDER_CONSTANT)
    rim = cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32) / 255
    plane = Plane(np.zeros(2, np.float32), np.array([width, height], np.float32), 1.0)
    noise = plane.cut(tiles().folds, 60.0 / size * CROP_SIDE, rng)[..., 1]
    slope = np.float32(rng.normal(0, 0.5) / size) * (plane.x - width / 2)
    slope = slope + np.float32(rng.normal(0, 0.35) / size) * (plane.y - height / 2)
    shade = 0.55 + 0.5 * rim + slope + np.float32(rng.uniform(0, 0.15)) * noise
    thing = (colour[where] if colour.ndim == 3 else colour) * shade[..., None].astype(np.float32)
    paint = np.clip(thing, 0, 255).astype(np.uint8)
    lay(picture[where], paint, inside)
    return area


def _skin(picture: Bytes, points: FloatArray) -> FloatArray:
    """(3,) the colour of what a mask leaves bare: the forehead, the nose's bridge, below the eyes."""
    spots = np.clip(points[list(_BARE)], 0, picture.shape[0] - 1).astype(int)
    return np.asarray(np.median(picture[spots[:, 1], spots[:, 0]], axis=0), np.float32)


def _hand(picture: Bytes, points: FloatArray, unit: float, rng: np.random.Generator) -> Bytes:
    area, colours = draw_hand(points, picture.shape[0], unit, _skin(picture, points), rng)
    return _paint(picture, area, colours, rng)


def _microphone(picture: Bytes, points: FloatArray, unit: float, rng: np.random.Generator) -> Bytes:
    area = np.zeros(picture.shape[:2], np.uint8)
    head = points[17] + np.array([rng.normal(0, 0.3), rng.uniform(-0.1, 0.5)]) * unit
    foot = head + np.array([rng.normal(0, 0.6), 2.0]) * unit
    radius = unit * float(rng.uniform(0.15, 0.36))
    cv2.circle(area, (int(head[0]), int(head[1])), int(radius), 255, -1, cv2.LINE_AA)
    stroke(area, np.array([head, foot], np.float32), 255, max(2, int(1.1 * radius)))
    tone = np.full(3, rng.choice((30, 60, 110, 190))) if rng.random() < 0.7 else rng.uniform(20, 230, 3)
    return _paint(picture, area, np.asarray(tone, np.float32), rng)


def _headset(picture: Bytes, points: FloatArray, unit: float, rng: np.random.Generator) -> Bytes:
    """An ear cup on a band, with an arm to the mouth or without."""
    area = np.zeros(picture.shape[:2], np.uint8)
    side, ear = (0.0, points[234]) if rng.random() < 0.5 else (1.0, points[454])
    thick = max(1, int(unit * rng.uniform(0.03, 0.12)))
    top = points[10] - np.array([0, rng.uniform(0.3, 0.6)]) * unit
    other = points[454] if side == 0 else points[234]
    stroke(area, curve([tuple(ear), tuple(top), tuple(other)], 12), 255, thick)
    radii = (int(unit * rng.uniform(0.1, 0.25)), int(unit * rng.uniform(0.2, 0.35)))
    for place in (ear, other):
        cv2.ellipse(area, (int(place[0]), int(place[1])), radii, 0, 0, 360, 255, -1, cv2.LINE_AA)
    if rng.random() < 0.6:
        mouth = (points[61] if side == 0 else points[291]) + rng.normal(0, 0.1, 2) * unit
        bend = (ear + mouth) / 2 + np.array([(2 * side - 1) * 0.1, 0.2]) * unit
        stroke(area, curve([tuple(ear), tuple(bend), tuple(mouth)]), 255, max(1, thick // 2))
        cv2.circle(area, (int(mouth[0]), int(mouth[1])), int(unit * 0.07), 255, -1, cv2.LINE_AA)
    tone = np.full(3, float(rng.choice((25, 40, 90, 220))), np.float32)
    return _paint(picture, area, tone, rng)


def _cup(picture: Bytes, points: FloatArray, unit: float, rng: np.random.Generator) -> Bytes:
    area = np.zeros(picture.shape[:2], np.uint8)
    rim = points[14] + np.array([rng.normal(0, 0.1), rng.uniform(-0.15, 0.2)]) * unit
    half, deep = unit * float(rng.uniform(0.3, 0.6)), unit * float(rng.uniform(0.8, 1.6))
    sides = np.array([[-half, 0], [half, 0], [half * 0.75, deep], [-half * 0.75, deep]]) + rim
    fill(area, sides.astype(np.float32), 255)
    middle = (int(rim[0]), int(rim[1]))
    cv2.ellipse(area, middle, (int(half), int(half * 0.3)), 0, 0, 360, 255, -1, cv2.LINE_AA)
    tone = np.full(3, rng.uniform(200, 245)) if rng.random() < 0.5 else rng.uniform(20, 230, 3)
    return _paint(picture, area, np.asarray(tone, np.float32), rng)


def _phone(picture: Bytes, points: FloatArray, unit: float, rng: np.random.Generator) -> Bytes:
    """A phone, seen from its back, its screen or its side."""
    area = np.zeros(picture.shape[:2], np.uint8)
    middle = points[14] + rng.normal(0, (0.5, 0.3)) * unit
    half = unit * np.array([rng.uniform(0.3, 0.62), rng.uniform(0.9, 1.25)])
    angle = float(rng.normal(0, 0.5))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    bevel = unit * 0.1 / half
    corners = np.array([(1 - bevel[0], 1), (1, 1 - bevel[1]), (1, bevel[1] - 1), (1 - bevel[0], -1)])
    outline = np.concatenate([corners, -corners]) * half @ turn
    fill(area, (middle + outline).astype(np.float32), 255)
    tone = np.full(3, float(rng.choice((20, 35, 60, 215)))) if rng.random() < 0.7 else rng.uniform(20, 230, 3)
    colours = np.empty(picture.shape, np.uint8)
    colours[:] = tone
    if rng.random() < 0.5:
        fill(colours, (middle + 0.92 * outline).astype(np.float32), tuple(rng.uniform(0, 250, 3).tolist()))
    else:
        lens = middle + (half * (0.5, -0.75)) @ turn
        place = (round(float(lens[0])), round(float(lens[1])))
        cv2.circle(colours, place, max(1, int(0.09 * unit)), (25, 25, 30), -1, cv2.LINE_AA)
    return _paint(picture, area, colours, rng)


def _cloth(size: int, unit: float, rng: np.random.Generator) -> FloatArray | Bytes:
    """Plain, ribbed or printed cloth, as a mask may have it too."""
    tone = draw_colour("cloth", rng)
    style = rng.random()
    if style < 0.5:
        return tone
    side = np.float32(size / unit)
    plane = Plane(np.zeros(2, np.float32), np.full(2, side, np.float32), unit)
    if style < 0.75:
        return draw_print(plane, tone, rng)
    if style < 0.87:
        return draw_knit(plane, tone, rng)
    ribs = 1 + np.float32(rng.uniform(0.05, 0.25)) * np.sin(plane.x * np.float32(rng.uniform(30, 80)))
    return np.asarray(np.broadcast_to(ribs[..., None], (size, size, 1)) * tone, np.float32)


def _scarf(picture: Bytes, points: FloatArray, unit: float, rng: np.random.Generator) -> Bytes:
    """Cloth round the neck that ends below the lips."""
    area = np.zeros(picture.shape[:2], np.uint8)
    chin = points[152] + np.array([0, rng.uniform(-0.15, 0.25)]) * unit
    left, right = points[172] + np.array([-0.35, 0.25]) * unit, points[397] + np.array([0.35, 0.25]) * unit
    top = curve([tuple(left), tuple(chin), tuple(right)])
    floor = float(picture.shape[0]) + 40
    outline = np.concatenate([top, np.array([[right[0] + unit, floor], [left[0] - unit, floor]], np.float32)])
    fill(area, outline.astype(np.float32), 255)
    return _paint(picture, area, _cloth(picture.shape[0], unit, rng), rng)


def _collar(picture: Bytes, points: FloatArray, unit: float, rng: np.random.Generator) -> Bytes:
    """A turtleneck or a stand-up collar right beneath the jaw, from one side of the neck to the other."""
    area = np.zeros(picture.shape[:2], np.uint8)
    jaw = points[list(_JAW[int(rng.integers(1, 4)) :])]
    jaw = jaw[: len(jaw) - (len(_JAW) - len(jaw))]
    gap = np.array([0, rng.uniform(-0.03, 0.2) * unit], np.float32)
    floor = np.array(
        [[jaw[-1, 0] + 0.1 * unit, picture.shape[0] + 40], [jaw[0, 0] - 0.1 * unit, picture.shape[0] + 40]]
    )
    fill(area, np.concatenate([curve(jaw + gap, 3), floor]).astype(np.float32), 255)
    return _paint(picture, area, _cloth(picture.shape[0], unit, rng), rng)


def _beard(picture: Bytes, points: FloatArray, unit: float, rng: np.random.Generator) -> Bytes:
    """A beard, from stubble to full, dark to white."""
    size = picture.shape[0]
    area = np.zeros((size, size), np.uint8)
    long = np.array([1.0, float(rng.uniform(0.94, 1.12))], np.float32)
    fill(area, Chart.of(points, size, unit).to_crop(_BEARD * long), 255)
    fill(area, points[list(_LIPS)], 0)
    soft = cv2.GaussianBlur(area, (0, 0), unit * float(rng.uniform(0.03, 0.07))).astype(np.float32)
    strands = rng.standard_normal((size // 6, size), np.float32)
    noise = cv2.resize(strands, (size, size), interpolation=cv2.INTER_LINEAR)
    dense = np.float32(rng.uniform(0.35, 1.0))
    alpha = np.clip(soft * dense * (1 + np.float32(0.25) * noise), 0, 255).astype(np.uint8)
    tone = float(rng.choice((18, 35, 60, 110, 190), p=(0.35, 0.25, 0.2, 0.12, 0.08)))
    hair = np.array([tone * 1.1, tone * rng.uniform(0.75, 1.0), tone * rng.uniform(0.6, 0.95)], np.float32)
    paint = np.clip(hair * (1 + np.float32(0.35) * noise)[..., None], 0, 255).astype(np.uint8)
    lay(picture, paint, alpha)
    return area


_HELD: tuple[tuple[Draw, float], ...] = (
    (_hand, 0.5),
    (_microphone, 0.16),
    (_cup, 0.14),
    (_phone, 0.1),
    (_headset, 0.1),
)
_BORNE: tuple[tuple[Draw, float], ...] = ((_scarf, 0.25), (_collar, 0.4), (_beard, 0.35))


def _one_of(
    things: tuple[tuple[Draw, float], ...],
    picture: Bytes,
    points: FloatArray,
    unit: float,
    rng: np.random.Generator,
) -> Bytes:
    index = int(rng.choice(len(things), p=[share for _, share in things]))
    return things[index][0](picture, points, unit, rng)


def hold_something(picture: Bytes, points: FloatArray, unit: float, rng: np.random.Generator) -> Bytes:
    """Draw one thing before the face that is not a mask, in place: a hand, a microphone, a cup and the like.

    Args:
        picture: (S, S, 3) uint8 RGB.
        points: (468, 2) mesh points in its pixels.
        unit: pixels in one eye distance.
        rng: where all chance comes from.

    Returns:
        (S, S) uint8, 255 where the thing is.
    """
    return _one_of(_HELD, picture, points, unit, rng)


def bear_something(picture: Bytes, points: FloatArray, unit: float, rng: np.random.Generator) -> None:
    """Draw what a face may have besides a mask, in place: a beard, a collar, a low scarf.

    Arguments as in :func:`hold_something`.
    """
    _one_of(_BORNE, picture, points, unit, rng)
