"""Putting a mask on a photographed face."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.synth.cartridges import draw_cartridges
from stream_unmask.synth.chart import Chart
from stream_unmask.synth.compiling import njit
from stream_unmask.synth.drawing import fill, lay, remap, stroke, window
from stream_unmask.synth.fabric import Plane, draw_colour
from stream_unmask.synth.light import Light, estimate_light
from stream_unmask.synth.marks import draw_marks
from stream_unmask.synth.prints import draw_knit, draw_print
from stream_unmask.synth.relief import draw_relief
from stream_unmask.synth.shapes import Shape, draw_shape
from stream_unmask.synth.style import ANY, MaskStyle
from stream_unmask.synth.trims import draw_trims, open_window

FloatArray = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_PRINTED = {"cloth": 0.5, "bandana": 0.7, "gaiter": 0.45, "scarf": 0.6, "sport": 0.25, "surgical": 0.06}
_KNITTED = {"scarf": 0.35, "gaiter": 0.12}
_CLEAR = {"surgical": 0.02, "cloth": 0.02}
_STANDS = {"n95": 0.22, "kn95": 0.26, "surgical": 0.16, "cloth": 0.15, "sport": 0.06, "elastomeric": 0.3}
"""How far a mask stands off the middle of the face, in eye distances."""

_GLOSSY = {"elastomeric": 0.7, "scarf": 0.0}

_STIFF = ("surgical", "kn95", "n95", "cloth")

_TURNED = 8.0
"""Degrees from which a head shows what stands off its face."""

_FLAPPED = {"surgical": 0.5, "cloth": 0.4, "kn95": 0.3}
"""How often the far side of a mask of each kind stands off a turned face, so that its inside is seen."""

_BLURRED = ((2.0, 1.7), (4.0, 1.1), (7.0, 0.6), (12.0, 0.0))
"""Deviation of a photo's Laplacian around the eyes, and the blur in pixels of a photo as soft as that."""


@dataclass(frozen=True, slots=True)
class DrawnMask:
    """A face with a mask on.

    Attributes:
        picture: (S, S, 3) uint8 RGB.
        mask: (S, S) uint8, 255 where the mask is, its ear loops too.
        kind: see :data:`stream_unmask.synth.style.KINDS`.
        worn: see :data:`stream_unmask.synth.style.WORN`.
    """

    picture: Bytes
    mask: Bytes
    kind: str
    worn: str


def _silhouette(shape: Shape, chart: Chart, turn: float, rng: np.random.Generator) -> Bytes:
    """(S, S) 255 where a mask can be seen: the face's silhouette, and what the mask's slack adds."""
    hull = chart.hull.copy()
    away = hull - hull.mean(0)
    hull += away / np.linalg.norm(away, axis=1, keepdims=True) * np.float32(shape.slack * chart.unit)
    low = hull[:, 1] > chart.points[13, 1]
    hull[low, 1] += float(rng.uniform(0.0, 0.12)) * chart.unit
    hull[low, 0] += np.float32(turn * 0.08 * chart.unit)
    area = np.zeros((chart.size, chart.size), np.uint8)
    fill(area, hull, 255)
    return area


def _body(shape: Shape, chart: Chart, yaw: float, rng: np.random.Generator) -> Bytes:
    """(S, S) the cloth itself, without loops."""
    body = np.zeros((chart.size, chart.size), np.uint8)
    outline = chart.to_crop(shape.outline)
    # Seen from the side, cloth stands off the nose and the chin.
    turn = float(np.sin(np.radians(yaw)))
    off = _STANDS.get(shape.kind, 0.1) * float(rng.uniform(0.4, 1.3)) * chart.unit
    outline[:, 0] += np.float32(turn * 0.4 * off) * np.maximum(0, 1 - np.abs(shape.outline[:, 0]))
    fill(body, outline, 255)
    if shape.slack < 1:
        np.minimum(body, _silhouette(shape, chart, turn, rng), out=body)
    if abs(yaw) > _TURNED and shape.slack < 1:
        along = np.linspace(0.04, 0.88, 12)
        swell = np.sin(np.pi * along) ** 0.6
        height = shape.top + along * (shape.bottom - shape.top)
        ridge = np.stack([np.concatenate([-0.2 * swell, 0.2 * swell]), np.tile(height, 2)], 1)
        places = chart.to_crop(ridge.astype(np.float32))
        places[:, 0] += np.tile(swell, 2).astype(np.float32) * np.float32(turn * off)
        fill(body, np.asarray(cv2.convexHull(places), np.float32)[:, 0], 255)
    if shape.kind in _STIFF and rng.random() < 0.75:
        _stiffen(body)
    return body


