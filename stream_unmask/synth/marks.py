"""Letters, badges and painted mouths on masks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.synth.drawing import fill, stroke
from stream_unmask.synth.fabric import Plane
from stream_unmask.synth.shapes import Shape, curve

Bytes = NDArray[np.uint8]

_LETTERS = list("ABCDEFGHKLMNOPRSTUVXYZabcdeghknoprstu0123456789")
_CHANCES = {"n95": 0.75, "kn95": 0.6, "cloth": 0.4, "sport": 0.4}
_VALVED = {"n95": 0.5, "kn95": 0.3, "sport": 0.35, "elastomeric": 0.8}


def _colour(rng: np.random.Generator) -> tuple[float, ...]:
    plain = np.full(3, float(rng.choice((25, 90, 130, 235))))
    return tuple(float(value) for value in (rng.uniform(0, 255, 3) if rng.random() < 0.5 else plain))


def _letters(cloth: Bytes, plane: Plane, shape: Shape, rng: np.random.Generator) -> None:
    """One or more lines of letters, large as a slogan or small as a maker's name."""
    respirator = shape.kind in ("n95", "kn95")
    size = plane.unit / 75 * float(rng.uniform(0.22, 0.45) if respirator else rng.uniform(0.3, 1.0))
    ink, face = _colour(rng), int(rng.integers(0, 8))
    side = float(rng.choice((-0.6, 0.15, -0.2)))
    x, y = plane.pixels(np.array([[side + rng.normal(0, 0.08), rng.uniform(0.7, 1.4)]], np.float32))[0]
    for row in range(int(rng.integers(1, 5)) if respirator else 1):
        text = "".join(rng.choice(_LETTERS, int(rng.integers(2, 10))))
        place = (int(x), int(y + row * 26 * size))
        cv2.putText(cloth, text, place, face, size, ink, 1 + int(size > 0.6), cv2.LINE_AA)


def _badge(cloth: Bytes, plane: Plane, rng: np.random.Generator) -> None:
    """A label, an applique or a flag: a patch of colour with another on it."""
    middle = np.array([rng.normal(0, 0.4), rng.uniform(0.7, 1.5)])
    reach = float(rng.uniform(0.05, 0.4))
    for part in range(int(rng.integers(1, 4))):
        count = int(rng.integers(3, 9))
        turn = np.sort(rng.uniform(0, 2 * np.pi, count))
        radius = reach * rng.uniform(0.5, 1.0, count) / (1 + part)
        outline = middle + np.stack([radius * np.cos(turn), radius * np.sin(turn)], 1)
        fill(cloth, plane.pixels(outline.astype(np.float32)), _colour(rng))


def _mouth(cloth: Bytes, plane: Plane, rng: np.random.Generator) -> None:
    """A painted smile, with teeth or a tongue."""
    wide, high = float(rng.uniform(0.2, 0.75)), float(rng.uniform(0.08, 0.55))
    top = float(rng.uniform(1.0, 1.35))
    upper = curve([(-wide, top), (0.0, top + float(rng.uniform(-0.05, 0.15))), (wide, top)])
    lower = curve([(-wide, top), (-wide / 2, top + high), (wide / 2, top + high), (wide, top)])
    if rng.random() < 0.4:
        stroke(cloth, plane.pixels(upper), _colour(rng), 1 + int(rng.integers(3)))
        return
    dark = tuple(float(value) for value in rng.uniform(0, 90, 3))
    fill(cloth, plane.pixels(np.concatenate([upper, lower[::-1]])), dark)
    middle = np.array([float(rng.normal(0, 0.08)), top + 0.75 * high], np.float32)
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    tongue = middle + np.stack([0.45 * wide * np.cos(turn), 0.35 * high * np.sin(turn)], 1)
    fill(cloth, plane.pixels(tongue.astype(np.float32)), (float(rng.uniform(180, 240)), 50.0, 60.0))
    if rng.random() < 0.5:
        teeth = np.concatenate([upper * (0.85, 1) + (0, 0.02), upper[::-1] * (0.85, 1) + (0, 0.3 * high)])
        fill(cloth, plane.pixels(teeth.astype(np.float32)), (240.0, 240.0, 235.0))


def _valve(cloth: Bytes, plane: Plane, shape: Shape, rng: np.random.Generator) -> None:
    """An exhalation valve, drawn on the cloth in place."""
    moulded = shape.kind == "elastomeric"
    side = 0.0 if moulded else float(rng.choice((0.0, -0.45, 0.45)))
    place = np.array([[side + rng.normal(0, 0.05), rng.uniform(0.85, 1.4)]], np.float32)
    x, y = (float(value) for value in plane.pixels(place)[0])
    grey = np.full(3, rng.choice((30, 200, 235, 245)))
    base = np.clip((rng.uniform(0, 255, 3) if rng.random() < 0.4 else grey) + rng.normal(0, 6, 3), 0, 255)
    radius = plane.unit * float(rng.uniform(0.18, 0.32) if moulded else rng.uniform(0.11, 0.26))
    turn = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    power = float(rng.choice((1.0, 1.0, 0.6)))
    cos, sin = np.cos(turn), np.sin(turn)
    ring = np.stack([np.sign(cos) * np.abs(cos) ** power, np.sign(sin) * np.abs(sin) ** power], 1).astype(
        np.float32
    )
    middle = np.array([x, y], np.float32)

    def disc(size: float, gain: float, dx: float = 0.0, dy: float = 0.0) -> None:
        tone = tuple(float(v) for v in np.clip(base * gain, 0, 255))
        fill(cloth, middle + (dx, dy) + size * radius * ring, tone)

    disc(1.08, 0.55, 1.0, 1.5)
    disc(1.0, 0.85)
    disc(0.92, 1.05, -0.6, -0.8)
    disc(0.6, float(rng.uniform(0.75, 1.0)))
    for angle in np.linspace(0, np.pi, int(rng.integers(2, 6)), endpoint=False):
        reach = 0.6 * radius * np.array([np.cos(angle), np.sin(angle)], np.float32)
        stroke(cloth, np.array([middle - reach, middle + reach], np.float32), tuple((0.7 * base).tolist()), 1)


def draw_marks(cloth: Bytes, plane: Plane, shape: Shape, rng: np.random.Generator) -> None:
    """Put what a maker puts on a mask of this kind, or nothing, on the cloth in place."""
    if rng.random() < _VALVED.get(shape.kind, 0.0):
        _valve(cloth, plane, shape, rng)
    if rng.random() > _CHANCES.get(shape.kind, 0.06):
        return
    style = rng.random()
    if style < (0.85 if shape.kind in ("n95", "kn95") else 0.4):
        _letters(cloth, plane, shape, rng)
    elif style < 0.85:
        _badge(cloth, plane, rng)
    else:
        _mouth(cloth, plane, rng)
