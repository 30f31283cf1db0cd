"""What two encoders' pictures need to stand in one stream: parameter sets that do not displace each other.

H.264 has a number in each parameter set, and libx264 takes one as it is told: the sets of both encoders
stand in the stream's head. libx265 knows only number 0, so in HEVC each keyframe brings the sets that it
goes by. In AV1 every keyframe does so anyway. In MP4, MOV and Matroska, NAL units of H.264 and HEVC
follow on their lengths (ISO/IEC 14496-15), where encoders write start codes (Annex B of ITU-T H.264 and
H.265).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Protocol

_START_CODE = re.compile(rb"\x00\x00\x00?\x01")
_LENGTH = 4
"""Bytes in which a NAL unit's length is told; others are allowed, and hardly ever met."""

_H264_IDR, _H264_SPS, _H264_PPS = 5, 7, 8
_H264_NUMBERS = range(32)
"""Of sequence parameter sets."""

_H264_PROFILES = {
    "Constrained Baseline": "baseline",
    "Baseline": "baseline",
    "Main": "main",
    "High": "high",
    "High 10": "high10",
    "High 4:2:2": "high422",
    "High 4:4:4 Predictive": "high444",
}
"""What libx264 calls the profiles that FFmpeg names."""

_HEVC_IDR = frozenset((19, 20))
_HEVC_SPS, _HEVC_FIRST_SET, _HEVC_DELIMITER = 33, 32, 35

_AV1_SEQUENCE_HEADER, _AV1_FRAME_HEADER, _AV1_FRAME = 1, 3, 6
_AV1_SHOWN_KEY_FRAME, _AV1_KIND_OF_FRAME = 0b0001_0000, 0b1111_0000
"""Of a frame header's first byte: show_existing_frame 0, frame_type 0 (KEY_FRAME), show_frame 1."""


class Bitstream(Protocol):
    """How pictures of two encoders are put into one stream.

    Attributes:
        encoder: who makes those that are not the source's.
        global_header: it hands its parameter sets out before the first picture, and not with each keyframe.
        tag: the name of the stream in an MP4 and its like; None for FFmpeg's choice.
    """

    encoder: str
    global_header: bool
    tag: str | None

    def options(self, reorder: int) -> dict[str, str]:
        """What the encoder is told beside quality and speed.

        Args:
            reorder: how many pictures it may decode before one that is shown earlier.
        """
        ...

    def opens(self, keyframe: bytes) -> bool:
        """Whether nothing after a keyframe of the source needs what comes before it."""
        ...

    def head(self, encoder: bytes) -> bytes:
        """What the stream says before its first packet, given what the encoder does."""
        ...

    def copied(self, keyframe: bytes) -> bytes:
        """A keyframe of the source, as it stands in the stream."""
        ...

    def encoded(self, packet: bytes) -> bytes:
        """A packet of the encoder's, as it stands in the stream."""
        ...


def bitstream_of(codec: str, profile: str | None, head: bytes) -> Bitstream | None:
    """How a source's packets are joined with those of an encoder; None where they cannot be.

    Args:
        codec: FFmpeg's name of the kind of video.
        profile: FFmpeg's name of its profile.
        head: what its container says of it (avcC, hvcC, av1C).
    """
    if codec == "av1":
        return AV1(head)
    if not head.startswith(b"\x01"):  # Annex B, as in MPEG-TS
        return None
    try:
        if codec == "h264" and head[4] & 3 == _LENGTH - 1:
            return H264(head, profile)
        if codec == "hevc" and head[21] & 3 == _LENGTH - 1:
            return HEVC(head)
    except IndexError:  # cut off
        pass
    return None


class H264:
    """H.264: libx264 writes under parameter sets of a number that the source does not use."""

    encoder = "libx264"
    global_header = True
    tag: str | None = None

    def __init__(self, head: bytes, profile: str | None) -> None:
        self._head, self._profile = head, profile
        count = head[5] & _H264_NUMBERS[-1]
        self._sets, end = _read_sets(head, 6, count)
        self._more, self._end = _read_sets(head, end + 1, head[end])
        used = {_leading_number(each[4:]) for each in self._sets} | {
            _leading_number(each[1:]) for each in self._more
        }
        self._number = min(set(_H264_NUMBERS) - used)

    def options(self, reorder: int) -> dict[str, str]:
        options = {"x264-params": f"sps-id={self._number}"}
        if self._profile in _H264_PROFILES:
            options["profile"] = _H264_PROFILES[self._profile]
        if reorder == 0:
            options["bf"] = "0"
        elif reorder == 1:
            options["b-pyramid"] = "none"
        return options

    def opens(self, keyframe: bytes) -> bool:
        return any(unit[0] & 31 == _H264_IDR for unit in _units(keyframe))

    def head(self, encoder: bytes) -> bytes:
        own = [unit for unit in _START_CODE.split(encoder) if unit]
        sets = [unit for unit in own if unit[0] & 31 == _H264_SPS]
        more = [unit for unit in own if unit[0] & 31 == _H264_PPS]
        first, profile, allowed, level, size = self._head[:5]
        for each in sets:
            allowed, level = allowed & each[2], max(level, each[3])
        sets, more = [*self._sets, *sets], [*self._more, *more]
        opening = bytes([first, profile, allowed, level, size, 0b1110_0000 | len(sets)])
        return opening + _with_sizes(sets) + bytes([len(more)]) + _with_sizes(more) + self._head[self._end :]

    def copied(self, keyframe: bytes) -> bytes:
        return keyframe

    def encoded(self, packet: bytes) -> bytes:
        return _with_lengths(_START_CODE.split(packet))


