"""Photos of faces with their mesh points, out of tar shards."""

from __future__ import annotations

import base64
import json
import re
import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.errors import UnmaskError
from stream_unmask.tars import inflated, mapped_members

HELD_OUT = "val_"
"""What the names of sets begin with that are never trained on."""

MADE_FACES = frozenset({"faker", "gecid", "hmd", "rsf", "sg3", "tpdne", "u1i"})
"""Sources whose faces are of nobody: networks made them."""

_HELD_OUT_FIRST = ("val_core", "val_extra_ai", "val_extra_nc", "val_diverse")
"""Samples hang on the order of sets, and the frozen evaluation on this one."""

_SHARD = re.compile(r"(?P<name>.+)-\d+\.tar")
_PICTURES = ("jpg", "jpeg", "png", "webp")
_MESH_POINTS = 468
_MOST_MESH_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Photo:
    """One face.

    Attributes:
        key: name of the photo inside its set.
        set: name of the set, e.g. ``core``.
        encoded: uint8, the square crop around the face as JPEG, PNG or WebP, where it lies in its shard.
        points: (468, 2) float32 mesh points in pixels of that crop.
        source: where the set has it from, e.g. ``faker``; empty where its notes do not say.
        share: how often it is drawn, against a photo of 1.
    """

    key: str
    set: str
    encoded: NDArray[np.uint8]
    points: NDArray[np.float32]
    source: str = ""
    share: float = 1.0

    def picture(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB."""
        decoded = cv2.imdecode(self.encoded, cv2.IMREAD_COLOR_RGB)
        if decoded is None:
            raise UnmaskError(f"Photo {self.key} of {self.set} cannot be decoded: its shard is damaged.")
        return np.asarray(decoded, np.uint8)


@dataclass(frozen=True, slots=True)
class RealFace:
    """A photographed face that may really wear a mask; what is beneath nobody knows.

    Attributes:
        name: of the photo, for people.
        crop: (S, S, 3) uint8 RGB, aligned as the product does it.
        mask: (S, S) uint8, 255 where a segmenter is sure of a mask.
    """

    name: str
    crop: NDArray[np.uint8]
    mask: NDArray[np.uint8]


def training_sets(folder: Path) -> list[str]:
    """Names of the sets in a folder of shards to train on, always in the same order."""
    return sorted(name for name in _sets(folder) if not name.startswith(HELD_OUT))


def held_out_sets(folder: Path) -> list[str]:
    """Names of the sets in a folder of shards that are held out, always in the same order."""
    rank = {name: number for number, name in enumerate(_HELD_OUT_FIRST)}
    there = (name for name in _sets(folder) if name.startswith(HELD_OUT))
    return sorted(there, key=lambda name: (rank.get(name, len(rank)), name))


def shards_of(folder: Path, name: str) -> list[Path]:
    """The shards of a set, ``<name>-<number>.tar``, in order."""
    return _sets(folder).get(name, [])


def read_photos(folder: Path, sets: Sequence[str]) -> list[Photo]:
    """The photos of whole sets, still encoded (about 15 kB a photo).

    They lie in memory once a machine, however many processes train or make samples there; see
    :func:`stream_unmask.tars.mapped_members`.

    Args:
        folder: where the shards lie, as WebDataset has them; each holds ``<key>.jpg`` (or png, webp) and
            ``<key>.json`` whose ``lm`` is the mesh: base64 of zlib of little-endian int16 quarter pixels,
            all x, then all y, and whose ``set`` may name the source. Other files of a sample are passed over.
        sets: names of the sets, at least one.

    Raises:
        UnmaskError: a set has no shard, or a shard is damaged or without meshes.
    """
    if not sets:
        raise UnmaskError(
            f"There are no shards of photos to train on in {folder}.",
            path=folder,
            hint="stream-unmask data pack",
        )
    photos: list[Photo] = []
    for name in sets:
        paths = shards_of(folder, name)
        if not paths:
            there = ", ".join(sorted(_sets(folder))) or "none"
            raise UnmaskError(
                f"No shards of the set '{name}' lie in {folder}; there are: {there}.", path=folder
            )
        for path in paths:
            photos += read_shard(path, name)
    return photos


def _sets(folder: Path) -> dict[str, list[Path]]:
    sets: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.tar")):
        named = _SHARD.fullmatch(path.name)
        if named is not None and not path.name.startswith("."):
            sets.setdefault(named["name"], []).append(path)
    return sets


def read_shard(path: Path, name: str) -> list[Photo]:
    """The photos in one shard of a set.

    Args:
        path: a tar file.
        name: of the set.

    Raises:
        UnmaskError: the shard is damaged, or holds no faces with meshes.
    """
    pictures: dict[str, NDArray[np.uint8]] = {}
    meshes: dict[str, NDArray[np.float32]] = {}
    sources: dict[str, str] = {}
    try:
        for member, data in mapped_members(path):
            key, _, kind = member.rpartition(".")
            kind = kind.lower()
            if kind == "json":
                notes = json.loads(data.tobytes())
                meshes[key], sources[key] = _points(notes["lm"]), str(notes.get("set", ""))
            elif kind in _PICTURES:
                pictures[key] = data
    except (KeyError, TypeError) as error:
        raise UnmaskError(
            f"Shard {path} is not a shard of faces: its notes have no mesh ('lm').", path=path
        ) from error
    except (OSError, EOFError, tarfile.TarError, ValueError, RecursionError, zlib.error) as error:
        reason = str(error).splitlines()[0].rstrip(":")
        raise UnmaskError(f"Shard {path} is damaged: {reason}.", path=path) from error
    return [
        Photo(key, name, pictures[key], points, sources[key])
        for key, points in meshes.items()
        if key in pictures
    ]


def _points(text: str) -> NDArray[np.float32]:
    raw = inflated(base64.b64decode(text), _MOST_MESH_BYTES)
    points = np.frombuffer(raw, "<i2").reshape(2, -1).T.astype(np.float32) / 4.0
    if len(points) < _MESH_POINTS:
        raise ValueError(f"a mesh has {len(points)} points instead of {_MESH_POINTS}")
    return np.ascontiguousarray(points[:_MESH_POINTS])
