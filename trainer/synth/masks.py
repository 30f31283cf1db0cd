"""Putting a mask on a photographed face."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.synth.chart import Chart
from trainer.synth.fabric import draw_colour, draw_print, sample, tiles
from trainer.synth.shapes import Shape, curve, draw_shape

FloatArray = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_SHIFT = 4


@dataclass(frozen=True, slots=True)
class Worn:
    """A face with a mask on.

    Attributes:
        picture: (S, S, 3) uint8 RGB.
        map: (S, S) uint8, 255 where the mask is, its ear loops too.
        kind: see :data:`trainer.synth.shapes.KINDS`.
        worn: see :data:`trainer.synth.shapes.WORN`.
    """

    picture: Bytes
    map: Bytes
    kind: str
    worn: str


def _fixed(line: FloatArray) -> NDArray[np.int32]:
    return np.round(line * (1 << _SHIFT)).astype(np.int32)


def stroke(canvas: Bytes, line: FloatArray, value: int | tuple[int, ...], thickness: int) -> None:
    """Draw an open smooth line, in pixels, on ``canvas``."""
    cv2.polylines(canvas, [_fixed(line)], False, value, thickness, cv2.LINE_AA, _SHIFT)


def fill(canvas: Bytes, outline: FloatArray, value: int | tuple[int, ...]) -> None:
    """Fill a closed outline, in pixels, on ``canvas``."""
    cv2.fillPoly(canvas, [_fixed(outline)], value, cv2.LINE_AA, _SHIFT)


def _body(shape: Shape, chart: Chart, yaw: float, rng: np.random.Generator) -> Bytes:
    """(S, S) the cloth itself, without loops: its outline, ended by the face's silhouette."""
    body = np.zeros((chart.size, chart.size), np.uint8)
    outline = chart.to_crop(shape.outline)
    # Seen from the side, cloth stands off the nose and the chin.
    turn = np.float32(np.sin(np.radians(yaw)))
    stand = np.maximum(0, 1 - np.abs(shape.outline[:, 0])) * np.float32(rng.uniform(0.02, 0.12) * chart.unit)
    outline[:, 0] += turn * stand
    fill(body, outline, 255)
    if not shape.clipped:
        return body
    hull = chart.hull.copy()
    centre = hull.mean(0)
    away = hull - centre
    slack = float(rng.uniform(0.0, 0.07) + 0.1 * max(0.0, rng.normal(-0.5, 0.6))) * chart.unit
    hull += away / np.linalg.norm(away, axis=1, keepdims=True) * slack
    low = hull[:, 1] > chart.points[13, 1]
    hull[low, 1] += float(rng.uniform(0.0, 0.12)) * chart.unit
    hull[low, 0] += turn * np.float32(0.08 * chart.unit)
    silhouette = np.zeros_like(body)
    fill(silhouette, hull, 255)
    return np.minimum(body, silhouette)


