"""How grainy a face is, so that its patch can be as grainy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import Alignment
from stream_unmask.inpainting.cpu.coarse import CELL, face_ring
from stream_unmask.inpainting.cpu.warping import displacement
from stream_unmask.inpainting.timing import taken
from stream_unmask.pixels.colours import sample_range
from stream_unmask.pixels.geometry import compose, invert
from stream_unmask.pixels.grain import FINENESS, TILE, Grain
from stream_unmask.pixels.planes import Planes

_OPERATOR_GAIN = 6.0
"""Deviation of the operator's response to white noise of deviation 1."""

_FAINT = 0.002
"""Change, in luma 0..1, that is never a stray."""

_MEAN_AMOUNT = 0.798
"""Mean amount of a normal variable of deviation 1."""


@dataclass(frozen=True, slots=True)
class GrainSettings:
    """How grain is estimated.

    Attributes:
        least: points of the face that must be seen for an estimate.
        still: frame pixels that a face may move between two frames whose difference is taken for noise.
        pace: share of a new estimate that is taken on in a thirtieth of a second.
        rise: the same for noise that is more than it was: a camera's noise does not grow, but hands that
            move before a face look like it.
        texture: share of the face's missing fine texture that is drawn; noise is no skin, and too much
            of it shows.
        most: largest deviation that is added, in luma 0..1.
    """

    least: int = 24
    still: float = 0.7
    pace: float = 0.2
    rise: float = 0.02
    texture: float = 0.4
    most: float = 0.02


class GrainMeter:
    """Measures the grain of one track's face at the frame's own resolution.

    What changes at the same pixels from one frame to the next, while the face stands still, is fresh
    noise. Fine structure is what the operator of Immerkaer ("Fast Noise Variance Estimation", 1996)
    answers to; how much of it the noise has tells how soft the noise is, and what the face has beyond
    the noise is texture, which a patch that is enlarged lacks.
    """

    def __init__(self, settings: GrainSettings | None = None) -> None:
        self._settings = settings or GrainSettings()
        self._random = np.random.Generator(np.random.PCG64(1))
        self.reset()

    def reset(self) -> None:
        """Forget the past, as after a while without a patch."""
        self._points: NDArray[np.int64] | None = None
        self._seen: NDArray[np.float32] | None = None
        self._alignment: Alignment | None = None
        self._noise: float | None = None
        self._fine_noise = 0.0
        self._texture: float | None = None

    def measure(
        self, planes: Planes, alignment: Alignment, map_cells: NDArray[np.float32], elapsed: float
    ) -> Grain:
        """Look at one frame, before its patch is drawn.

        Args:
            planes: the frame as it came.
            alignment: where the face's crop lies.
            map_cells: (S / 4, S / 4) cells of its map; see
                :func:`~stream_unmask.inpainting.cpu.coarse.to_cells`.
            elapsed: seconds since the last frame, above 0.

        Returns:
            The grain to be drawn with the patch.
        """
        settings = self._settings
        span = sample_range(planes).luma_span
        points = _ring_points(planes, alignment, map_cells)
        if len(points) >= settings.least:
            seen = _look(planes.y, points)
            if self._points is not None and self._seen is not None and self._is_still(alignment):
                self._learn_noise((_look(planes.y, self._points) - self._seen) / span, seen / span, elapsed)
            structure = _usual(seen[1] / span) / _OPERATOR_GAIN
            texture = math.sqrt(max(structure**2 - self._fine_noise**2, 0.0))
            old = texture if self._texture is None else self._texture
            self._texture = old + taken(settings.pace, elapsed) * (texture - old)
            self._points, self._seen, self._alignment = points, seen, alignment
        # The patch has its own texture up to the crop's resolution.
        missing = min(max((1 / alignment.scale - 1.0) / 0.6, 0.0), 1.0)
        noise = self._noise or 0.0
        fineness = self._fine_noise / max(noise, 1e-6)
        shift_x, shift_y = self._random.integers(0, TILE, 2).tolist()
        return Grain(
            texture=min((self._texture or 0.0) * missing * settings.texture, settings.most),
            noise=min(noise, settings.most),
            softness=min(FINENESS, key=lambda softness: abs(FINENESS[softness] - fineness)),
            shift_x=shift_x,
            shift_y=shift_y,
        )

    def _is_still(self, alignment: Alignment) -> bool:
        if self._alignment is None:
            return False
        moved = compose(alignment.matrix, invert(self._alignment.matrix))
        return displacement(moved, alignment.size) / alignment.scale < self._settings.still

    def _learn_noise(self, change: NDArray[np.float32], seen: NDArray[np.float32], elapsed: float) -> None:
        """Take in what changed, (3, n), in a face that stood still and now looks as ``seen``, (3, n)."""
        # A small movement changes smooth skin too, but noise is also seen within one frame.
        changed = _quiet(change[0] - np.median(change[0])) / math.sqrt(2)
        noise = min(changed, _quiet(seen[2]) / _OPERATOR_GAIN)
        fine = min(_quiet(change[1]) / math.sqrt(2), _quiet(seen[1])) / _OPERATOR_GAIN
        if self._noise is None:
            self._noise, self._fine_noise = noise, fine
            return
        pace = taken(self._settings.pace if noise < self._noise else self._settings.rise, elapsed)
        self._noise += pace * (noise - self._noise)
        self._fine_noise += pace * (fine - self._fine_noise)


