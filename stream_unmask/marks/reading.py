"""Reading a mark: what is constant about a face is taken away, and what is left is held against the chips.

How sure a reading is rests on the chips' signs alone, which are drawn independently of every picture.
Whatever a picture holds, a sum of its values under random signs exceeds ``t`` times the root of the sum of
their squares with a probability of at most 3.18 times that of a normal variable (Bentkus and Dzindzalieta, "A
Tight Gaussian Bound for Weighted Sums of Rademacher Random Variables", Bernoulli 21, 2015). All places, times
and messages that are tried are counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.marks.carriers import MOVING, PERIOD, Band, Chips, Plan, answers, chips
from stream_unmask.marks.code import LENGTH, VERSION, Message, codewords, messages

Pictures = NDArray[np.float32]
"""(T, 3, 64, 64) luma, blue and red difference of a face's crops on the grid, as shares of their spans."""

_DRIFT = 4
"""Coefficients of the polynomial in time that is taken for the face itself."""

_FEWEST_FRAMES = 12
"""Frames from which what moves is told from what stays."""

_MIDDLE_X, _MIDDLE_Y = 31.5, 41.0
"""Around what, in cells, the mark is turned and scaled while it is looked for."""

_STRAY = 2.5
"""Deviations from which a response is an edge of the face and cut off."""

_QUIETER = 0.7
"""How much more than whitened quiet places count: with 1, as for a signal that is everywhere the same."""

_TIME_STEPS = 24
"""Steps of the search within a period: the fastest chips turn by an eighth from one to the next."""

_GAUSSIAN = 1 / (2 * math.erfc(1))
"""By how much at most sums under random signs are likelier to be large than a normal variable: the bound is
reached where the sum of two equal values is both of them."""


@dataclass(frozen=True, slots=True)
class Search:
    """Where a mark is looked for, around where the alignment has it.

    Attributes:
        scales: factors.
        turns: in degrees.
        shifts: in cells, in either direction.
    """

    scales: tuple[float, ...]
    turns: tuple[float, ...]
    shifts: tuple[float, ...]

    @property
    def places(self) -> int:
        """How many are tried."""
        return len(self.scales) * len(self.turns) * len(self.shifts) ** 2