def _relief(shape: Shape, chart: Chart, rng: np.random.Generator) -> FloatArray:
    """(S, S) light and dark of sewn and pressed lines, about -1..1: pleats, wire, seams, hems."""
    layer = np.full((chart.size, chart.size), 128, np.uint8)

    def line(places: list[tuple[float, float]] | FloatArray, value: int, width: int, dy: float = 0.0) -> None:
        path = chart.to_crop(places if isinstance(places, np.ndarray) else curve(places))
        path[:, 1] += dy
        stroke(layer, path, value, width)

    dark, light = int(rng.integers(60, 115)), int(rng.integers(140, 190))
    if shape.kind in ("surgical", "cloth") and rng.random() < (0.9 if shape.kind == "surgical" else 0.25):
        count = int(rng.integers(2, 5))
        for part in (np.arange(count) + rng.uniform(0.7, 1.3)) / (count + 1.2):
            bend = float(rng.uniform(0.02, 0.16)) * (part - 0.2)
            end = 0.55 + (part - 0.5) * 0.6
            middle = shape.top + 0.08 + part * (shape.bottom - shape.top - 0.15)
            places = [
                (-0.95, end + 0.35),
                (-0.45, middle - 0.02),
                (0.0, middle + bend),
                (0.45, middle - 0.02),
                (0.95, end + 0.35),
            ]
            line(places, dark, int(rng.integers(1, 4)))
            line(places, light, int(rng.integers(1, 3)), 3.0)
    elif shape.kind in ("kn95", "sport", "cloth") and rng.random() < 0.85:
        seam = [
            (0.0, shape.top),
            (float(rng.normal(0, 0.03)), (shape.top + shape.bottom) / 2),
            (0.0, shape.bottom),
        ]
        line(seam, dark, 1 + int(rng.integers(2)))
        line(seam, light, 1, 2.0)
        if shape.kind == "kn95":
            for sign in (-1, 1):
                line(
                    [(0.0, shape.top + 0.1), (sign * 0.45, 0.75), (sign * 0.9, 0.8)],
                    int(rng.integers(95, 125)),
                    1,
                )
                line([(0.0, 1.6), (sign * 0.5, 1.1), (sign * 0.9, 0.85)], int(rng.integers(95, 125)), 1)
    elif shape.kind == "n95":
        line([(-0.75, 0.95), (0.0, float(rng.uniform(0.75, 1.1))), (0.75, 0.95)], dark, 1)
    inset = float(rng.uniform(0.03, 0.07))
    for edge, inwards in ((shape.upper, inset), (shape.lower, -inset)):
        if rng.random() < 0.7:
            line(edge + np.array([0, inwards], np.float32), dark if rng.random() < 0.6 else light, 1)
    if shape.kind in ("surgical", "kn95", "n95") and rng.random() < 0.6:
        wire = shape.upper[len(shape.upper) // 3 : 2 * len(shape.upper) // 3 + 1] + np.array(
            [0, 0.05], np.float32
        )
        line(wire, light, 3)
        line(wire, dark, 1, 2.5)
    soft = cv2.GaussianBlur(layer, (0, 0), float(rng.uniform(0.6, 1.4)))
    return np.asarray((soft.astype(np.float32) - 128) / 128, np.float32)


