"""The filters of a half-face respirator: cartridges and pads that stand out from its sides."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.synth.chart import Chart
from stream_unmask.synth.drawing import fill, stroke
from stream_unmask.synth.light import Light
from stream_unmask.synth.shapes import Shape

FloatArray = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_TONES = (
    ((45, 45, 48), 0.2),
    ((120, 122, 126), 0.2),
    ((205, 205, 200), 0.15),
    ((205, 190, 160), 0.1),
    ((225, 80, 130), 0.15),
    ((60, 100, 165), 0.1),
    ((215, 190, 60), 0.1),
)
_AROUND = np.linspace(0, 2 * np.pi, 40, endpoint=False)
_SLICES = 6


def _turned(direction: FloatArray, yaw: float) -> FloatArray:
    """A direction (right, down, away from the camera) of a face seen from the front, as its head turns."""
    cos, sin = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
    x, y, z = direction.tolist()
    return np.array([x * cos - z * sin, y, x * sin + z * cos], np.float32)


def _rim(normal: FloatArray, power: float) -> FloatArray:
    """(40, 2) a disc of radius 1, or a square with round corners, that faces ``normal``, as it is seen."""
    across = np.cross(normal, (0.0, 1.0, 0.0))
    across /= np.linalg.norm(across)
    down = np.cross(across, normal)
    cos, sin = (np.sign(wave) * np.abs(wave) ** power for wave in (np.cos(_AROUND), np.sin(_AROUND)))
    return np.asarray(cos[:, None] * across[:2] + sin[:, None] * down[:2], np.float32)


def _hull(one: FloatArray, other: FloatArray) -> FloatArray:
    return np.asarray(cv2.convexHull(np.concatenate([one, other])), np.float32)[:, 0]


class _Look:
    """What the filters of one respirator have in common."""

    def __init__(
        self, shape: Shape, body: FloatArray, light: Light, exposure: float, rng: np.random.Generator
    ) -> None:
        """Draw form, colours and mounting by chance, ``body`` (3,) being the respirator's colour."""
        shares = np.array([share for _, share in _TONES])
        tone = np.array(_TONES[int(rng.choice(len(_TONES), p=shares))][0], np.float32)
        self.cap = np.clip(tone + rng.normal(0, 12, 3), 5, 250).astype(np.float32)
        self.wall = body if rng.random() < 0.4 else self.cap
        self.pad = rng.random() < 0.3
        self.radius = float(rng.uniform(0.32, 0.5) if self.pad else rng.uniform(0.25, 0.42))
        self.depth = float(rng.uniform(0.04, 0.1) if self.pad else rng.uniform(0.12, 0.32))
        self.power = 1.0 if self.pad or rng.random() < 0.6 else float(rng.uniform(0.3, 0.6))
        height = shape.top + (shape.bottom - shape.top) * float(rng.uniform(0.48, 0.75))
        self.place = np.array([rng.uniform(0.48, 0.68), height], np.float32)
        # A few have one canister in front, as gas masks do.
        self.sides: tuple[float, ...] = (1.0, -1.0)
        if rng.random() < 0.12:
            self.sides, self.place[1] = (0.0,), height + 0.1
        self.azimuth, self.droop = float(rng.uniform(0.35, 1.15)), float(rng.uniform(-0.15, 0.55))
        self.inset, self.marks = float(rng.uniform(0.6, 0.9)), int(rng.integers(4))
        self.ribbed = float(rng.uniform(0, 0.2))
        self._light, self._exposure = light, exposure

    def lit(self, colour: FloatArray, normal: FloatArray, gain: float) -> tuple[float, ...]:
        """A colour on a surface of this normal in the chart, ``gain`` times as bright."""
        right, down, out = self._light.far.tolist()
        fall = 1 - out + right * normal[0] + down * normal[1] - out * normal[2]
        shown = (colour + 4) * np.float32(gain * self._exposure * max(float(fall), 0.2))
        return tuple(np.clip(shown, 3, 250).tolist())


