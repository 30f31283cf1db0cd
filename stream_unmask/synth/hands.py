"""Hands before a face: laid over the mouth, holding the chin, pinching a mask's edge, one finger raised.

Sizes are those of an adult: the eyes lie 63 mm apart, fingers are 17 mm broad and about 75 mm long.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.synth.drawing import fill, stroke
from stream_unmask.synth.fabric import draw_colour
from stream_unmask.synth.shapes import curve

FloatArray = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_GLOVES = ((90, 140, 215), (235, 235, 232), (30, 30, 34), (120, 190, 170))
_LENGTHS = (0.92, 1.08, 1.0, 0.76)
"""Index to little finger, in eye distances, times a hand's own size."""

_ROUND = ((1.0, 0.6), (0.88, 0.8), (0.66, 0.96), (0.36, 1.05))
"""Shares of a finger's breadth, and how bright it is within them."""

_CAP = np.linspace(np.pi / 2, -np.pi / 2, 9)
_EDGES = (195, 195, 4, 58, 288, 172, 397, 152)
"""Mesh points close to which people touch a mask: over the nose, at the cheeks, beneath the chin."""


@dataclass(frozen=True, slots=True)
class _Hand:
    """What is drawn on, and how one hand looks.

    Attributes:
        colours: (S, S, 3) uint8 RGB.
        area: (S, S) uint8, 255 where the hand is.
        skin: (3,) its colour.
        nail: (3,) of its nails; None in a glove.
        size: length of its middle finger in pixels.
        breadth: of a finger, in pixels.
        lit: (2,) where the light comes from, in the picture.
    """

    colours: Bytes
    area: Bytes
    skin: FloatArray
    nail: FloatArray | None
    size: float
    breadth: float
    lit: FloatArray

    def tone(self, gain: float) -> tuple[float, ...]:
        """The skin's colour, ``gain`` times as bright; what is darker is redder, too."""
        warm = np.array([gain**0.8, gain, gain], np.float32)
        return tuple(np.clip(self.skin * warm, 0, 255).tolist())


def _limb(path: NDArray[np.floating], radii: NDArray[np.floating]) -> FloatArray:
    """Outline of a tapering limb along ``path`` (n, 2), round at its end."""
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    aside = np.stack([along[:, 1], -along[:, 0]], 1)
    cap = np.cos(_CAP)[:, None] * along[-1] + np.sin(_CAP)[:, None] * aside[-1]
    sides = radii[:, None] * aside
    return np.concatenate([path + sides, path[-1] + radii[-1] * cap, (path - sides)[::-1]]).astype(np.float32)


def _finger(hand: _Hand, root: FloatArray, tip: FloatArray, bend: float, breadth: float = 1.0) -> None:
    """Draw one finger, bent sideways by a share of its length."""
    reach = tip - root
    length = float(np.linalg.norm(reach))
    middle = (root + tip) / 2 + np.array([reach[1], -reach[0]]) * bend
    path = curve([tuple(root), tuple(middle), tuple(tip)], 8)
    half = 0.5 * hand.breadth * breadth
    radii = half * np.interp(
        np.linspace(0, 1, len(path)), (0, 0.3, 0.45, 0.6, 1), (1.04, 0.97, 1.02, 0.93, 0.76)
    )
    fill(hand.area, _limb(path, radii), 255)
    for share, gain in _ROUND:
        shifted = path + hand.lit * np.float32((1 - share) * 0.5 * half)
        fill(hand.colours, _limb(shifted, share * radii), hand.tone(gain))
    along = (path[-1] - path[-4]) / max(float(np.linalg.norm(path[-1] - path[-4])), 1e-3)
    aside = np.array([along[1], -along[0]])
    if length > 2.5 * half:
        for place in (7, 8, 12):
            crease = path[place] + np.outer((-0.6, 0.6), aside) * half
            stroke(hand.colours, crease.astype(np.float32), hand.tone(0.8), 1)
    if hand.nail is not None:
        middle = path[-1] + along * radii[-1] * 0.25
        axes = (max(1, round(0.62 * half)), max(1, round(0.44 * half)))
        turn = float(np.degrees(np.arctan2(along[1], along[0])))
        centre = (round(float(middle[0])), round(float(middle[1])))
        cv2.ellipse(hand.colours, centre, axes, turn, 0, 360, tuple(hand.nail.tolist()), -1, cv2.LINE_AA)