def warm_up(depth: int) -> None:
    """Compile (or load from numba's cache) what the meter runs for samples of ``depth`` bits."""
    luma = np.zeros((5, 10), np.uint8 if depth == 8 else np.uint16)[:, ::2]
    _look(luma, np.full((1, 2), 2, np.int64))


def _ring_points(planes: Planes, alignment: Alignment, map_cells: NDArray[np.float32]) -> NDArray[np.int64]:
    """(n, 2) columns and rows of frame pixels on the face around the mask, away from the frame's edge."""
    ring = face_ring(map_cells)
    # Every other cell, as on a chessboard, is enough.
    ring[::2, ::2], ring[1::2, 1::2] = False, False
    rows, columns = np.nonzero(ring)
    middle = (CELL - 1) / 2
    to_frame = invert(alignment.matrix)
    places = to_frame[:, :2] @ np.stack([columns * CELL + middle, rows * CELL + middle]) + to_frame[:, 2:]
    points = np.rint(places.T).astype(np.int64)
    inside = (points >= 2).all(axis=1) & (points < (planes.width - 2, planes.height - 2)).all(axis=1)
    return np.asarray(points[inside], np.int64)


def _usual(values: NDArray[np.float32]) -> float:
    """Deviation of values around 0 of which a few are strays, such as edges and a wink."""
    amounts = np.abs(values)
    usual = float(np.partition(amounts, len(amounts) // 2)[len(amounts) // 2])
    # Noise below a level is 0 more often than not; only the mean of all still shows it.
    return float(np.minimum(amounts, 4 * max(usual, _FAINT)).mean()) / _MEAN_AMOUNT


def _quiet(values: NDArray[np.float32]) -> float:
    """The usual deviation in the quieter parts of the ring: noise is everywhere, moving hands are not."""
    parts = np.array_split(values, min(8, max(1, len(values) // 24)))
    return float(np.quantile([_usual(part) for part in parts], 0.4))


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _look(luma: Any, points: Any) -> Any:
    """(3, n) luma at points two pixels and more inside it, and the operator's responses there.

    The operator is ((1, -2, 1), (-2, 4, -2), (1, -2, 1)), once over next neighbours, once over those
    two pixels away.
    """
    found = np.empty((3, len(points)), np.float32)
    for k in range(len(points)):
        x, y = points[k]
        found[0, k] = luma[y, x]
        for step in range(1, 3):
            total = np.float32(0)
            for row in range(-1, 2):
                for column in range(-1, 2):
                    weight = (2 - 3 * abs(row)) * (2 - 3 * abs(column))
                    total += np.float32(weight) * np.float32(luma[y + step * row, x + step * column])
            found[step, k] = total
    return found
