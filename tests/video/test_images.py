"""Pictures: upright, in all depths, untouched where nothing was drawn."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stream_unmask.errors import UnmaskError
from stream_unmask.output.pictures import write_image
from stream_unmask.video.images import Image, as_frame, paste_back, read_image

# The header of an ICC profile (ICC.1:2022, 7.2) without a single tag, and something to make it long enough.
PROFILE = (
    struct.pack(">I4sI4s4s4s", 388, bytes(4), 0x04000000, b"mntr", b"RGB ", b"XYZ ")
    + bytes(12)
    + b"acsp"
    + bytes(28)
    + struct.pack(">III", 0xF6D6, 0x10000, 0xD32D)
    + bytes(52)
    + bytes(range(256))
)


def pixels(channels: int = 3, depth: type = np.uint8) -> NDArray[Any]:
    return np.random.default_rng(5).integers(0, np.iinfo(depth).max + 1, (37, 51, channels)).astype(depth)


@pytest.mark.parametrize("name", ["a.png", "ünï côde.png", "a.tiff", "a.bmp", "a.PNG"])
def test_lossless_pictures_come_back_as_they_were(tmp_path: Path, name: str) -> None:
    original = pixels()
    assert write_image(tmp_path / name, original) == tmp_path / name
    np.testing.assert_array_equal(read_image(tmp_path / name).pixels, original)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.png", "a.tiff"])
@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bits_and_alpha_are_kept(tmp_path: Path, name: str, channels: int) -> None:
    original = pixels(channels, np.uint16)
    write_image(tmp_path / name, original)
    read = read_image(tmp_path / name).pixels
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read, original)


def test_formats_without_alpha_or_depth_get_what_they_can_hold(tmp_path: Path) -> None:
    flat = np.full((16, 16, 4), 0x8080, np.uint16)
    write_image(tmp_path / "a.jpg", flat)
    read = read_image(tmp_path / "a.jpg").pixels
    assert read.shape == (16, 16, 3)
    assert read.dtype == np.uint8
    assert np.abs(read.astype(int) - 128).max() <= 1


def test_gray_pictures_are_read_as_rgb(tmp_path: Path) -> None:
    gray = pixels(1)[..., 0]
    cv2.imencode(".png", gray)[1].tofile(tmp_path / "gray.png")
    np.testing.assert_array_equal(read_image(tmp_path / "gray.png").pixels, np.dstack([gray] * 3))


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_exif_orientation_is_applied_once(tmp_path: Path, orientation: int) -> None:
    upright = np.zeros((32, 48, 3), np.uint8)
    upright[:16, :24] = (255, 0, 0)
    turns = {1: 0, 3: 2, 6: 1, 8: 3}[orientation]
    stored = np.ascontiguousarray(np.rot90(upright, turns)[..., ::-1])
    tag = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    exif = b"II*\0" + struct.pack("<IH", 8, 1) + tag + struct.pack("<I", 0)
    _, data = cv2.imencodeWithMetadata(
        ".jpg", stored, [cv2.IMAGE_METADATA_EXIF], [np.frombuffer(exif, np.uint8)]
    )
    np.asarray(data).tofile(tmp_path / "turned.jpg")
    read = read_image(tmp_path / "turned.jpg")
    assert read.pixels.shape == (32, 48, 3)
    assert read.pixels[8, 12, 0] > 240
    assert read.pixels[24, 36, 0] < 20
    write_image(tmp_path / "again.jpg", read, comment="made")
    assert read_image(tmp_path / "again.jpg").pixels.shape == (32, 48, 3)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_profile_and_comment_are_written(tmp_path: Path, suffix: str) -> None:
    write_image(
        tmp_path / f"a{suffix}", Image(pixels(), PROFILE), comment="Where a mask was, this is made up."
    )
    assert read_image(tmp_path / f"a{suffix}").profile == PROFILE
    assert b"this is made up" in (tmp_path / f"a{suffix}").read_bytes()


def test_a_broken_profile_does_not_cost_the_picture(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", Image(pixels(), b"no profile" * 40), comment="made")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, pixels())
    assert b"made" in (tmp_path / "a.png").read_bytes()


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [3, 4])
def test_only_changed_pixels_are_converted_back(depth: type, channels: int) -> None:
    image = Image(pixels(channels, depth))
    frame = as_frame(image)
    assert paste_back(image, frame) is image
    planes = frame.writable_planes()
    unit = 1 if depth is np.uint8 else 257
    planes.y[10:20, 10:30] = 150 * unit
    planes.u[10:20, 10:30] = planes.v[10:20, 10:30] = (np.iinfo(depth).max + 1) // 2
    pasted = paste_back(image, frame).pixels
    inside = np.zeros(pasted.shape[:2], bool)
    inside[10:20, 10:30] = True
    np.testing.assert_array_equal(pasted[~inside], image.pixels[~inside])
    assert np.abs(pasted[inside, :3].astype(int) - 150 * unit).max() <= unit
    np.testing.assert_array_equal(pasted[..., 3:], image.pixels[..., 3:])


def test_the_frame_shows_the_colours_of_the_picture() -> None:
    original = pixels()
    back = as_frame(Image(original)).picture.to_ndarray(format="rgb24")
    assert np.abs(back.astype(int) - original).mean() < 1.5


def test_two_pictures_stand_beside_each_other() -> None:
    one, other = Image(pixels(), b"profile"), Image(255 - pixels())
    joined = one.beside(other)
    np.testing.assert_array_equal(joined.pixels, np.hstack([one.pixels, other.pixels]))
    assert joined.profile == b"profile"


@pytest.mark.parametrize("data", [b"", b"no picture at all", b"\xff\xd8\xff\xe0 cut"])
def test_what_is_no_picture_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "bad.jpg").write_bytes(data)
    with pytest.raises(UnmaskError, match=r"bad\.jpg"):
        read_image(tmp_path / "bad.jpg")


def test_missing_pictures_and_bad_outputs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnmaskError, match=r"none\.jpg"):
        read_image(tmp_path / "none.jpg")
    with pytest.raises(UnmaskError, match="xyz"):
        write_image(tmp_path / "a.xyz", pixels())
    write_image(tmp_path / "a.png", pixels())
    with pytest.raises(UnmaskError, match="exists"):
        write_image(tmp_path / "a.png", pixels())
    write_image(tmp_path / "a.png", pixels() // 2, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