def _back(hand: _Hand, outline: FloatArray) -> None:
    """Draw the back of the hand, in place."""
    fill(hand.area, outline, 255)
    middle = outline.mean(0)
    for share, gain in ((1.0, 0.72), (0.9, 0.85), (0.75, 0.95), (0.5, 1.0)):
        shifted = middle + hand.lit * np.float32((1 - share) * 0.6 * hand.breadth)
        fill(hand.colours, shifted + share * (outline - middle), hand.tone(gain))


def _arm(hand: _Hand, wrist: FloatArray, down: FloatArray, rng: np.random.Generator) -> None:
    """Draw an arm out of the picture, bare or in a sleeve."""
    across = np.array([down[1], -down[0]])
    path = np.stack([wrist - 0.5 * hand.breadth * down, wrist + 12 * hand.breadth * down])
    wide = np.array([1.45, 1.8]) * hand.breadth
    for share, gain in ((1.0, 0.7), (0.8, 0.9), (0.5, 1.0)):
        fill(hand.colours, _limb(path, share * wide), hand.tone(gain))
    fill(hand.area, _limb(path, wide), 255)
    if rng.random() < 0.6:
        tone = tuple(draw_colour("cloth", rng).tolist())
        cuff = wrist + hand.breadth * float(rng.uniform(0.4, 2.5)) * down
        ends = np.array([1.9, 2.3])[:, None] * hand.breadth * across
        far = cuff + 14 * hand.breadth * down
        sleeve = np.array([cuff - ends[0], cuff + ends[0], far + ends[1], far - ends[1]], np.float32)
        fill(hand.colours, sleeve, tone)
        fill(hand.area, sleeve, 255)


def _flat(
    hand: _Hand, goal: FloatArray, angle: float, lengths: tuple[float, ...], rng: np.random.Generator
) -> None:
    """A hand seen from its back, its fingers about ``goal``; ``angle`` is the arm's, 0 from below."""
    down = np.array([np.sin(angle), np.cos(angle)], np.float32)
    side = 1.0 if rng.random() < 0.5 else -1.0
    across = np.array([down[1], -down[0]], np.float32) * np.float32(side)
    knuckles = goal + down * np.float32(hand.size * rng.uniform(0.3, 0.6))
    fan, bend = float(rng.uniform(0.0, 0.16)), float(rng.normal(0, 0.05))
    wrist = knuckles + down * np.float32(1.15 * hand.size)
    _arm(hand, wrist, down, rng)
    corners = [(-2.15, 0.0), (0.0, -0.25), (2.15, 0.15), (1.9, 2.2), (1.4, 4.6), (-1.4, 4.6), (-2.0, 2.2)]
    outline = knuckles + hand.breadth * np.array([x * across + y * down for x, y in corners])
    _back(hand, curve(np.concatenate([outline, outline[:1]]).astype(np.float32), 5))
    for number, length in enumerate(lengths):
        aside = number - 1.5
        way = down - across * np.float32(np.tan(fan * aside))
        root = (
            knuckles
            + across * np.float32(aside * 1.04 * hand.breadth)
            + down * np.float32(0.3 * hand.breadth)
        )
        _finger(hand, root, root - way * np.float32(hand.size * length), bend + float(rng.normal(0, 0.015)))
    if rng.random() < 0.7:
        root = knuckles + hand.breadth * (-2.0 * across + 2.6 * down)
        tip = root + hand.breadth * (-1.4 * across - float(rng.uniform(1.8, 3.4)) * down)
        _finger(hand, root.astype(np.float32), tip.astype(np.float32), 0.12 * side, 1.15)


