"""What holds for crops of every picture, wherever the face is."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream_unmask.pixels.geometry import Box, compose, invert, same_place, zoom
from stream_unmask.pixels.planes import Planes
from stream_unmask.pixels.sampling import sample_crop
from tests.pixels.pictures import LAYOUTS, alignment, copies, noise

SIZE = 16

alignments = st.builds(
    lambda x, y, scale, turn: alignment(x, y, scale, SIZE, turn),
    st.floats(-300, 300),
    st.floats(-300, 300),
    st.floats(0.05, 12),
    st.floats(-3.2, 3.2),
)
pictures = st.builds(
    lambda layout, width, height: LAYOUTS[layout].empty(width, height),
    st.sampled_from(sorted(LAYOUTS)),
    st.integers(1, 70),
    st.integers(1, 70),
)


@given(pictures, alignments)
def test_every_crop_is_a_picture_and_leaves_the_frame_alone(planes: Planes, matrix: np.ndarray) -> None:
    before = copies(noise(planes))
    crop = sample_crop(planes, matrix, SIZE)
    assert np.isfinite(crop).all()
    assert np.abs(crop).max() <= 1
    for plane, old in zip((planes.y, planes.u, planes.v), before, strict=True):
        np.testing.assert_array_equal(plane, old)


@given(pictures, alignments, st.floats(0, 1))
def test_a_frame_of_one_gray_gives_crops_of_it(planes: Planes, matrix: np.ndarray, level: float) -> None:
    top = (1 << planes.depth) - 1
    planes.y[...], planes.u[...], planes.v[...] = round(level * top), (top + 1) // 2, (top + 1) // 2
    crop = sample_crop(planes, matrix, SIZE)
    assert np.ptp(crop) < 1e-3


@given(pictures, alignments)
def test_nothing_is_brighter_or_darker_than_what_is_there(planes: Planes, matrix: np.ndarray) -> None:
    noise(planes)
    middle = 1 << (planes.depth - 1)
    planes.u[...], planes.v[...] = middle, middle
    crop = sample_crop(planes, matrix, SIZE)
    flat = np.eye(2, 3)
    extremes = []
    for value in (planes.y.min(), planes.y.max()):
        planes.y[...] = value
        extremes.append(sample_crop(planes, flat, SIZE)[0, 0, 0])
    assert crop.min() >= extremes[0] - 1e-3
    assert crop.max() <= extremes[1] + 1e-3


@given(alignments, alignments)
def test_what_is_turned_back_is_where_it_was(one: np.ndarray, other: np.ndarray) -> None:
    np.testing.assert_allclose(compose(invert(one), one), np.eye(2, 3), atol=1e-6)
    both = compose(one, other)
    point = np.array([3.0, -2.0, 1.0])
    np.testing.assert_allclose(both @ point, one @ np.append(other @ point, 1.0), atol=1e-6)
    assert np.isclose(zoom(both), zoom(one) * zoom(other))


@given(st.integers(1, 64), st.integers(1, 64), st.data())
def test_the_same_place_holds_the_box_and_is_as_large_in_both(
    side: int, other: int, data: st.DataObject
) -> None:
    x0, y0 = data.draw(st.integers(0, side - 1)), data.draw(st.integers(0, side - 1))
    x1, y1 = data.draw(st.integers(x0 + 1, side)), data.draw(st.integers(y0 + 1, side))
    here, there = same_place(Box(x0, y0, x1, y1), side, other)
    assert here.x0 <= x0 < x1 <= here.x1 <= side
    assert here.y0 <= y0 < y1 <= here.y1 <= side
    for one, two in zip(here, there, strict=True):
        assert one * other == two * side
