"""Outlines of masks on the face's chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Half = list[tuple[float, float]]

KINDS = ("surgical", "kn95", "n95", "cloth", "sport", "gaiter", "bandana")
_SHARES = (0.40, 0.13, 0.10, 0.17, 0.13, 0.05, 0.02)
WORN = ("right", "under_nose", "on_chin")
_WORN_SHARES = (0.88, 0.07, 0.05)


@dataclass(frozen=True, slots=True)
class Shape:
    """A mask's lines in chart coordinates.

    Attributes:
        kind: one of :data:`KINDS`.
        worn: one of :data:`WORN`.
        outline: (n, 2) closed outline.
        upper: (n, 2) its upper edge, from the left to the right.
        lower: (n, 2) its lower edge, likewise.
        loops: open lines to the ears or the neck, each (n, 2).
        top: chart height of the upper edge at the nose.
        bottom: chart height of the lower edge at the chin.
        clipped: whether it ends at the face's silhouette.
    """

    kind: str
    worn: str
    outline: FloatArray
    upper: FloatArray
    lower: FloatArray
    loops: tuple[FloatArray, ...]
    top: float
    bottom: float
    clipped: bool


def curve(places: Sequence[tuple[float, float]] | FloatArray, steps: int = 6) -> FloatArray:
    """(n, 2) Catmull-Rom spline through ``places``, with ``steps`` pieces between two of them."""
    knots = np.asarray(places, np.float32)
    padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    t = np.linspace(0, 1, steps, endpoint=False, dtype=np.float32)[:, None, None]
    a, b, c, d = padded[None, :-3], padded[None, 1:-2], padded[None, 2:-1], padded[None, 3:]
    path = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return np.concatenate([path.transpose(1, 0, 2).reshape(-1, 2), knots[-1:]]).astype(np.float32)


def _halves(kind: str, rng: np.random.Generator) -> tuple[Half, Half]:
    """Right half of the upper edge (nose outwards) and of the lower one (inwards to the chin)."""

    def near(value: float, spread: float) -> float:
        return value + spread * float(rng.uniform(-1, 1))

    nose = near(0.17, 0.14)
    chin = near(1.83, 0.10)
    if kind == "surgical":
        wide = near(1.0, 0.1)
        corner = near(0.47, 0.1)
        upper = [(0.0, nose), (0.24, nose + near(0.1, 0.05)), (0.55, near(0.37, 0.05)), (wide, corner)]
        low = near(1.2, 0.14)
        return upper, [
            (wide - near(0.03, 0.05), low),
            (near(0.68, 0.08), near(1.56, 0.08)),
            (0.35, chin - 0.04),
            (0.0, chin),
        ]
    if kind == "kn95":
        end = near(0.94, 0.08)
        nose -= 0.08
        upper = [
            (0.0, nose),
            (0.26, nose + near(0.16, 0.05)),
            (0.6, near(0.46, 0.05)),
            (end, near(0.68, 0.1)),
        ]
        return upper, [
            (end - 0.03, near(0.95, 0.1)),
            (near(0.6, 0.06), near(1.48, 0.08)),
            (0.26, chin - 0.06),
            (0.0, chin),
        ]
    if kind == "n95":
        nose -= 0.06
        upper = [
            (0.0, nose),
            (0.22, nose + near(0.1, 0.05)),
            (near(0.5, 0.05), near(0.42, 0.06)),
            (near(0.8, 0.06), near(0.8, 0.1)),
        ]
        return upper, [
            (near(0.8, 0.06), near(1.1, 0.1)),
            (near(0.62, 0.06), near(1.5, 0.06)),
            (0.32, chin - 0.05),
            (0.0, chin),
        ]
    if kind == "sport":
        end = near(1.07, 0.05)
        upper = [
            (0.0, nose),
            (0.25, nose + near(0.12, 0.05)),
            (0.6, near(0.42, 0.05)),
            (end, near(0.42, 0.12)),
        ]
        low = near(0.72, 0.12)
        return upper, [
            (end, low),
            (near(0.82, 0.07), near(1.15, 0.12)),
            (near(0.54, 0.07), near(1.56, 0.06)),
            (0.26, chin - 0.05),
            (0.0, chin),
        ]
    if kind == "cloth":
        wide = near(0.95, 0.08)
        upper = [
            (0.0, nose),
            (0.27, nose + near(0.14, 0.06)),
            (0.6, near(0.43, 0.06)),
            (wide, near(0.55, 0.12)),
        ]
        low = near(1.0, 0.16)
        return upper, [
            (wide - near(0.03, 0.04), low),
            (near(0.62, 0.08), near(1.52, 0.08)),
            (0.32, chin - 0.05),
            (0.0, chin),
        ]
    upper = [
        (0.0, nose + 0.08),
        (0.3, near(0.38, 0.06)),
        (0.7, near(0.4, 0.1)),
        (near(1.15, 0.06), near(0.42, 0.15)),
    ]
    if kind == "bandana":
        return upper, [(1.15, near(0.8, 0.1)), (near(0.75, 0.1), near(1.5, 0.15)), (0.0, near(2.25, 0.2))]
    neck = near(0.95, 0.15)
    return upper, [(1.15, near(1.0, 0.1)), (neck, near(1.75, 0.1)), (neck, 2.9), (0.0, 3.0)]


def _mirrored(upper: Half, lower: Half, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Both halves of both edges, each from the left to the right, not quite alike."""
    left_up, left_low = (np.array(side, np.float32) * (-1, 1) for side in (upper, lower))
    for side in (left_up, left_low):
        side += rng.normal(0, 0.018, side.shape)
    left_up[0], left_low[-1] = upper[0], lower[-1]
    up = np.concatenate([left_up[::-1], np.array(upper[1:], np.float32)])
    low = np.concatenate([left_low, np.array(lower[::-1][1:], np.float32)])
    return curve(up), curve(low)