def _pinch(hand: _Hand, goal: FloatArray, angle: float, rng: np.random.Generator) -> None:
    """Thumb and forefinger that hold something at ``goal``, the other fingers behind them."""
    down = np.array([np.sin(angle), np.cos(angle)], np.float32)
    outer = np.array([down[1], -down[0]], np.float32) * np.float32(np.sign(angle) or 1.0)
    step = np.float32(hand.breadth)
    knuckle = goal + down * np.float32(hand.size * rng.uniform(0.75, 1.0)) + outer * step
    wrist = knuckle + down * np.float32(1.1 * hand.size)
    _arm(hand, wrist, down, rng)
    corners = [(-1.5, 0.3), (0.5, -0.5), (3.2, 1.0), (2.6, 3.0), (1.4, 4.6), (-1.4, 4.6), (-2.2, 2.2)]
    outline = knuckle + step * np.array([x * outer + y * down for x, y in corners])
    _back(hand, curve(np.concatenate([outline, outline[:1]]).astype(np.float32), 5))
    for number in range(3, 0, -1):
        root = knuckle + outer * step * np.float32(0.9 * number) + down * step * np.float32(0.3 * number)
        curled = np.float32(hand.size * float(rng.uniform(0.35, 0.9)))
        _finger(hand, root, root - (down + 0.3 * outer) * curled, 0.1)
    _finger(hand, knuckle, goal + 0.35 * step * outer, float(rng.uniform(0.05, 0.25)) * np.sign(angle))
    thumb = knuckle - 1.4 * step * outer + 2.0 * step * down
    _finger(hand, thumb, goal - 0.45 * step * outer + 0.3 * step * down, -0.1 * float(np.sign(angle)), 1.15)


def draw_hand(
    points: FloatArray, size: int, unit: float, skin: FloatArray, rng: np.random.Generator
) -> tuple[Bytes, Bytes]:
    """One hand, or two that pinch a mask.

    Args:
        points: (468, 2) mesh points in pixels of the picture.
        size: side S of the picture.
        unit: pixels in one eye distance.
        skin: (3,) colour of the face's skin, RGB in 0..255.
        rng: where all chance comes from.

    Returns:
        (S, S) uint8, 255 where the hand is, and (S, S, 3) uint8 RGB, what it looks like there.
    """
    tone = skin * rng.uniform(0.82, 1.1) + rng.normal(0, 4, 3)
    nail: FloatArray | None = np.clip(tone * 1.05 + (14, 6, 10), 0, 255).astype(np.float32)
    style = rng.random()
    if style < 0.1:
        tone, nail = np.array(_GLOVES[int(rng.integers(len(_GLOVES)))]) * rng.uniform(0.8, 1.05), None
    elif style < 0.2:
        nail = rng.uniform(10, 245, 3).astype(np.float32)
    elif style < 0.35:
        nail = None
    large = float(rng.uniform(0.8, 1.2)) * unit
    colours = np.empty((size, size, 3), np.uint8)
    colours[:] = np.clip(0.6 * tone, 0, 255)
    lit = np.array([rng.normal(0, 0.6), -rng.uniform(0.2, 1.0)], np.float32)
    area = np.zeros((size, size), np.uint8)
    breadth = large * float(rng.uniform(0.235, 0.285))
    hand = _Hand(colours, area, np.clip(tone, 4, 250).astype(np.float32), nail, large, breadth, lit)
    shift = (rng.normal(0, 0.15, 2) * unit).astype(np.float32)
    pose = rng.random()
    if pose < 0.32:
        _flat(hand, points[13] + shift, float(rng.uniform(-1.4, 1.4)), _LENGTHS, rng)
    elif pose < 0.5:
        angle = float(rng.choice((-1, 1)) * rng.uniform(0.6, 1.7))
        _flat(hand, (points[17] + points[152]) / 2 + shift, angle, _LENGTHS, rng)
    elif pose < 0.62:
        raised = (1.05, 0.3, 0.28, 0.25)
        _flat(hand, points[14] + shift, float(rng.normal(0, 0.4)), raised, rng)
    else:
        place = points[_EDGES[int(rng.integers(len(_EDGES)))]] + shift * np.float32(0.6)
        side = float(np.sign(place[0] - points[4, 0])) or 1.0
        angle = float(rng.uniform(0.3, 1.5))
        _pinch(hand, place, side * angle, rng)
        if rng.random() < 0.25:
            other = np.array([2 * points[4, 0] - place[0], place[1]], np.float32) - shift * np.float32(0.5)
            _pinch(hand, other, -side * angle, rng)
    soft = max(0.5, 0.05 * breadth)
    return area, np.asarray(cv2.GaussianBlur(colours, (0, 0), soft), np.uint8)
