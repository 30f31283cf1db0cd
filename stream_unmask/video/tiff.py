"""What a TIFF says besides its pixels, also where Pillow does not open it: photos of 16 bits a colour."""

from __future__ import annotations

import io
from collections.abc import Sequence

import PIL.Image
from PIL.ExifTags import Base
from PIL.TiffImagePlugin import ImageFileDirectory_v2

_SIGNS = (b"II", b"MM")
_BIG, _BIG_HEAD, _HEAD = 43, 16, 8
_MOST_PAGES = 10_000
_WIDTH, _HEIGHT, _PHOTOMETRIC, _SAMPLES = 256, 257, 262, 277
_XMP, _PROFILE = 700, 34675
_KINDS = {5: "CMYK", 8: "LAB"}
_CENTIMETRES, _AN_INCH = 3, 2.54


def directories(data: bytes) -> list[ImageFileDirectory_v2]:
    """The tags of each page; empty where it is no TIFF.

    Raises:
        Exception: it is damaged; one of :data:`stream_unmask.video.headers.BROKEN`.
    """
    if not data.startswith(_SIGNS):
        return []
    head = data[: _BIG_HEAD if _BIG in data[2:4] else _HEAD]
    file = io.BytesIO(data)
    found: list[ImageFileDirectory_v2] = []
    seen, at = {0}, ImageFileDirectory_v2(head).next
    while at not in seen and len(found) < _MOST_PAGES:
        seen.add(at)
        directory = ImageFileDirectory_v2(head)
        file.seek(at)
        directory.load(file)
        found.append(directory)
        at = directory.next
    return found


def total_pixels(pages: Sequence[ImageFileDirectory_v2]) -> int:
    """Of all pages together."""
    return sum(int(page[_WIDTH]) * int(page[_HEIGHT]) for page in pages)


def kind(page: ImageFileDirectory_v2) -> str:
    """What Pillow would call its pixels."""
    gray = int(page.get(_SAMPLES, 1)) < 3
    return _KINDS.get(int(page.get(_PHOTOMETRIC, 2)), "I;16" if gray else "RGB")


def exif_of(data: bytes) -> PIL.Image.Exif:
    """Tags of the first page, those of its own pixels included."""
    exif = PIL.Image.Exif()
    exif.load(data)
    return exif


def profile_of(page: ImageFileDirectory_v2) -> bytes:
    """The ICC profile; empty without."""
    return bytes(page.get(_PROFILE, b""))


def xmp_of(page: ImageFileDirectory_v2) -> bytes:
    """The XMP packet; empty without."""
    return bytes(page.get(_XMP, b""))


def dpi_of(page: ImageFileDirectory_v2) -> tuple[float, float] | None:
    """Pixels an inch, across and down; None where unknown."""
    unit = page.get(Base.ResolutionUnit, 2)
    across, down = float(page.get(Base.XResolution, 0)), float(page.get(Base.YResolution, 0))
    if unit not in (2, _CENTIMETRES) or not (across > 0 and down > 0):
        return None
    factor = _AN_INCH if unit == _CENTIMETRES else 1.0
    return across * factor, down * factor