_COARSE = Search(
    (0.9, 0.95, 1.0, 1.05, 1.1), (-6.0, -3.0, 0.0, 3.0, 6.0), tuple(np.arange(-3.0, 3.1, 1.0).tolist())
)
_FINE = Search(
    (0.925, 0.95, 0.975, 1.0, 1.025, 1.05, 1.075),
    (-4.5, -3.0, -1.5, 0.0, 1.5, 3.0, 4.5),
    tuple(np.arange(-2.5, 2.6, 0.5).tolist()),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read where a mark may be.

    Attributes:
        message: what it would say.
        strength: how many deviations of chance the chips agree by.
        tried: places, times and messages that were tried.
    """

    message: Message
    strength: float
    tried: int

    @property
    def chance(self) -> float:
        """A bound of the natural logarithm of the probability that no mark would be read as surely."""
        return math.log(self.tried) + math.log(_GAUSSIAN) + _log_tail(self.strength)


@dataclass(frozen=True, slots=True)
class Responses:
    """What answers to the chips of a band, everywhere on the grid.

    Attributes:
        band: which.
        chips: its chips.
        maps: (K, 64, 64) complex.
    """

    band: Band
    chips: Chips
    maps: NDArray[np.complex64]

    def __add__(self, other: Responses) -> Responses:
        return Responses(self.band, self.chips, self.maps + other.maps)


def least_strength(tried: int, chance: float) -> float:
    """From which strength on a reading of so many tries has at most a chance."""
    low, high = 0.0, 100.0
    for _ in range(50):
        middle = (low + high) / 2
        sure = Reading(Message(False), middle, tried).chance <= math.log(chance)
        low, high = (low, middle) if sure else (middle, high)
    return high


def respond(plan: Plan, times: NDArray[np.float64], pictures: Pictures) -> list[Responses]:
    """What of some pictures of a face could be a mark.

    Args:
        plan: the kind of mark.
        times: (T,) of the pictures in seconds.
        pictures: of one face.
    """
    spectra = _spectra(plan, times, pictures)
    found = []
    for band in plan.bands:
        heard = [
            answers(each.real, band) + 1j * answers(each.imag, band) for each in spectra[:, band.channel]
        ]
        maps = np.stack(heard).astype(np.complex64)
        found.append(Responses(band, chips(plan, band), _whitened(maps, band)))
    return found


def read(plan: Plan, responses: list[Responses]) -> Reading:
    """The most likely mark."""
    search = _COARSE if plan is MOVING else _FINE
    moments = np.arange(_TIME_STEPS) * PERIOD / _TIME_STEPS if any(plan.rates) else np.zeros(1)
    turning = np.exp(-2j * np.pi * np.outer(moments, plan.rates)).astype(np.complex64)
    known = np.array([index for index, each in sorted(messages().items()) if each.version <= VERSION])
    words = codewords()[known]
    best, word = -np.inf, 0
    for scale, turn in product(search.scales, search.turns):
        sums, squares = _sums(responses, scale, turn, search.shifts)
        # (moments, places, bits)
        agreement = np.real(np.tensordot(turning, sums, 1))
        strengths = agreement @ words.T / np.sqrt(squares)[:, None]
        if strengths.max() > best:
            best = float(strengths.max())
            word = int(strengths.argmax()) % len(known)
    tried = search.places * len(moments) * len(known)
    return Reading(messages()[int(known[word])], best, tried)


def _log_tail(t: float) -> float:
    """The natural logarithm of the probability that a normal variable exceeds ``t``."""
    if t < 20:
        return math.log(math.erfc(t / math.sqrt(2)) / 2)
    return -(t**2) / 2 - math.log(t * math.sqrt(2 * math.pi))  # an upper bound; erfc is soon 0


def _spectra(plan: Plan, times: NDArray[np.float64], pictures: Pictures) -> NDArray[np.complex64]:
    """(K, 3, 64, 64) how the pictures change at each rate of a plan; without time, what they show."""
    rates = len(plan.rates)
    if not any(plan.rates) or len(times) < _FEWEST_FRAMES:
        mean = pictures.mean(axis=0).astype(np.complex64)
        return np.broadcast_to(mean, (rates, *mean.shape))
    flat = pictures.reshape(len(times), -1)
    steps = 2 * (times - times.mean()) / max(float(np.ptp(times)), 1e-6)
    drift = np.linalg.qr(steps[:, None] ** np.arange(_DRIFT))[0].astype(np.float32)
    left = flat - drift @ (drift.T @ flat)
    waves = np.exp(-2j * np.pi * np.outer(plan.rates, times)).astype(np.complex64)
    # The mark is Re(e) cos + Im(e) sin: its part at the rate is the conjugate of e.
    spectra = np.conj(waves @ left) * np.float32(2 / len(times))
    return np.asarray(spectra.reshape(rates, *pictures.shape[1:]), np.complex64)


def _whitened(maps: NDArray[np.complex64], band: Band) -> NDArray[np.complex64]:
    """Responses (K, 64, 64) as loud everywhere, edges cut off."""
    power = np.abs(maps) ** 2
    usual = np.median(power[:, 28:56, 13:51], axis=(1, 2))
    usual = np.maximum(usual, 1e-3 * usual.max() + 1e-20)[:, None, None]
    around = cv2.GaussianBlur((power / usual).mean(axis=0), (0, 0), band.step)
    floor = 0.1 * float(np.median(around)) + 1e-9
    loudness = np.sqrt(np.maximum(around, floor) * usual)
    even = maps / loudness
    amount = np.abs(even)
    even *= np.minimum(1, _STRAY / np.maximum(amount, 1e-6))
    weight = (np.maximum(around, floor) / np.median(around)) ** (-_QUIETER / 2)
    return np.asarray(even * weight, np.complex64)


def _sums(
    responses: list[Responses], scale: float, turn: float, shifts: tuple[float, ...]
) -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
    """Sums (K, places, 32) of the chips' answers over the bits, and (places,) of their squares over all."""
    places = len(shifts) ** 2
    sums = np.zeros((len(responses[0].maps), places, LENGTH), np.complex64)
    squares = np.full(places, 1e-12, np.float32)
    for each in responses:
        for k, values in enumerate(_looked_up(each, scale, turn, shifts)):
            sums[k] += values @ _spreading(each.chips, k)
            squares += (np.abs(values) ** 2).sum(axis=1)
    return sums, squares


def _looked_up(
    responses: Responses, scale: float, turn: float, shifts: tuple[float, ...]
) -> Iterator[NDArray[np.complex64]]:
    """For each rate the answers (places, Q) of the chips, put elsewhere."""
    angle = math.radians(turn)
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    x, y = responses.chips.x - _MIDDLE_X, responses.chips.y - _MIDDLE_Y
    down, across = (each.ravel() for each in np.meshgrid(shifts, shifts, indexing="ij"))
    columns = (cos * x - sin * y + _MIDDLE_X + across[:, None]).astype(np.float32)
    rows = (sin * x + cos * y + _MIDDLE_Y + down[:, None]).astype(np.float32)
    for picture in responses.maps:
        real, imaginary = (
            cv2.remap(np.ascontiguousarray(each), columns, rows, cv2.INTER_CUBIC)
            for each in (picture.real, picture.imag)
        )
        yield np.asarray(real + 1j * imaginary, np.complex64)


def _spreading(places: Chips, k: int) -> NDArray[np.complex64]:
    """(Q, 32) the conjugates of the chips' signs at a rate, each in the column of its bit."""
    table = np.zeros((len(places.x), LENGTH), np.complex64)
    table[np.arange(len(places.x)), places.bits[:, k]] = np.conj(places.signs[:, k])
    return table
