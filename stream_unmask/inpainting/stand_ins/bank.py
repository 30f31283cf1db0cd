"""The bank of stand-ins: one file of faces of nobody, and what choosing among them needs.

Each face may be worn as it is or mirrored; the mirrored half is made on reading. Of each face the file says
how surely it strikes one as a woman's or a man's, and how old; nothing is said of ancestry.
"""

from __future__ import annotations

import json
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.errors import UnmaskError
from stream_unmask.faces.alignment import mean_face
from stream_unmask.inpainting.laid import PicturedFace
from stream_unmask.inpainting.stand_ins.impressions import Impressions

Pixels = NDArray[np.uint8]

FORMAT = "stream-unmask stand-ins 3"
_MOST_BYTES = 1 << 30
"""Of a bank, unpacked: a zip file may claim any size."""

_BROKEN = (
    *(ValueError, LookupError, TypeError, EOFError, AttributeError, ArithmeticError, MemoryError),
    *(RuntimeError, SyntaxError, zipfile.BadZipFile, zlib.error, tokenize.TokenError, struct.error),
)
"""What NumPy and Python raise of a file that is none of theirs."""

_POINT_STEPS = 64
"""Steps of a stored mesh point in a pixel."""

TRAITS = (
    "skin_l",
    "skin_a",
    "skin_b",
    "yaw",
    "pitch",
    "openness",
    "smile",
    "beard",
    "stubble",
    "texture",
    "lips",
    "uneven",
    "shine",
    "clear_left",
    "clear_right",
    "clear_chin",
    "woman",
    "years",
)
"""What is kept of :class:`~stream_unmask.inpainting.stand_ins.measuring.Looks`, in the order of the
columns; and last, what :class:`~stream_unmask.inpainting.stand_ins.impressions.Impressions` reads off whole
faces."""


@dataclass(frozen=True, eq=False)
class StandIn(PicturedFace):
    """A face of nobody, in soft light.

    Attributes:
        index: in its bank.
        name: of the portrait that it was made of.
    """

    index: int
    name: str


@dataclass(frozen=True, slots=True)
class Projection:
    """Brings descriptions of upper faces down to a few numbers that compare.

    Attributes:
        mean: (D,) what is taken off first.
        axes: (D, K) what the rest is multiplied with.
    """

    mean: NDArray[np.float32]
    axes: NDArray[np.float32]

    def __call__(self, described: NDArray[np.float32]) -> NDArray[np.float32]:
        """(..., K) numbers of length 1 for descriptions (..., D)."""
        few = (described - self.mean) @ self.axes
        return np.asarray(few / np.maximum(np.linalg.norm(few, axis=-1, keepdims=True), 1e-6))


@dataclass(frozen=True)
class Bank:
    """Stand-ins to choose from: ``count`` faces, and after them the same ones mirrored.

    Attributes:
        names: of the portraits, one a face.
        encoded: the pictures as they are stored, one a face.
        points: (count, 468, 3) meshes in pixels of the pictures.
        traits: (2 count, T), columns as in :data:`TRAITS`.
        looks: (2 count, K) what the upper halves look like; see :class:`Projection`.
        projection: how the looks of other faces are made comparable.
        impressions: how other faces are read; of banks that are joined, the last one's.
        licences: of the files that make up this bank.
        sources: of the same files.
    """

    names: list[str]
    encoded: list[bytes]
    points: NDArray[np.float64]
    traits: NDArray[np.float64]
    looks: NDArray[np.float32]
    projection: Projection
    impressions: Impressions
    licences: list[str]
    sources: list[str]
    _made: dict[int, StandIn] = field(default_factory=dict, repr=False)

    @property
    def count(self) -> int:
        """Faces, mirrored ones not counted."""
        return len(self.names)

    def face_of(self, index: int) -> int:
        """Which face a stand-in is, whether or not mirrored."""
        return index % self.count

    def trait(self, name: str) -> NDArray[np.float64]:
        """(2 count,) one of :data:`TRAITS`."""
        return np.asarray(self.traits[:, TRAITS.index(name)])

    def __getitem__(self, index: int) -> StandIn:
        """A stand-in; from ``count`` on, the mirrored ones. It is decoded once.

        Raises:
            IndexError: there is none.
            UnmaskError: its picture is damaged.
        """
        if not 0 <= index < 2 * self.count:
            raise IndexError(f"the bank has {2 * self.count} stand-ins, mirrored ones counted")
        if index not in self._made:
            self._made[index] = self._make(index)
        return self._made[index]

    def _make(self, index: int) -> StandIn:
        face = self.face_of(index)
        data = np.frombuffer(self.encoded[face], np.uint8)
        decoded = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if data.size else None
        if decoded is None:
            raise UnmaskError(f"The stand-in {self.names[face]} cannot be decoded: its bank is damaged.")
        picture, points = np.asarray(decoded, np.uint8), self.points[face]
        if index >= self.count:
            picture, points = mirrored(picture, points)
        return StandIn(picture, points, index, self.names[face])


def mirrored(picture: Pixels, points: NDArray[np.float64]) -> tuple[Pixels, NDArray[np.float64]]:
    """A face and its mesh as a mirror shows them."""
    swapped = points[_counterparts()].copy()
    swapped[:, 0] = picture.shape[1] - 1 - swapped[:, 0]
    return np.ascontiguousarray(picture[:, ::-1]), swapped