def _flap(shape: Shape, chart: Chart, yaw: float, rng: np.random.Generator) -> FloatArray | None:
    """(5, 2) outline in crop pixels of the far side of a mask that stands off a turned face; None for none.

    Cloth that spans from ear to ear leaves a turned face behind the nose, and is seen beyond its silhouette.
    """
    if abs(yaw) < 1.5 * _TURNED or shape.slack >= 1 or rng.random() >= _FLAPPED.get(shape.kind, 0.0):
        return None
    far = float(np.sign(yaw))
    near = (far * 0.16, shape.top + 0.04), (far * 0.3, 1.25)
    inner, below, outer, lower = chart.to_crop(
        np.array([*near, (far * 0.85, shape.top), (far * 0.7, 1.2)], np.float32)
    )
    reach = far * float(rng.uniform(0.05, 0.35)) * chart.unit
    # It stands off from where the cloth ends, but for what the face itself hides of that.
    across = far * min(far * float(outer[0]), float((far * chart.hull[:, 0]).max())) + reach
    high = float(outer[1]) - float(rng.uniform(0.0, 0.45)) * chart.unit
    corner = np.array([(across, high), (across - 0.25 * reach, high + rng.uniform(0.3, 0.7) * chart.unit)])
    return np.asarray(np.stack([inner, *corner, lower + np.array([0.3 * reach, 0]), below]), np.float32)


def _draw_flap(
    picture: Bytes, mask: Bytes, outline: FloatArray, tone: FloatArray, blur: float, rng: np.random.Generator
) -> None:
    """Draw the inside of a mask's far side on the picture and its mask, in place."""
    area, paint = np.zeros_like(mask), np.empty_like(picture)
    fill(area, outline, 255)
    first, last = rng.uniform(0.7, 1.1, 2).tolist()
    shade = np.linspace(first, last, len(picture), dtype=np.float32)[:, None, None]
    paint[:] = np.clip(tone * shade, 0, 255)
    _blend(picture, paint, area, blur)
    np.maximum(mask, area, out=mask)


