"""RGB in [-1, 1] from the samples of a picture's planes, and back (ITU-T H.273, matrix coefficients)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream_unmask.pixels.planes import Planes


class SampleRange(NamedTuple):
    """How luma 0..1 and chroma -0.5..0.5 lie in the whole numbers of the samples."""

    luma_zero: float
    luma_span: float
    chroma_zero: float
    chroma_span: float
    largest: float


def sample_range(planes: Planes) -> SampleRange:
    """The range of ``planes``' samples, in sample values."""
    unit = float(1 << (planes.depth - 8))
    largest = float((1 << planes.depth) - 1)
    if planes.full_range:
        return SampleRange(0.0, largest, 128 * unit, largest, largest)
    return SampleRange(16 * unit, 219 * unit, 128 * unit, 224 * unit, largest)


def to_rgb(planes: Planes) -> NDArray[np.float32]:
    """(3, 4) matrix that takes (Y, U, V, 1) in sample values to RGB in [-1, 1]."""
    kr, kb = planes.kr, planes.kb
    kg = 1 - kr - kb
    levels = sample_range(planes)
    red, blue = 2 * (1 - kr), 2 * (1 - kb)
    unit = np.array([[1, 0, red], [1, -blue * kb / kg, -red * kr / kg], [1, blue, 0]])
    scaled = 2 * unit / [levels.luma_span, levels.chroma_span, levels.chroma_span]
    zero = -1 - scaled @ [levels.luma_zero, levels.chroma_zero, levels.chroma_zero]
    return np.hstack([scaled, zero[:, None]]).astype(np.float32)


def from_rgb(planes: Planes) -> NDArray[np.float32]:
    """(3, 4) matrix that takes (R, G, B, 1), each in [-1, 1], to Y, U and V in sample values."""
    kr, kb = planes.kr, planes.kb
    levels = sample_range(planes)
    luma = np.array([kr, 1 - kr - kb, kb])
    blue = (np.array([0, 0, 1]) - luma) / (2 * (1 - kb))
    red = (np.array([1, 0, 0]) - luma) / (2 * (1 - kr))
    spans = np.array([[levels.luma_span], [levels.chroma_span], [levels.chroma_span]])
    scaled = np.stack([luma, blue, red]) * spans / 2
    zero = scaled.sum(axis=1) + np.array([levels.luma_zero, levels.chroma_zero, levels.chroma_zero])
    return np.hstack([scaled, zero[:, None]]).astype(np.float32)
