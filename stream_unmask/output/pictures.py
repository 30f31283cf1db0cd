"""Writing pictures that are whole or not there."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL.PngImagePlugin import PngInfo

from stream_unmask.errors import OutputError, OutputExistsError
from stream_unmask.output.parts import PartFile
from stream_unmask.output.photo import has_details, private_data, written_exif
from stream_unmask.output.tiff import with_photo
from stream_unmask.video.files import HEIF_SUFFIXES, check_output, is_image, reason
from stream_unmask.video.headers import PhotoData
from stream_unmask.video.images import Image
from stream_unmask.video.pictures import Pictures

_DEEP_SUFFIXES = frozenset((".png", ".tif", ".tiff", ".ppm", ".pgm", ".jp2"))
_ALPHA_SUFFIXES = frozenset((".png", ".tif", ".tiff", ".webp", ".avif"))
_ANIMATED_SUFFIXES = frozenset((".png", ".webp", ".avif"))
_PAGED_SUFFIXES = frozenset((".tif", ".tiff"))
_LABELLED_FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".avif": "AVIF",
}
"""Formats that hold what a photo's file says besides its pixels; by suffix, as Pillow calls them."""

_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95},
    "PNG": {"compress_level": 3},
    "WEBP": {"lossless": True},
    "TIFF": {"compression": "tiff_lzw"},
    "AVIF": {"quality": 95},
}
_ANIMATION_OPTIONS: dict[str, dict[str, Any]] = {"WEBP": {"quality": 95, "lossless": False}}
_PHOTOSHOP = b"\xff\xed"
"""JPEG's marker of the segment that holds IPTC."""


def write_image(
    path: str | Path,
    image: Image | NDArray[Any],
    *,
    overwrite: bool = False,
    comment: str | None = None,
    private: bool = False,
    seal: Callable[[Path], None] | None = None,
) -> Path:
    """Write one picture; see :func:`write_pictures`.

    Args:
        path: where to.
        image: what; an array counts as RGB or RGBA without a profile.
        overwrite: replace what lies at ``path``.
        comment: a description for the EXIF block of formats that have one.
        private: leave out where, and with what camera, a photo was taken.
        seal: is given the finished file before it gets its name.

    Raises:
        OutputError: it cannot be written; nothing is left then.
    """
    pictures = Pictures((image if isinstance(image, Image) else Image(image),))
    return write_pictures(path, pictures, overwrite=overwrite, comment=comment, private=private, seal=seal)


def write_pictures(
    path: str | Path,
    pictures: Pictures,
    *,
    overwrite: bool = False,
    comment: str | None = None,
    private: bool = False,
    seal: Callable[[Path], None] | None = None,
) -> Path:
    """Write pictures into one file under its name once it is whole; the suffix decides the format.

    Alpha, 16 bits, and what the file said of the photo are kept where the format has room for them.

    Raises:
        OutputError: they cannot be written; nothing is left then.
    """
    path = Path(path)
    check_output(path, None, overwrite=overwrite)
    data = _encode(path, pictures, comment, private)
    part = PartFile.claim(path.resolve() if path.is_symlink() else path)
    try:
        with part.path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if seal is not None:
            seal(part.path)
        written = part.publish(overwrite=overwrite)
        if written != part.target:
            raise OutputExistsError(
                f"{path} appeared in the meantime; the result is in {written}.", path=path
            )
        return path
    except OutputError:  # what signs it has said why not
        raise
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {reason(error)}.", path=path) from error
    finally:
        part.discard()


def check_picture_name(path: Path) -> None:
    """Refuse an output whose name is not one of a picture that can be written.

    Raises:
        OutputError: it is not.
    """
    if path.suffix.lower() in HEIF_SUFFIXES:
        raise OutputError(
            f"A HEIC picture cannot be written; name it {path.stem}.jpg, .png, .webp or .avif.", path=path
        )
    if not is_image(path):
        raise OutputError(
            f"No picture format is known for {path.suffix or 'a name without suffix'}.", path=path
        )


def losses(path: Path, pictures: Pictures) -> list[str]:
    """A sentence for each thing of some pictures that a file of this name cannot hold."""
    suffix = path.suffix.lower()
    first = pictures.images[0]
    lost = []
    if len(pictures.images) > 1 and not _holds_all(suffix, pictures):
        lost.append(f"Only the first of {len(pictures.images)} pictures is written: {suffix} holds no more.")
    if (
        first.pixels.shape[2] == 4
        and suffix not in _ALPHA_SUFFIXES
        and first.pixels[..., 3].min() < _full(first)
    ):
        lost.append(f"The picture is transparent in parts, which {suffix} does not hold.")
    if first.pixels.dtype == np.uint16 and not _is_deep(suffix, pictures):
        lost.append("The picture has more than 8 bits a colour; it is written with 8.")
    written_by_pillow = first.pixels.dtype == np.uint8 or not _is_deep(suffix, pictures)
    if first.photo.texts and not (suffix == ".png" and written_by_pillow):
        names = ", ".join(name for name, _ in first.photo.texts)
        lost.append(f"What the PNG says of itself is not kept: {names}.")
    if suffix not in _LABELLED_FORMATS:
        what = "the label that says what in it is synthetic"
        told = " and what the file says of the photo" if first.photo.exif or first.photo.xmp else ""
        lost.append(f"{suffix} has no room for {what}{told}: say it elsewhere.")
    return lost


