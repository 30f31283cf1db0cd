"""Breaks files in the ways that files break: bits, sizes, values, pieces lost, doubled, and swapped."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable

import numpy as np

Mutator = Callable[[bytes, np.random.Generator], bytes]
"""Makes a broken file of a whole one; the same for the same state of the generator."""

_EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
"""Numbers at which counts and sizes overflow."""

_VALUES = (
    *(b"0", b"-1", b"1", b"1e400", b"nan", b"-inf", b"2147483648", b"1" * 40, b"0.5", b"true", b"null"),
    *(b'""', b'"x"', b"[]", b"{}", b"[1]", b'["a", 1]', b'{"a": 1}', b"[" * 3000, b'{"a":' * 3000),
    *(b'"../../secret"', b'"/dev/zero"', b'"a\\u0000b"', b'"\\u001b[31m"', b'"[b]x[/b]"', b'"\\ud800"'),
    *(b"1979-05-27T07:32:00Z", b"'''", b'"""', b'"' + b"9" * 5000 + b'"', b'"${HOME}"', b'"-7d"', b'"10m"'),
)
"""What a value in JSON, TOML, or a header of RTSP may be replaced by."""

_VALUE = re.compile(rb'"(?:[^"\\\n]|\\.)*"|(?<![\w.])-?\d[\w.+-]*|\b(?:true|false|null)\b|(?<=: )[^\r\n,;]+')


def mutate_bytes(data: bytes, random: np.random.Generator) -> bytes:
    """One to eight changes to the bytes of a file."""
    changed = bytearray(data)
    for _ in range(random.integers(1, 9)):
        if changed:
            _CHANGES[random.integers(len(_CHANGES))](changed, random)
    return bytes(changed)


def mutate_text(data: bytes, random: np.random.Generator) -> bytes:
    """One to four changes to the values and lines of a text; in a quarter of them to its bytes as well."""
    changed = data
    for _ in range(random.integers(1, 5)):
        changed = (_exchange_value if random.random() < 0.7 else _move_line)(changed, random)
    return mutate_bytes(changed, random) if random.random() < 0.25 else changed


def mutate_packed(data: bytes, random: np.random.Generator) -> bytes:
    """Changes to one file in a zip file, which is packed again; in a quarter to the zip file itself."""
    if random.random() < 0.25:
        return mutate_bytes(data, random)
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(packed, "w") as target:
        names = source.namelist()
        broken = random.integers(len(names))
        for number, name in enumerate(names):
            content = source.read(name)
            target.writestr(name, mutate_bytes(content, random) if number == broken else content)
    return packed.getvalue()


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


def _exchange_value(data: bytes, random: np.random.Generator) -> bytes:
    places = list(_VALUE.finditer(data))
    if not places:
        return data
    place = places[random.integers(len(places))]
    # Half of the time one of the same text's: of the right kind in the wrong place.
    value = _VALUES[random.integers(len(_VALUES))]
    if random.random() < 0.5:
        value = places[random.integers(len(places))][0]
    return data[: place.start()] + value + data[place.end() :]


def _move_line(data: bytes, random: np.random.Generator) -> bytes:
    """A line lost, doubled, or put elsewhere."""
    lines = data.splitlines(keepends=True)
    if not lines:
        return data
    line = lines[random.integers(len(lines))]
    way = random.integers(3)
    if way != 1:
        lines.remove(line)
    if way != 0:
        lines.insert(int(random.integers(len(lines) + 1)), line)
    return b"".join(lines)