def _loops(
    kind: str, upper: FloatArray, lower: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, ...]:
    """Ear loops of one mask, or the straps of a respirator."""
    if kind in ("sport", "gaiter", "bandana") or rng.random() < 0.12:
        return ()
    strapped = kind == "n95" and rng.random() < 0.7
    lines = []
    high, low = float(rng.uniform(0.05, 0.35)), float(rng.uniform(0.55, 0.85))
    reach = float(rng.uniform(1.12, 1.3))
    for sign, end in ((-1.0, 0), (1.0, -1)):
        top, under = upper[end] * (0.98, 1.0), lower[end] * (0.98, 1.0)
        if strapped:
            lines += [
                curve([tuple(top), (sign * 1.3, -0.15 + high)]),
                curve([tuple(under), (sign * 1.25, 1.0 + high)]),
            ]
            continue
        sag = float(rng.uniform(-0.06, 0.05))
        for start, goal in ((top, high), (under, low)):
            ear = np.array([sign * reach, goal], np.float32)
            middle = (start + ear) / 2 + (0.0, sag)
            lines.append(curve([tuple(start), tuple(middle), tuple(ear)]))
    return tuple(lines)


def draw_shape(rng: np.random.Generator) -> Shape:
    """A random mask, worn rightly or not."""
    kind = str(rng.choice(KINDS, p=_SHARES))
    worn = str(rng.choice(WORN, p=_WORN_SHARES))
    upper, lower = _mirrored(*_halves(kind, rng), rng)
    if worn != "right":
        new_top = float(rng.uniform(0.68, 0.85) if worn == "under_nose" else rng.uniform(1.12, 1.4))
        new_bottom = float(rng.uniform(1.8, 2.05) if worn == "under_nose" else rng.uniform(1.85, 2.15))
        old_top, old_bottom = float(upper[:, 1].min()), float(lower[:, 1].max())
        stretch = (new_bottom - new_top) / (old_bottom - old_top)
        for edge in (upper, lower):
            edge[:, 1] = new_top + (edge[:, 1] - old_top) * stretch
            # Lower on the face the jaw is narrower.
            edge[:, 0] *= 1.0 - 0.22 * np.clip(edge[:, 1] - 1.0, 0.0, 0.8)
    lean = float(rng.normal(0, 0.03))
    for edge in (upper, lower):
        edge[:, 1] += lean * edge[:, 0]
    return Shape(
        kind,
        worn,
        np.concatenate([upper, lower[::-1]]),
        upper,
        lower,
        _loops(kind, upper, lower, rng),
        float(upper[:, 1].min()),
        float(lower[:, 1].max()),
        kind not in ("gaiter", "bandana"),
    )
