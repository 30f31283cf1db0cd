"""The surface of a mask: how it bulges, its pleats, folds, seams, wire and hems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.synth.compiling import njit
from stream_unmask.synth.drawing import stroke
from stream_unmask.synth.fabric import Plane, tiles
from stream_unmask.synth.shapes import Shape, curve

FloatArray = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_STEPS = 256
_RAMP = np.linspace(0, 1, _STEPS, dtype=np.float32)[:, None]
_ROUND = {"surgical": 0.45, "kn95": 0.12, "n95": 0.75, "cloth": 0.45, "sport": 0.4, "elastomeric": 0.9}
_CRUMPLED = {
    "surgical": 0.2,
    "kn95": 0.07,
    "n95": 0.04,
    "cloth": 0.18,
    "sport": 0.08,
    "gaiter": 0.35,
    "bandana": 0.3,
    "scarf": 0.55,
    "elastomeric": 0.02,
}
_PLEATED = {"surgical": 0.92, "cloth": 0.25}
_SEAMED = {"kn95": 0.9, "sport": 0.85, "cloth": 0.5}


@dataclass(frozen=True, slots=True)
class Relief:
    """What gives a flat cloth its form.

    Attributes:
        slopes: (H, W, 2) rise out of the face to the right and downwards.
        tone: (H, W) factor for what lies in folds and seams, about 1.
    """

    slopes: FloatArray
    tone: FloatArray


def _depth(plane: Plane, shape: Shape) -> FloatArray:
    """(H, W) 0 at the upper edge, 1 at the lower one."""
    if shape.kind in ("gaiter", "bandana", "scarf"):
        depth = (plane.y - np.float32(shape.top)) / np.float32(shape.bottom - shape.top)
        return np.broadcast_to(depth.astype(np.float32), plane.shape)
    x = plane.x[0]
    upper, lower = (
        np.interp(x, np.maximum.accumulate(edge[:, 0]), edge[:, 1]).astype(np.float32)
        for edge in (shape.upper, shape.lower)
    )
    return np.asarray((plane.y - upper) / np.maximum(lower - upper, 0.1), np.float32)


def _bumps(places: FloatArray, widths: FloatArray, heights: FloatArray) -> FloatArray:
    """(256,) sum of bell curves over 0..1."""
    return np.asarray(np.exp(-(((_RAMP - places) / widths) ** 2)) @ heights, np.float32)


def _profile(shape: Shape, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    """From the upper edge to the lower one: downward slope, tone, and downward slope at the sides; (256,)."""
    slope, tone = np.zeros(_STEPS, np.float32), np.ones(_STEPS, np.float32)
    if rng.random() < _PLEATED.get(shape.kind, 0.0):
        count = int(rng.integers(2, 5))
        places = ((np.arange(count) + rng.uniform(0.8, 1.3)) / (count + 1.1)).astype(np.float32)
        places += rng.normal(0, 0.015, count).astype(np.float32)
        width = float(rng.uniform(0.008, 0.022))
        deep = rng.uniform(0.3, 1.0) * rng.uniform(0.6, 1.2, count)
        slope += _bumps(places, np.full(count, width), (-1.2 * deep).astype(np.float32))
        slope += _bumps(places + 2.2 * width, np.full(count, 1.6 * width), (0.7 * deep).astype(np.float32))
        tone -= _bumps(places, np.full(count, width), (0.3 * deep).astype(np.float32))
    for inset, chance in ((float(rng.uniform(0.03, 0.06)), 0.7), (float(rng.uniform(0.94, 0.97)), 0.6)):
        if rng.random() < chance:
            sharp = np.full(1, 0.006, np.float32)
            hem = slice(0, int(inset * _STEPS)) if inset < 0.5 else slice(int(inset * _STEPS), None)
            tone[hem] *= 1 + float(rng.normal(0, 0.06))
            tone -= _bumps(np.full(1, inset), sharp, np.full(1, rng.uniform(0.05, 0.2)))
            slope += _bumps(np.full(1, inset + 0.012), sharp, np.full(1, rng.uniform(-0.4, 0.4)))
    if shape.kind in ("surgical", "kn95", "n95"):
        # The wire over the nose presses a groove below the edge.
        slope += _bumps(np.full(1, 0.03), np.full(1, 0.02), np.full(1, rng.uniform(0, 0.5)))
    count = int(rng.integers(4, 9))
    gathers = _bumps(
        rng.uniform(0, 1, count).astype(np.float32),
        rng.uniform(0.012, 0.05, count).astype(np.float32),
        rng.normal(0, 0.6, count).astype(np.float32),
    )
    return slope, tone, gathers


def _bulge(
    plane: Plane, shape: Shape, slopes: FloatArray, depth: FloatArray, rng: np.random.Generator
) -> None:
    """Add the form of the whole mask to ``slopes``."""
    round_ = np.float32(_ROUND.get(shape.kind, 0.35) * rng.uniform(0.7, 1.4))
    x, y = plane.x, plane.y
    across = -round_ * (x + np.float32(0.5) * x**3)
    if shape.kind in ("kn95", "sport", "cloth"):
        ridge = {"kn95": 0.55, "sport": 0.22, "cloth": 0.15}[shape.kind] * rng.uniform(0.5, 1.5)
        across = across - np.float32(ridge) * np.tanh(x * np.float32(rng.uniform(6, 25)))
    if shape.kind == "n95":
        across = across * (1 - x * x * 0.4)
    middle = np.float32(rng.uniform(0.75, 1.05))
    below = np.maximum(y - np.float32(shape.bottom - 0.45), 0)
    down = -np.float32(rng.uniform(0.25, 0.5)) * (y - middle) - np.float32(rng.uniform(0.4, 1.4)) * below
    slopes[..., 0] += across
    slopes[..., 1] += down
    if shape.kind == "kn95" and rng.random() < 0.8:
        # Two flaps, above and below, folded along lines from the middle to the ears.
        fold, tilt = np.float32(rng.uniform(0.12, 0.3)), np.float32(rng.uniform(0.0, 0.4))
        steep = np.float32(rng.uniform(0.15, 0.4))
        slopes[..., 1] += steep * (1 - np.tanh(14 * (depth - fold - tilt * np.abs(x)))) * np.float32(0.5)
        slopes[..., 1] -= steep * (1 + np.tanh(14 * (depth - 1 + fold + tilt * np.abs(x)))) * np.float32(0.5)


def _sewn(plane: Plane, shape: Shape, rng: np.random.Generator) -> FloatArray | None:
    """(H, W) light and dark of seams, welds and stitches, about -1..1; None without any."""
    layer = np.full(plane.shape, 128, np.uint8)
    drawn = False

    def line(places: FloatArray, value: int, width: int, dashed: bool = False) -> None:
        stroke(layer, plane.pixels(places), value, width, len(places) // 2 if dashed else 1)

    dark, light = int(rng.integers(50, 110)), int(rng.integers(140, 200))
    below = np.array([0.02, 0.015], np.float32)
    if rng.random() < _SEAMED.get(shape.kind, 0.0):
        drawn = True
        middle = (float(rng.normal(0, 0.02)), (shape.top + shape.bottom) / 2)
        seam = curve([(0.0, shape.top), middle, (0.0, shape.bottom)])
        line(seam, dark, 1 + int(rng.integers(2)))
        line(seam + below, light, 1)
    if shape.kind in ("kn95", "n95") and rng.random() < 0.7:
        drawn = True
        height = float(rng.uniform(0.6, 1.3))
        for sign in (-1.0, 1.0):
            weld = curve(
                [(sign * 0.1, height), (sign * 0.5, height + float(rng.normal(0, 0.08))), (sign * 0.9, 0.85)],
                9,
            )
            line(weld, dark, 1, dashed=rng.random() < 0.6)
            line(weld + below, light, 1)
    for edge, inwards in ((shape.upper, 1.0), (shape.lower, -1.0)):
        if rng.random() < 0.4:
            drawn = True
            hem = edge + np.array([0, inwards * float(rng.uniform(0.03, 0.09))], np.float32)
            line(hem, dark if rng.random() < 0.6 else light, 1, dashed=rng.random() < 0.4)
    if shape.kind in ("surgical", "kn95", "n95") and rng.random() < 0.5:
        drawn = True
        third = len(shape.upper) // 3
        wire = shape.upper[third : 2 * third + 1] + np.array([0, float(rng.uniform(0.05, 0.1))], np.float32)
        line(wire, light, 3)
        line(wire + below, dark, 1)
    if not drawn:
        return None
    soft = cv2.GaussianBlur(layer, (3, 3), 0)
    return np.asarray((soft.astype(np.float32) - 128) / 128, np.float32)


def draw_relief(plane: Plane, shape: Shape, rng: np.random.Generator) -> Relief:
    """The surface of a mask of this shape."""
    bank = tiles()
    soft = np.float32(rng.uniform(0.3, 2.0)) * np.float32(_CRUMPLED[shape.kind])
    slopes = soft * plane.cut(bank.folds, float(rng.uniform(40, 110)), rng)
    if rng.random() < 0.6:
        sharp = np.float32(rng.uniform(0.2, 1.5)) * np.float32(_CRUMPLED[shape.kind])
        slopes += sharp * plane.cut(bank.creases, float(rng.uniform(40, 90)), rng)
    depth = _depth(plane, shape)
    _bulge(plane, shape, slopes, depth, rng)
    down, tone_of, gathers = _profile(shape, rng)
    # Soft folds carry the pleats along.
    wavy = depth + np.float32(rng.uniform(0, 0.015)) * slopes[..., 0]
    sides = np.minimum(np.abs(plane.x), 1.1) ** 4 * np.float32(rng.uniform(0.0, 1.0))
    tone = np.empty(plane.shape, np.float32)
    _fold(wavy, down, gathers, sides[0], tone_of, slopes, tone)
    tone += np.float32(rng.uniform(0.0, 0.03)) * plane.cut(bank.weave, float(rng.uniform(60, 110)), rng)
    sewn = _sewn(plane, shape, rng)
    if sewn is not None:
        tone += np.float32(rng.uniform(0.1, 0.45)) * sewn
    if shape.kind == "surgical" and rng.random() < 0.6:
        wide = float(np.abs(shape.outline[:, 0]).max()) - float(rng.uniform(0.05, 0.1))
        tone *= 1 + np.float32(rng.normal(0, 0.06)) * (np.abs(plane.x) > wide)
    return Relief(slopes, np.asarray(tone, np.float32))


@njit
def _fold(wavy: Any, down: Any, gathers: Any, sides: Any, tone_of: Any, slopes: Any, tone: Any) -> None:
    """Add to ``slopes`` (H, W, 2), and set ``tone`` to, what lies at the depth ``wavy`` (H, W) in 0..1."""
    last = np.float32(_STEPS - 1)
    for i in range(wavy.shape[0]):
        for j in range(wavy.shape[1]):
            step = int(min(max(wavy[i, j] * last, np.float32(0)), last))
            slopes[i, j, 1] += down[step] + gathers[step] * sides[j]
            tone[i, j] = tone_of[step]
