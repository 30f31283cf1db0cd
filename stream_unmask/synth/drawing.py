"""Smooth lines and areas at fractions of a pixel, and pictures that are moved."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.synth.compiling import njit

FloatArray = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Value = int | tuple[float, ...]

_SHIFT = 4


def _fixed(line: FloatArray) -> NDArray[np.int32]:
    return np.rint(line * (1 << _SHIFT)).astype(np.int32)


def stroke(canvas: Bytes, line: FloatArray, value: Value, thickness: int, pieces: int = 1) -> None:
    """Draw an open smooth line, in pixels, on ``canvas``, whole or in ``pieces`` with gaps between them."""
    fixed = _fixed(line)
    lines = np.array_split(fixed, pieces) if pieces > 1 else [fixed]
    cv2.polylines(canvas, lines, False, value, thickness, cv2.LINE_AA, _SHIFT)


def fill(canvas: Bytes, outline: FloatArray, value: Value) -> None:
    """Fill a closed outline, in pixels, on ``canvas``."""
    cv2.fillPoly(canvas, [_fixed(outline)], value, cv2.LINE_AA, _SHIFT)


def window(area: Bytes) -> tuple[slice, slice] | None:
    """Rows and columns of the smallest rectangle with all of ``area``, None where there is nothing."""
    x, y, width, height = cv2.boundingRect(area)
    return (slice(y, y + height), slice(x, x + width)) if width and height else None


def fill_around(canvas: Bytes, outline: FloatArray, value: Value) -> None:
    """Fill what lies outside a closed outline, in pixels, on ``canvas``."""
    height, width = canvas.shape[:2]
    frame = np.array([(-1, -1), (width, -1), (width, height), (-1, height)], np.float32)
    cv2.fillPoly(canvas, [_fixed(frame), _fixed(outline)], value, cv2.LINE_AA, _SHIFT)


def lay(picture: Bytes, paint: Bytes, area: Bytes) -> None:
    """Lay ``paint`` on ``picture``, both (H, W, 3), in place, as much as ``area`` (H, W) in 0..255 says."""
    where = window(area)
    if where is not None:
        _lay(picture[where], paint[where], area[where])


def lay_over(picture: Bytes, paint: Bytes, area: Bytes) -> Bytes:
    """A copy of the picture with paint on it; arguments as in :func:`lay`."""
    over = picture.copy()
    lay(over, paint, area)
    return over


@njit
def _lay(picture: Any, paint: Any, area: Any) -> None:
    for i in range(area.shape[0]):
        for j in range(area.shape[1]):
            share = np.uint32(area[i, j])
            if share == 0:
                continue
            for k in range(3):
                mixed = np.uint32(paint[i, j, k]) * share + np.uint32(picture[i, j, k]) * (255 - share)
                picture[i, j, k] = np.uint8((mixed + 127) // 255)


def warp(picture: Bytes, matrix: NDArray[np.floating], side: int, border: int) -> Bytes:
    """A picture (H, W, 3) or mask (H, W) moved by ``matrix`` (2, 3) into a square of ``side`` pixels."""
    moved = cv2.warpAffine(_in_fours(picture), matrix, (side, side), borderMode=border)
    return _as_before(np.asarray(moved, np.uint8), picture)


def remap(picture: Bytes, x: FloatArray, y: FloatArray, border: int) -> Bytes:
    """What lies at the places ``x`` and ``y``, both (H, W), of a picture (h, w, 3) or mask (h, w)."""
    taken = cv2.remap(_in_fours(picture), x, y, cv2.INTER_LINEAR, borderMode=border)
    return _as_before(np.asarray(taken, np.uint8), picture)


def _in_fours(picture: Bytes) -> Bytes:
    """A picture with a fourth channel, for which OpenCV needs half the time that it needs for three."""
    return picture if picture.ndim == 2 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA), np.uint8)


def _as_before(moved: Bytes, picture: Bytes) -> Bytes:
    return np.asarray(moved if picture.ndim == 2 else cv2.cvtColor(moved, cv2.COLOR_RGBA2RGB), np.uint8)
