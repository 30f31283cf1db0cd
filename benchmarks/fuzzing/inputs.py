"""Which input bears which number: the same for the same corpus and seed, on every machine."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.fuzzing.mutating import Mutator
from stream_unmask.errors import InputError


@dataclass(frozen=True, slots=True)
class Inputs:
    """Inputs of one kind: the whole files of a corpus first, then broken ones without an end.

    Attributes:
        kind: name of their folder.
        files: names and bytes of the whole ones.
        mutate: breaks one.
        seed: of the breaking.
    """

    kind: str
    files: list[tuple[str, bytes]]
    mutate: Mutator
    seed: int

    @classmethod
    def read(cls, corpora: Path, kind: str, mutate: Mutator, seed: int) -> Inputs:
        """Read the corpus of a kind.

        Raises:
            InputError: there is none.
        """
        folder = corpora / kind
        paths = sorted(path for path in folder.glob("*") if path.is_file())
        if not paths:
            raise InputError(f"There are no whole inputs to break in {folder}.", path=folder)
        return cls(kind, [(path.name, path.read_bytes()) for path in paths], mutate, seed)

    def __getitem__(self, number: int) -> tuple[str, bytes]:
        """Name and bytes of an input."""
        name, data = self.files[number % len(self.files)]
        if number < len(self.files):
            return name, data
        random = np.random.default_rng([self.seed, zlib.crc32(self.kind.encode()), number])
        return name, self.mutate(data, random)
