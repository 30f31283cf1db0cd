"""Pictures: one file, one frame. What is not drawn into comes out as it went in."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.errors import InputError, OutputError
from stream_unmask.video.arrays import to_picture, with_changes
from stream_unmask.video.files import check_output, is_image, partial_path, reason
from stream_unmask.video.frame import Frame

__all__ = ["Image", "as_frame", "is_image", "paste_back", "read_image", "write_image"]

_DEEP_SUFFIXES = frozenset((".png", ".tif", ".tiff", ".ppm", ".pgm", ".jp2"))
_ALPHA_SUFFIXES = frozenset((".png", ".tif", ".tiff", ".webp", ".avif"))
_JPEG_QUALITY = 95
_JPEG_SUFFIXES = frozenset((".jpg", ".jpeg", ".jpe"))
_DESCRIPTION_TAG, _ASCII_TYPE = 0x010E, 2


@dataclass(frozen=True, slots=True)
class Image:
    """A picture in memory.

    Attributes:
        pixels: (H, W, 3) RGB or (H, W, 4) RGBA, uint8 or uint16, upright.
        profile: the ICC profile that says what its colours mean, None without.
    """

    pixels: NDArray[Any]
    profile: bytes | None = None

    def beside(self, other: Image) -> Image:
        """This picture on the left, ``other`` on the right."""
        return replace(self, pixels=np.concatenate([self.pixels, other.pixels], axis=1))


def read_image(path: str | Path) -> Image:
    """Read a picture, turned upright as its EXIF orientation says; one with alpha is taken as it lies.

    Raises:
        InputError: it is not there or not a picture that can be read.
    """
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason(error)}.", path=path) from error
    if not data.size:
        raise InputError(f"{path} is empty.", path=path)
    try:
        # Not IMREAD_COLOR_RGB, which garbles 16-bit TIFF (OpenCV 5.0).
        pixels, kinds, values = cv2.imdecodeWithMetadata(data, cv2.IMREAD_COLOR_BGR | cv2.IMREAD_ANYDEPTH)
        stored = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if _may_hold_alpha(data) else None
    except cv2.error as error:
        raise InputError(f"{path} is not a picture that can be read.", path=path) from error
    if pixels is None or pixels.dtype not in (np.uint8, np.uint16):
        raise InputError(f"{path} is not a picture that can be read.", path=path)
    if stored is not None and stored.ndim == 3 and stored.shape[2] == 4:
        pixels = cv2.cvtColor(stored, cv2.COLOR_BGRA2RGBA)
    else:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    found = [
        bytes(value) for kind, value in zip(kinds, values, strict=True) if kind == cv2.IMAGE_METADATA_ICCP
    ]
    return Image(pixels, found[0] if found else None)


def write_image(
    path: str | Path,
    image: Image | NDArray[Any],
    *,
    overwrite: bool = False,
    comment: str | None = None,
    seal: Callable[[Path], None] | None = None,
) -> Path:
    """Write a picture under its name once it is whole; the suffix decides the format.

    Alpha and 16 bits are kept where the format has them.

    Args:
        path: where to.
        image: what; an array counts as RGB or RGBA without a profile.
        overwrite: replace what lies at ``path``.
        comment: a description for the EXIF block of formats that have one.
        seal: is given the finished file before it gets its name.

    Raises:
        OutputError: it cannot be written; nothing is left then.
    """
    path = Path(path)
    check_output(path, None, overwrite=overwrite)
    data = _encode(path, image if isinstance(image, Image) else Image(image), comment)
    partial = partial_path(path)
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if seal is not None:
            seal(partial)
        partial.replace(path)
    except OutputError:  # what signs it has said why not
        raise
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {reason(error)}.", path=path) from error
    finally:
        partial.unlink(missing_ok=True)
    return path


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


def check_picture_name(path: Path) -> None:
    """Refuse an output whose name is not one of a picture.

    Raises:
        OutputError: it is not.
    """
    if not is_image(path):
        raise OutputError(
            f"No picture format is known for {path.suffix or 'a name without suffix'}.", path=path
        )


def _may_hold_alpha(data: NDArray[np.uint8]) -> bool:
    return data[:2].tobytes() != b"\xff\xd8"  # JPEG, by far the most pictures


def _encode(path: Path, image: Image, comment: str | None) -> bytes:
    suffix = path.suffix.lower()
    check_picture_name(path)
    pixels = image.pixels
    if pixels.dtype == np.uint16 and suffix not in _DEEP_SUFFIXES:
        pixels = ((pixels.astype(np.uint32) * 255 + 32_767) // 65_535).astype(np.uint8)
    if pixels.ndim == 3 and pixels.shape[2] == 4 and suffix in _ALPHA_SUFFIXES:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA)
    elif pixels.ndim == 3:
        pixels = np.ascontiguousarray(pixels[:, :, 2::-1])
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if suffix in _JPEG_SUFFIXES else []
    blocks = {}
    if comment:
        blocks[cv2.IMAGE_METADATA_EXIF] = _exif(comment)
    if image.profile:
        blocks[cv2.IMAGE_METADATA_ICCP] = image.profile
    # A profile that the format's library finds fault with is better lost than the picture.
    for kept in (blocks, {kind: data for kind, data in blocks.items() if kind != cv2.IMAGE_METADATA_ICCP}):
        values = [np.frombuffer(value, np.uint8) for value in kept.values()]
        with contextlib.suppress(cv2.error):
            done, data = cv2.imencodeWithMetadata(suffix, pixels, list(kept), values, options)
            if done:
                return bytes(data)
    raise OutputError(f"{path} cannot be written as a {suffix} picture.", path=path)


def _exif(description: str) -> bytes:
    """The smallest EXIF block that says something: a TIFF header and one ImageDescription."""
    text = description.encode() + b"\0"
    header = b"II*\0" + struct.pack("<I", 8)
    directory = struct.pack("<HHHIII", 1, _DESCRIPTION_TAG, _ASCII_TYPE, len(text), 26, 0)
    return header + directory + text
