"""Smooth lines and areas at fractions of a pixel, and pictures that are moved."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

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


def mix(picture: Bytes, paint: Bytes, alpha: FloatArray) -> Bytes:
    """``paint`` over ``picture``, both (H, W, 3), as ``alpha`` (H, W) in 0..1 says."""
    return np.asarray(cv2.blendLinear(paint, picture, alpha, np.asarray(1 - alpha, np.float32)), np.uint8)


def warp(picture: Bytes, matrix: NDArray[np.floating], side: int, border: int) -> Bytes:
    """A picture (H, W, 3) or map (H, W) moved by ``matrix`` (2, 3) into a square of ``side`` pixels."""
    moved = cv2.warpAffine(_in_fours(picture), matrix, (side, side), borderMode=border)
    return _as_before(np.asarray(moved, np.uint8), picture)


def remap(picture: Bytes, x: FloatArray, y: FloatArray, border: int) -> Bytes:
    """What lies at the places ``x`` and ``y``, both (H, W), of a picture (h, w, 3) or map (h, w)."""
    taken = cv2.remap(_in_fours(picture), x, y, cv2.INTER_LINEAR, borderMode=border)
    return _as_before(np.asarray(taken, np.uint8), picture)


def _in_fours(picture: Bytes) -> Bytes:
    """A picture with a fourth channel, for which OpenCV needs half the time that it needs for three."""
    return picture if picture.ndim == 2 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA), np.uint8)


def _as_before(moved: Bytes, picture: Bytes) -> Bytes:
    return np.asarray(moved if picture.ndim == 2 else cv2.cvtColor(moved, cv2.COLOR_RGBA2RGB), np.uint8)