def _light(face: Bytes, body: Bytes, rng: np.random.Generator) -> FloatArray:
    """(S, S) how the light on the face beneath differs from place to place, about 1, times exposure."""
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (16, 16), interpolation=cv2.INTER_AREA).astype(np.float32)
    weight = cv2.resize(body, (16, 16), interpolation=cv2.INTER_AREA).astype(np.float32) / 255 + 1e-3
    level = float((small * weight).sum() / weight.sum())
    small = np.clip(small, 0.5 * level, 1.6 * level)
    spread = cv2.GaussianBlur(small * weight, (0, 0), 2.2) / cv2.GaussianBlur(weight, (0, 0), 2.2)
    relative = np.asarray(spread / max(level, 8.0), np.float32)
    field = cv2.resize(relative, face.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    exposure = np.clip(max(level, 8.0) / 140, 0.3, 1.35) ** float(rng.uniform(0.15, 0.9))
    return np.asarray(
        np.clip(field, 0.5, 1.5) ** np.float32(rng.uniform(0.5, 1.2)) * np.float32(exposure), np.float32
    )


def _shade(shape: Shape, x: FloatArray, y: FloatArray, body: Bytes, rng: np.random.Generator) -> FloatArray:
    """(H, W) light on the cloth: its round form, its folds, its darker rim."""
    middle = np.float32((shape.top + shape.bottom) / 2)
    side, up = np.float32(rng.normal(0, 0.12)), np.float32(rng.normal(-0.12, 0.12))
    shade = 1 + side * x + up * (y - middle)
    shade -= np.float32(rng.uniform(0.05, 0.3)) * np.minimum(np.abs(x), 1.2) ** 3
    if shape.kind in ("kn95", "sport"):
        shade += np.float32(rng.normal(0, 0.07)) * np.tanh(x * 12)
    bank = tiles()
    folds = sample(bank.folds[rng.integers(len(bank.folds))], x + 7, y + 7, float(rng.uniform(50, 140)))
    strength = {"surgical": 0.05, "kn95": 0.02, "n95": 0.015}.get(shape.kind, 0.05)
    shade += np.float32(strength * rng.uniform(0.3, 1.6)) * folds
    weave = sample(bank.weave[rng.integers(len(bank.weave))], x + 7, y + 7, float(rng.uniform(80, 160)))
    shade += np.float32(rng.uniform(0.0, 0.03)) * weave
    rim = cv2.blur(body, (13, 13)).astype(np.float32) / 255
    shade -= np.float32(rng.uniform(0.0, 0.35)) * (1 - rim)
    if rng.random() < 0.3:
        spot_x, spot_y = rng.normal(0, 0.4), rng.normal(0.8, 0.25)
        shade += np.float32(rng.uniform(0.05, 0.3)) * np.exp(-8 * ((x - spot_x) ** 2 + (y - spot_y) ** 2))
    return np.asarray(shade, np.float32)


def _mark(
    cloth: Bytes, chart: Chart, corner: tuple[int, int], shape: Shape, rng: np.random.Generator
) -> None:
    """A valve, letters or a badge, drawn on the cloth in place."""
    chance = {"n95": 0.5, "kn95": 0.4, "cloth": 0.35, "sport": 0.35}.get(shape.kind, 0.06)
    if rng.random() > chance:
        return
    place = chart.to_crop(np.array([[rng.normal(0, 0.35), rng.uniform(0.7, 1.3)]], np.float32))[0] - corner
    x, y = (int(value) for value in place)
    ink = tuple(
        float(value)
        for value in (
            rng.uniform(0, 255, 3) if rng.random() < 0.5 else np.full(3, rng.choice((25, 120, 235)))
        )
    )
    unit = chart.unit
    style = rng.integers(3)
    if style == 0:
        radius = int(unit * rng.uniform(0.14, 0.26))
        cv2.circle(cloth, (x, y), radius, ink, -1, cv2.LINE_AA)
        cv2.circle(cloth, (x, y), radius, tuple(0.75 * value for value in ink), 1, cv2.LINE_AA)
        for step in range(-radius + 3, radius - 2, 4):
            cv2.line(
                cloth,
                (x - radius // 2, y + step),
                (x + radius // 2, y + step),
                tuple(0.85 * v for v in ink),
                1,
            )
    elif style == 1:
        text = "".join(rng.choice(list("ABCDEFGHKLMNOPRSTUVXYZ0123456789"), int(rng.integers(1, 9))))
        cv2.putText(
            cloth,
            text,
            (x - 3 * len(text), y),
            int(rng.integers(0, 8)),
            unit / 75 * float(rng.uniform(0.3, 0.9)),
            ink,
            int(rng.integers(1, 3)),
            cv2.LINE_AA,
        )
    else:
        count = int(rng.integers(3, 8))
        outline = np.array([x, y]) + unit * rng.uniform(0.05, 0.35) * rng.normal(0, 0.7, (count, 2))
        cv2.fillPoly(cloth, [outline.astype(np.int32)], ink, cv2.LINE_AA)


def _tie(
    picture: Bytes,
    map_: Bytes,
    body: Bytes,
    shape: Shape,
    chart: Chart,
    colour: FloatArray,
    rng: np.random.Generator,
) -> None:
    """Ear loops or straps, drawn in place on the picture and its map."""
    if not shape.loops:
        return
    style = rng.random()
    skin = np.array(cv2.mean(picture, body)[:3])
    cord = colour if style < 0.3 else np.full(3, 235.0 if style < 0.8 else 40.0)
    cord = np.clip(cord * np.clip(skin.mean() / 190, 0.4, 1.1), 0, 255)
    width = int(rng.integers(1, 4)) + (shape.kind in ("n95", "cloth"))
    if rng.random() < 0.07:
        width += 4
    shadow = rng.random() < 0.5
    loops = np.zeros_like(body)
    for loop in shape.loops:
        path = chart.to_crop(loop)
        if shadow:
            stroke(picture, path + np.float32(1.5), tuple(int(value) for value in 0.45 * skin), 1)
        stroke(picture, path, tuple(int(value) for value in cord), width)
        stroke(loops, path, 255, width)
    np.maximum(map_, loops, out=map_)


def wear(face: Bytes, points: FloatArray, yaw: float, unit: float, rng: np.random.Generator) -> Worn:
    """Put a random mask on a face.

    Args:
        face: (S, S, 3) uint8 RGB crop.
        points: (468, 2) mesh points in crop pixels.
        yaw: turn of the head in degrees, see :class:`stream_unmask.faces.alignment.Alignment`.
        unit: crop pixels in one eye distance.
        rng: where all chance comes from.
    """
    chart = Chart.of(points, face.shape[0], unit)
    shape = draw_shape(rng)
    body = _body(shape, chart, yaw, rng)
    picture = face.copy()
    map_ = np.zeros_like(body)
    colour = draw_colour(shape.kind, rng)
    if rng.random() < 0.08:
        # Beige and peach masks are the hardest to tell from the face itself.
        cheeks = np.clip(points[[50, 280]], 0, face.shape[0] - 1).astype(int)
        skin = face[cheeks[:, 1], cheeks[:, 0]].mean(0) * rng.uniform(0.9, 1.25)
        colour = np.clip(skin + rng.normal(0, 14, 3), 5, 250).astype(np.float32)
    shadow = float(rng.uniform(0.0, 0.4))
    if shadow > 0.05:
        spread = float(rng.uniform(2, 7))
        moved = np.array([[1, 0, rng.normal(0, 2)], [0, 1, rng.uniform(0, 4)]])
        soft = cv2.GaussianBlur(cv2.warpAffine(body, moved, (chart.size, chart.size)), (0, 0), spread)
        dimmed = cv2.merge([255 - (soft * shadow).astype(np.uint8)] * 3)
        picture = np.asarray(cv2.multiply(picture, dimmed, scale=1 / 255), np.uint8)
    _tie(picture, map_, body, shape, chart, colour, rng)
    x0, y0, width, height = cv2.boundingRect(body)
    if width == 0 or height == 0:
        return Worn(picture, map_, shape.kind, shape.worn)
    window = np.s_[y0 : y0 + height, x0 : x0 + width]
    chart_x, chart_y = (field[window] for field in chart.of_crop())
    printed = {"cloth": 0.5, "bandana": 0.7, "gaiter": 0.45, "sport": 0.2, "surgical": 0.04}.get(
        shape.kind, 0.03
    )
    plain = np.empty((height, width, 3), np.uint8)
    plain[:] = draw_print(chart_x, chart_y, colour, rng) if rng.random() < printed else colour
    _mark(plain, chart, (x0, y0), shape, rng)
    shade = _shade(shape, chart_x, chart_y, body[window], rng) * _light(face, body, rng)[window]
    shade += np.float32(rng.uniform(0.15, 0.6)) * _relief(shape, chart, rng)[window] * shade
    # Cloth scatters: black is never quite black, nor white without end.
    cloth = np.minimum((plain.astype(np.float32) + 4) * shade[..., None], 255)
    alpha = body[window].astype(np.float32)[..., None] / 255
    under = picture[window].astype(np.float32)
    picture[window] = np.clip(under + alpha * (cloth - under), 0, 255).astype(np.uint8)
    np.maximum(map_, body, out=map_)
    return Worn(picture, map_, shape.kind, shape.worn)