def _full(image: Image) -> int:
    return int(np.iinfo(image.pixels.dtype).max)


def _holds_all(suffix: str, pictures: Pictures) -> bool:
    return suffix in (_ANIMATED_SUFFIXES if pictures.durations else _PAGED_SUFFIXES)


def _is_deep(suffix: str, pictures: Pictures) -> bool:
    """Only OpenCV writes 16 bits, and only one picture a file with what else it says."""
    return suffix in _DEEP_SUFFIXES and len(pictures.images) == 1


def _encode(path: Path, pictures: Pictures, comment: str | None, private: bool) -> bytes:
    suffix = path.suffix.lower()
    check_picture_name(path)
    images = pictures.images if _holds_all(suffix, pictures) else pictures.images[:1]
    images = tuple(replace(each, photo=private_data(each.photo)) if private else each for each in images)
    pixels = [_storable(image, suffix, deep=_is_deep(suffix, pictures)) for image in images]
    try:
        if pixels[0].dtype == np.uint8 and suffix in _LABELLED_FORMATS:
            return _encode_labelled(_LABELLED_FORMATS[suffix], images[0], pixels, pictures, comment)
        return _encode_plain(suffix, images[0], pixels[0], comment)
    except (cv2.error, OSError, ValueError, SyntaxError) as error:
        raise OutputError(f"{path} cannot be written as a {suffix} picture.", path=path) from error


def _storable(image: Image, suffix: str, *, deep: bool) -> NDArray[Any]:
    """Pixels as a format holds them: (H, W) gray, or (H, W, 2, 3 or 4) with or without alpha."""
    pixels = image.pixels
    if pixels.dtype == np.uint16 and not deep:
        pixels = ((pixels.astype(np.uint32) * 255 + 32_767) // 65_535).astype(np.uint8)
    alpha = pixels.shape[2] == 4 and suffix in _ALPHA_SUFFIXES
    if image.gray:
        luma = cv2.cvtColor(np.ascontiguousarray(pixels[..., :3]), cv2.COLOR_RGB2GRAY)
        return np.dstack([luma, pixels[..., 3]]) if alpha else luma
    return pixels if alpha else np.ascontiguousarray(pixels[..., :3])


def _encode_labelled(
    format_name: str, image: Image, pixels: list[NDArray[Any]], pictures: Pictures, comment: str | None
) -> bytes:
    first, *others = (PIL.Image.fromarray(each) for each in pixels)
    options = dict(_OPTIONS[format_name])
    photo = image.photo
    exif = written_exif(photo.exif, comment, first.size)
    if exif:
        options["exif"] = b"Exif\0\0" + exif
    if format_name == "TIFF" and has_details(exif):
        del options["compression"]  # with it, Pillow cannot write date and place
    if image.profile:
        options["icc_profile"] = image.profile
    if photo.dpi:
        options["dpi"] = photo.dpi
    if format_name == "PNG":
        options["pnginfo"] = _png_texts(photo)
    elif photo.xmp:
        options["xmp"] = photo.xmp
    if format_name == "JPEG":
        options |= {"comment": photo.comment} if photo.comment else {}
        if 0 < len(photo.iptc) < 65_533:
            options["extra"] = _PHOTOSHOP + (len(photo.iptc) + 2).to_bytes(2, "big") + photo.iptc
    if others:
        options |= {"save_all": True, "append_images": others}
        if pictures.durations:
            options |= {"duration": [round(each) for each in pictures.durations], "loop": pictures.loop}
            options |= _ANIMATION_OPTIONS.get(format_name, {})
    file = io.BytesIO()
    first.save(file, format_name, **options)
    return file.getvalue()


def _png_texts(photo: PhotoData) -> PngInfo:
    texts = PngInfo()
    if photo.xmp:
        texts.add_itxt("XML:com.adobe.xmp", photo.xmp.decode(errors="replace"))
    for name, text in photo.texts:
        texts.add_text(name, text)
    return texts


def _encode_plain(suffix: str, image: Image, pixels: NDArray[Any], comment: str | None) -> bytes:
    """By OpenCV: 16 bits, and formats that say nothing besides the pixels."""
    if pixels.ndim == 3 and pixels.shape[2] == 2:  # gray with alpha
        pixels = np.dstack([pixels[..., 0]] * 3 + [pixels[..., 1]])
    elif pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR)
    exif = written_exif(image.photo.exif, comment, pixels.shape[1::-1])
    profile = image.profile if pixels.ndim == 2 or not image.gray else None
    if suffix in _PAGED_SUFFIXES:
        done, data = cv2.imencode(suffix, pixels, [cv2.IMWRITE_TIFF_ROWSPERSTRIP, pixels.shape[0]])
        alpha = pixels.ndim == 3 and pixels.shape[2] == 4
        return with_photo(bytes(data), exif, image.photo, profile, alpha=alpha)
    blocks: dict[int, bytes] = {
        cv2.IMAGE_METADATA_EXIF: exif,
        cv2.IMAGE_METADATA_XMP: image.photo.xmp,
        cv2.IMAGE_METADATA_ICCP: profile or b"",
    }
    blocks = {kind: data for kind, data in blocks.items() if data}
    values = [np.frombuffer(value, np.uint8) for value in blocks.values()]
    done, data = cv2.imencodeWithMetadata(suffix, pixels, list(blocks), values, [])
    if not done:
        raise ValueError(f"no encoder for {suffix}")
    return bytes(data)
