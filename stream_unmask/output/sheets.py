"""Contact sheets: what a face looked like, where its mask was found, and what was made of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.inpainting.face import UnmaskedFace
from stream_unmask.pixels.planes import Planes
from stream_unmask.pixels.sampling import sample_crop
from stream_unmask.video.frame import Frame

Pixels = NDArray[np.uint8]

_GAP = 4


@dataclass(frozen=True, slots=True)
class Triple:
    """Input, mask and output of one face in one frame, each (side, side, 3) RGB."""

    before: Pixels
    mask: Pixels
    after: Pixels


def draw(shown: list[Triple], *, columns: int) -> Pixels:
    """Lay triples out in rows, left to right, on white.

    Args:
        shown: at least one, all of one size.
        columns: triples in a row.

    Returns:
        (H, W, 3) RGB.
    """
    tiles = [np.hstack([triple.before, triple.mask, triple.after]) for triple in shown]
    height, width = tiles[0].shape[:2]
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    sheet = np.full((rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, 3), 255, np.uint8)
    for index, tile in enumerate(tiles):
        top, left = index // columns * (height + _GAP), index % columns * (width + _GAP)
        sheet[top : top + height, left : left + width] = tile
    return sheet


def triples(frame: Frame, faces: list[UnmaskedFace], side: int) -> Iterator[Triple]:
    """The faces of a frame that :meth:`~stream_unmask.pipeline.Stream.process` has drawn into."""
    for face in faces:
        mask = np.repeat((face.mask * 255).astype(np.uint8)[:, :, None], 3, axis=2)
        yield Triple(
            face_crop(frame.decoded_planes(), face, side),
            np.asarray(cv2.resize(mask, (side, side), interpolation=cv2.INTER_AREA), np.uint8),
            face_crop(frame.planes(), face, side),
        )


def face_crop(planes: Planes, face: UnmaskedFace, side: int) -> Pixels:
    """(side, side, 3) RGB crop of a face."""
    matrix = face.alignment.matrix * (side / face.alignment.size)
    crop = sample_crop(planes, matrix, side)
    pixels: Pixels = np.clip((crop.transpose(1, 2, 0) + 1) * 127.5, 0, 255).astype(np.uint8)
    return pixels
