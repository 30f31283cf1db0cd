"""Affine maps between frame, plane and crop coordinates.

Everywhere in this package pixel centres lie at whole numbers: a picture of width W spans -0.5 to W - 0.5.
An affine map is a (2, 3) float64 array ``[A | t]`` that takes (x, y) to ``A @ (x, y) + t``.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream_unmask.pixels.planes import Planes

Affine = NDArray[np.float64]
"""(2, 3) float64 affine map."""


class Box(NamedTuple):
    """A rectangle of whole pixels, in frame pixels unless stated; ``x1`` and ``y1`` are exclusive."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def empty(self) -> bool:
        return self.x1 <= self.x0 or self.y1 <= self.y0

    @property
    def slices(self) -> tuple[slice, slice]:
        """Its rows and columns."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def moved(self, x: int, y: int) -> Box:
        return Box(self.x0 + x, self.y0 + y, self.x1 + x, self.y1 + y)

    def widened(self, by: int) -> Box:
        """Wider by so many pixels on all sides."""
        return Box(self.x0 - by, self.y0 - by, self.x1 + by, self.y1 + by)

    def within(self, other: Box) -> Box:
        """What of it lies in another one."""
        return Box(
            max(self.x0, other.x0), max(self.y0, other.y0), min(self.x1, other.x1), min(self.y1, other.y1)
        )


def same_place(box: Box, side: int, other: int) -> tuple[Box, Box]:
    """A box of a square picture, widened to where pixels of the picture at another side begin and end.

    Args:
        box: within the picture.
        side: of the picture.
        other: side of the same picture, enlarged or shrunk.

    Returns:
        The box, and the same place in the other picture.
    """
    parts = math.gcd(side, other)
    cell, step = side // parts, other // parts
    x0, y0, x1, y1 = box.x0 // cell, box.y0 // cell, -(-box.x1 // cell), -(-box.y1 // cell)
    here, there = (Box(x0 * each, y0 * each, x1 * each, y1 * each) for each in (cell, step))
    return here, there


def invert(affine: Affine) -> Affine:
    """The map that undoes ``affine``."""
    (a, b, x), (c, d, y) = affine.tolist()
    inverse = 1.0 / (a * d - b * c)
    a, b, c, d = d * inverse, -b * inverse, -c * inverse, a * inverse
    return np.array([[a, b, -a * x - b * y], [c, d, -c * x - d * y]])


def compose(outer: Affine, inner: Affine) -> Affine:
    """The map that applies ``inner`` first and ``outer`` then."""
    product = outer[:, :2] @ inner
    product[:, 2] += outer[:, 2]
    return product


def similarity(source: NDArray[np.float64], target: NDArray[np.float64]) -> Affine:
    """The turn, size and shift that take points (n, 2) to others with the least squares."""
    from_middle, to_middle = source.mean(0), target.mean(0)
    first, second = (source - from_middle) @ (1, 1j), (target - to_middle) @ (1, 1j)
    factor = complex(np.vdot(first, second) / np.vdot(first, first).real)
    turn = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return np.column_stack([turn, to_middle - turn @ from_middle])


def zoom(alignment: Affine) -> float:
    """Frame pixels per crop pixel: above 1 the face is larger than its crop."""
    determinant = alignment[0, 0] * alignment[1, 1] - alignment[0, 1] * alignment[1, 0]
    return float(abs(determinant) ** -0.5)


def chroma_positions(planes: Planes) -> Affine:
    """Frame pixels -> positions in the chroma planes, siting honoured."""
    step_x, step_y = 1 << planes.shift_x, 1 << planes.shift_y
    first_x = 0.0 if planes.cosited_x else (step_x - 1) / 2
    first_y = 0.0 if planes.cosited_y else (step_y - 1) / 2
    return np.array([[1 / step_x, 0.0, -first_x / step_x], [0.0, 1 / step_y, -first_y / step_y]])


def extent(affine: Affine, box: Box) -> tuple[float, float, float, float]:
    """Smallest x, smallest y, largest x and largest y that the pixel centres of ``box`` are taken to."""
    right, bottom = box.x1 - 1, box.y1 - 1
    xs, ys = (
        [row[0] * x + row[1] * y + row[2] for x in (box.x0, right) for y in (box.y0, bottom)]
        for row in affine.tolist()
    )
    return min(xs), min(ys), max(xs), max(ys)
