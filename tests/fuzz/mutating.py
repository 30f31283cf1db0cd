"""Breaks files in the ways that files break: bits, bytes, sizes, pieces lost, doubled, and swapped."""

from __future__ import annotations

import numpy as np

_EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
"""Numbers at which counts and sizes overflow."""


def mutate(data: bytes, random: np.random.Generator) -> bytes:
    """One to eight changes to a file; the same for the same state of ``random``."""
    changed = bytearray(data)
    for _ in range(random.integers(1, 9)):
        if changed:
            _CHANGES[random.integers(len(_CHANGES))](changed, random)
    return bytes(changed)


def _place(data: bytearray, random: np.random.Generator) -> int:
    # Half of all changes hit the head, where what matters most stands.
    most = min(len(data), 600) if random.random() < 0.5 else len(data)
    return int(random.integers(most))


def _flip(data: bytearray, random: np.random.Generator) -> None:
    data[_place(data, random)] ^= 1 << int(random.integers(8))


def _overwrite(data: bytearray, random: np.random.Generator) -> None:
    start = _place(data, random)
    length = min(int(random.integers(1, 64)), len(data) - start)
    data[start : start + length] = random.bytes(length)


def _set_number(data: bytearray, random: np.random.Generator) -> None:
    start, size = _place(data, random), int(random.choice([1, 2, 4, 8]))
    value = _EDGES[random.integers(len(_EDGES))] % 256**size
    number = value.to_bytes(size, "big")
    data[start : start + size] = number if random.random() < 0.5 else number[::-1]


def _cut(data: bytearray, random: np.random.Generator) -> None:
    del data[_place(data, random) :]


def _lose(data: bytearray, random: np.random.Generator) -> None:
    start = _place(data, random)
    del data[start : start + int(random.integers(1, 2000))]


def _double(data: bytearray, random: np.random.Generator) -> None:
    start = _place(data, random)
    data[start:start] = data[start : start + int(random.integers(1, 2000))]


def _swap(data: bytearray, random: np.random.Generator) -> None:
    one, other, length = _place(data, random), _place(data, random), int(random.integers(1, 200))
    first, second = bytes(data[one : one + length]), bytes(data[other : other + length])
    data[one : one + len(first)] = second.ljust(len(first), b"\0")[: len(first)]
    data[other : other + len(second)] = first.ljust(len(second), b"\0")[: len(second)]


_CHANGES = (_flip, _flip, _overwrite, _set_number, _set_number, _cut, _lose, _double, _swap)
