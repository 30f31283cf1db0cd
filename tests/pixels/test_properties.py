"""What holds for pictures of every size and format."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream_unmask.output.letterbox import letterboxed
from stream_unmask.video.formats import nearest_format, plane_layout, significant_bits, viewable_format
from stream_unmask.video.frame import Frame, picture_planes
from stream_unmask.video.images import Image, as_frame, paste_back, turned

FORMATS = st.sampled_from(
    [
        "yuv420p",
        "yuvj420p",
        "yuv422p",
        "yuv444p",
        "nv12",
        "nv21",
        "nv16",
        "yuv420p10le",
        "yuv444p16le",
        "p010le",
    ]
)
EVERY_FORMAT = st.sampled_from(sorted(av.video.frame.supported_np_pix_fmts))
SIZES = st.integers(1, 70)


@given(FORMATS, SIZES, SIZES, st.integers(0, 2**32 - 1))
def test_what_is_drawn_into_planes_is_in_the_picture_and_nothing_else(
    name: str, width: int, height: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    frame = Frame(av.VideoFrame(width, height, name), 0, 0, Fraction(1, 25), 1)
    decoded = frame.planes()
    for plane in (decoded.y, decoded.u, decoded.v):
        plane[:] = random.integers(0, 2**decoded.depth, plane.shape)
    before = [plane.copy() for plane in (decoded.y, decoded.u, decoded.v)]
    written = frame.writable_planes()
    row, column = random.integers(height), random.integers(width)
    written.y[row, column] ^= 1
    after = picture_planes(frame.picture)
    assert np.argwhere(after.y != before[0]).tolist() == [[row, column]]
    np.testing.assert_array_equal(after.u, before[1])
    np.testing.assert_array_equal(after.v, before[2])
    for plane, copy in zip((decoded.y, decoded.u, decoded.v), before, strict=True):
        np.testing.assert_array_equal(plane, copy)


@given(EVERY_FORMAT)
def test_every_format_becomes_one_that_can_be_viewed_and_is_as_deep(name: str) -> None:
    viewable = viewable_format(name)
    assert plane_layout(viewable) is not None
    assert viewable_format(viewable) == viewable
    assert significant_bits(viewable) >= min(16, significant_bits(name)) or name.startswith("pal")


@given(FORMATS, st.lists(FORMATS, min_size=1, max_size=6))
def test_a_format_that_loses_nothing_is_taken_where_there_is_one(wanted: str, offered: list[str]) -> None:
    found = nearest_format(wanted, offered, (False, False))
    assert found in offered
    if wanted in offered:
        assert found == wanted


@given(FORMATS, st.integers(2, 40), st.integers(2, 40), st.integers(0, 30), st.integers(0, 30))
def test_a_letterboxed_picture_is_there_whole(
    name: str, width: int, height: int, more_width: int, more_height: int
) -> None:
    picture = av.VideoFrame(width, height, name)
    inside = picture_planes(picture)
    inside.y[:] = 1 << (inside.depth - 1)
    inside.u[:] = inside.v[:] = 1 << (inside.depth - 1)
    framed = picture_planes(letterboxed(picture, width + more_width, height + more_height))
    assert framed.y.shape == (height + more_height, width + more_width)
    assert (framed.y == inside.y[0, 0]).sum() == width * height


@given(SIZES, SIZES, st.sampled_from([3, 4]), st.booleans(), st.integers(0, 2**32 - 1))
def test_a_picture_that_nothing_is_drawn_into_comes_back_bit_for_bit(
    width: int, height: int, channels: int, deep: bool, seed: int
) -> None:
    kind = np.uint16 if deep else np.uint8
    random = np.random.default_rng(seed)
    pixels = random.integers(0, np.iinfo(kind).max, (height, width, channels), kind, endpoint=True)
    image = Image(pixels)
    frame = as_frame(image)
    frame.writable_planes()
    np.testing.assert_array_equal(paste_back(image, frame).pixels, pixels)


@given(SIZES, SIZES, st.integers(1, 8))
def test_turning_moves_every_pixel_and_loses_none(width: int, height: int, orientation: int) -> None:
    pixels = np.arange(width * height, dtype=np.uint16).reshape(height, width, 1)
    back = {6: 8, 8: 6}.get(orientation, orientation)
    np.testing.assert_array_equal(turned(turned(pixels, orientation), back), pixels)
