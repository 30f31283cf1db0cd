"""Views of a picture, copies of it, and what goes with them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from stream_unmask.video.formats import nearest_format, plane_layout, viewable_format
from stream_unmask.video.frame import Frame, picture_planes
from tests.video.making import picture


def frame_of(pixel_format: str, width: int = 64, height: int = 48) -> Frame:
    made = picture(3, width, height, pixel_format)
    made.pts, made.time_base = 7, Fraction(1, 25)
    return Frame(made, 3, 7, Fraction(1, 25), 1)


@pytest.mark.parametrize("size", [(64, 48), (65, 49), (1, 1)])
@pytest.mark.parametrize(
    ("pixel_format", "chroma", "depth"),
    [
        ("yuv420p", (2, 2), 8),
        ("yuvj420p", (2, 2), 8),
        ("yuv422p", (2, 1), 8),
        ("yuv444p", (1, 1), 8),
        ("nv12", (2, 2), 8),
        ("nv21", (2, 2), 8),
        ("nv16", (2, 1), 8),
        ("yuv420p10le", (2, 2), 10),
        ("yuv422p12le", (2, 1), 12),
        ("yuv444p16le", (1, 1), 16),
        ("p010le", (2, 2), 16),
    ],
)
def test_planes_are_views_with_the_right_shape(
    pixel_format: str, chroma: tuple[int, int], depth: int, size: tuple[int, int]
) -> None:
    width, height = size
    made = av.VideoFrame(width, height, pixel_format)
    planes = picture_planes(made)
    assert (planes.width, planes.height, planes.depth) == (width, height, depth)
    assert planes.u.shape == planes.v.shape == (-(-height // chroma[1]), -(-width // chroma[0]))
    planes.y[:], planes.u[:], planes.v[:] = 10, 20, 30
    again = picture_planes(made)
    assert {*again.y.flat} == {10}
    assert {*again.u.flat} == {20}
    assert {*again.v.flat} == {30}


@pytest.mark.parametrize("pixel_format", ["nv12", "nv21", "nv16", "yuv422p"])
def test_all_layouts_show_the_same_samples(pixel_format: str) -> None:
    planar = "yuv422p" if pixel_format in ("nv16", "yuv422p") else "yuv420p"
    original = picture(3, 64, 48, planar)
    one, other = picture_planes(original), picture_planes(original.reformat(format=pixel_format))
    np.testing.assert_array_equal(one.y, other.y)
    np.testing.assert_array_equal(one.u, other.u)
    np.testing.assert_array_equal(one.v, other.v)


def test_p010_reads_as_sixteen_bits_and_converts_without_loss() -> None:
    original = picture(3, 64, 48, "yuv420p10le")
    shifted = VideoReformatter().reformat(original, format="p010le")
    one, other = picture_planes(original), picture_planes(shifted)
    np.testing.assert_array_equal(one.y << 6, other.y)
    np.testing.assert_array_equal(one.u << 6, other.u)
    back = picture_planes(VideoReformatter().reformat(shifted, format="yuv420p10le"))
    np.testing.assert_array_equal(one.y, back.y)
    np.testing.assert_array_equal(one.v, back.v)


@pytest.mark.parametrize(
    ("matrix", "height", "weights"),
    [
        (1, 48, (0.2126, 0.0722)),
        (5, 1080, (0.299, 0.114)),
        (6, 1080, (0.299, 0.114)),
        (9, 48, (0.2627, 0.0593)),
        (2, 719, (0.299, 0.114)),
        (2, 720, (0.2126, 0.0722)),
    ],
)
def test_colour_weights_follow_the_tag_and_else_the_height(
    matrix: int, height: int, weights: tuple[float, float]
) -> None:
    made = av.VideoFrame(64, height, "yuv420p")
    made.colorspace = matrix
    planes = picture_planes(made)
    assert (planes.kr, planes.kb) == weights


def test_range_and_siting_follow_the_tags() -> None:
    assert picture_planes(av.VideoFrame(8, 8, "yuvj420p")).full_range
    made = av.VideoFrame(8, 8, "yuv420p")
    assert not picture_planes(made).full_range
    made.color_range = 2
    assert picture_planes(made).full_range
    assert picture_planes(made).cosited_x
    assert not picture_planes(made).cosited_y


def test_writing_leaves_the_decoders_samples_alone() -> None:
    frame = frame_of("yuv420p")
    decoded = frame.planes()
    kept = decoded.y.copy()
    assert not frame.touched
    written = frame.writable_planes()
    assert frame.touched
    np.testing.assert_array_equal(written.y, kept)
    written.y[:] = 99
    assert frame.writable_planes() is written
    assert frame.planes() is written
    np.testing.assert_array_equal(decoded.y, kept)
    np.testing.assert_array_equal(frame.decoded_planes().y, kept)
    assert {*picture_planes(frame.picture).y.flat} == {99}


def test_a_writable_copy_carries_all_that_the_picture_did() -> None:
    made = picture(0, 64, 48, "yuv420p")
    made.pts, made.time_base, made.duration = 42, Fraction(1, 90_000), 3600
    made.colorspace, made.color_range, made.color_primaries, made.color_trc = 1, 2, 9, 16
    frame = Frame(made, 0, 42, Fraction(1, 90_000), 3600)
    frame.writable_planes()
    copy = frame.picture
    assert (copy.pts, copy.time_base, copy.duration) == (42, Fraction(1, 90_000), 3600)
    assert (copy.colorspace, copy.color_range, copy.color_primaries, copy.color_trc) == (1, 2, 9, 16)


def test_views_outlive_the_copy() -> None:
    # Were the decoder's buffer let go of when the copy is made, these would read freed memory.
    frames = [frame_of("yuv420p", 640, 480) for _ in range(20)]
    kept = [(frame, frame.planes(), frame.planes().y.copy()) for frame in frames]
    for frame in frames:
        frame.writable_planes().y[:] = 0
    for _, planes, samples in kept:
        np.testing.assert_array_equal(planes.y, samples)


def test_time_is_in_seconds() -> None:
    assert replace(frame_of("yuv420p"), pts=-1001, time_base=Fraction(1, 30_000)).time == -1001 / 30_000


@pytest.mark.parametrize(
    ("name", "viewable"),
    [
        ("yuv420p", "yuv420p"),
        ("p010le", "p010le"),
        ("yuyv422", "yuv422p"),
        ("uyvy422", "yuv422p"),
        ("yuva420p", "yuv420p"),
        ("yuva444p10le", "yuv444p10le"),
        ("yuv420p10be", "yuv420p10le"),
        ("y210le", "yuv422p10le"),
        ("rgb24", "yuv444p"),
        ("gbrp10le", "yuv444p10le"),
        ("rgb48le", "yuv444p16le"),
        ("gray", "yuv420p"),
        ("gray10le", "yuv420p10le"),
        ("pal8", "yuv444p"),
        ("ya8", "yuv420p"),
        ("monob", "yuv420p"),
        ("yuv411p", "yuv444p"),
        ("yuv440p", "yuv444p"),
    ],
)
def test_other_formats_become_the_nearest_one_with_planes(name: str, viewable: str) -> None:
    assert viewable_format(name) == viewable
    assert plane_layout(viewable) is not None


@pytest.mark.parametrize(
    ("wanted", "offered", "odd", "expected"),
    [
        ("yuv420p", ["yuv444p", "yuv422p"], (False, False), "yuv422p"),
        ("yuv420p", ["yuv420p", "yuv422p", "yuv444p"], (False, True), "yuv422p"),
        ("yuv420p", ["yuv420p", "yuv422p", "yuv444p"], (True, False), "yuv444p"),
        ("yuv420p10le", ["yuv420p", "yuv444p16le"], (False, False), "yuv444p16le"),
        ("yuv444p", ["yuv420p", "yuv422p"], (False, False), "yuv422p"),
        ("p010le", ["yuv420p", "yuv420p16le", "yuv420p10le"], (False, False), "yuv420p10le"),
        ("nv12", ["nv12", "yuv420p"], (False, False), "nv12"),
        ("yuvj420p", ["yuv420p", "yuvj420p"], (False, False), "yuvj420p"),
        ("yuv420p", ["bgr24"], (False, False), None),
    ],
)
def test_the_encoders_format_loses_least(
    wanted: str, offered: list[str], odd: tuple[bool, bool], expected: str | None
) -> None:
    assert nearest_format(wanted, offered, odd) == expected
