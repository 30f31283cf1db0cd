"""What is measured of a bare face, or of what a mask leaves bare."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stream_unmask.inpainting.stand_ins.measuring import FOREHEAD_AND_BRIDGE, SIDE, Patches

SKIN, HAIR, GLASS = (196, 148, 120), (24, 22, 23), (60, 62, 64)


def lab(colour: tuple[int, int, int]) -> NDArray[np.float32]:
    picture = np.array([[colour]], np.float32) / 255
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)[0, 0], np.float32)


def patches(*shown: tuple[tuple[int, int, int], int]) -> Patches:
    """Forehead and bridge of so many places of each colour."""
    colours = [colour for colour, count in shown for _ in range(count)]
    assert len(colours) == len(FOREHEAD_AND_BRIDGE)
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    points = np.zeros((468, 3))
    for place, (number, colour) in enumerate(zip(FOREHEAD_AND_BRIDGE, colours, strict=True)):
        left = 16 * place
        picture[:, left : left + 16] = colour
        points[number] = left + 7.5, 128, 0
    return Patches(picture, points)


@pytest.mark.parametrize("hidden", [0, 4, 12])
def test_a_fringe_is_no_skin(hidden: int) -> None:
    skin = patches((HAIR, hidden), (SKIN, 15 - hidden)).skin(FOREHEAD_AND_BRIDGE)
    assert np.abs(skin - lab(SKIN)).max() < 1


def test_where_no_skin_is_sure_hair_counts() -> None:
    skin = patches((HAIR, 8), (GLASS, 7)).skin(FOREHEAD_AND_BRIDGE)
    assert skin[0] < lab(GLASS)[0] - 5
