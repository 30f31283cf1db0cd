"""Cropping that Matroska asks players for, and which FFmpeg leaves to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.filter

# RFC 9559 (Matroska) and RFC 8794 (EBML), the numbers of elements as they are stored.
_EBML, _SEGMENT, _TRACKS, _TRACK, _VIDEO = 0x1A45DFA3, 0x18538067, 0x1654AE6B, 0xAE, 0xE0
_CROP_BOTTOM, _CROP_TOP, _CROP_LEFT, _CROP_RIGHT = 0x54AA, 0x54BB, 0x54CC, 0x54DD
_HEAD = 1 << 20
"""Bytes at the start of a file in which its tracks are described."""


@dataclass(frozen=True, slots=True)
class Cropping:
    """Pixels that are not to be seen at the sides of a picture."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    def __bool__(self) -> bool:
        return any((self.left, self.top, self.right, self.bottom))

    def fits(self, width: int, height: int) -> bool:
        """Whether it leaves something of a picture."""
        return self.left + self.right < width and self.top + self.bottom < height


def file_cropping(path: Path, track: int) -> Cropping:
    """How a Matroska file wants a track cropped; not at all, if it is none.

    Args:
        path: any file.
        track: which one, counted from 0.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_HEAD)
    except OSError:
        return Cropping()
    if data[:4] != _EBML.to_bytes(4, "big"):
        return Cropping()
    tracks = _inside(_inside(data, _SEGMENT), _TRACKS)
    entries = [content for number, content in _elements(tracks) if number == _TRACK]
    if track >= len(entries):
        return Cropping()
    sides = {
        number: int.from_bytes(value, "big") for number, value in _elements(_inside(entries[track], _VIDEO))
    }
    found = (sides.get(number, 0) for number in (_CROP_LEFT, _CROP_TOP, _CROP_RIGHT, _CROP_BOTTOM))
    return Cropping(*found)


class Cropper:
    """Cuts off what is not to be seen, by FFmpeg's filter: all else that a picture carries stays with it."""

    def __init__(self, cropping: Cropping) -> None:
        self._cropping = cropping
        self._graph: av.filter.Graph | None = None
        self._kind: tuple[int, int, str] | None = None

    def crop(self, picture: av.VideoFrame) -> av.VideoFrame:
        """A picture's visible part, of whole chroma samples: up to a pixel more stays at the left and top."""
        cropping = self._cropping
        if not cropping.fits(picture.width, picture.height):
            return picture
        kind = (picture.width, picture.height, picture.format.name)
        if self._graph is None or kind != self._kind:
            self._graph, self._kind = self._made(picture), kind
        self._graph.vpush(picture)
        return self._graph.vpull()

    def _made(self, picture: av.VideoFrame) -> av.filter.Graph:
        cropping, graph = self._cropping, av.filter.Graph()
        width = picture.width - cropping.left - cropping.right
        height = picture.height - cropping.top - cropping.bottom
        time_base = picture.time_base or Fraction(1, 90_000)
        buffer = graph.add_buffer(
            width=picture.width, height=picture.height, format=picture.format, time_base=time_base
        )
        # Not exact: half a chroma sample cannot be cut.
        crop = graph.add("crop", f"{width}:{height}:{cropping.left}:{cropping.top}:exact=0")
        sink = graph.add("buffersink")
        buffer.link_to(crop)
        crop.link_to(sink)
        graph.configure()
        return graph


def _inside(data: bytes, wanted: int) -> bytes:
    """The content of the first element of a kind; empty where there is none."""
    return next((content for number, content in _elements(data) if number == wanted), b"")


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
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
