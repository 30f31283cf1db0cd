"""The bank as a sheet, so that a person can choose."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from stream_unmask.inpainting.stand_ins.bank import Bank, Pixels

_GAP = 2


def draw_stand_ins(bank: Bank, indices: Sequence[int], *, columns: int = 12, side: int = 128) -> Pixels:
    """Draw stand-ins beside each other, each with its number: its place in the bank, from 1.

    Args:
        bank: of them.
        indices: which, at least one; from ``bank.count`` on they are the mirrored ones.
        columns: faces in a row.
        side: of each face in pixels.

    Returns:
        (H, W, 3) RGB.
    """
    columns = min(columns, len(indices))
    rows = -(-len(indices) // columns)
    step = side + _GAP
    sheet = np.full((rows * step - _GAP, columns * step - _GAP, 3), 255, np.uint8)
    for place, index in enumerate(indices):
        top, left = place // columns * step, place % columns * step
        sheet[top : top + side, left : left + side] = _tile(bank, index, side)
    return sheet


def _tile(bank: Bank, index: int, side: int) -> Pixels:
    tile = np.asarray(cv2.resize(bank[index].picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(
            tile, str(index + 1), (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, thickness, cv2.LINE_AA
        )
    return tile
