"""What is read of Matroska's own description of its tracks, where FFmpeg keeps it to itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

# RFC 9559 (Matroska) and RFC 8794 (EBML), the numbers of elements as they are stored.
_EBML, _SEGMENT, _TRACKS, _TRACK = 0x1A45DFA3, 0x18538067, 0x1654AE6B, 0xAE
_HEAD = 1 << 20
"""Bytes at the start of a file in which its tracks are described."""


def matroska_track(path: Path, track: int) -> bytes:
    """The description of a track; empty where the file is none of Matroska's, or has no such track.

    Args:
        path: any file.
        track: which one, counted from 0.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_HEAD)
    except OSError:
        return b""
    if data[:4] != _EBML.to_bytes(4, "big"):
        return b""
    tracks = inside(inside(data, _SEGMENT), _TRACKS)
    entries = [content for number, content in elements(tracks) if number == _TRACK]
    return entries[track] if track < len(entries) else b""


def inside(data: bytes, wanted: int) -> bytes:
    """The content of the first element of a kind; empty where there is none."""
    return next((content for number, content in elements(data) if number == wanted), b"")


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The elements that follow one another in some EBML, by number; the last may be cut off."""
    place = 0
    while place < len(data):
        number, place = _number(data, place, keep_length=True)
        size, place = _number(data, place, keep_length=False)
        if number < 0:
            return
        # All bits set says that the size is not known: then it is the rest.
        end = place + size if size >= 0 else len(data)
        yield number, data[place:end]
        place = end


def _number(data: bytes, place: int, *, keep_length: bool) -> tuple[int, int]:
    """A number of variable length and where it ends; -1 for one that is unknown or broken."""
    first = data[place] if place < len(data) else 0
    length = 9 - first.bit_length()
    if not first or place + length > len(data):
        return -1, len(data)
    value = int.from_bytes(data[place : place + length], "big")
    bits = 7 * length
    if not keep_length:
        value &= (1 << bits) - 1
        if value == (1 << bits) - 1:
            value = -1
    return value, place + length
