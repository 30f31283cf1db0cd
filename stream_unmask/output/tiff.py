"""Writes what a photo's file says into a TIFF of 16 bits, which OpenCV writes, but only its pixels."""

from __future__ import annotations

import io

import PIL.Image
from PIL.ExifTags import Base
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from stream_unmask.video.headers import PhotoData

_HEAD = 8
_STRIPS, _ROWS_A_STRIP, _LENGTHS, _EXTRA_SAMPLES = 273, 278, 279, 338
_XMP, _PROFILE = 700, 34675
_INCHES, _UNASSOCIATED_ALPHA = 2, 2


def with_photo(data: bytes, exif: bytes, photo: PhotoData, profile: bytes | None, *, alpha: bool) -> bytes:
    """A TIFF with more tags: what stands in a header moves, its pixels do not change.

    Args:
        data: a little-endian TIFF of one page in one strip.
        exif: a TIFF structure of the tags to add; empty for none.
        photo: whose XMP and resolution are added.
        profile: an ICC profile.
        alpha: the last of its samples is alpha.
    """
    pixels = ImageFileDirectory_v2(data[:_HEAD])
    file = io.BytesIO(data)
    file.seek(pixels.next)
    pixels.load(file)
    (start,), (length,) = pixels[_STRIPS], pixels[_LENGTHS]
    tags = PIL.Image.Exif()
    if exif:
        tags.load(exif)
    tags.endian = "<"
    for tag, value in pixels.items():
        tags[tag] = value
    tags[_STRIPS] = 0  # right behind the tags, as Pillow reckons it
    if alpha:
        tags[_EXTRA_SAMPLES] = _UNASSOCIATED_ALPHA
    if photo.xmp:
        tags[_XMP] = photo.xmp
    if profile:
        tags[_PROFILE] = profile
    if photo.dpi:
        tags[Base.XResolution], tags[Base.YResolution] = photo.dpi
        tags[Base.ResolutionUnit] = _INCHES
    return tags.tobytes().removeprefix(b"Exif\0\0") + data[start : start + length]
