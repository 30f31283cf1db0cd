"""Pictures in the planes' layouts that decoders use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_unmask.pixels.colours import from_rgb
from stream_unmask.pixels.geometry import chroma_positions, invert
from stream_unmask.pixels.planes import Planes


@dataclass(frozen=True)
class Layout:
    """A pixel format: how planes lie in memory and what their numbers mean."""

    shift_x: int = 1
    shift_y: int = 1
    depth: int = 8
    semi_planar: bool = False
    full_range: bool = False
    cosited_x: bool = True
    cosited_y: bool = False
    kr: float = 0.2126
    kb: float = 0.0722

    def empty(self, width: int, height: int) -> Planes:
        sample = np.uint8 if self.depth == 8 else np.uint16
        small = (-(-height >> self.shift_y), -(-width >> self.shift_x))
        # Decoders pad their rows.
        y = np.zeros((height, width + 32), sample)[:, :width]
        if self.semi_planar:
            pairs = np.zeros((*small, 2), sample)
            u, v = pairs[..., 0], pairs[..., 1]
        else:
            u, v = (np.zeros((small[0], small[1] + 16), sample)[:, : small[1]] for _ in range(2))
        return Planes(
            y, u, v, self.shift_x, self.shift_y, self.depth, self.kr, self.kb,
            self.full_range, self.cosited_x, self.cosited_y,
        )  # fmt: skip


LAYOUTS = {
    "420": Layout(),
    "420-centred": Layout(cosited_x=False),
    "420-top-left": Layout(cosited_y=True),
    "nv12": Layout(semi_planar=True),
    "420-10": Layout(depth=10, kr=0.2627, kb=0.0593),
    "p010": Layout(depth=10, semi_planar=True),
    "422": Layout(shift_y=0),
    "422-10": Layout(shift_y=0, depth=10),
    "444": Layout(shift_x=0, shift_y=0, cosited_x=False),
    "444-full-601": Layout(0, 0, full_range=True, kr=0.299, kb=0.114),
    "444-12": Layout(0, 0, depth=12),
}


def scene(x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
    """(3, ...) smooth RGB in [-1, 1] at any positions in frame pixels."""
    return np.stack(
        [
            0.5 * np.sin(x / 23) * np.cos(y / 31),
            0.4 * np.cos(x / 29 + 1) * np.sin(y / 27),
            0.3 * np.sin((x + y) / 37),
        ]
    )


def paint(planes: Planes, colour: Any = scene) -> Planes:
    """Fill ``planes`` with ``colour(x, y)``, each plane evaluated where its own samples lie."""
    matrix = from_rgb(planes).astype(np.float64)
    rows, columns = np.mgrid[: planes.height, : planes.width]
    _store(planes.y, matrix[0], colour(columns, rows))
    to_frame = invert(chroma_positions(planes))
    rows, columns = np.mgrid[: planes.u.shape[0], : planes.u.shape[1]]
    x, y = columns * to_frame[0, 0] + to_frame[0, 2], rows * to_frame[1, 1] + to_frame[1, 2]
    for plane, weights in ((planes.u, matrix[1]), (planes.v, matrix[2])):
        _store(plane, weights, colour(x, y))
    return planes


def _store(plane: NDArray[Any], weights: NDArray[np.float64], rgb: NDArray[np.float64]) -> None:
    plane[...] = np.rint(np.tensordot(weights[:3], rgb, 1) + weights[3])


def noise(planes: Planes, seed: int = 0) -> Planes:
    """Fill ``planes`` with every value that their samples can have."""
    random = np.random.default_rng(seed)
    for plane in (planes.y, planes.u, planes.v):
        plane[...] = random.integers(0, 1 << planes.depth, plane.shape)
    return planes


def copies(planes: Planes) -> list[NDArray[Any]]:
    return [plane.copy() for plane in (planes.y, planes.u, planes.v)]


def alignment(x: float, y: float, zoom: float, size: int, turn: float = 0.0) -> NDArray[np.float64]:
    """Frame -> crop: centred on (x, y), ``zoom`` frame pixels per crop pixel, turned by radians."""
    cos, sin = np.cos(turn) / zoom, np.sin(turn) / zoom
    middle = (size - 1) / 2
    return np.array([[cos, sin, middle - cos * x - sin * y], [-sin, cos, middle + sin * x - cos * y]])
