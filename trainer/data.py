"""Photos of faces with their mesh points, out of tar shards."""

from __future__ import annotations

import base64
import json
import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.errors import UnmaskError

TRAINING_SETS = {"core": 1.0, "extra_ai": 0.4, "diverse": 1.5, "extra_nc": 1.0}
"""How often a photo of each set is drawn: ``extra_ai`` is frontal and beautified, ``diverse`` has the
turned heads, beards and darker skin."""

VALIDATION_SETS = ("val_core", "val_extra_ai", "val_extra_nc", "val_diverse")


@dataclass(frozen=True, slots=True)
class Photo:
    """One face.

    Attributes:
        key: name of the photo inside its set.
        set: name of the set, e.g. ``core``.
        jpeg: the encoded square crop around the face.
        points: (468, 2) float32 mesh points in pixels of that crop.
    """

    key: str
    set: str
    jpeg: bytes
    points: NDArray[np.float32]

    def picture(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB."""
        decoded = cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)
        if decoded is None:
            raise UnmaskError(f"Photo {self.key} of {self.set} cannot be decoded: its shard is damaged.")
        return np.asarray(decoded, np.uint8)


@dataclass(frozen=True, slots=True)
class RealFace:
    """A photographed face that may really wear a mask; what is beneath nobody knows.

    Attributes:
        name: of the photo, for people.
        crop: (S, S, 3) uint8 RGB, aligned as the product does it.
        map: (S, S) uint8, 255 where a segmenter is sure of a mask.
    """

    name: str
    crop: NDArray[np.uint8]
    map: NDArray[np.uint8]


def _points(text: str) -> NDArray[np.float32]:
    raw = zlib.decompress(base64.b64decode(text))
    points = np.frombuffer(raw, "<i2").reshape(2, -1).T.astype(np.float32) / 4.0
    return np.ascontiguousarray(points[:468])


def _read_shard(path: Path, name: str) -> list[Photo]:
    photos = []
    pictures: dict[str, bytes] = {}
    try:
        with tarfile.open(path) as shard:
            for member in shard:
                file = shard.extractfile(member)
                if file is None:
                    continue
                key, kind = member.name.rsplit(".", 1)
                if kind == "jpg":
                    pictures[key] = file.read()
                else:
                    photos.append(Photo(key, name, pictures.pop(key), _points(json.load(file)["lm"])))
    except (tarfile.TarError, KeyError, ValueError, zlib.error) as error:
        raise UnmaskError(f"Shard {path} is damaged: {error}.") from error
    return photos


def read_photos(folder: Path, sets: Sequence[str]) -> list[Photo]:
    """Read whole sets into memory, still encoded (about 15 kB a photo).

    Args:
        folder: where the shards lie, as ``<set>-<number>.tar``; each holds ``<key>.jpg`` followed by
            ``<key>.json`` whose ``lm`` is the mesh: base64 of zlib of little-endian int16 quarter pixels,
            all x, then all y.
        sets: names of the sets.

    Raises:
        UnmaskError: a set has no shard, or a shard is damaged.
    """
    photos: list[Photo] = []
    for name in sets:
        paths = sorted(folder.glob(f"{name}-[0-9]*.tar"))
        if not paths:
            raise UnmaskError(f"No shards of the set '{name}' lie in {folder}.")
        for path in paths:
            photos += _read_shard(path, name)
    return photos
