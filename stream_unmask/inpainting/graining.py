"""How grainy a face is, so that what is put into it can be as grainy.

Measured by the host, which has the frame, wherever the rest of the work is done.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import Alignment
from stream_unmask.inpainting.cpu.coarse import face_ring
from stream_unmask.inpainting.geometry import displacement
from stream_unmask.inpainting.parameters import CELL
from stream_unmask.inpainting.timing import taken
from stream_unmask.pixels.colours import sample_range
from stream_unmask.pixels.geometry import compose, invert
from stream_unmask.pixels.grain import FINENESS, TILE, Grain
from stream_unmask.pixels.planes import Planes

_OPERATOR_GAIN = 6.0
"""Deviation of the operator's response to white noise of deviation 1."""

_FAINT = 0.002
"""Change, in luma 0..1, that is never a stray."""

_MOST_OVER_LEAST = 1.5
"""How much noisier than its quietest part a still face may seem: hands that move may hide most of it."""

_MEAN_AMOUNT = 0.798
"""Mean amount of a normal variable of deviation 1."""


@dataclass(frozen=True, slots=True)
class GrainSettings:
    """How grain is estimated.

    Attributes:
        least: points of the face that must be seen for an estimate.
        still: frame pixels that a face may move between two frames whose difference is taken for noise.
        rate: share of a new estimate that is taken on in a thirtieth of a second.
        rise: the same for noise that is more than it was: a camera's noise does not grow, but hands that
            move before a face look like it.
        texture: share of the face's missing fine texture that is drawn; noise is no skin, and too much
            of it shows.
        most: largest deviation that is added, in luma 0..1.
    """

    least: int = 24
    still: float = 0.7
    rate: float = 0.2
    rise: float = 0.02
    texture: float = 0.4
    most: float = 0.02


@dataclass(frozen=True, slots=True)
class GrainEstimate:
    """What has been learnt of a face's grain.

    Attributes:
        points: (n, 2) frame pixels, column and row, of the last frame with enough of the face to be seen.
        seen: (3, n) luma there, and what the operator answered.
        alignment: where the crop lay in that frame.
        noise: deviation of fresh noise, in luma 0..1; None while it is not known.
        fine_noise: what the operator answers to that noise, in luma 0..1.
        texture: fine structure of the face beyond the noise, in luma 0..1; None while it is not known.
    """

    points: NDArray[np.int64] | None = None
    seen: NDArray[np.float32] | None = None
    alignment: Alignment | None = None
    noise: float | None = None
    fine_noise: float = 0.0
    texture: float | None = None


def noise_source() -> np.random.Generator:
    """What shifts the noise of one face from frame to frame; the same in every run."""
    return np.random.Generator(np.random.PCG64(1))


def measure(
    planes: Planes,
    alignment: Alignment,
    outline: NDArray[np.float32],
    known: GrainEstimate,
    elapsed: float,
    random: np.random.Generator,
    settings: GrainSettings,
) -> tuple[Grain, GrainEstimate]:
    """Measure the grain of a face at the frame's own resolution, before anything is laid over it.

    What changes at the same pixels from one frame to the next, while the face stands still, is fresh
    noise. Fine structure is what the operator of Immerkaer ("Fast Noise Variance Estimation", 1996)
    answers to; how much of it the noise has tells how soft the noise is, and what the face has beyond
    the noise is texture, which an inpainted crop that is enlarged lacks.

    Args:
        planes: the frame as it came.
        alignment: where the face's crop lies.
        outline: (S / 4, S / 4) its mask on the coarse grid; the face is looked at around it.
        known: what was learnt before.
        elapsed: seconds since then, above 0.
        random: of this face, see :func:`noise_source`.
        settings: how.

    Returns:
        The grain to be added to the inpainted crop, and what is known now.
    """
    known = _learnt(planes, alignment, outline, known, elapsed, settings)
    # The inpainted crop has its own texture up to the crop's resolution.
    missing = min(max((1 / alignment.scale - 1.0) / 0.6, 0.0), 1.0)
    noise = known.noise or 0.0
    fineness = known.fine_noise / max(noise, 1e-6)
    shift_x, shift_y = random.integers(0, TILE, 2).tolist()
    grain = Grain(
        texture=min((known.texture or 0.0) * missing * settings.texture, settings.most),
        noise=min(noise, settings.most),
        softness=min(FINENESS, key=lambda softness: abs(FINENESS[softness] - fineness)),
        shift_x=shift_x,
        shift_y=shift_y,
    )
    return grain, known


def _learnt(
    planes: Planes,
    alignment: Alignment,
    outline: NDArray[np.float32],
    known: GrainEstimate,
    elapsed: float,
    settings: GrainSettings,
) -> GrainEstimate:
    span = sample_range(planes).luma_span
    points = _ring_points(planes, alignment, outline)
    if len(points) < settings.least:
        return known
    seen = _look(planes.y, points)
    noise, fine_noise = known.noise, known.fine_noise
    if (
        known.points is not None
        and known.seen is not None
        and _is_still(known.alignment, alignment, settings)
    ):
        change = (_look(planes.y, known.points) - known.seen) / span
        noise, fine_noise = _learnt_noise(change, seen / span, known, elapsed, settings)
    structure = _usual(seen[1] / span) / _OPERATOR_GAIN
    texture = math.sqrt(max(structure**2 - fine_noise**2, 0.0))
    old = texture if known.texture is None else known.texture
    texture = old + taken(settings.rate, elapsed) * (texture - old)
    return GrainEstimate(points, seen, alignment, noise, fine_noise, texture)


def _is_still(last: Alignment | None, now: Alignment, settings: GrainSettings) -> bool:
    if last is None:
        return False
    moved = compose(now.matrix, invert(last.matrix))
    return displacement(moved, now.size) / now.scale < settings.still


def _learnt_noise(
    change: NDArray[np.float32],
    seen: NDArray[np.float32],
    known: GrainEstimate,
    elapsed: float,
    settings: GrainSettings,
) -> tuple[float, float]:
    """Noise and fine noise after a face that stood still changed by (3, n) and now looks as ``seen``."""
    # A small movement changes smooth skin too, but noise is also seen within one frame.
    changed = _quiet(change[0] - np.median(change[0])) / math.sqrt(2)
    noise = min(changed, _quiet(seen[2]) / _OPERATOR_GAIN)
    fine = min(_quiet(change[1]) / math.sqrt(2), _quiet(seen[1])) / _OPERATOR_GAIN
    if known.noise is None:
        return noise, fine
    rate = taken(settings.rate if noise < known.noise else settings.rise, elapsed)
    return known.noise + rate * (noise - known.noise), known.fine_noise + rate * (fine - known.fine_noise)


def warm_up(depth: int) -> None:
    """Compile (or load from numba's cache) what measuring runs for samples of ``depth`` bits."""
    sample = np.uint8 if depth == 8 else np.uint16
    # Some decoders' rows follow each other at once, others' do not.
    for step in (1, 2):
        _look(np.zeros((5, 5 * step), sample)[:, ::step], np.full((1, 2), 2, np.int64))


def _ring_points(planes: Planes, alignment: Alignment, outline: NDArray[np.float32]) -> NDArray[np.int64]:
    """(n, 2) columns and rows of frame pixels on the face around the mask, away from the frame's edge."""
    ring = face_ring(outline)
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
    parts = [_usual(part) for part in np.array_split(values, min(8, max(1, len(values) // 24)))]
    usual, least = np.quantile(parts, (0.4, 0.1))
    return float(min(usual, _MOST_OVER_LEAST * least))


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
