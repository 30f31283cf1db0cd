"""A small contact sheet of each file: what some of its faces looked like, and what was made of them."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stream_unmask.output.sheets import Triple, draw, triples
from stream_unmask.pipeline import UnmaskedFrame
from stream_unmask.video.images import read_image

_SHOWN = 4
"""Faces on a sheet."""

_SIDE = 128
"""Pixels of each picture on it."""

_FIRST_APART = 0.5
"""Seconds between two faces on it, at first; twice as many whenever there are too many faces."""

_QUALITY = 80


class SheetMaker:
    """Collects some faces of one file, spread over it however long it is."""

    def __init__(self) -> None:
        self._shown: list[tuple[float, Triple]] = []
        self._apart = _FIRST_APART
        self._next = float("-inf")
        self._picture: NDArray[np.uint8] | None = None

    def watch(self, done: UnmaskedFrame) -> None:
        """Look at the next frame that is done."""
        time = done.frame.time
        if not done.faces or time < self._next:
            return
        for triple in triples(done.frame, done.faces[:1], _SIDE):
            self._shown.append((time, triple))
        self._next = time + self._apart
        if len(self._shown) > 2 * _SHOWN:
            self._apart *= 2
            self._shown = self._shown[::2]

    def add_picture(self, before: Path, after: Path) -> None:
        """Take a picture file, as it was and as it is."""
        self._picture = np.hstack([_thumbnail(read_image(path).pixels) for path in (before, after)])

    def take(self, other: SheetMaker) -> None:
        """Take the faces of a later part of the file, too."""
        self._shown += other._shown

    def jpeg(self) -> bytes | None:
        """The sheet; None where no face was unmasked."""
        sheet = self._picture
        if self._shown:
            step = -(-len(self._shown) // _SHOWN)
            sheet = draw([triple for _, triple in self._shown[::step]], columns=1)
        if sheet is None:
            return None
        written = io.BytesIO()
        Image.fromarray(sheet).save(written, "JPEG", quality=_QUALITY)
        return written.getvalue()


def _thumbnail(pixels: NDArray[np.generic]) -> NDArray[np.uint8]:
    """(2 S, w, 3) RGB of a picture, S being the side of a face on a sheet."""
    eight = pixels if pixels.dtype == np.uint8 else pixels.astype(np.float32) / 257
    width = max(1, round(pixels.shape[1] * 2 * _SIDE / pixels.shape[0]))
    small = cv2.resize(np.asarray(eight)[:, :, :3], (width, 2 * _SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)
