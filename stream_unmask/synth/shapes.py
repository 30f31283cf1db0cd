"""Outlines of masks on the face's chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from stream_unmask.synth.style import ANY, OFF_THE_FACE, MaskStyle

FloatArray = NDArray[np.float32]

_LOOSE = {"surgical": 0.3, "cloth": 0.25, "n95": 0.1, "kn95": 0.15}
"""How often a mask of each kind stands off the cheeks, so that it ends outside the face."""

_STRAPPED = {"n95": 0.75, "elastomeric": 1.0}
"""How often straps round the head hold a mask, in place of ear loops."""

_HIDDEN = 0.3
"""How often nothing is seen of ear loops, for hair or the ears themselves lie before them."""

_NOSE, _CHIN = (0.20, 0.17), (1.84, 0.12)
"""Height of the upper edge on the nose and of the lower one beneath the chin, each with its spread."""

# One half of each edge: x, y, spread of x, spread of y. The upper edge goes outwards from the nose; its
# heights are shares of the way down to the corner, whose own is a chart height. The lower one goes inwards
# to the chin, from where its last height counts if it is below 0.
_Rows = tuple[tuple[float, float, float, float], ...]
_HALVES: dict[str, tuple[_Rows, _Rows]] = {
    "surgical": (
        ((0.24, 0.28, 0.03, 0.14), (0.55, 0.72, 0.03, 0.12), (0.95, 0.47, 0.13, 0.13)),
        ((0.92, 1.15, 0.09, 0.18), (0.68, 1.56, 0.09, 0.09), (0.35, -0.04, 0.04, 0.02)),
    ),
    "kn95": (
        ((0.26, 0.30, 0.02, 0.12), (0.60, 0.65, 0.03, 0.12), (0.92, 0.64, 0.09, 0.13)),
        ((0.91, 0.95, 0.08, 0.12), (0.60, 1.48, 0.07, 0.09), (0.26, -0.06, 0.04, 0.02)),
    ),
    "n95": (
        ((0.22, 0.15, 0.02, 0.08), (0.52, 0.45, 0.06, 0.10), (0.82, 0.80, 0.07, 0.12)),
        ((0.82, 1.10, 0.07, 0.10), (0.63, 1.50, 0.07, 0.06), (0.32, -0.05, 0.04, 0.02)),
    ),
    "sport": (
        ((0.25, 0.45, 0.02, 0.15), (0.60, 0.95, 0.03, 0.12), (1.04, 0.42, 0.06, 0.12)),
        (
            (1.04, 0.72, 0.06, 0.12),
            (0.82, 1.15, 0.07, 0.12),
            (0.54, 1.56, 0.07, 0.06),
            (0.26, -0.05, 0.03, 0.02),
        ),
    ),
    "cloth": (
        ((0.27, 0.35, 0.03, 0.14), (0.60, 0.75, 0.03, 0.12), (0.93, 0.55, 0.11, 0.15)),
        ((0.92, 1.00, 0.08, 0.18), (0.62, 1.52, 0.09, 0.09), (0.32, -0.05, 0.04, 0.02)),
    ),
    "elastomeric": (
        ((0.17, 0.10, 0.03, 0.08), (0.36, 0.45, 0.05, 0.10), (0.62, 0.92, 0.07, 0.12)),
        ((0.62, 1.20, 0.07, 0.12), (0.45, 1.55, 0.06, 0.08), (0.22, -0.05, 0.03, 0.02)),
    ),
    "scarf": (
        ((0.42, 0.30, 0.06, 0.25), (0.85, 0.70, 0.08, 0.30), (1.35, 0.50, 0.15, 0.35)),
        ((1.40, 1.00, 0.15, 0.10), (1.30, 1.75, 0.20, 0.15), (1.10, 2.90, 0.20, 0.02)),
    ),
    "gaiter": (
        ((0.30, 0.40, 0.03, 0.20), (0.70, 0.80, 0.04, 0.20), (1.15, 0.48, 0.07, 0.16)),
        ((1.15, 1.00, 0.04, 0.10), (0.95, 1.75, 0.15, 0.12), (0.95, 2.90, 0.15, 0.02)),
    ),
    "bandana": (
        ((0.30, 0.40, 0.03, 0.20), (0.70, 0.80, 0.04, 0.20), (1.15, 0.48, 0.07, 0.15)),
        ((1.15, 0.80, 0.04, 0.10), (0.75, 1.50, 0.10, 0.15)),
    ),
}
_LOWEST = {"gaiter": (3.0, 0.02), "scarf": (3.0, 0.02), "bandana": (2.25, 0.2)}


@dataclass(frozen=True, slots=True)
class Shape:
    """A mask's lines in chart coordinates.

    Attributes:
        kind: one of :data:`KINDS`.
        worn: one of :data:`WORN`.
        outline: (n, 2) closed outline.
        upper: (n, 2) its upper edge, from the left to the right.
        lower: (n, 2) its lower edge, likewise.
        loops: open lines to the ears or round the head, each (n, 2).
        top: chart height of the upper edge at the nose.
        bottom: chart height of the lower edge at the chin.
        slack: how far beyond the face's silhouette it may reach, in eye distances.
    """

    kind: str
    worn: str
    outline: FloatArray
    upper: FloatArray
    lower: FloatArray
    loops: tuple[FloatArray, ...]
    top: float
    bottom: float
    slack: float


_SPAN = np.arange(4)


@cache
def _blend(steps: int) -> FloatArray:
    """(steps, 4) weights of four knots for the places between the middle two."""
    t = np.linspace(0, 1, steps, endpoint=False, dtype=np.float32)
    powers = np.stack([np.ones_like(t), t, t**2, t**3], 1)
    knots = np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]], np.float32)
    return np.asarray(0.5 * powers @ knots, np.float32)


def curve(places: Sequence[tuple[float, float]] | FloatArray, steps: int = 6) -> FloatArray:
    """(n, 2) Catmull-Rom spline through ``places``, with ``steps`` pieces between two of them."""
    knots = np.asarray(places, np.float32)
    count = len(knots)
    padded = np.empty((count + 2, 2), np.float32)
    padded[1:-1] = knots
    padded[0], padded[-1] = 2 * knots[0] - knots[1], 2 * knots[-1] - knots[-2]
    spans = padded[np.arange(count - 1)[:, None] + _SPAN]
    path = np.empty(((count - 1) * steps + 1, 2), np.float32)
    np.matmul(_blend(steps), spans, out=path[:-1].reshape(count - 1, steps, 2))
    path[-1] = knots[-1]
    return path


def _edges(kind: str, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Both edges, each from the left to the right, their halves not quite alike."""
    nose = _NOSE[0] + _NOSE[1] * float(rng.uniform(-1, 1))
    middle, spread = _LOWEST.get(kind, _CHIN)
    chin = middle + spread * float(rng.uniform(-1, 1))
    above, below = (np.array(rows, np.float32) for rows in _HALVES[kind])
    high, low = (
        rows[:, :2] + rows[:, 2:] * rng.uniform(-1, 1, (len(rows), 2)).astype(np.float32)
        for rows in (above, below)
    )
    high[:-1, 1] = nose + high[:-1, 1] * (high[-1, 1] - nose)
    if low[-1, 1] < 0:
        low[-1, 1] += chin
    edges = []
    for half, middle in ((high, nose), (low[::-1], chin)):
        other = half * (-1, 1) + rng.normal(0, 0.018, half.shape)
        edges.append(curve(np.concatenate([other[::-1], [[0.0, middle]], half]).astype(np.float32)))
    return edges[0], edges[1]


