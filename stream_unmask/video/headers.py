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

from stream_unmask.video import tiff

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
_MUCH, _MOST_PIXELS_A_BYTE = 50_000_000, 50_000
"""A file with more pixels than these, and fewer bytes than that takes, shows nothing: it is a bomb."""

PNG, _IHDR_END = b"\x89PNG\r\n\x1a\n", 24
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
        texts: keywords and texts of a PNG, in their order.
    """

    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    comment: bytes = b""
    dpi: tuple[float, float] | None = None
    texts: tuple[tuple[str, str], ...] = ()


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

    def with_fitting_profile(self) -> Header:
        """The same, without a profile that is one of other pixels."""
        profile = self.profile or b""
        fits = self.mode in ("CMYK", "LAB") or _COLOUR_SPACES.get(profile[16:20]) is self.gray
        return self if fits else replace(self, profile=None)


def read_header(data: bytes) -> Header | None:
    """Read a picture's header; None where it is of a kind that is not known, or damaged.

    Raises:
        ValueError: the picture is too large.
    """
    try:
        with opened(data) as image:
            header = _header(image)
            total = image.width * image.height * header.count
    except PIL.Image.DecompressionBombError as error:
        raise ValueError(_TOO_LARGE) from error
    except BROKEN:
        return _tiff_header(data)
    if total > max(_MUCH, len(data) * _MOST_PIXELS_A_BYTE):
        raise ValueError(f"it claims {total // 10**6} million pixels in {len(data)} bytes")
    return header


def _tiff_header(data: bytes) -> Header | None:
    """The header of a TIFF that Pillow does not open; None where it is none, or damaged."""
    try:
        pages = tiff.directories(data)
        if not pages:
            return None
        first, exif = pages[0], tiff.exif_of(data)
        header = Header(
            format="TIFF",
            mode=tiff.kind(first),
            count=len(pages),
            orientation=1,  # its pixels come upright
            profile=tiff.profile_of(first) or None,
            photo=PhotoData(_exif_of_tiff(exif), _upright(tiff.xmp_of(first)), dpi=tiff.dpi_of(first)),
        )
        total = tiff.total_pixels(pages)
    except BROKEN:
        return None
    if total > MOST_PIXELS * len(pages):
        raise ValueError(_TOO_LARGE)
    return header.with_fitting_profile()


def is_readable(data: bytes) -> bool:
    """Whether a picture whose header could not be read may be decoded all the same.

    OpenCV reads a PNG whose chunks have a wrong checksum, which Pillow does not.

    Raises:
        ValueError: the picture is too large.
    """
    try:
        with opened(data):
            return True  # what the file says besides is damaged
    except BROKEN:
        if not data.startswith(PNG) or data[12:16] != b"IHDR" or len(data) < _IHDR_END:
            return False
    width, height = struct.unpack(">II", data[16:_IHDR_END])
    if width * height > MOST_PIXELS:
        raise ValueError(_TOO_LARGE)
    return True


def claims_too_much(data: bytes) -> bool:
    """Whether a PNG has a chunk longer than the rest of the file, for which OpenCV makes room at once."""
    at = len(PNG)
    while data.startswith(PNG) and at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if length > len(data) - at:
            return True
        at += length + 12  # with its own length, its name, and its checksum
    return False


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
    return header.with_fitting_profile()


def photo_data(image: PIL.Image.Image) -> PhotoData:
    """What a picture that Pillow has opened tells of the photo."""
    exif = image.getexif()
    if image.format == "TIFF":
        told = _exif_of_tiff(exif)
    else:
        exif.pop(Base.Orientation, None)
        told = _without_name(exif)
    segments = image.applist if isinstance(image, JpegImageFile) else []
    iptc = b"".join(payload for name, payload in segments if name == "APP13")
    comment = image.info.get("comment") if image.format in ("JPEG", "MPO") else b""
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    dpi = image.info.get("dpi")
    return PhotoData(
        exif=told,
        xmp=_upright(xmp.encode() if isinstance(xmp, str) else bytes(xmp)),
        iptc=iptc,
        comment=comment if isinstance(comment, bytes) else b"",
        dpi=(float(dpi[0]), float(dpi[1])) if dpi and all(float(each) > 0 for each in dpi) else None,
        texts=tuple(_texts(image)) if image.format == "PNG" else (),
    )


def _texts(image: PIL.Image.Image) -> Iterator[tuple[str, str]]:
    """What a PNG says before its pixels; what is EXIF or XMP in disguise has its own place."""
    for name, value in image.info.items():
        if (
            isinstance(name, str)
            and isinstance(value, str)
            and not name.startswith(("XML:", "Raw profile type"))
        ):
            yield name, value


def _exif_of_tiff(exif: PIL.Image.Exif) -> bytes:
    for tag in set(exif) - _TIFF_TAGS:
        del exif[tag]
    return _without_name(exif)


def _without_name(exif: PIL.Image.Exif) -> bytes:
    """A TIFF structure; empty where there is nothing in it."""
    return exif.tobytes().removeprefix(b"Exif\0\0") if len(exif) else b""


def _upright(xmp: bytes) -> bytes:
    return _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)


def _orientation(image: PIL.Image.Image) -> int:
    found = image.getexif().get(Base.Orientation, 1)
    return found if isinstance(found, int) and 1 <= found <= 8 else 1
