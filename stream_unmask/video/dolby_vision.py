"""Dolby Vision: which base a video has beneath it, and whether its colours mean anything without Dolby.

The configuration record of the container tells (Dolby, "Dolby Vision Streams Within the ISO Base Media File
Format", 2.4; Matroska has the same), else the head of the first picture's own data (RPU).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
from av.sidedata.sidedata import Type as SideDataType

from stream_unmask.errors import InputError
from stream_unmask.video.ebml import elements, inside, matroska_track
from stream_unmask.video.info import side_data

_CONFIGURATIONS = (b"dvcC", b"dvvC", b"dvwC")
_MAPPING, _MAPPING_TYPE, _MAPPING_DATA = 0x41E4, 0x41E7, 0x41ED
"""Matroska's BlockAdditionMapping, BlockAddIDType and BlockAddIDExtraData."""

_WAY = (b"mdia", b"minf", b"stbl", b"stsd")
_ENTRY_HEAD, _VISUAL_HEAD = 8, 78
_MOST_HEAD = 64 << 20
"""Bytes of the largest table of contents that is looked into."""

_BASES = {1: "HDR10", 2: "SDR", 4: "HLG", 6: "HDR10"}

NONE = "none"
"""The base of a video that has none."""

_RPU_PREFIX, _RPU_TYPE, _RPU_LIKE_H264 = 25, 2, 0x700


def lost_dolby_vision(shown: str, path: Path | None, track: int, first: av.VideoFrame) -> list[str]:
    """Say what is lost of Dolby Vision, if a video has it; an empty list where it has not.

    Args:
        shown: what to call the video.
        path: the file that it is in, None where it is in none.
        track: which one of the file's, counted from 0.
        first: its first picture.

    Raises:
        InputError: the video means nothing without Dolby's data.
    """
    base = file_base(path, track) if path is not None and path.is_file() else None
    rpu = side_data(first, SideDataType.DOVI_RPU_BUFFER)
    if base is None and (rpu is not None or side_data(first, SideDataType.DOVI_METADATA) is not None):
        base = NONE if rpu is not None and has_no_base(rpu) else ""
    if base == NONE:
        raise InputError(
            f"{shown} is Dolby Vision of a profile without a base that others can show (such as 5): its "
            "colours mean nothing without Dolby's data, which is not understood here. Convert it to HDR10 or "
            "SDR first.",
            path=shown,
        )
    what = f"its {base} base" if base else "the base that players without Dolby Vision show"
    return [] if base is None else [f"The video's Dolby Vision data is not kept; what is written is {what}."]


def file_base(path: Path, track: int) -> str | None:
    """What a Dolby Vision video of a file is without Dolby's data.

    Args:
        path: any file.
        track: which one, counted from 0.

    Returns:
        ``"HDR10"``, ``"HLG"``, ``"SDR"``, :data:`NONE`, ``""`` where that is not said, and None where it is
        not said to be Dolby Vision.
    """
    try:
        record = _of_mp4(path, track) or _of_matroska(path, track)
    except (OSError, ValueError):
        return None
    if len(record) < 5:
        return None
    profile, compatible = record[2] >> 1, record[4] >> 4
    return NONE if profile == 5 or (profile == 10 and not compatible) else _BASES.get(compatible, "")


def has_no_base(rpu: bytes) -> bool:
    """Whether Dolby's data of a picture of HEVC (RPU) says that it is of profile 5.

    Args:
        rpu: as FFmpeg hands it out, with or without its first byte, 25.
    """
    bits = _Bits(rpu[1:] if rpu[:1] == bytes([_RPU_PREFIX]) else rpu)
    kind, form, profile, _level, described = (
        bits.take(6),
        bits.take(11),
        bits.take(4),
        bits.take(4),
        bits.take(1),
    )
    if kind != _RPU_TYPE or not described:
        return False
    _explicit, coefficients = bits.take(1), bits.take(2)
    if coefficients == 0:
        bits.take_exponential()
    _normalized, full_range = bits.take(2), bits.take(1)
    return form & _RPU_LIKE_H264 == 0 and profile == 0 and full_range == 1


class _Bits:
    """The bits of some bytes, one after the other; behind them are zeros."""

    def __init__(self, data: bytes) -> None:
        self._number, self._left = int.from_bytes(data[:64].ljust(64, b"\0"), "big"), 8 * 64

    def take(self, count: int) -> int:
        self._left = max(self._left - count, 0)
        return self._number >> self._left & ((1 << count) - 1)

    def take_exponential(self) -> int:
        """A number in the exponential Golomb code."""
        zeros = 0
        while not self.take(1) and zeros < 32:
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)


def _of_matroska(path: Path, track: int) -> bytes:
    for number, mapping in elements(matroska_track(path, track)):
        if number == _MAPPING and inside(mapping, _MAPPING_TYPE)[-4:] in _CONFIGURATIONS:
            return inside(mapping, _MAPPING_DATA)
    return b""


def _of_mp4(path: Path, track: int) -> bytes:
    tracks = [content for name, content in _boxes(_contents(path)) if name == b"trak"]
    if track >= len(tracks):
        return b""
    content = tracks[track]
    for wanted in _WAY:
        content = next((inner for name, inner in _boxes(content) if name == wanted), b"")
    for _, entry in _boxes(content[_ENTRY_HEAD:]):
        for name, record in _boxes(entry[_VISUAL_HEAD:]):
            if name in _CONFIGURATIONS:
                return record
    return b""


def _contents(path: Path) -> bytes:
    """The content of the box ``moov``, wherever in the file it is; empty where there is none."""
    with path.open("rb") as file:
        while len(head := file.read(8)) == 8:
            size, name = int.from_bytes(head[:4], "big"), head[4:]
            length = 8
            if size == 1:
                size, length = int.from_bytes(file.read(8), "big"), 16
            if not name.isascii() or size < length:
                return b""
            if name == b"moov":
                return file.read(min(size - length, _MOST_HEAD))
            file.seek(size - length, 1)
    return b""


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes that follow one another in some bytes, by name; the last may be cut off."""
    place = 0
    while place + 8 <= len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        if size < 8:
            return
        yield data[place + 4 : place + 8], data[place + 8 : place + size]
        place += size
