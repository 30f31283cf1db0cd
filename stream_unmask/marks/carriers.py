"""Where in a crop a mark lies, and what it looks like: spread spectrum on a face's own coordinates.

A mark is a sum of many small bumps, chips, on a lattice over the lower half of a crop, each with a sign that
looks random (Cox et al., "Secure Spread Spectrum Watermarking for Multimedia", 1997). In a video the chips
swell and fade in time: whoever subtracts what is constant about the face has the mark left, and the face does
not disturb it. A face's alignment, which readers find again by themselves, keeps both in step.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.marks.code import LENGTH

GRID = 64
"""Cells per side of the grid over a crop that marks are drawn on, whatever the crop's own resolution."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 13.0, 51.0, 28.0, 55.5
"""What of a crop face masks usually cover, in cells."""

_ROUND = 37.5
"""Row from which on it narrows to the chin."""

_SIGMA, _WIDER = 0.45, 1.5
"""Deviation of a chip's Gaussian in lattice steps, and how much wider the one is that is taken from it: a
chip is no lighter or darker, on the whole, than what is around it."""


@dataclass(frozen=True, slots=True)
class Band:
    """The chips of one channel.

    Attributes:
        channel: 0 for luma, 1 for blue difference, 2 for red difference.
        step: of their lattice, in cells.
        level: root mean square of what they add, as a share of the channel's span.
    """

    channel: int
    step: float
    level: float


@dataclass(frozen=True, slots=True)
class Plan:
    """A kind of mark.

    Attributes:
        name: what its signs are drawn from.
        bands: its chips.
        rates: how often a second they swell and fade; 0 where they stay.
    """

    name: str
    bands: tuple[Band, ...]
    rates: tuple[float, ...]


MOVING = Plan(
    "moving",
    (Band(0, 3.0, 1.7 / 219), Band(1, 4.5, 0.5 / 224), Band(2, 4.5, 0.5 / 224)),
    (0.5, 1.0, 1.5),
)
"""The mark of a video. Its rates are slow: faster ones flicker more, and are read no better. Most of it is
luma, which outlives encoders."""

STILL = Plan("still", (Band(1, 1.5, 1.0 / 224), Band(2, 1.5, 1.0 / 224)), (0.0,))
"""The mark of a single picture: in the colours alone, where faces have little detail of their own."""

PERIOD = 2.0
"""Seconds after which all rates of a video's mark begin anew."""


@dataclass(frozen=True, slots=True)
class Chips:
    """The chips of a band.

    Attributes:
        x: (Q,) their places, in cells from the middle of the crop's first one.
        y: (Q,) likewise.
        signs: (Q, K) complex, +-1 +-1j: of each at each rate, for its cosine and for its sine.
        bits: (Q, K) which bit of the codeword turns it.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    signs: NDArray[np.complex64]
    bits: NDArray[np.intp]


@cache
def chips(plan: Plan, band: Band) -> Chips:
    """The chips of a band. They are the same for ever: marks must be read years later. To be read only."""
    columns = np.arange(_LEFT + band.step / 2, _RIGHT, band.step)
    rows = np.arange(_TOP + band.step / 2, _BOTTOM, band.step)
    x, y = (each.ravel() for each in np.meshgrid(columns, rows))
    middle = (_LEFT + _RIGHT) / 2
    away = ((x - middle) / (_RIGHT - middle)) ** 2
    away += (np.maximum(y - _ROUND, 0) / (_BOTTOM - _ROUND)) ** 2
    x, y = x[away <= 1.15], y[away <= 1.15]
    shape = (len(x), len(plan.rates))
    drawn = _drawn(f"{plan.name} {band.channel}", (*shape, 2))
    sides = np.where(drawn & 1, 1.0, -1.0)
    order = np.argsort(drawn[..., 0].ravel() >> 1, kind="stable")
    bits = np.empty(order.size, np.intp)
    bits[order] = np.arange(order.size) % LENGTH
    return Chips(x, y, (sides[..., 0] + 1j * sides[..., 1]).astype(np.complex64), bits.reshape(shape))


def drawing(band: Band, places: Chips, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The chips of a band, each times its weight (Q,), on the grid: (64, 64)."""
    picture = np.zeros((GRID, GRID))
    for sigma, sign in ((_SIGMA * band.step, 1), (_SIGMA * _WIDER * band.step, -1)):
        across, down = (_bells(each, sigma) for each in (places.x, places.y))
        picture += sign * down.T @ (weights[:, None] * across)
    return picture


def kernel(band: Band) -> NDArray[np.float32]:
    """(n, n) a chip on the grid, as what looks for it; its squares add up to 1."""
    reach = int(np.ceil(3 * _SIGMA * _WIDER * band.step))
    away = np.arange(-reach, reach + 1.0)
    shape = np.zeros((len(away), len(away)))
    for sigma, sign in ((_SIGMA * band.step, 1), (_SIGMA * _WIDER * band.step, -1)):
        bell = _bell(away, sigma)
        shape += sign * np.outer(bell, bell)
    return (shape / np.linalg.norm(shape)).astype(np.float32)


def to_grid(crop: NDArray[np.float32]) -> NDArray[np.float32]:
    """A crop (3, S, S) RGB in [-1, 1] as luma, blue and red difference on the grid, shares of their spans."""
    red, green, blue = (
        cv2.resize(each, (GRID, GRID), interpolation=cv2.INTER_AREA) * np.float32(0.5) for each in crop
    )
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return np.stack([luma, (blue - luma) / 1.8556, (red - luma) / 1.5748]).astype(np.float32)


def answers(picture: NDArray[np.float32], band: Band) -> NDArray[np.float32]:
    """What of a picture (64, 64) answers to a band's chip, wherever it is put: (64, 64)."""
    found = cv2.filter2D(
        np.ascontiguousarray(picture), cv2.CV_32F, kernel(band), borderType=cv2.BORDER_REFLECT
    )
    return np.asarray(found, np.float32)


def _bells(places: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """(Q, 64) a Gaussian around each place, of sum 1."""
    return _bell(np.arange(GRID) - places[:, None], sigma)


def _bell(away: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    return np.asarray(np.exp(-((away / sigma) ** 2) / 2) / (sigma * np.sqrt(2 * np.pi)))


def _drawn(name: str, shape: tuple[int, ...]) -> NDArray[np.uint32]:
    """Numbers that look random. They come from a hash, since random generators change over the years."""
    data = hashlib.shake_256(f"stream-unmask mark 1 {name}".encode()).digest(4 * int(np.prod(shape)))
    return np.frombuffer(data, "<u4").astype(np.uint32).reshape(shape)
