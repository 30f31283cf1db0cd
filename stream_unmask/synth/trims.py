"""What a mask may be made of besides its cloth: rims, piping, a middle band, panels, a clear pane."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.synth.chart import Chart
from stream_unmask.synth.drawing import Value, fill, fill_around, lay, stroke
from stream_unmask.synth.fabric import Plane
from stream_unmask.synth.prints import draw_ink
from stream_unmask.synth.shapes import Shape, curve

FloatArray = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_RIMMED = {
    "cloth": 0.24,
    "sport": 0.3,
    "surgical": 0.07,
    "kn95": 0.08,
    "n95": 0.1,
    "gaiter": 0.06,
    "elastomeric": 0.5,
}
_BANDED = {"cloth": 0.05, "sport": 0.08, "kn95": 0.02}
_PANELLED = {"cloth": 0.08, "sport": 0.16, "kn95": 0.03, "elastomeric": 0.3}


def _rim(cloth: Bytes, plane: Plane, shape: Shape, ink: Value, rng: np.random.Generator) -> None:
    """Piping or a broad rim, all round or along one edge."""
    wide = max(1, round(float(np.exp(rng.uniform(np.log(0.03), np.log(0.3)))) * plane.unit))
    style = rng.random()
    upper, lower = plane.pixels(shape.upper), plane.pixels(shape.lower)
    if style < 0.55:
        # Beyond its outline, too, where a stiff mask is drawn tight.
        outline = plane.pixels(shape.outline)
        fill_around(cloth, outline, ink)
        stroke(cloth, np.concatenate([outline, outline[:1]]), ink, wide)
    elif style < 0.85:
        stroke(cloth, upper if style < 0.75 else lower, ink, wide)
    else:
        for end in (0, -1):
            stroke(cloth, np.stack([upper[end], lower[end]]), ink, wide)


def _band(cloth: Bytes, plane: Plane, shape: Shape, ink: Value, rng: np.random.Generator) -> None:
    """A band down the middle."""
    wide = max(1, round(float(rng.uniform(0.02, 0.16)) * plane.unit))
    stroke(cloth, plane.pixels(np.array([[0, shape.top], [0, shape.bottom]], np.float32)), ink, wide)


def _panels(cloth: Bytes, plane: Plane, shape: Shape, ink: Value, rng: np.random.Generator) -> None:
    """Both sides, or the part above or below a line."""
    top, bottom = shape.top, shape.bottom
    if rng.random() < 0.6:
        across = rng.uniform(0.15, 0.75, 3)
        seam = curve([(across[0], top - 0.1), (across[1], (top + bottom) / 2), (across[2], bottom + 0.1)])
        for sign in (-1.0, 1.0):
            side = np.concatenate([seam, np.array([[4, bottom + 0.1], [4, top - 0.1]], np.float32)])
            fill(cloth, plane.pixels(side * np.array([sign, 1], np.float32)), ink)
        return
    height, tilt = top + (bottom - top) * float(rng.uniform(0.25, 0.75)), float(rng.normal(0, 0.3))
    seam = curve([(-1.5, height + tilt), (0.0, height), (1.5, height + tilt)])
    edge = top - 2 if rng.random() < 0.5 else bottom + 2
    fill(cloth, plane.pixels(np.concatenate([seam, np.array([[4, edge], [-4, edge]], np.float32)])), ink)


def draw_trims(cloth: Bytes, plane: Plane, shape: Shape, base: FloatArray, rng: np.random.Generator) -> None:
    """Put what a mask of this kind may have in another colour on its cloth, in place.

    Args:
        cloth: (H, W, 3) uint8 RGB, the size of ``plane``.
        plane: where the cloth lies in the chart.
        shape: the mask.
        base: (3,) the colour of the cloth's ground.
        rng: where all chance comes from.
    """
    for chances, draw in ((_PANELLED, _panels), (_BANDED, _band), (_RIMMED, _rim)):
        if rng.random() < chances.get(shape.kind, 0.0):
            draw(cloth, plane, shape, tuple(draw_ink(base, rng).tolist()), rng)


def open_window(picture: Bytes, face: Bytes, body: Bytes, chart: Chart, rng: np.random.Generator) -> None:
    """Let the mouth be seen through a clear pane in the mask, in place, as on masks for those who read lips.

    Args:
        picture: (S, S, 3) uint8 RGB, the face with the mask on.
        face: (S, S, 3) the face without it.
        body: (S, S) uint8, 255 where the mask is; its pane is mask, too.
        chart: of the face.
        rng: where all chance comes from.
    """
    wide, high = float(rng.uniform(0.3, 0.6)), float(rng.uniform(0.15, 0.35))
    middle = np.array([0, 1.0 + rng.normal(0, 0.05)], np.float32)
    turn = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    waves = np.stack([np.cos(turn), np.sin(turn)], 1)
    power = float(rng.choice((0.4, 0.7, 1.0)))
    pane = middle + (np.sign(waves) * np.abs(waves) ** power * (wide, high)).astype(np.float32)
    area, hem = np.zeros_like(body), chart.to_crop(pane)
    fill(area, hem, int(rng.integers(150, 245)))
    stroke(area, np.concatenate([hem, hem[:1]]), 40, max(1, round(0.03 * chart.unit)))
    seen = cv2.convertScaleAbs(face, alpha=float(rng.uniform(0.7, 1.0)), beta=float(rng.uniform(0, 50)))
    lay(picture, np.asarray(seen, np.uint8), np.minimum(area, body))
