"""The stand-ins that come with the program."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from stream_unmask.bundled import BUNDLED_SETS
from stream_unmask.inpainting.stand_ins.bank import Bank, load_bank

FILE = "stand_ins.npz"
"""Name of a bank that lies beside weights."""


def bundled_files(weights: Path) -> list[Path]:
    """The banks that go with weights: the open one always, and first; their own one, where they have one.

    Args:
        weights: the folder of a set of weights.
    """
    free = BUNDLED_SETS["open"].folder / FILE
    own = weights / FILE
    return [free, own] if own.is_file() and own.resolve() != free.resolve() else [free]


def bundled_stand_ins(weights: Path) -> Bank:
    """The stand-ins that go with weights, read once.

    Raises:
        UnmaskError: a file is missing or broken.
    """
    return _read(tuple(bundled_files(weights)))


@cache
def _read(files: tuple[Path, ...]) -> Bank:
    return load_bank(files)
