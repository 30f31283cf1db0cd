"""What a mark says, and the error-correcting code that carries it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

LENGTH = 32
"""Bits of a codeword."""

VERSION = 1
"""Of the marks that this program writes, 1 to 7."""

ALGORITHM = f"stream-unmask.mark.{VERSION}"
"""What credentials call the mark: the algorithm of a soft binding."""

_CHECKS = 4
_WORDS = 2 * LENGTH


@dataclass(frozen=True, slots=True)
class Message:
    """What a mark says.

    Attributes:
        worn: a face mask was put on; else one was taken off.
        version: of the mark.
    """

    worn: bool
    version: int = VERSION

    def __str__(self) -> str:
        return "worn" if self.worn else "unmasked"


def encode(message: Message) -> NDArray[np.float32]:
    """The codeword of a message: (32,) of -1 and 1."""
    value = 2 * message.version + message.worn
    return np.asarray(codewords()[_CHECKS * value + _check(value)], np.float32)


def decode(index: int) -> Message | None:
    """The message of a codeword by its place among all; None where its check does not fit."""
    value, check = divmod(index, _CHECKS)
    version, worn = divmod(value, 2)
    return Message(bool(worn), version) if version and check == _check(value) else None


@cache
def codewords() -> NDArray[np.float32]:
    """(64, 32) of -1 and 1: the biorthogonal code, a first-order Reed-Muller code.

    Any two differ in 16 bits or in all: 7 wrong ones are corrected. To be read only.
    """
    rows = np.ones((1, 1), np.float32)
    while len(rows) < LENGTH:
        rows = np.block([[rows, rows], [rows, -rows]])
    words = np.concatenate([rows, -rows]).astype(np.float32)
    words.flags.writeable = False
    return words


@cache
def messages() -> dict[int, Message]:
    """All messages, by the places of their codewords."""
    found = {index: decode(index) for index in range(_WORDS)}
    return {index: message for index, message in found.items() if message is not None}


def _check(value: int) -> int:
    return (3 * value + 1 + value // 4) % _CHECKS
