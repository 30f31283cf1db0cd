"""How a face strikes one who looks at it: as a woman's or a man's, as a child's, how old; and what face goes
with an upper half.

Linear readings of descriptions (:mod:`~stream_unmask.inpainting.stand_ins.describing`), learnt by ridge
regression from labelled faces. They say how somebody looks, not who or what somebody is; they are asked of a
masked head only to find a stand-in that goes with its upper half, and are kept nowhere.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stream_unmask.errors import UnmaskError

Kind = Literal["woman", "man", "child"]
"""What faces that are learnt from may be labelled as."""

SURE = 0.3
"""How surely a face must strike one as a woman's or a man's to count: 98 of 100 of such are read right."""

_MIDDLE_AGE = 40.0
"""Years that are read as 0; nothing is read as -1, and twice as many as 1."""

_HELD_BACK = 0.1
"""Ridge, in mean squares of the descriptions."""

_AXES = 64
"""Numbers that a face's features are brought down to: their strongest principal components."""

_ROUNDS = 6
"""In which their directions are found."""

_FINEST = 127
"""Steps to each side of 0 in which a file keeps a likeness."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A linear reading of descriptions.

    Attributes:
        weights: (D,) of a description's numbers.
        offset: what nothing would be read as.
    """

    weights: NDArray[np.float32]
    offset: float

    def __call__(self, described: NDArray[np.float32]) -> NDArray[np.float32]:
        """(...,) in -1 to 1 for descriptions (..., D); 0 where nothing can be told."""
        return np.asarray(np.clip(described @ self.weights + self.offset, -1, 1), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """Brings descriptions down to a few numbers that compare by the square of their distance.

    Attributes:
        weights: (D, K) of a description's numbers.
        offset: (K,) what nothing would be read as.
    """

    weights: NDArray[np.float32]
    offset: NDArray[np.float32]

    def __call__(self, described: NDArray[np.float32]) -> NDArray[np.float32]:
        """(..., K) numbers for descriptions (..., D)."""
        return np.asarray(described @ self.weights + self.offset, np.float32)

    def rounded(self) -> Likeness:
        """As a file keeps it."""
        steps = _steps(self.weights)
        return Likeness(np.asarray(np.rint(self.weights / steps) * steps, np.float32), self.offset)


@dataclass(frozen=True, slots=True, eq=False)
class Impressions:
    """What is read off faces.

    Attributes:
        woman: off an upper half: 1 as a woman's, -1 as a man's.
        whole: the same, off a whole face.
        child: off an upper half: above 0 as a child's, which one in a hundred grown-ups passes.
        age: off an upper half; see :func:`years`.
        whole_age: the same, off a whole face.
        expected: off an upper half, what the features of a face are like that it goes with.
        features: off a whole face's features, what they are like.
    """

    woman: Reading
    whole: Reading
    child: Reading
    age: Reading
    whole_age: Reading
    expected: Likeness
    features: Likeness

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As a file keeps them."""
        kept: dict[str, NDArray[Any]] = {}
        for name in _READINGS:
            reading: Reading = getattr(self, name)
            scale = float(np.abs(reading.weights).max()) or 1.0
            kept[f"{name}_weights"] = (reading.weights / scale).astype(np.float16)
            kept[f"{name}_scale"] = np.array([scale, reading.offset], np.float32)
        for name in _LIKENESSES:
            likeness: Likeness = getattr(self, name)
            steps = _steps(likeness.weights)
            kept[f"{name}_weights"] = np.rint(likeness.weights / steps).astype(np.int8)
            kept[f"{name}_scale"] = np.stack([steps, likeness.offset]).astype(np.float32)
        return kept

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Impressions:
        """From what :meth:`arrays` gave.

        Raises:
            KeyError: an array is missing.
            ValueError: an array has another shape.
        """
        fields: dict[str, Any] = {}
        for names, read in ((_READINGS, _reading), (_LIKENESSES, _likeness)):
            fields |= {name: read(arrays[f"{name}_weights"], arrays[f"{name}_scale"]) for name in names}
        return cls(**fields)


_READINGS = ("woman", "whole", "child", "age", "whole_age")
_LIKENESSES = ("expected", "features")


def years(read: NDArray[np.floating] | float) -> NDArray[np.float64]:
    """How old a face strikes one, from what a reading of ages gives: -1 to 1 as 0 to 80."""
    return np.asarray(_MIDDLE_AGE * (1 + np.asarray(read, np.float64)))


def from_years(age: NDArray[np.floating] | float) -> NDArray[np.float64]:
    """The other way round."""
    return np.asarray(np.asarray(age, np.float64) / _MIDDLE_AGE - 1)


def save_impressions(path: Path, impressions: Impressions) -> None:
    """Write a file of their own."""
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **impressions.arrays())


def load_impressions(path: Path) -> Impressions:
    """Read what :func:`save_impressions` wrote.

    Raises:
        UnmaskError: it cannot be read.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return Impressions.of(file)
    except OSError as error:
        raise UnmaskError(f"{path} cannot be read: {error.strerror or error}.", path=path) from error
    except (ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise UnmaskError(f"{path} is no file of impressions that can be read.", path=path) from error


def _reading(weights: NDArray[Any], scale: NDArray[Any]) -> Reading:
    if weights.ndim != 1 or scale.shape != (2,):
        raise ValueError("no linear reading")
    return Reading(weights.astype(np.float32) * np.float32(scale[0]), float(scale[1]))


def _likeness(weights: NDArray[Any], scale: NDArray[Any]) -> Likeness:
    if weights.ndim != 2 or scale.shape != (2, weights.shape[1]):
        raise ValueError("no likeness")
    return Likeness(weights.astype(np.float32) * scale[0], np.asarray(scale[1], np.float32))


def _steps(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """(K,) the steps in which a file keeps each column of weights (D, K)."""
    return np.asarray(np.maximum(np.abs(weights).max(axis=0) / _FINEST, 1e-12), np.float32)


def fit_reading(
    described: NDArray[np.float32], labels: NDArray[np.float64], importance: NDArray[np.float64] | None = None
) -> Reading:
    """Learn a reading: ridge regression, solved among the samples, which are fewer than the numbers.

    Args:
        described: (n, D) descriptions.
        labels: (n,) what is to be read off them, -1 or 1.
        importance: (n,) how much each counts; all alike if left out.
    """
    counts = np.ones(len(labels)) if importance is None else importance
    mean = counts @ described / counts.sum()
    centre = float(counts @ labels / counts.sum())
    roots = np.sqrt(counts)[:, None]
    weights = _ridge((described - mean) * roots, (labels - centre) * roots[:, 0])
    return Reading(weights, centre - float(mean @ weights))


def fit_likenesses(
    upper: NDArray[np.float32], features: NDArray[np.float32], axes: int = _AXES
) -> tuple[Likeness, Likeness]:
    """Learn what face goes with an upper half.

    Args:
        upper: (n, D) descriptions of upper halves.
        features: (n, E) descriptions of the features of the same faces.
        axes: how many principal components of these are told apart.

    Returns:
        What is read off an upper half, and what off a face's features, which are to be alike.
    """
    mean, usual = upper.mean(axis=0), features.mean(axis=0)
    apart = (features - usual).astype(np.float32)
    components = _components(apart, axes)
    weights = _ridge(upper - mean, apart @ components)
    return (
        Likeness(weights, np.asarray(-mean @ weights, np.float32)).rounded(),
        Likeness(components, np.asarray(-usual @ components, np.float32)).rounded(),
    )


def _components(apart: NDArray[np.float32], axes: int) -> NDArray[np.float32]:
    """(E, K) the strongest principal components of descriptions (n, E) of mean 0: Halko et al., "Finding
    structure with randomness", 2011. A whole decomposition of ten thousand faces would take minutes."""
    count = min(axes, *apart.shape)
    start = np.random.default_rng(0).standard_normal((apart.shape[1], min(2 * count, *apart.shape)))
    spanned = np.linalg.qr(start.astype(np.float32))[0]
    for _ in range(_ROUNDS):
        spanned = np.linalg.qr(apart.T @ (apart @ spanned))[0]
    _, _, within = np.linalg.svd(apart @ spanned, full_matrices=False)
    return np.asarray(spanned @ within[:count].T, np.float32)


def _ridge(apart: NDArray[np.floating], wanted: NDArray[np.floating]) -> NDArray[np.float32]:
    """(D,) or (D, K) weights that give (n,) or (n, K) of descriptions (n, D), both of mean 0."""
    described = apart.astype(np.float32)
    alike = (described @ described.T).astype(np.float64)
    alike[np.diag_indices_from(alike)] += _HELD_BACK * np.trace(alike) / len(alike)
    return np.asarray(described.T @ np.linalg.solve(alike, wanted), np.float32)