def _stiffen(body: Bytes) -> None:
    """Draw an outline tight, in place: paper and felt do not follow the hollows of a cheek."""
    found, _ = cv2.findContours(body & 128, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if found:
        hull = cv2.convexHull(np.concatenate(found))[:, 0].astype(np.float32)
        fill(body, hull, 255)


def _colour(kind: str, face: Bytes, points: FloatArray, rng: np.random.Generator) -> FloatArray:
    """(3,) the colour of the cloth's ground."""
    if rng.random() >= 0.08:
        return draw_colour(kind, rng)
    # Beige and peach masks are the hardest to tell from the face itself.
    cheeks = np.clip(points[[50, 280]], 0, face.shape[0] - 1).astype(int)
    skin = face[cheeks[:, 1], cheeks[:, 0]].mean(0) * rng.uniform(0.9, 1.25)
    return np.asarray(np.clip(skin + rng.normal(0, 14, 3), 5, 250), np.float32)


def _cloth(
    shape: Shape, plane: Plane, colour: FloatArray, light: Light, rng: np.random.Generator
) -> tuple[Bytes, float]:
    """(H, W, 3) RGB, the mask laid flat as it will look worn, and the exposure of its plain parts."""
    if rng.random() < _KNITTED.get(shape.kind, 0.0):
        cloth = draw_knit(plane, colour, rng)
    elif rng.random() < _PRINTED.get(shape.kind, 0.03):
        cloth = draw_print(plane, colour, rng)
    else:
        cloth = np.empty((*plane.shape, 3), np.uint8)
        cloth[:] = colour
    draw_trims(cloth, plane, shape, colour, rng)
    draw_marks(cloth, plane, shape, rng)
    relief = draw_relief(plane, shape, rng)
    exposure = float(np.clip(light.exposure, 0.25, 1.2) ** rng.uniform(0.3, 0.95) * rng.uniform(0.92, 1.12))
    shade = light.shade(relief.slopes, float(rng.uniform(0.6, 1.5))) * relief.tone
    shade *= np.float32(exposure)
    shine = np.zeros(plane.shape, np.float32)
    if rng.random() < _GLOSSY.get(shape.kind, 0.25):
        gloss = np.float32(np.exp(rng.uniform(np.log(10), np.log(120))) * exposure)
        slopes = relief.slopes
        away = (slopes[..., 0] + light.far[0]) ** 2 + (slopes[..., 1] + light.far[1]) ** 2
        shine = gloss * np.exp(-away * np.float32(rng.uniform(6, 30)))
    _expose(cloth, shade, shine)
    return cloth, exposure


@njit
def _expose(cloth: Any, shade: Any, shine: Any) -> None:
    """A cloth (H, W, 3) as a camera sees it in this light, (H, W) each, in place."""
    scattered, shoulder = np.float32(5), np.float32(205)
    black, white, half = np.float32(0), np.float32(255), np.float32(0.5)
    for i in range(cloth.shape[0]):
        for j in range(cloth.shape[1]):
            for k in range(3):
                # Cloth scatters: black is never quite black, nor white without end.
                lit = (np.float32(cloth[i, j, k]) + scattered) * shade[i, j] + shine[i, j]
                # A camera's shoulder keeps form in what is nearly white.
                lit -= max(lit - shoulder, black) * half
                cloth[i, j, k] = np.uint8(min(max(lit, black), white))


def _is_inside(outline: FloatArray, x: float, y: float) -> bool:
    return cv2.pointPolygonTest(outline, (x, y), False) >= 0


def _loop_paths(shape: Shape, chart: Chart, yaw: float) -> Iterator[FloatArray]:
    """The loops in crop pixels, each from the mask to where it goes out of sight."""
    sides = [np.sign(loop[-1, 0]) for loop in shape.loops]
    # The ear lies behind the mesh: a turn brings the near one out.
    near = float(np.sin(np.radians(abs(yaw)))) * 0.25
    moved = [
        loop + np.array([side * near * (side * yaw < 0), 0]) * np.linspace(0, 1, len(loop))[:, None]
        for loop, side in zip(shape.loops, sides, strict=True)
    ]
    paths = np.split(chart.to_crop(np.concatenate(moved)), np.cumsum([len(loop) for loop in moved])[:-1])
    for path, side in zip(paths, sides, strict=True):
        if abs(yaw) > 2 * _TURNED and side * yaw > 0:
            # The far ear is hidden behind the cheek.
            outside = (n for n, (x, y) in enumerate(path.tolist()) if not _is_inside(chart.hull, x, y))
            path = path[: next(outside, None)]
        if len(path) > 1:
            yield path


def _tie(
    picture: Bytes,
    mask: Bytes,
    shape: Shape,
    chart: Chart,
    yaw: float,
    cord: FloatArray,
    rng: np.random.Generator,
) -> None:
    """Ear loops or straps, drawn in place on the picture and its mask."""
    if not shape.loops:
        return
    cheek = tuple(float(value) * 0.5 for value in picture[chart.size // 2, chart.size // 4])
    if shape.kind == "sport":
        wide = float(rng.uniform(4, 11))
    else:
        wide = float(rng.uniform(0.7, 2.6)) + 1.0 * (shape.kind in ("n95", "cloth"))
        if rng.random() < (0.6 if shape.kind == "elastomeric" else 0.18):
            wide += float(rng.uniform(2, 7))
    width = max(1, round(wide * chart.unit / 75))
    shadowed, kept = rng.random() < 0.4, 1.0 if rng.random() < 0.6 else float(rng.uniform(0.5, 1.0))
    tone = tuple(cord.tolist())
    edge = tuple((cord * np.float32(rng.uniform(0.7, 1.1))).tolist())
    loops = np.zeros_like(mask)
    for path in _loop_paths(shape, chart, yaw):
        path = path[: max(2, int(len(path) * kept))]
        if shadowed:
            stroke(picture, path + np.float32(1.3), cheek, width)
        stroke(picture, path, tone, width)
        if width > 2:
            stroke(picture, path + np.array([0, width / 3], np.float32), edge, 1)
        stroke(loops, path, 255, width)
    np.maximum(mask, loops, out=mask)


def _cast_shadow(picture: Bytes, body: Bytes, light: Light, rng: np.random.Generator) -> Bytes:
    """The picture with the mask's shadow on the skin around it."""
    strength = float(rng.uniform(-0.05, 0.4))
    if strength <= 0:
        return picture
    size = picture.shape[0]
    small = cv2.resize(body, (size // 4, size // 4), interpolation=cv2.INTER_AREA)
    away = -light.far[:2] * float(rng.uniform(0, 4)) + rng.normal(0, 0.3, 2)
    moved = cv2.warpAffine(small, np.array([[1, 0, away[0]], [0, 1, away[1]]]), small.shape[::-1])
    soft = cv2.GaussianBlur(moved, (0, 0), float(rng.uniform(0.5, 2)) * size / 256)
    dark = np.asarray(cv2.resize(soft, (size, size), interpolation=cv2.INTER_LINEAR), np.uint8)
    kept = cv2.LUT(dark, (255 - np.arange(256) * strength).astype(np.uint8))
    return np.asarray(cv2.multiply(picture, cv2.merge([kept] * 3), scale=1 / 255), np.uint8)


def _softness(face: Bytes) -> float:
    """Pixels of blur that would make a sharp mask as soft as the photo."""
    size = face.shape[0]
    eyes = cv2.cvtColor(face[size // 4 : size // 2, size // 4 : -size // 4], cv2.COLOR_RGB2GRAY)
    deviation = float(cv2.meanStdDev(cv2.Laplacian(eyes, cv2.CV_16S))[1][0, 0])
    known, blur = np.array(_BLURRED).T
    return float(np.interp(deviation, known, blur)) * float(size) / 256


def _cover(picture: Bytes, body: Bytes, cloth: Bytes, plane: Plane, chart: Chart, blur: float) -> None:
    """Lay a flat cloth on the picture where its body is, in place."""
    where = window(body)
    if where is not None:
        x, y = chart.of_crop(where, plane.corner, plane.unit)
        _blend(picture[where], remap(cloth, x, y, cv2.BORDER_REPLICATE), body[where], blur)


def _blend(picture: Bytes, paint: Bytes, area: Bytes, blur: float) -> None:
    """Lay paint on a picture where ``area`` is, both softer by ``blur`` pixels, in place."""
    if blur > 0.2:
        paint, area = (np.asarray(cv2.GaussianBlur(each, (0, 0), blur), np.uint8) for each in (paint, area))
    lay(picture, paint, area)


def wear(
    face: Bytes,
    points: FloatArray,
    yaw: float,
    unit: float,
    rng: np.random.Generator,
    style: MaskStyle = ANY,
) -> DrawnMask:
    """Put a random mask on a face.

    Args:
        face: (S, S, 3) uint8 RGB crop.
        points: (468, 2) mesh points in crop pixels.
        yaw: turn of the head in degrees, see :class:`stream_unmask.faces.alignment.Alignment`.
        unit: crop pixels in one eye distance.
        rng: where all chance comes from.
        style: what is not left to chance.
    """
    chart = Chart.of(points, face.shape[0], unit)
    shape = draw_shape(rng, style)
    light = estimate_light(face, points)
    body = _body(shape, chart, yaw, rng)
    colour = _colour(shape.kind, face, points, rng)
    if style.colour is not None:
        colour = np.array(style.colour, np.float32)
    plane = Plane(shape.outline.min(0) - 0.03, shape.outline.max(0) + 0.03, unit)
    cloth, exposure = _cloth(shape, plane, colour, light, rng)
    cords = rng.random()
    alike = cords < 0.25 or shape.kind == "sport"
    plain = colour if alike else np.full(3, 240.0 if cords < 0.8 else 40.0, np.float32)
    cord = np.clip(plain * np.float32(exposure * rng.uniform(0.7, 1.05)), 0, 255)
    mask, blur = body.copy(), _softness(face)
    filters = None
    if shape.kind == "elastomeric":
        filters = draw_cartridges(shape, body, colour, chart, yaw, light, exposure, rng)
        np.maximum(mask, filters[1], out=mask)
    picture = _cast_shadow(face.copy(), mask, light, rng)
    flap = _flap(shape, chart, yaw, rng)
    if flap is not None:
        _draw_flap(picture, mask, flap, colour if rng.random() < 0.5 else plain, blur, rng)
    _tie(picture, mask, shape, chart, yaw, cord, rng)
    _cover(picture, body, cloth, plane, chart, blur)
    if shape.worn == "right" and rng.random() < _CLEAR.get(shape.kind, 0.0):
        open_window(picture, face, body, chart, rng)
    if filters is not None:
        _blend(picture, *filters, blur)
    return DrawnMask(picture, mask, shape.kind, shape.worn)
