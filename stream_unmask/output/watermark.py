"""A visible label: AI in a box, and the word SYNTHETIC, in a corner of every picture.

The European code of practice on marking AI-generated content (2026) asks for the letters AI, near enough and
for as long as what they label is seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.pixels.planes import Plane, Planes
from stream_unmask.video.frame import Frame

_BADGE, _TEXT = "AI", "SYNTHETIC"
_FONT = cv2.FONT_HERSHEY_DUPLEX
_HEIGHT_SHARE = 1 / 28
"""Height of a letter over the shorter side of the picture."""

_LEAST_HEIGHT = 7
_INK, _RIM = 0.9, 0.6
"""How opaque the white letters and the black rim around them are."""


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What is blended into one size of picture: ``sample * keep + add``, in luma and in chroma."""

    luma: tuple[slice, slice]
    luma_keep: NDArray[np.float32]
    luma_add: NDArray[np.float32]
    chroma: tuple[slice, slice]
    chroma_keep: NDArray[np.float32]
    neutral: float


class Watermark:
    """Writes AI SYNTHETIC into the lower right corner of the frames of one stream, as they are shown.

    Args:
        rotation: degrees clockwise that show the frames upright: 0, 90, 180 or 270.
    """

    def __init__(self, rotation: int = 0) -> None:
        if rotation not in (0, 90, 180, 270):
            raise ValueError(f"rotation must be 0, 90, 180 or 270 degrees, got {rotation}")
        self._quarter_turns = rotation // 90
        self._stamp: _Stamp | None = None
        self._stamped: tuple[int, int, int, int, int, bool] | None = None

    def draw(self, frame: Frame) -> None:
        """Write it into a frame."""
        planes = frame.writable_planes()
        layout = (*planes.y.shape, planes.shift_x, planes.shift_y, planes.depth, planes.full_range)
        if self._stamp is None or layout != self._stamped:
            self._stamp = _make_stamp(planes, self._quarter_turns)
            self._stamped = layout
        stamp = self._stamp
        _blend(planes.y, stamp.luma, stamp.luma_keep, stamp.luma_add)
        chroma_add = (1 - stamp.chroma_keep) * np.float32(stamp.neutral)
        _blend(planes.u, stamp.chroma, stamp.chroma_keep, chroma_add)
        _blend(planes.v, stamp.chroma, stamp.chroma_keep, chroma_add)


def _blend(
    plane: Plane, where: tuple[slice, slice], keep: NDArray[np.float32], add: NDArray[np.float32]
) -> None:
    plane[where] = np.rint(plane[where] * keep + add).astype(plane.dtype)


def _make_stamp(planes: Planes, quarter_turns: int) -> _Stamp:
    sideways = quarter_turns % 2 == 1
    width, height = (planes.height, planes.width) if sideways else (planes.width, planes.height)
    ink, rim = _letters(width, height)
    # Coverage of the whole upright picture, turned to how the picture is coded.
    upright = np.zeros((2, height, width), np.float32)
    margin = min(width, height) // 40
    bottom, right = max(ink.shape[0], height - margin), max(ink.shape[1], width - margin)
    box = (slice(bottom - ink.shape[0], bottom), slice(right - ink.shape[1], right))
    upright[0][box], upright[1][box] = ink, rim
    ink, rim = np.rot90(upright, quarter_turns, axes=(1, 2))

    # The black rim lies below the white letters.
    keep = (1 - _RIM * rim) * (1 - _INK * ink)
    unit = 1 << (planes.depth - 8)
    black, white = (0, (1 << planes.depth) - 1) if planes.full_range else (16 * unit, 235 * unit)
    add = black * _RIM * rim * (1 - _INK * ink) + white * _INK * ink
    step_y, step_x = 1 << planes.shift_y, 1 << planes.shift_x
    rows, columns = np.nonzero(keep < 1)
    top, left = rows.min() // step_y * step_y, columns.min() // step_x * step_x
    bottom = min(planes.height, -(-(rows.max() + 1) // step_y) * step_y)
    right = min(planes.width, -(-(columns.max() + 1) // step_x) * step_x)
    luma = (slice(top, bottom), slice(left, right))
    chroma = (
        slice(top // step_y, -(-bottom // step_y)),
        slice(left // step_x, -(-right // step_x)),
    )
    return _Stamp(luma, keep[luma], add[luma], chroma, _cell_means(keep[luma], step_y, step_x), 128.0 * unit)


def _letters(width: int, height: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Coverage 0..1 of the letters and of the rim around them, no larger than the picture."""
    size = max(_LEAST_HEIGHT, round(min(width, height) * _HEIGHT_SHARE))
    scale = cv2.getFontScaleFromHeight(_FONT, size)
    thickness = max(1, size // 9)
    edge, gap = max(1, size // 10), size // 2
    (badge_width, _), _ = cv2.getTextSize(_BADGE, _FONT, scale, thickness)
    (text_width, text_height), _ = cv2.getTextSize(_TEXT, _FONT, scale, thickness)
    box, line = badge_width + 2 * gap, text_height + gap
    canvas = np.zeros((2, line + gap, box + text_width + 2 * gap), np.uint8)
    ink, rim = canvas
    cv2.putText(ink, _TEXT, (box + gap, line), _FONT, scale, 255, thickness, cv2.LINE_AA)
    # A white box out of which the letters are cut.
    ink[edge:-edge, edge : box - edge] = 255
    cv2.putText(ink, _BADGE, (gap, line), _FONT, scale, 0, thickness, cv2.LINE_AA)
    rim[:] = cv2.dilate(ink, np.ones((2 * edge + 1, 2 * edge + 1), np.uint8))
    rim[:, :box] = 255
    shrink = min(1.0, width / canvas.shape[2], height / canvas.shape[1])
    if shrink < 1:
        to = (max(1, int(canvas.shape[2] * shrink)), max(1, int(canvas.shape[1] * shrink)))
        canvas = np.stack([cv2.resize(each, to, interpolation=cv2.INTER_AREA) for each in canvas])
    coverage = canvas.astype(np.float32) / 255
    return coverage[0], coverage[1]


def _cell_means(values: NDArray[np.float32], step_y: int, step_x: int) -> NDArray[np.float32]:
    """Means over cells of ``step_y`` x ``step_x``; a cell cut off by the picture's end counts what it has."""
    rows = np.add.reduceat(values, np.arange(0, values.shape[0], step_y), axis=0)
    cells = np.add.reduceat(rows, np.arange(0, values.shape[1], step_x), axis=1)
    ones = np.ones_like(values)
    counts = np.add.reduceat(
        np.add.reduceat(ones, np.arange(0, values.shape[0], step_y), axis=0),
        np.arange(0, values.shape[1], step_x),
        axis=1,
    )
    return np.asarray(cells / counts, np.float32)