def _mark(paint: Bytes, middle: FloatArray, rim: FloatArray, look: _Look, normal: FloatArray) -> None:
    """What is moulded into a filter's face: a recess, bars, rings or a label."""
    dark, light = look.lit(look.cap, normal, 0.72), look.lit(look.cap, normal, 1.1)
    fill(paint, middle + look.inset * rim, look.lit(look.cap, normal, 0.86))
    if look.marks == 0:
        for start in range(2, 19, 3):
            stroke(paint, middle + 0.9 * look.inset * rim[[start, 39 - start]], dark, 1)
    elif look.marks == 1:
        for size in (0.25, 0.5, 0.75):
            ring = middle + size * look.inset * rim
            stroke(paint, np.concatenate([ring, ring[:1]]), dark, 1)
    elif look.marks == 2:
        fill(paint, middle + 0.55 * look.inset * rim[[4, 16, 24, 36]], (235.0, 235.0, 230.0))
    else:
        fill(paint, middle + 0.3 * look.inset * rim, light)


def _mount(paint: Bytes, area: Bytes, chart: Chart, yaw: float, side: float, look: _Look) -> FloatArray:
    """Draw the filter of one side on ``paint`` and ``area`` in place; returns the way that it faces."""
    azimuth = side * look.azimuth
    level = np.cos(look.droop)
    facing = np.array([np.sin(azimuth) * level, np.sin(look.droop), -np.cos(azimuth) * level], np.float32)
    seen = _turned(facing, yaw)
    root = chart.to_crop((look.place * (side, 1))[None])[0]
    root = root + _turned(np.array([0, 0, -0.12], np.float32), yaw)[:2] * np.float32(chart.unit)
    rim = _rim(seen, look.power) * np.float32(look.radius * chart.unit)
    reach = seen[:2] * np.float32(look.depth * chart.unit)
    order = np.linspace(0, 1, _SLICES) if seen[2] < 0 else np.linspace(1, 0, _SLICES)
    fill(area, _hull(root + rim, root + reach + rim), 255)
    for number, along in enumerate(order.tolist()):
        tone = 0.5 + 0.25 * along + look.ribbed * (number % 2)
        wall = _hull(root + along * reach + rim, root + min(along + 0.2, 1) * reach + rim)
        fill(paint, wall, look.lit(look.wall, facing, tone))
    if seen[2] < 0:
        fill(paint, root + reach + rim, look.lit(look.cap, facing, 1.08))
        fill(paint, root + reach + 0.94 * rim, look.lit(look.cap, facing, 0.97))
        _mark(paint, root + reach, rim, look, facing)
    return seen


def draw_cartridges(
    shape: Shape,
    body: Bytes,
    colour: FloatArray,
    chart: Chart,
    yaw: float,
    light: Light,
    exposure: float,
    rng: np.random.Generator,
) -> tuple[Bytes, Bytes]:
    """The filters of a respirator: one on each side, or one in front.

    Args:
        shape: of the respirator.
        body: (S, S) uint8, 255 where the respirator's body is.
        colour: (3,) of the body.
        chart: of the face that wears it.
        yaw: turn of the head in degrees.
        light: the light on the face.
        exposure: of the body.
        rng: where all chance comes from.

    Returns:
        (S, S, 3) uint8 RGB paint, and (S, S) uint8, 255 where it is.
    """
    look = _Look(shape, colour, light, exposure, rng)
    paint, whole = np.empty((*body.shape, 3), np.uint8), np.zeros_like(body)
    paint[:] = look.wall * np.float32(0.6 * exposure)
    # The farther one first; where it faces away it lies behind the body.
    for side in look.sides if yaw > 0 else look.sides[::-1]:
        area = np.zeros_like(body)
        seen = _mount(paint, area, chart, yaw, side, look)
        np.maximum(whole, np.minimum(area, 255 - body) if seen[2] > 0 else area, out=whole)
    return paint, whole
