"""Whether all numbers of an ``.onnx`` file are in it: what a manifest vouches for is that file, and no other.

ONNX lets a tensor name a file that its numbers are in, anywhere on the disk. The check reads the file as
protobuf has it (https://protobuf.dev/programming-guides/encoding), since ``onnx`` is not always installed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10

_INSIDE: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
"""Messages in which tensors may be, and the numbers of the fields that lead there (onnx.proto)."""

_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
"""Fields of a tensor that say where its numbers are, where they are not in the tensor."""


def has_external_numbers(content: bytes) -> bool:
    """Whether a tensor of a network wants its numbers from another file.

    Args:
        content: of an ``.onnx`` file.

    Raises:
        ValueError: it is none.
    """
    waiting = [("model", memoryview(content))]
    while waiting:
        message, data = waiting.pop()
        for number, value in _fields(data):
            if message == "tensor" and (
                number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0)
            ):
                return True
            child = _INSIDE[message].get(number)
            if child is not None and isinstance(value, memoryview):
                waiting.append((child, value))
    return False


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Numbers and values of a message's fields; 0 for numbers of fixed width, which lead nowhere."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        value: int | memoryview = 0
        if kind == _VARINT:
            value, at = _varint(data, at)
        elif kind == _BYTES:
            length, at = _varint(data, at)
            value, at = data[at : at + length], at + length
        elif kind in (_FIXED32, _FIXED64):
            at += 4 if kind == _FIXED32 else 8
        else:
            raise ValueError("a field of no known kind")
        if at > len(data):
            raise ValueError("it is cut off")
        yield key >> 3, value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """A number, and where the next thing begins."""
    value = 0
    for place, byte in enumerate(data[at : at + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at + place + 1
    raise ValueError("it is cut off")
