"""What is measured of a bare face, or of what a mask leaves bare."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stream_unmask.inpainting.stand_ins.choosing import visible_skin
from stream_unmask.inpainting.stand_ins.measuring import FOREHEAD_AND_BRIDGE, SIDE, Patches
from tests.inpainting.stand_ins.drawn import mesh

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


def drawn(forehead: tuple[int, int, int], mask_from: int = SIDE) -> tuple[Patches, NDArray[np.float32]]:
    """A face whose forehead has another colour, and a mask that begins at a row."""
    points = mesh(SIDE)
    picture = np.full((SIDE, SIDE, 3), SKIN, np.uint8)
    picture[: int(points[8, 1]) - 4] = forehead
    mask = np.zeros((SIDE, SIDE), np.float32)
    mask[mask_from:] = 1
    return Patches(picture, points), mask


@pytest.mark.parametrize("forehead", [(110, 70, 45), (130, 100, 90), SKIN, (235, 195, 170)])
def test_skin_is_read_below_a_brown_fringe_and_off_a_light_forehead(forehead: tuple[int, int, int]) -> None:
    read, mask = drawn(forehead)
    light = visible_skin(read, mesh(SIDE), mask)[0]
    if forehead[0] < SKIN[0]:
        assert light == pytest.approx(lab(SKIN)[0], abs=0.5)
    else:
        assert lab(SKIN)[0] - 0.5 <= light <= lab(forehead)[0] + 0.5


def test_where_the_mask_leaves_the_forehead_alone_it_is_read() -> None:
    read, mask = drawn((110, 70, 45), mask_from=int(mesh(SIDE)[8, 1]) - 4)
    assert visible_skin(read, mesh(SIDE), mask)[0] == pytest.approx(lab((110, 70, 45))[0], abs=0.5)


def test_where_no_skin_is_sure_hair_counts() -> None:
    skin = patches((HAIR, 8), (GLASS, 7)).skin(FOREHEAD_AND_BRIDGE)
    assert skin[0] < lab(GLASS)[0] - 5
