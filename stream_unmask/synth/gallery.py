"""One face in many masks, as a picture to look at."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.synth.photos import draw_mask
from stream_unmask.synth.style import KINDS, MaskStyle

Bytes = NDArray[np.uint8]

COLUMNS, ROWS = 6, 4
_SIDE = 208


def _styles() -> Iterator[MaskStyle]:
    """Each kind twice, then the ways of wearing one wrongly."""
    for kind in (*KINDS, *KINDS):
        yield MaskStyle(kind=kind, worn="right")
    for kind, worn in (
        ("surgical", "high"),
        ("surgical", "under_nose"),
        ("kn95", "under_nose"),
        ("surgical", "on_chin"),
        ("cloth", "on_chin"),
        ("surgical", "dangling"),
    ):
        yield MaskStyle(kind=kind, worn=worn)


def draw_gallery(photo: Bytes, mesh: NDArray[np.floating], seed: int = 0) -> Bytes:
    """Two dozen masks, each on the same face.

    Args:
        photo: (S, S, 3) uint8 RGB, square.
        mesh: (468, 2) or more points of the face, in pixels of the photo.
        seed: of all chance.

    Returns:
        (832, 1248, 3) uint8 RGB.
    """
    sheet = np.zeros((ROWS * _SIDE, COLUMNS * _SIDE, 3), np.uint8)
    for number, style in enumerate(_styles()):
        picture, _ = draw_mask(photo, mesh, np.random.default_rng((seed, number)), style)
        row, column = divmod(number, COLUMNS)
        cell = np.s_[row * _SIDE : (row + 1) * _SIDE, column * _SIDE : (column + 1) * _SIDE]
        sheet[cell] = cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return sheet
