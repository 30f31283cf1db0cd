"""Tar shards as WebDataset reads them: ``<key>.jpg`` followed by ``<key>.json``."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from stream_unmask.errors import UnmaskError
from stream_unmask.tars import members
from trainer.packing.portrait import as_json

Notes = dict[str, object]

_ALIKE = 20
"""Fingerprints that differ in this many of their 256 bits or fewer show one photo."""


class ShardWriter:
    """Writes one set as ``<name>-000.tar``, ``<name>-001.tar`` ...; a shard appears when it is whole."""

    def __init__(self, folder: Path, name: str, per_shard: int) -> None:
        """Begin a set.

        Args:
            folder: where the shards go.
            name: of the set.
            per_shard: faces in a shard.
        """
        self._folder, self._name, self._per_shard = folder, name, per_shard
        self._open: tarfile.TarFile | None = None
        self._shards = 0
        self.faces = 0

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._close()
        elif self._open is not None:
            self._open.close()
            self._partial().unlink(missing_ok=True)

    def write(self, jpeg: bytes, notes: Notes) -> None:
        """Add a face.

        Raises:
            UnmaskError: the disk takes no more.
        """
        try:
            if self._open is None:
                self._open = tarfile.open(self._partial(), "w")  # noqa: SIM115 (closed when it is full)
            add(self._open, f"{self.faces:06d}.jpg", jpeg)
            add(self._open, f"{self.faces:06d}.json", as_json(notes))
        except OSError as error:
            raise UnmaskError(f"{self._partial()} cannot be written: {error.strerror}.") from error
        self.faces += 1
        if self.faces % self._per_shard == 0:
            self._close()

    def _partial(self) -> Path:
        return self._folder / f".{self._name}-{self._shards:03d}.tar.partial"

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._partial().replace(self._folder / f"{self._name}-{self._shards:03d}.tar")
            self._open = None
            self._shards += 1


def add(shard: tarfile.TarFile, name: str, data: bytes) -> None:
    """Put a file into a tar; the same data make the same bytes in every run."""
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    shard.addfile(entry, io.BytesIO(data))


def entries(path: Path) -> Iterator[tuple[bytes, Notes]]:
    """Pictures and notes of a shard, in order."""
    jpeg = b""
    for member, data in members(path):
        if member.endswith(".jpg"):
            jpeg = data
        else:
            yield jpeg, json.loads(data)


class Duplicates:
    """Remembers fingerprints and knows again what it has seen."""

    def __init__(self) -> None:
        self._seen = np.zeros((1024, 32), np.uint8)
        self._count = 0

    def is_new(self, fingerprint: NDArray[np.uint8]) -> bool:
        """Whether no fingerprint, (32,) uint8, like this one was asked for before."""
        seen = self._seen[: self._count]
        apart = np.bitwise_count(seen ^ fingerprint).sum(1, dtype=np.int64)
        if (apart <= _ALIKE).any():
            return False
        if self._count == len(self._seen):
            self._seen = np.concatenate([self._seen, np.zeros_like(self._seen)])
        self._seen[self._count] = fingerprint
        self._count += 1
        return True