def _loops(
    kind: str, upper: FloatArray, lower: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, ...]:
    """Ear loops of one mask, or the straps of a respirator."""
    if kind in _LOWEST or rng.random() < _HIDDEN:
        return ()
    strapped = rng.random() < _STRAPPED.get(kind, 0.0)
    twisted = rng.random() < 0.06
    high, low = float(rng.uniform(0.08, 0.36)), float(rng.uniform(0.48, 0.75))
    reach, tuck = float(rng.uniform(1.08, 1.22)), float(rng.uniform(0.0, 0.06))
    lines = []
    for sign, end in ((-1.0, 0), (1.0, -1)):
        top, under = upper[end] * (0.97, 1.0), lower[end] * (0.97, 1.0)
        if strapped:
            middle, apart = (top + under) / 2, np.array([0, 0.1])
            lines += [
                curve([tuple(middle - apart), (sign * 1.05, 0.1 + high / 2), (sign * 1.3, -0.5 + high)]),
                curve([tuple(middle + apart), (sign * 1.05, 0.8 + high), (sign * 1.25, 0.9 + high)]),
            ]
            continue
        goals = (low, high) if twisted else (high, low)
        for start, goal, sag in (
            (top, goals[0], rng.normal(0, 0.03)),
            (under, goals[1], rng.normal(0, 0.04)),
        ):
            ear = np.array([sign * (reach - tuck * (goal > 0.4)), goal], np.float32)
            middle = (start + ear) / 2 + (0.0, float(sag))
            lines.append(curve([tuple(start), tuple(middle), tuple(ear)]))
    return tuple(lines)


