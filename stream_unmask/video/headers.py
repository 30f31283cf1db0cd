"""What a picture's file says besides its pixels: colours, direction, when, where and by whom it was taken."""

from __future__ import annotations

import io
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import PIL.Image
from PIL.ExifTags import Base
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import ImageFileDirectory_v2

MOST_PIXELS = 300_000_000
"""Pixels of the largest picture that is read: the largest phones take 200 million. More is a bomb."""

BROKEN = (
    *(OSError, EOFError, SyntaxError, ValueError, struct.error, LookupError, TypeError, AttributeError),
    *(ArithmeticError, RuntimeError, MemoryError),
)
"""What Pillow raises of a broken picture: its readers check little beforehand."""

_TIFF_TAGS = frozenset((269, 270, 271, 272, 285, 305, 306, 315, 316, 33432, 34665, 34853))
"""Tags of a TIFF file that tell of the photo; the others tell where its pixels lie."""

_TOO_LARGE = f"it has more than {MOST_PIXELS // 10**6} million pixels"
_PNG = b"\x89PNG\r\n\x1a\n"
_COLOUR_SPACES = {b"RGB ": False, b"GRAY": True}
_XMP_ORIENTATION = re.compile(rb"""(tiff:Orientation(?:\s*=\s*["']|>))\s*[2-8]""")


@dataclass(frozen=True, slots=True)
class PhotoData:
    """What of a photo is kept beside its pixels.

    Attributes:
        exif: a TIFF structure, as EXIF has it; empty without.
        xmp: an XMP packet; empty without.
        iptc: the payload of JPEG's APP13 segment; empty without.
        comment: JPEG's comment; empty without.
        dpi: pixels an inch, across and down; None where unknown.
    """

    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    comment: bytes = b""
    dpi: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """What a picture's file says besides its pixels.

    Attributes:
        format: Pillow's name of it, such as "JPEG".
        mode: Pillow's name of the kind of pixels, such as "RGB", "L" or "CMYK".
        count: pictures in the file.
        orientation: how it must be turned to be upright, as EXIF numbers it: 1 to 8.
        profile: the ICC profile, if it fits the pixels; None without.
        photo: what is kept.
    """

    format: str
    mode: str
    count: int
    orientation: int
    profile: bytes | None
    photo: PhotoData

    @property
    def gray(self) -> bool:
        """The pixels have no colour."""
        return self.mode in ("1", "L", "LA", "F") or self.mode.startswith("I")


def read_header(data: bytes) -> Header | None:
    """Read a picture's header; None where it is of a kind that is not known, or damaged.

    Raises:
        ValueError: the picture is too large.
    """
    try:
        with opened(data) as image:
            return _header(image)
    except PIL.Image.DecompressionBombError as error:
        raise ValueError(_TOO_LARGE) from error
    except BROKEN:
        return None


def is_readable(data: bytes) -> bool:
    """Whether a picture whose header could not be read may be decoded all the same.

    Of PNG and TIFF, OpenCV reads more than Pillow does: RGB of 16 bits, and chunks with a wrong checksum.

    Raises:
        ValueError: the picture is too large.
    """
    try:
        with opened(data):
            return True  # what the file says besides is damaged
    except BROKEN:
        size = _stated_size(data)
    if size is not None and size[0] * size[1] > MOST_PIXELS:
        raise ValueError(_TOO_LARGE)
    return size is not None


def claims_too_much(data: bytes) -> bool:
    """Whether a PNG has a chunk longer than the rest of the file, for which OpenCV makes room at once."""
    at = len(_PNG)
    while data.startswith(_PNG) and at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if length > len(data) - at:
            return True
        at += length + 12  # with its own length, its name, and its checksum
    return False


def _stated_size(data: bytes) -> tuple[int, int] | None:
    """Width and height that a PNG or a TIFF names."""
    if data.startswith(_PNG) and data[12:16] == b"IHDR" and len(data) >= 24:
        return struct.unpack(">II", data[16:24])
    if not data.startswith((b"II", b"MM")):
        return None
    try:
        directory = ImageFileDirectory_v2(data[:8])
        file = io.BytesIO(data)
        file.seek(directory.next)
        directory.load(file)
        return int(directory[256]), int(directory[257])
    except BROKEN:
        return None


@contextmanager
def opened(data: bytes) -> Iterator[PIL.Image.Image]:
    """A picture as Pillow opens it, which takes all but bombs."""
    before = PIL.Image.MAX_IMAGE_PIXELS
    PIL.Image.MAX_IMAGE_PIXELS = MOST_PIXELS // 2  # from twice as many on it refuses
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with PIL.Image.open(io.BytesIO(data)) as image:
                yield image
    finally:
        PIL.Image.MAX_IMAGE_PIXELS = before


def _header(image: PIL.Image.Image) -> Header:
    profile = image.info.get("icc_profile") or b""
    header = Header(
        format=image.format or "",
        mode=image.mode,
        count=getattr(image, "n_frames", 1),
        orientation=_orientation(image),
        profile=profile or None,
        photo=photo_data(image),
    )
    fits = image.mode in ("CMYK", "LAB") or _COLOUR_SPACES.get(profile[16:20]) is header.gray
    return header if fits else replace(header, profile=None)


def photo_data(image: PIL.Image.Image) -> PhotoData:
    """What a picture that Pillow has opened tells of the photo."""
    exif = image.getexif()
    if image.format == "TIFF":
        for tag in set(exif) - _TIFF_TAGS:
            del exif[tag]
    exif.pop(Base.Orientation, None)
    segments = image.applist if isinstance(image, JpegImageFile) else []
    iptc = b"".join(payload for name, payload in segments if name == "APP13")
    comment = image.info.get("comment") if image.format in ("JPEG", "MPO") else b""
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    dpi = image.info.get("dpi")
    return PhotoData(
        exif=exif.tobytes().removeprefix(b"Exif\0\0") if len(exif) else b"",
        xmp=_XMP_ORIENTATION.sub(rb"\g<1>1", xmp.encode() if isinstance(xmp, str) else bytes(xmp)),
        iptc=iptc,
        comment=comment if isinstance(comment, bytes) else b"",
        dpi=(float(dpi[0]), float(dpi[1])) if dpi and all(float(each) > 0 for each in dpi) else None,
    )


def _orientation(image: PIL.Image.Image) -> int:
    found = image.getexif().get(Base.Orientation, 1)
    return found if isinstance(found, int) and 1 <= found <= 8 else 1
