"""Pictures: one file, one frame. What is not drawn into comes out as it went in."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from stream_unmask.errors import InputError, MissingExtraError
from stream_unmask.video.arrays import to_picture, with_changes
from stream_unmask.video.colours import to_srgb
from stream_unmask.video.files import is_image, reason
from stream_unmask.video.frame import Frame
from stream_unmask.video.headers import (
    BROKEN,
    MOST_PIXELS,
    PNG,
    Header,
    PhotoData,
    claims_too_much,
    is_readable,
    opened,
    photo_data,
    read_header,
)

__all__ = ["Image", "as_frame", "is_image", "paste_back", "read_image"]

_HEIF_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
_DEPTHS = (np.uint8, np.uint16)
_MANAGED = frozenset(("CMYK", "LAB", "HSV"))
"""Kinds of pixels that only a colour profile can turn into RGB."""

# What a format's library finds fault with is said by an exception, and not on the screen as well.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


@dataclass(frozen=True, slots=True)
class Image:
    """A picture in memory.

    Attributes:
        pixels: (H, W, 3) RGB or (H, W, 4) RGBA, uint8 or uint16, upright.
        profile: the ICC profile that says what its colours mean, None without.
        gray: it has no colour, and is written without; ``profile`` is one of gray then.
        photo: what its file says of the photo.
        notes: a sentence for each thing of the file that is not kept.
    """

    pixels: NDArray[Any]
    profile: bytes | None = None
    gray: bool = False
    photo: PhotoData = field(default_factory=PhotoData)
    notes: tuple[str, ...] = ()

    def beside(self, other: Image) -> Image:
        """This picture on the left, ``other`` on the right."""
        return replace(self, pixels=np.concatenate([self.pixels, other.pixels], axis=1))


def read_image(path: str | Path) -> Image:
    """Read a picture, turned upright; the first one, where a file holds several.

    Raises:
        InputError: it is not there or not a picture that can be read.
    """
    data = read_bytes(path)
    if is_heif(data):
        return read_heif(path, data)
    header = _checked_header(path, data)
    if header is not None and header.mode in _MANAGED:
        return _managed(path, data, header)
    stored = _without_profile(data) if data.startswith(PNG) else data
    pixels = _decoded(path, np.frombuffer(stored, np.uint8))
    if header is None:
        return Image(pixels)
    if header.format != "TIFF":  # whose pixels come upright already
        pixels = turned(pixels, header.orientation)
    return Image(pixels, header.profile, header.gray, header.photo)


def is_heif(data: bytes) -> bool:
    """Whether a file holds a picture as phones take it, HEIC or HEIF."""
    return data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS


def read_heif(path: str | Path, data: bytes) -> Image:
    """Read a HEIC or HEIF picture, put together from its tiles.

    Raises:
        InputError: it is broken.
        MissingExtraError: what it needs is not installed.
    """
    if find_spec("pi_heif") is None:
        raise MissingExtraError(f"{path} is HEIC, which needs pi-heif", "heif")
    import pi_heif

    try:
        heif = pi_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=True)
        image = heif[heif.primary_index].to_pillow()
    except BROKEN as error:
        raise InputError(f"{path} is not a picture that can be read.", path=path) from error
    if image.width * image.height > MOST_PIXELS:
        most = f"{MOST_PIXELS // 10**6} million"
        raise InputError(f"{path} is too large: it has more than {most} pixels.", path=path)
    profile = image.info.get("icc_profile")
    others = len(heif) - 1
    notes = (f"{path} holds {others} more pictures, which are left out.",) if others else ()
    return Image(to_rgb(image), profile, photo=photo_data(image), notes=notes)


def to_rgb(image: PIL.Image.Image) -> NDArray[Any]:
    """(H, W, 3) RGB, or (H, W, 4) RGBA of one with alpha, uint8."""
    alpha = image.mode.endswith(("A", "a")) or "transparency" in image.info
    return np.asarray(image.convert("RGBA" if alpha else "RGB"))


def read_bytes(path: str | Path) -> bytes:
    """The content of a picture file.

    Raises:
        InputError: it is not there, or empty.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason(error)}.", path=path) from error
    if not data:
        raise InputError(f"{path} is empty.", path=path)
    return data


def _checked_header(path: str | Path, data: bytes) -> Header | None:
    try:
        header = read_header(data)
        readable = (header is not None or is_readable(data)) and not claims_too_much(data)
    except ValueError as error:
        raise InputError(f"{path} is too large: {error}.", path=path) from error
    if not readable:
        raise InputError(f"{path} is not a picture that can be read.", path=path)
    return header


def _decoded(path: str | Path, data: NDArray[np.uint8]) -> NDArray[Any]:
    """(H, W, 3 or 4) RGB or RGBA of a picture's first page, as it is stored."""
    try:
        # Not IMREAD_COLOR_RGB, which garbles 16-bit TIFF (OpenCV 5.0).
        as_stored = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
        stored = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if _may_hold_alpha(data) else None
        if stored is not None and stored.dtype in _DEPTHS and stored.ndim == 3 and stored.shape[2] == 4:
            return cv2.cvtColor(stored, cv2.COLOR_BGRA2RGBA)
        del stored
        pixels = cv2.imdecode(data, cv2.IMREAD_COLOR_BGR | as_stored)
    except cv2.error as error:
        raise InputError(f"{path} is not a picture that can be read.", path=path) from error
    if pixels is None or pixels.dtype not in _DEPTHS:
        raise InputError(f"{path} is not a picture that can be read.", path=path)
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def _managed(path: str | Path, data: bytes, header: Header) -> Image:
    """A picture whose pixels are no RGB, by the colour management that its profile asks for."""
    try:
        with opened(data) as image:
            pixels, profile = to_srgb(image, header.profile)
    except BROKEN as error:
        raise InputError(f"{path} is not a picture that can be read.", path=path) from error
    note = f"The picture's colours are {header.mode}; they are written as sRGB."
    return Image(turned(pixels, header.orientation), profile, photo=header.photo, notes=(note,))


def turned(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Pixels as they are seen, by EXIF's number of how they are stored (1 to 8)."""
    if orientation in (5, 6, 7, 8):
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def as_frame(image: Image | NDArray[Any]) -> Frame:
    """A picture as a frame of 4:4:4 full-range YUV (BT.601, as in JPEG) at time 0; alpha is left behind."""
    pixels = image.pixels if isinstance(image, Image) else image
    return Frame(to_picture(pixels[:, :, :3]), 0, 0, Fraction(1, 25), 1)


def paste_back(image: Image, frame: Frame) -> Image:
    """Bring what was drawn into ``as_frame(image)`` back into the picture.

    Only pixels with a changed sample are converted; all others stay as they were, bit for bit.
    """
    if not frame.touched:
        return image
    return replace(image, pixels=with_changes(image.pixels, frame.decoded_planes(), frame.planes()))


def _without_profile(data: bytes) -> bytes:
    """A PNG without its profile, which is read elsewhere, and of which libpng may complain on the screen."""
    kept, place = [data[: len(PNG)]], len(PNG)
    while place + 8 <= len(data):
        end = place + 12 + int.from_bytes(data[place : place + 4], "big")
        if data[place + 4 : place + 8] == b"IDAT":
            break
        if data[place + 4 : place + 8] != b"iCCP":
            kept.append(data[place:end])
        place = end
    return b"".join([*kept, data[place:]])


def _may_hold_alpha(data: NDArray[np.uint8]) -> bool:
    return data[:2].tobytes() != b"\xff\xd8"  # JPEG, by far the most pictures
