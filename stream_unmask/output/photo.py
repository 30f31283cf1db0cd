"""What a photo's file says of it, as an output says it: labelled, upright, and without its old preview."""

from __future__ import annotations

from dataclasses import replace

import PIL.Image
from PIL.ExifTags import IFD, Base

from stream_unmask.video.headers import BROKEN, PhotoData

_PLACE_AND_CAMERA = (IFD.GPSInfo, Base.Make, Base.Model, Base.HostComputer, Base.Artist)
_MAKER_NOTE, _OWNER, _FIRST_LENS_TAG, _LAST_LENS_TAG = 0x927C, 0xA430, 0xA431, 0xA435


def written_exif(exif: bytes, comment: str | None, size: tuple[int, int]) -> bytes:
    """An EXIF block for an output.

    The orientation goes, since the pixels are upright, and so does the preview, which shows the picture as it
    was.

    Args:
        exif: the source's, a TIFF structure; empty without.
        comment: what becomes the description; the source's own stands behind it. None for no other.
        size: width and height of the output, in pixels.

    Returns:
        A TIFF structure; empty where there is nothing to say.
    """
    block = _loaded(exif)
    own = block.get(Base.ImageDescription)
    if comment:
        own = own.replace(comment, "").strip() if isinstance(own, str) else ""
        block[Base.ImageDescription] = f"{comment}\n{own}" if own else comment
    block.pop(Base.Orientation, None)
    details = block.get_ifd(IFD.Exif) if IFD.Exif in block else {}
    for tag, side in zip((Base.ExifImageWidth, Base.ExifImageHeight), size, strict=True):
        if tag in details:
            details[tag] = side
    return _bytes(block)


def private_data(photo: PhotoData) -> PhotoData:
    """The same without where, by whom and with what camera a photo was taken.

    XMP, IPTC and a PNG's texts go as a whole: each may repeat it anywhere.
    """
    block = _loaded(photo.exif)
    for tag in _PLACE_AND_CAMERA:
        block.pop(tag, None)
    details = block.get_ifd(IFD.Exif) if IFD.Exif in block else {}
    for tag in (_MAKER_NOTE, _OWNER, *range(_FIRST_LENS_TAG, _LAST_LENS_TAG + 1)):
        details.pop(tag, None)
    return replace(photo, exif=_bytes(block), xmp=b"", iptc=b"", texts=())


def has_details(exif: bytes) -> bool:
    """Whether an EXIF block has parts of its own for exposure, date or place."""
    block = _loaded(exif)
    return IFD.Exif in block or IFD.GPSInfo in block


def _bytes(block: PIL.Image.Exif) -> bytes:
    return block.tobytes().removeprefix(b"Exif\0\0") if len(block) else b""


def _loaded(exif: bytes) -> PIL.Image.Exif:
    block = PIL.Image.Exif()
    try:
        block.load(exif)
    except BROKEN:
        return PIL.Image.Exif()  # what cannot be read is not handed on
    return block