def _moved(upper: FloatArray, lower: FloatArray, worn: str, hangs: bool, rng: np.random.Generator) -> None:
    """Pull a mask under the nose or onto the chin, in place; one that ``hangs`` to the chest still does."""
    new_top = float(rng.uniform(0.68, 0.85) if worn == "under_nose" else rng.uniform(1.12, 1.4))
    new_bottom = float(rng.uniform(1.8, 2.05) if worn == "under_nose" else rng.uniform(1.85, 2.15))
    old_top, old_bottom = float(upper[:, 1].min()), float(lower[:, 1].max())
    if hangs:
        new_bottom = old_bottom
    stretch = (new_bottom - new_top) / (old_bottom - old_top)
    for edge in (upper, lower):
        edge[:, 1] = new_top + (edge[:, 1] - old_top) * stretch
        # Lower on the face the jaw is narrower.
        edge[:, 0] *= 1.0 - (0.0 if hangs else 0.22) * np.clip(edge[:, 1] - 1.0, 0.0, 0.8)


def _lifted(upper: FloatArray, lower: FloatArray, rng: np.random.Generator) -> None:
    """Raise a mask towards the eyes, in place: its upper edge is flatter, as while it is being put on."""
    lift, flat = float(rng.uniform(0.05, 0.3)), float(rng.uniform(0.0, 0.9))
    top = float(upper[:, 1].min())
    upper[:, 1] = np.maximum(top + (upper[:, 1] - top) * (1 - flat) - lift, 0.02)
    lower[:, 1] -= lift * float(rng.uniform(0.3, 1.0))


def _hung(upper: FloatArray, lower: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, ...]:
    """Turn a mask so that it hangs below one ear, in place; returns its loop."""
    side = 1.0 if rng.random() < 0.5 else -1.0
    angle = side * float(rng.uniform(1.2, 1.8))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32)
    squeeze = np.array([float(rng.uniform(0.45, 0.8)), float(rng.uniform(0.55, 0.8))], np.float32)
    place = np.array([side * float(rng.uniform(0.9, 1.15)), float(rng.uniform(1.3, 1.6))], np.float32)
    for edge in (upper, lower):
        edge[:] = (edge - (0.0, 1.0)) @ turn * squeeze + place
    ear = (side * float(rng.uniform(1.0, 1.15)), float(rng.uniform(0.1, 0.4)))
    nearest = -1 if upper[-1, 1] < upper[0, 1] else 0
    return tuple(curve([tuple(edge[nearest]), ear], 2) for edge in (upper, lower))


def _held(upper: FloatArray, lower: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, ...]:
    """Turn a mask aslant and off its place, in place, as a hand holds it; returns its loops."""
    angle = float(rng.uniform(0.1, 0.7)) * (1 if rng.random() < 0.5 else -1)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32)
    squeeze = np.array([float(rng.uniform(0.8, 1.15)), float(rng.uniform(0.45, 1.1))], np.float32)
    place = np.array([float(rng.normal(0, 0.25)), float(rng.uniform(0.85, 1.5))], np.float32)
    for edge in (upper, lower):
        edge[:] = (edge - (0.0, 1.0)) * squeeze @ turn + place
    loops = []
    for sign, end in ((-1.0, 0), (1.0, -1)):
        out = np.array([sign * float(rng.uniform(0.15, 0.5)), float(rng.normal(0, 0.15))]) @ turn
        middle = (upper[end] + lower[end]) / 2 + out
        loops.append(curve([tuple(upper[end]), tuple(middle), tuple(lower[end])]))
    return tuple(loops)


def draw_shape(rng: np.random.Generator, style: MaskStyle = ANY) -> Shape:
    """A random mask, worn rightly or not, of a style."""
    kind, worn = style.draw(rng)
    upper, lower = _edges(kind, rng)
    if worn in ("under_nose", "on_chin"):
        _moved(upper, lower, worn, kind in _LOWEST, rng)
    if worn == "high":
        _lifted(upper, lower, rng)
    lean = float(rng.normal(0, 0.03))
    for edge in (upper, lower):
        edge[:, 1] += lean * edge[:, 0]
    off = {"dangling": _hung, "held": _held}.get(worn)
    loops = off(upper, lower, rng) if off is not None else _loops(kind, upper, lower, rng)
    slack = float(rng.uniform(0.0, 0.08))
    if rng.random() < _LOOSE.get(kind, 0.0):
        slack += float(rng.uniform(0.05, 0.25))
    return Shape(
        kind,
        worn,
        np.concatenate([upper, lower[::-1]]),
        upper,
        lower,
        loops,
        float(upper[:, 1].min()),
        float(lower[:, 1].max()),
        9.0 if kind in _LOWEST or worn in OFF_THE_FACE else slack,
    )