class HEVC:
    """HEVC: libx265 numbers all parameter sets 0, so each keyframe brings those that it goes by."""

    encoder = "libx265"
    global_header = False
    tag: str | None = "hev1"

    def __init__(self, head: bytes) -> None:
        self._sets: list[bytes] = []
        marks, place = bytearray(head), 23
        for _ in range(head[22]):
            marks[place] &= 0b0111_1111  # there are more sets in the stream than the ones listed here
            count = int.from_bytes(head[place + 1 : place + 3], "big")
            found, place = _read_sets(head, place + 3, count)
            self._sets += found
        self._head = bytes(marks)

    def options(self, reorder: int) -> dict[str, str]:
        fewer = {0: {"x265-params": "bframes=0"}, 1: {"x265-params": "b-pyramid=0"}}
        return fewer.get(reorder, {})

    def opens(self, keyframe: bytes) -> bool:
        kinds = (_hevc_kind(unit) for unit in _units(keyframe))
        return next((kind in _HEVC_IDR for kind in kinds if kind < _HEVC_FIRST_SET), False)

    def head(self, encoder: bytes) -> bytes:
        return self._head

    def copied(self, keyframe: bytes) -> bytes:
        units = list(_units(keyframe))
        if any(_hevc_kind(unit) == _HEVC_SPS for unit in units):
            return keyframe
        after = 1 if _hevc_kind(units[0]) == _HEVC_DELIMITER else 0
        return _with_lengths([*units[:after], *self._sets, *units[after:]])

    def encoded(self, packet: bytes) -> bytes:
        return _with_lengths(_START_CODE.split(packet))


class AV1:
    """AV1: each keyframe that is one to begin with brings the sequence header that it goes by."""

    encoder = "libsvtav1"
    global_header = False
    tag: str | None = None

    def __init__(self, head: bytes) -> None:
        self._head = head

    def options(self, reorder: int) -> dict[str, str]:
        return {}

    def opens(self, keyframe: bytes) -> bool:
        has_header = False
        for kind, first_byte in _obus(keyframe):
            if kind in (_AV1_FRAME, _AV1_FRAME_HEADER):
                return has_header and first_byte & _AV1_KIND_OF_FRAME == _AV1_SHOWN_KEY_FRAME
            has_header |= kind == _AV1_SEQUENCE_HEADER
        return False

    def head(self, encoder: bytes) -> bytes:
        return self._head

    def copied(self, keyframe: bytes) -> bytes:
        return keyframe

    def encoded(self, packet: bytes) -> bytes:
        return packet


def _units(packet: bytes) -> Iterator[bytes]:
    """The NAL units of a packet in which each follows on its length."""
    place = 0
    while place + _LENGTH < len(packet):
        size = int.from_bytes(packet[place : place + _LENGTH], "big")
        unit = packet[place + _LENGTH : place + _LENGTH + size]
        if unit:
            yield unit
        place += _LENGTH + size


def _with_lengths(units: Iterable[bytes]) -> bytes:
    return b"".join(len(unit).to_bytes(_LENGTH, "big") + unit for unit in units if unit)


def _with_sizes(sets: Iterable[bytes]) -> bytes:
    return b"".join(len(each).to_bytes(2, "big") + each for each in sets)


def _read_sets(head: bytes, place: int, count: int) -> tuple[list[bytes], int]:
    """So many parameter sets, each after its size in two bytes, and where they end."""
    sets = []
    for _ in range(count):
        size = int.from_bytes(head[place : place + 2], "big")
        sets.append(head[place + 2 : place + 2 + size])
        place += 2 + size
    return sets, place


def _leading_number(payload: bytes) -> int:
    """The unsigned Exp-Golomb number (ITU-T H.264, 9.1) that a payload begins with; at most 255 here."""
    bits = int.from_bytes(payload[:4].ljust(4, b"\0"), "big")
    zeros = 32 - bits.bit_length()
    return (bits >> (31 - 2 * zeros)) - 1


def _hevc_kind(unit: bytes) -> int:
    return unit[0] >> 1 & 0b11_1111


def _obus(packet: bytes) -> Iterator[tuple[int, int]]:
    """The kind of each open bitstream unit (AV1 specification, 5.3), and the first byte of what it holds."""
    place = 0
    while place < len(packet):
        header = packet[place]
        place += 2 if header & 0b100 else 1
        size, end = _leb128(packet, place) if header & 0b10 else (len(packet) - place, place)
        yield header >> 3 & 0b1111, packet[end] if size and end < len(packet) else 0
        place = end + size


def _leb128(packet: bytes, place: int) -> tuple[int, int]:
    """A number in groups of seven bits, and where it ends."""
    number = shift = 0
    while place < len(packet):
        number |= (packet[place] & 0b111_1111) << shift
        shift += 7
        place += 1
        if not packet[place - 1] & 0b1000_0000:
            break
    return number, place
