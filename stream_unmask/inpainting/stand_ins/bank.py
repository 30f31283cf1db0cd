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
from collections.abc import Mapping
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

FORMAT = "stream-unmask stand-ins 4"
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


@dataclass(frozen=True)
class Bank:
    """Stand-ins to choose from: ``count`` faces, and after them the same ones mirrored.

    Attributes:
        names: of the portraits, one a face.
        encoded: the pictures as they are stored, one a face.
        points: (count, 468, 3) meshes in pixels of the pictures.
        traits: (2 count, T), columns as in :data:`TRAITS`.
        looks: (2 count, K) what the faces' features are like.
        impressions: how other faces are read, and these are.
        licences: under which the portraits may be used; some of them may be under one alone.
        sources: where they are from, for each licence.
    """

    names: list[str]
    encoded: list[bytes]
    points: NDArray[np.float64]
    traits: NDArray[np.float64]
    looks: NDArray[np.float32]
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
        bank: what is to be in it.
    """
    about = {
        "format": FORMAT,
        "licences": bank.licences,
        "sources": bank.sources,
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
        **bank.impressions.arrays(),
    }
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def load_bank(path: Path) -> Bank:
    """Read a bank from its file.

    Raises:
        UnmaskError: the file cannot be read, or is none of stand-ins.
    """
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
            impressions=Impressions.of(arrays),
            licences=about["licences"],
            sources=about["sources"],
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
    names, count, expected = about["names"], len(encoded), arrays["expected_weights"]
    shapes = {
        "points": (count, *mean_face().shape),
        "traits": (count, len(TRAITS)),
        "looks": (2 * count, expected.shape[-1]),
        "woman_weights": expected.shape[:1],
        "child_weights": expected.shape[:1],
        "age_weights": expected.shape[:1],
        "features_scale": (2, expected.shape[-1]),
    }
    if not _are_texts(names, count):
        raise ValueError("not a name for each face")
    if not _are_texts(about["licences"]) or not _are_texts(about["sources"], len(about["licences"])):
        raise ValueError("no licence, or not a source for each")
    if wrong := [key for key, shape in shapes.items() if arrays[key].shape != shape]:
        raise ValueError(f"another number of {wrong[0]}")


def _are_texts(values: Any, count: int | None = None) -> bool:
    """Whether these are as many texts, or at least one."""
    known = isinstance(values, list) and all(isinstance(each, str) for each in values)
    return known and bool(values if count is None else len(values) == count)


def _split(data: bytes, ends: NDArray[np.integer]) -> list[bytes]:
    starts = [0, *ends[:-1].tolist()]
    return [data[start:end] for start, end in zip(starts, ends.tolist(), strict=True)]
