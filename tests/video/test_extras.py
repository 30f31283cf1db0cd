"""Side by side, the watermark, names and addresses."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stream_unmask.errors import UnmaskError
from stream_unmask.output.compare import side_by_side
from stream_unmask.output.watermark import Watermark
from stream_unmask.video.files import is_address, list_media, output_name, redact
from stream_unmask.video.frame import Frame
from tests.video.making import LOSSLESS, Recipe, make_video, pass_through, picture, read


def frame_of(pixel_format: str, width: int = 64, height: int = 48) -> Frame:
    return Frame(picture(3, width, height, pixel_format), 3, 7, Fraction(1, 25), 1)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p", "nv12", "yuv420p10le", "p010le"])
def test_side_by_side_copies_every_sample(pixel_format: str) -> None:
    frame = frame_of(pixel_format)
    before = [plane.copy() for plane in (frame.planes().y, frame.planes().u, frame.planes().v)]
    written = frame.writable_planes()
    written.y[5:9, 5:9] = 3
    written.u[2:4, 2:4] = 4
    joined = side_by_side(frame)
    assert (joined.picture.width, joined.picture.height) == (128, 48)
    assert (joined.pts, joined.duration, joined.index) == (7, 1, 3)
    planes = joined.planes()
    after = (written.y, written.u, written.v)
    for plane, left, right in zip((planes.y, planes.u, planes.v), before, after, strict=True):
        np.testing.assert_array_equal(plane, np.hstack([left, right]))


def test_side_by_side_of_odd_widths_keeps_all_luma() -> None:
    frame = frame_of("yuv420p", 65, 49)
    planes = side_by_side(frame).planes()
    np.testing.assert_array_equal(planes.y, np.hstack([frame.planes().y] * 2))
    assert planes.u.shape == (25, 65)
    np.testing.assert_array_equal(planes.u[:, :33], frame.planes().u)
    np.testing.assert_array_equal(planes.u[:, 33:], frame.planes().u[:, 1:])


def test_side_by_side_is_written_at_twice_the_width(tmp_path: Path) -> None:
    source = make_video(
        tmp_path / "in.mkv", Recipe(65, 48, range(3), Fraction(1, 25), codec="ffv1", options={})
    )
    pass_through(source, tmp_path / "out.mkv", LOSSLESS, change=side_by_side, width_factor=2)
    before, after = read(source), read(tmp_path / "out.mkv")
    assert (after.info.width, after.info.height) == (130, 48)
    np.testing.assert_array_equal(after.pictures[1][0], np.hstack([before.pictures[1][0]] * 2))


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p", "yuv420p10le", "nv12"])
@pytest.mark.parametrize("size", [(320, 180), (181, 321), (40, 20)])
def test_the_watermark_lies_in_the_corner_and_nowhere_else(
    size: tuple[int, int], pixel_format: str, rotation: int
) -> None:
    width, height = size
    frame = frame_of(pixel_format, width, height)
    before = frame.planes()
    Watermark(rotation).draw(frame)
    changed = np.rot90(before.y != frame.planes().y, -rotation // 90)
    rows, columns = np.nonzero(changed)
    assert len(rows) > 60
    assert changed[rows.min() :, columns.min() :].mean() > 0.15
    assert columns.mean() > changed.shape[1] / 2 or min(size) < 100
    assert rows.mean() > changed.shape[0] / 2 or min(size) < 100
    if min(size) > 100:
        assert rows.min() > changed.shape[0] * 0.8
        assert columns.min() > changed.shape[1] * 0.2
    rows, columns = np.nonzero(before.u != frame.planes().u)
    assert len(rows) < before.u.size * 0.4


def test_the_watermark_can_be_read_on_black_and_on_white() -> None:
    for level in (16, 235):
        frame = frame_of("yuv420p", 640, 360)
        planes = frame.writable_planes()
        planes.y[:], planes.u[:], planes.v[:] = level, 60, 200
        Watermark().draw(frame)
        corner = frame.planes().y[300:, 400:].astype(int)
        assert corner.max() - corner.min() > 100
        assert abs(int(frame.planes().u[150:, 200:].max()) - 128) < 12


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("rtsp://admin:p@ss@cam.local:554/live", "rtsp://***@cam.local:554/live"),
        ("rtsp://cam.local/live", "rtsp://cam.local/live"),
        ("http://cam/video?user=a&password=b&x=1", "http://cam/video?user=a&password=***&x=1"),
        ("/videos/a@b.mp4", "/videos/a@b.mp4"),
        ("webcam:0", "webcam:0"),
    ],
)
def test_addresses_are_shown_without_secrets(uri: str, shown: str) -> None:
    assert redact(uri) == shown


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("rtsp://cam/a", True),
        ("webcam:0", True),
        ("clip.mp4", False),
        ("a:b.mp4", False),
        ("/dev/null", True),
    ],
)
def test_addresses_are_told_from_files(uri: str, expected: bool) -> None:
    assert is_address(uri) is expected


def test_a_folder_lists_its_media_in_order(tmp_path: Path) -> None:
    for name in ("b.MP4", "a.jpg", "notes.txt", ".hidden.mp4", "ü c.mkv"):
        (tmp_path / name).touch()
    (tmp_path / "deeper.mp4").mkdir()
    assert [path.name for path in list_media(tmp_path)] == ["a.jpg", "b.MP4", "ü c.mkv"]


def test_a_folder_without_media_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UnmaskError, match="no video or picture"):
        list_media(tmp_path)
    with pytest.raises(UnmaskError, match="no folder"):
        list_media(tmp_path / "none")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.mp4", "a.mp4"), ("a.PNG", "a.PNG"), ("a.gif", "a.gif.mp4"), ("b.wmv", "b.wmv.mp4")],
)
def test_outputs_are_called_what_can_be_written(name: str, expected: str) -> None:
    assert output_name(Path(name)) == expected
