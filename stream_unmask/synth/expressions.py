"""How a face moves when it speaks, smiles and blinks, as a smooth bending of its picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

# Where the skin moves: mesh point, how far it reaches (across, down), and the way it goes, both in
# eye distances. Each row is one muscle's pull; those of one expression act together.
_Pull = tuple[int, tuple[float, float], tuple[float, float]]
_COVERED: dict[str, tuple[_Pull, ...]] = {
    "open": ((17, (0.40, 0.22), (0.0, 0.14)), (152, (0.55, 0.40), (0.0, 0.12))),
    "smile": (
        (61, (0.22, 0.22), (-0.09, -0.05)),
        (291, (0.22, 0.22), (0.09, -0.05)),
        (205, (0.25, 0.25), (0.0, -0.03)),
        (425, (0.25, 0.25), (0.0, -0.03)),
    ),
    "pout": ((61, (0.2, 0.2), (0.07, 0.0)), (291, (0.2, 0.2), (-0.07, 0.0))),
    "jaw": ((152, (0.6, 0.45), (0.07, 0.0)),),
}
_FREE: dict[str, tuple[_Pull, ...]] = {
    "blink": ((159, (0.17, 0.06), (0.0, 0.07)), (386, (0.17, 0.06), (0.0, 0.07))),
    "brows": ((105, (0.35, 0.2), (0.0, -0.07)), (334, (0.35, 0.2), (0.0, -0.07))),
}
EXPRESSIONS = (*_COVERED, *_FREE)
_WORN = 0.45
"""How much of what the skin beneath a mask does the mask does too."""

_GRID = 64


def draw_expression(rng: np.random.Generator) -> FloatArray:
    """(6,) how strongly each of :data:`EXPRESSIONS` acts, about -1..1; often not at all."""
    strength = float(rng.choice((0.0, 0.3, 1.0), p=(0.4, 0.35, 0.25)))
    return (strength * rng.normal(0, 0.6, len(EXPRESSIONS)) * (rng.random(len(EXPRESSIONS)) < 0.5)).astype(
        np.float32
    )


def bend(
    strengths: FloatArray, points: FloatArray, size: int, unit: float, masked: bool
) -> FloatArray | None:
    """Where an expression takes the picture of a face from.

    Args:
        strengths: (6,) see :func:`draw_expression`.
        points: (468, 2) mesh points in crop pixels.
        size: side S of the crop.
        unit: crop pixels in one eye distance.
        masked: whether the lower face is a mask, which follows the skin beneath only in part.

    Returns:
        (S, S, 2) offsets in pixels, right and down, at which each pixel of the moved picture lies in the
        still one; None where nothing moves.
    """
    if not strengths.any():
        return None
    places = ((np.arange(_GRID, dtype=np.float32) + 0.5) * (size / _GRID) - 0.5)[None]
    offsets = np.zeros((_GRID, _GRID, 2), np.float32)
    for strength, (name, pulls) in zip(strengths.tolist(), (_COVERED | _FREE).items(), strict=True):
        share = strength * (_WORN if masked and name in _COVERED else 1.0)
        for point, (wide, high), way in pulls if share else ():
            across = np.exp(-(((places - points[point, 0]) / np.float32(wide * unit)) ** 2))
            down = np.exp(-(((places - points[point, 1]) / np.float32(high * unit)) ** 2))
            offsets -= (down.T * across)[..., None] * np.array(way, np.float32) * np.float32(share * unit)
    return np.asarray(cv2.resize(offsets, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)
