"""How a face strikes one who looks at it: as a woman's or a man's, as a child's, how old.

Linear readings of descriptions (:mod:`~stream_unmask.inpainting.stand_ins.describing`), learnt by ridge
regression from labelled faces. They say how somebody looks, not who or what somebody is; they are asked of a
masked head only to pass over stand-ins that would contradict its upper half, and are kept nowhere.
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
class Impressions:
    """What is read off faces.

    Attributes:
        woman: off an upper half: 1 as a woman's, -1 as a man's.
        whole: the same, off a whole face.
        child: off an upper half: above 0 as a child's, which one in a hundred grown-ups passes.
        age: off an upper half; see :func:`years`.
        whole_age: the same, off a whole face.
    """

    woman: Reading
    whole: Reading
    child: Reading
    age: Reading
    whole_age: Reading

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As a file keeps them."""
        kept: dict[str, NDArray[Any]] = {}
        for name in self.__slots__:
            reading: Reading = getattr(self, name)
            scale = float(np.abs(reading.weights).max()) or 1.0
            kept[f"{name}_weights"] = (reading.weights / scale).astype(np.float16)
            kept[f"{name}_scale"] = np.array([scale, reading.offset], np.float32)
        return kept

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Impressions:
        """From what :meth:`arrays` gave.

        Raises:
            KeyError: an array is missing.
            ValueError: an array has another shape.
        """
        return cls(*(_reading(arrays[f"{name}_weights"], arrays[f"{name}_scale"]) for name in cls.__slots__))


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
    apart = ((described - mean) * roots).astype(np.float32)
    alike = (apart @ apart.T).astype(np.float64)
    alike[np.diag_indices_from(alike)] += _HELD_BACK * np.trace(alike) / len(alike)
    shares = np.linalg.solve(alike, (labels - centre) * roots[:, 0])
    weights = np.asarray(apart.T @ shares, np.float32)
    return Reading(weights, centre - float(mean @ weights))
