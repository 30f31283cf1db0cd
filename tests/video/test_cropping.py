"""What Matroska hides at the sides of a picture stays hidden."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_unmask.video.cropping import Cropper, Cropping, file_cropping
from stream_unmask.video.formats import plane_layout
from stream_unmask.video.frame import picture_planes
from tests.video.making import LOSSLESS, Recipe, make_video, pass_through, picture, read

VIDEO = b"\xe0"


def element(number: bytes, content: bytes) -> bytes:
    return number + (len(content) | 1 << 28).to_bytes(4, "big") + content


def with_cropping(path: Path, left: int, top: int, right: int, bottom: int) -> Path:
    """A Matroska file whose header asks for cropping, put together anew up to its tracks."""
    numbers = (b"\x54\xcc", b"\x54\xbb", b"\x54\xdd", b"\x54\xaa")
    crop = b"".join(
        element(number, side.to_bytes(2, "big"))
        for number, side in zip(numbers, (left, top, right, bottom), strict=True)
    )
    video = element(VIDEO, element(b"\xb0", b"\x40") + crop)
    track = element(b"\xae", element(b"\xd7", b"\x01") + video)
    head = element(b"\x1a\x45\xdf\xa3", b"")
    path.write_bytes(head + b"\x18\x53\x80\x67" + b"\x01" + b"\xff" * 7 + element(b"\x16\x54\xae\x6b", track))
    return path


def test_what_the_header_asks_for_is_found(tmp_path: Path) -> None:
    path = with_cropping(tmp_path / "a.mkv", 40, 20, 41, 300)
    assert file_cropping(path, 0) == Cropping(40, 20, 41, 300)
    assert not file_cropping(path, 1)


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_without_a_word_of_it_nothing_is_cropped(tmp_path: Path, name: str) -> None:
    recipe = Recipe(time_base=Fraction(1, 1000), pts=range(0, 400, 40))
    assert not file_cropping(make_video(tmp_path / name, recipe), 0)


@given(st.binary(max_size=200))
def test_any_header_is_survived(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.mkv"
    path.write_bytes(b"\x1a\x45\xdf\xa3" + data)
    assert isinstance(file_cropping(path, 0), Cropping)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le", "nv12", "yuv444p"])
def test_the_right_samples_stay(pixel_format: str) -> None:
    whole = picture(1, 64, 48, pixel_format)
    layout = plane_layout(pixel_format)
    assert layout is not None
    part, before = picture_planes(Cropper(Cropping(8, 4, 6, 2)).crop(whole)), picture_planes(whole)
    np.testing.assert_array_equal(part.y, before.y[4:46, 8:58])
    x, y = layout.shifts
    np.testing.assert_array_equal(part.u, before.u[4 >> y : 46 >> y, 8 >> x : 58 >> x])
    np.testing.assert_array_equal(part.v, before.v[4 >> y : 46 >> y, 8 >> x : 58 >> x])


def test_a_cropped_video_is_written_as_it_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe(time_base=Fraction(1, 1000), pts=range(0, 400, 40))
    source = make_video(tmp_path / "in.mkv", replace(recipe, rotation=90))
    whole = read(source)
    monkeypatch.setattr(
        "stream_unmask.video.container.file_cropping", lambda path, track: Cropping(8, 4, 6, 2)
    )
    assert (read(source).info.width, read(source).info.height) == (50, 42)
    pass_through(source, tmp_path / "out.mkv", LOSSLESS)
    monkeypatch.undo()
    after = read(tmp_path / "out.mkv")
    assert after.pts == whole.pts
    assert after.info.rotation == whole.info.rotation == 270
    np.testing.assert_array_equal(after.pictures[3][0], whole.pictures[3][0][4:46, 8:58])
