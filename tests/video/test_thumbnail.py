"""The detector's small picture, and the way back from it."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from stream_unmask.video.frame import Frame
from stream_unmask.video.thumbnail import Thumbnailer


def frame_with(spots: list[tuple[float, float]], width: int, height: int) -> Frame:
    """Soft white spots on gray, at (x, y)."""
    rows, columns = np.mgrid[:height, :width]
    luma = np.full((height, width), 60.0)
    for x, y in spots:
        luma += 170 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 6.0**2))
    picture = av.VideoFrame(width, height, "yuv420p")
    frame = Frame(picture, 0, 0, Fraction(1, 25), 1)
    planes = frame.planes()
    planes.y[:] = luma.clip(0, 235).astype(np.uint8)
    planes.u[:] = planes.v[:] = 128
    return frame


def spot_in(rgb: NDArray[np.uint8]) -> tuple[float, float]:
    weights = (rgb[..., 1].astype(float) - 110).clip(0)
    rows, columns = np.mgrid[: rgb.shape[0], : rgb.shape[1]]
    return float((weights * columns).sum() / weights.sum()), float((weights * rows).sum() / weights.sum())


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("size", [(640, 360), (360, 640), (641, 303), (100, 80)])
def test_the_way_back_hits_the_spot(size: tuple[int, int], rotation: int) -> None:
    width, height = size
    for x, y in ((30, 25), (width - 31, 40), (width // 2, height - 26)):
        thumbnail = Thumbnailer(320, 192, rotation).shrink(frame_with([(x, y)], width, height))
        assert thumbnail.rgb.shape == (192, 320, 3)
        found = thumbnail.to_frame @ [*spot_in(thumbnail.rgb), 1]
        np.testing.assert_allclose(found, (x, y), atol=0.4)


@pytest.mark.parametrize(
    ("rotation", "corner"), [(0, (30, 25)), (90, (30, 335)), (180, (610, 335)), (270, (610, 25))]
)
def test_it_stands_upright(rotation: int, corner: tuple[int, int]) -> None:
    # The spot lies where the upright picture's upper left corner is in the coded one.
    thumbnail = Thumbnailer(320, 192, rotation).shrink(frame_with([corner], 640, 360))
    columns = np.nonzero(thumbnail.rgb.any(axis=(0, 2)))[0]
    x, y = spot_in(thumbnail.rgb)
    assert x < columns.mean()
    assert y < 96


def test_it_is_letterboxed_in_black() -> None:
    thumbnail = Thumbnailer(320, 192).shrink(frame_with([], 100, 100))
    assert not thumbnail.rgb[:, :64].any()
    assert not thumbnail.rgb[:, 256:].any()
    assert thumbnail.rgb[:, 64:256].all()


def test_colours_follow_the_planes() -> None:
    frame = frame_with([], 64, 48)
    planes = frame.planes()
    planes.y[:], planes.u[:], planes.v[:] = 81, 90, 240  # BT.601 red
    red = Thumbnailer(64, 48).shrink(frame).rgb[24, 32].astype(int)
    np.testing.assert_allclose(red, (255, 0, 0), atol=4)


def test_a_turn_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="45"):
        Thumbnailer(rotation=45)
