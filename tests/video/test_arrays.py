"""Frames from arrays and to arrays."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from stream_unmask import Frame
from stream_unmask.video.arrays import ArrayFormat

Pixels = NDArray[np.uint8]


def noise(height: int = 37, width: int = 51) -> Pixels:
    return np.random.default_rng(5).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("channels", ["rgb24", "bgr24"])
def test_an_array_comes_back_bit_for_bit(channels: ArrayFormat) -> None:
    array = noise()
    frame = Frame.from_ndarray(array, 1.5, format=channels)
    assert frame.time == 1.5
    assert np.array_equal(frame.to_ndarray(channels), array)
    other: ArrayFormat = "bgr24" if channels == "rgb24" else "rgb24"
    assert np.array_equal(frame.to_ndarray(other), array[:, :, ::-1])


def test_a_frame_does_not_hang_on_the_array_it_was_made_of() -> None:
    array = noise()
    before = array.copy()
    frame = Frame.from_ndarray(array, 0.0)
    array[:] = 0
    assert np.array_equal(frame.to_ndarray(), before)


def test_only_what_was_drawn_changes() -> None:
    array = noise()
    frame = Frame.from_ndarray(array, 0.0, format="bgr24")
    planes = frame.writable_planes()
    planes.y[10:20, 5:9], planes.u[10:20, 5:9], planes.v[10:20, 5:9] = 255, 128, 128
    drawn = frame.to_ndarray("bgr24")
    assert (drawn[10:20, 5:9] == 255).all()
    drawn[10:20, 5:9] = array[10:20, 5:9]
    assert np.array_equal(drawn, array)


def test_colours_keep_their_order() -> None:
    red = np.zeros((16, 16, 3), np.uint8)
    red[:, :, 2] = 255
    frame = Frame.from_ndarray(red, 0.0, format="bgr24")
    planes = frame.planes()
    assert planes.v[8, 8] > 200 > 120 > planes.u[8, 8]
    frame.writable_planes().y[:] += 1  # so that every pixel is converted back
    assert np.abs(frame.to_ndarray("rgb24").astype(int) - (255, 0, 0)).max() <= 3


@pytest.mark.parametrize(("tag", "height", "kr", "kb"), [(1, 64, 0.2126, 0.0722), (2, 64, 0.299, 0.114)])
@pytest.mark.parametrize("full", [False, True])
def test_a_decoded_frame_is_converted_with_its_own_matrix_and_range(
    tag: int, height: int, kr: float, kb: float, full: bool
) -> None:
    picture = av.VideoFrame(64, height, "yuv444p")
    picture.colorspace, picture.color_range = tag, 2 if full else 1
    wanted = np.array([200.0, 60.0, 90.0])
    luma = kr * wanted[0] + (1 - kr - kb) * wanted[1] + kb * wanted[2]
    blue, red = (wanted[2] - luma) / (2 - 2 * kb), (wanted[0] - luma) / (2 - 2 * kr)
    scale, first = (1.0, 0) if full else (219 / 255, 16)
    chroma = 1.0 if full else 224 / 255
    frame = Frame(picture, 0, 0, Fraction(1, 25), 1)
    planes = frame.planes()
    planes.y[:], planes.u[:] = round(luma * scale) + first, round(blue * chroma) + 128
    planes.v[:] = round(red * chroma) + 128
    assert np.abs(frame.to_ndarray().astype(int) - wanted).max() <= 3


@pytest.mark.parametrize(
    ("array", "time", "channels", "said"),
    [
        (noise()[:, :, 0], 0.0, "rgb24", "must be"),
        (noise().astype(np.float32), 0.0, "rgb24", "float32"),
        (noise()[:0], 0.0, "rgb24", "must be"),
        (noise(), float("nan"), "rgb24", "seconds"),
        (noise(), 0.0, "yuv420p", "rgb24, bgr24"),
    ],
)
def test_what_is_no_picture_is_refused(array: Pixels, time: float, channels: ArrayFormat, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Frame.from_ndarray(array, time, format=channels)