def mirrored_traits(traits: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, T) the traits of mirrored faces."""
    swapped = traits.copy()
    left, right = TRAITS.index("clear_left"), TRAITS.index("clear_right")
    swapped[:, [left, right]] = traits[:, [right, left]]
    swapped[:, TRAITS.index("yaw")] *= -1
    return swapped


@cache
def _counterparts() -> NDArray[np.intp]:
    """(468,) each mesh point's counterpart on the other side of the face."""
    face = mean_face()
    apart = np.linalg.norm(face[:, None] * (-1, 1, 1) - face[None], axis=2)
    return np.asarray(apart.argmin(axis=1))


def save_bank(path: Path, bank: Bank) -> None:
    """Write a bank into one file.

    Args:
        path: where to; not looked after: whoever calls gives the file its name once it is whole.
        bank: of one licence and source.
    """
    steps = np.abs(bank.projection.axes).max(axis=0) / 127
    about = {
        "format": FORMAT,
        "licence": bank.licences[0],
        "source": bank.sources[0],
        "names": bank.names,
        "traits": TRAITS,
    }
    arrays = {
        "about": np.frombuffer(json.dumps(about).encode(), np.uint8),
        "pictures": np.frombuffer(b"".join(bank.encoded), np.uint8),
        "ends": np.cumsum([len(each) for each in bank.encoded]),
        "points": np.rint(bank.points * _POINT_STEPS).astype(np.int16),
        "traits": bank.traits[: bank.count].astype(np.float32),
        "looks": bank.looks.astype(np.float16),
        "mean": bank.projection.mean.astype(np.float16),
        "axes": np.rint(bank.projection.axes / steps).astype(np.int8),
        "steps": steps.astype(np.float32),
        **bank.impressions.arrays(),
    }
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def load_bank(paths: Sequence[Path]) -> Bank:
    """Read a bank from one file, or as many joined.

    Args:
        paths: at least one file; all made with the same projection.

    Raises:
        UnmaskError: a file cannot be read, is none of stand-ins, or does not go with the first.
    """
    banks = [_read(path) for path in paths]
    first = banks[0]
    for path, bank in zip(paths, banks, strict=True):
        if not np.array_equal(bank.projection.axes, first.projection.axes):
            raise UnmaskError(
                f"The stand-ins of {path} do not go with those of {paths[0]}; use one of both.", path=path
            )
    halves = [[bank.looks[: bank.count] for bank in banks], [bank.looks[bank.count :] for bank in banks]]
    traits = np.concatenate([bank.traits[: bank.count] for bank in banks])
    return Bank(
        names=[name for bank in banks for name in bank.names],
        encoded=[each for bank in banks for each in bank.encoded],
        points=np.concatenate([bank.points for bank in banks]),
        traits=np.concatenate([traits, mirrored_traits(traits)]),
        looks=np.concatenate([*halves[0], *halves[1]]),
        projection=first.projection,
        impressions=banks[-1].impressions,
        licences=[each for bank in banks for each in bank.licences],
        sources=[each for bank in banks for each in bank.sources],
    )


def _read(path: Path) -> Bank:
    try:
        with zipfile.ZipFile(path) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > _MOST_BYTES:
                raise ValueError("more than fits into memory")
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(arrays["about"].tobytes())
        if about["format"] != FORMAT or tuple(about["traits"]) != TRAITS:
            raise ValueError("another format")
        traits = arrays["traits"].astype(np.float64)
        encoded = _split(arrays["pictures"].tobytes(), arrays["ends"])
        _check(about, encoded, arrays)
        return Bank(
            names=about["names"],
            encoded=encoded,
            points=arrays["points"].astype(np.float64) / _POINT_STEPS,
            traits=np.concatenate([traits, mirrored_traits(traits)]),
            looks=arrays["looks"].astype(np.float32),
            projection=Projection(
                arrays["mean"].astype(np.float32), arrays["axes"].astype(np.float32) * arrays["steps"]
            ),
            impressions=Impressions.of(arrays),
            licences=[about["licence"]],
            sources=[about["source"]],
        )
    except OSError as error:
        raise UnmaskError(
            f"The stand-ins {path} cannot be read: {error.strerror or error}.", path=path
        ) from error
    except _BROKEN as error:
        raise UnmaskError(f"{path} is no bank of stand-ins that can be read.", path=path) from error


def _check(about: Mapping[str, Any], encoded: list[bytes], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Make sure that a file's parts go with each other.

    Raises:
        ValueError: they do not.
    """
    names, count, axes = about["names"], len(encoded), arrays["axes"]
    shapes = {
        "points": (count, *mean_face().shape),
        "traits": (count, len(TRAITS)),
        "looks": (2 * count, axes.shape[-1]),
        "mean": axes.shape[:1],
        "steps": axes.shape[1:],
        "woman_weights": axes.shape[:1],
        "child_weights": axes.shape[:1],
        "age_weights": axes.shape[:1],
    }
    if not (isinstance(names, list) and len(names) == count and all(isinstance(each, str) for each in names)):
        raise ValueError("not a name for each face")
    if not all(isinstance(about[key], str) for key in ("licence", "source")):
        raise ValueError("no licence")
    if wrong := [key for key, shape in shapes.items() if arrays[key].shape != shape]:
        raise ValueError(f"another number of {wrong[0]}")


def _split(data: bytes, ends: NDArray[np.integer]) -> list[bytes]:
    starts = [0, *ends[:-1].tolist()]
    return [data[start:end] for start, end in zip(starts, ends.tolist(), strict=True)]
