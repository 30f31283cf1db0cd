"""Smooth lines and areas at fractions of a pixel."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Value = int | tuple[float, ...]

_SHIFT = 4


def _fixed(line: FloatArray) -> NDArray[np.int32]:
    return np.round(line * (1 << _SHIFT)).astype(np.int32)


def stroke(canvas: Bytes, line: FloatArray, value: Value, thickness: int) -> None:
    """Draw an open smooth line, in pixels, on ``canvas``."""
    cv2.polylines(canvas, [_fixed(line)], False, value, thickness, cv2.LINE_AA, _SHIFT)


def fill(canvas: Bytes, outline: FloatArray, value: Value) -> None:
    """Fill a closed outline, in pixels, on ``canvas``."""
    cv2.fillPoly(canvas, [_fixed(outline)], value, cv2.LINE_AA, _SHIFT)


def window(area: Bytes) -> tuple[slice, slice] | None:
    """Rows and columns of the smallest rectangle with all of ``area``, None where there is nothing."""
    x, y, width, height = cv2.boundingRect(area)
    return (slice(y, y + height), slice(x, x + width)) if width and height else None


def mix(picture: Bytes, paint: Bytes, alpha: FloatArray) -> Bytes:
    """``paint`` over ``picture``, both (H, W, 3), as ``alpha`` (H, W) in 0..1 says."""
    under = np.ascontiguousarray(picture)
    return np.asarray(cv2.blendLinear(paint, under, alpha, np.asarray(1 - alpha, np.float32)), np.uint8)
