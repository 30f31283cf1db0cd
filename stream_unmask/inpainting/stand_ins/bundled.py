"""The stand-ins that come with the program."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from stream_unmask.bundled import BUNDLED_SETS
from stream_unmask.inpainting.stand_ins.bank import Bank, load_bank

FILE = "stand_ins.npz"
"""Name of a bank that lies beside weights."""


def bundled_file(weights: Path) -> Path:
    """The bank that goes with weights: their own one, or the open one where they have none.

    Args:
        weights: the folder of a set of weights.
    """
    own = weights / FILE
    return own if own.is_file() else BUNDLED_SETS["open"].folder / FILE


def bundled_stand_ins(weights: Path) -> Bank:
    """The stand-ins that go with weights, read once.

    Raises:
        UnmaskError: a file is missing or broken.
    """
    return _read(bundled_file(weights))


@cache
def _read(path: Path) -> Bank:
    return load_bank(path)
