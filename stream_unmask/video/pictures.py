"""All pictures of a picture file: most hold one, others an animation or pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ImageSequence

from stream_unmask.errors import InputError
from stream_unmask.video.headers import BROKEN, Header, opened, read_header
from stream_unmask.video.images import Image, is_heif, read_bytes, read_image, to_rgb
from stream_unmask.video.tiff import directories, total_pixels

_ANIMATED = frozenset(("WEBP", "PNG", "AVIF", "GIF"))
_MOST_SAMPLES = 1_000_000_000
"""Pixels of all pictures of a file together, which have to be in memory."""

_USUAL_DURATION = 100.0


@dataclass(frozen=True, slots=True)
class Pictures:
    """What a picture file holds.

    Attributes:
        images: one or more.
        durations: milliseconds for which each is shown; empty where they are no animation.
        loop: how often an animation is shown; 0 for ever.
    """

    images: tuple[Image, ...]
    durations: tuple[float, ...] = ()
    loop: int = 0

    @property
    def notes(self) -> list[str]:
        """A sentence for each thing of the file that is not kept."""
        return list(dict.fromkeys(note for image in self.images for note in image.notes))


def read_pictures(path: str | Path) -> Pictures:
    """Read every picture of a file.

    Raises:
        InputError: it is not there, or not a picture that can be read.
    """
    data = read_bytes(path)
    header = None if is_heif(data) else _header(data)
    if header is None or header.count < 2:
        return Pictures((read_image(path),))
    if header.format in _ANIMATED:
        return _guarded(path, data, _animation, header)
    if header.format == "TIFF":
        return _guarded(path, data, _pages, header)
    kinds = "a preview, a depth or a gain map"
    others = f"{path} holds {header.count - 1} more pictures ({kinds}), which are left out."
    first = read_image(path)
    return Pictures((replace(first, notes=(*first.notes, others)),))


def _header(data: bytes) -> Header | None:
    try:
        return read_header(data)
    except ValueError:
        return None  # which read_image says in full


def _guarded(
    path: str | Path, data: bytes, read: Callable[[bytes, Header], Pictures], header: Header
) -> Pictures:
    try:
        return read(data, header)
    except _TooLargeError as error:
        count = header.count
        raise InputError(f"{path} is too large: {count} such pictures do not fit.", path=path) from error
    except (*BROKEN, cv2.error) as error:
        raise InputError(f"{path} is not a picture that can be read.", path=path) from error


class _TooLargeError(Exception):
    pass


def _animation(data: bytes, header: Header) -> Pictures:
    images, durations = [], []
    with opened(data) as animation:
        if header.count * animation.width * animation.height > _MOST_SAMPLES:
            raise _TooLargeError
        loop = animation.info.get("loop", 0)
        for frame in ImageSequence.Iterator(animation):
            pixels = to_rgb(frame)
            images.append(Image(pixels, None if header.gray else header.profile, photo=header.photo))
            durations.append(float(frame.info.get("duration") or _USUAL_DURATION))
    return Pictures(tuple(images), tuple(durations), loop)


def _pages(data: bytes, header: Header) -> Pictures:
    if total_pixels(directories(data)) > _MOST_SAMPLES:
        raise _TooLargeError
    done, pages = cv2.imdecodemulti(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if not done or len(pages) != header.count or not all(_is_plain(page) for page in pages):
        with opened(data) as image:
            found = [to_rgb(page) for page in ImageSequence.Iterator(image)]
    else:
        found = [_rgb(page) for page in pages]
    return Pictures(
        tuple(Image(pixels, None if header.gray else header.profile, photo=header.photo) for pixels in found)
    )


def _is_plain(page: NDArray[Any]) -> bool:
    return page.dtype in (np.uint8, np.uint16) and (page.ndim == 2 or page.shape[2] in (3, 4))


def _rgb(page: NDArray[Any]) -> NDArray[Any]:
    if page.ndim == 2:
        return cv2.cvtColor(page, cv2.COLOR_GRAY2RGB)
    return cv2.cvtColor(page, cv2.COLOR_BGRA2RGBA if page.shape[2] == 4 else cv2.COLOR_BGR2RGB)
