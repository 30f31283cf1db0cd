"""Every picture of a file, in its colours, upright, and with what its file says of the photo."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray
from PIL import ImageCms
from PIL.ExifTags import IFD, Base
from PIL.PngImagePlugin import PngInfo

from stream_unmask.errors import UnmaskError
from stream_unmask.output.pictures import losses, write_image, write_pictures
from stream_unmask.video.headers import PhotoData
from stream_unmask.video.images import Image, read_image
from stream_unmask.video.pictures import Pictures, read_pictures

LABEL = "Where a mask was, this is made up."
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def pixels(seed: int = 5, channels: int = 3) -> NDArray[np.uint8]:
    random = np.random.default_rng(seed).integers(0, 256, (5, 7, channels), np.uint8)
    return np.asarray(cv2.resize(random, (56, 40), interpolation=cv2.INTER_LINEAR), np.uint8)


def photo(path: Path, **options: Any) -> Path:
    """A picture with EXIF as a camera writes it: turned, with place, date and preview-sized claims."""
    exif = PIL.Image.Exif()
    exif[Base.Make], exif[Base.Copyright] = "Canon", "(c) Me"
    exif[Base.ImageDescription] = "At the sea"
    exif[Base.Orientation] = options.pop("orientation", 1)
    exif.get_ifd(IFD.Exif)[Base.DateTimeOriginal] = "2024:05:06 07:08:09"
    exif.get_ifd(IFD.Exif)[Base.ExifImageWidth] = 999
    exif.get_ifd(IFD.GPSInfo)[1] = "N"
    image = PIL.Image.fromarray(options.pop("pixels", pixels()))
    image.save(path, exif=exif.tobytes(), **options)
    return path


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif"])
def test_what_a_photo_says_is_kept_and_labelled(tmp_path: Path, suffix: str) -> None:
    packet = {} if suffix == "tif" else {"xmp": b"<x:xmpmeta/>"}
    source = photo(tmp_path / f"in.{suffix}", dpi=(300, 300), **packet)
    write_image(tmp_path / f"out.{suffix}", read_image(source), comment=LABEL)
    after = PIL.Image.open(tmp_path / f"out.{suffix}")
    exif = after.getexif()
    assert exif[Base.ImageDescription] == f"{LABEL}\nAt the sea"
    assert (exif[Base.Make], exif[Base.Copyright]) == ("Canon", "(c) Me")
    assert Base.Orientation not in exif or exif[Base.Orientation] == 1
    details = exif.get_ifd(IFD.Exif)
    assert details[Base.DateTimeOriginal] == "2024:05:06 07:08:09"
    assert details[Base.ExifImageWidth] == 56
    assert exif.get_ifd(IFD.GPSInfo)[1] == "N"
    if suffix in ("jpg", "png", "tif"):
        assert after.info["dpi"] == pytest.approx((300, 300), abs=0.01)
    if suffix in ("jpg", "webp", "avif"):
        assert after.info["xmp"] == b"<x:xmpmeta/>"


def test_a_photos_comment_and_iptc_are_kept(tmp_path: Path) -> None:
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x0a\x1c\x02\x74\0\x05(c) M"
    segment = b"\xff\xed" + (len(iptc) + 2).to_bytes(2, "big") + iptc
    source = photo(tmp_path / "in.jpg", comment=b"hello", extra=segment)
    write_image(tmp_path / "out.jpg", read_image(source), comment=LABEL)
    data = (tmp_path / "out.jpg").read_bytes()
    assert segment in data
    assert PIL.Image.open(tmp_path / "out.jpg").info["comment"] == b"hello"


def test_the_preview_of_the_masked_face_is_not_kept(tmp_path: Path) -> None:
    source = photo(tmp_path / "in.jpg")
    exif = PIL.Image.open(source).getexif()
    thumbnail = b"\xff\xd8preview\xff\xd9"
    block = exif.tobytes()
    (tmp_path / "with.jpg").write_bytes(source.read_bytes().replace(block, block + thumbnail))
    write_image(tmp_path / "out.jpg", read_image(source), comment=LABEL)
    assert b"preview" not in (tmp_path / "out.jpg").read_bytes()


def test_place_and_camera_can_be_left_out(tmp_path: Path) -> None:
    source = photo(tmp_path / "in.jpg", xmp=b"<x:xmpmeta>Vienna</x:xmpmeta>")
    write_image(tmp_path / "out.jpg", read_image(source), comment=LABEL, private=True)
    after = PIL.Image.open(tmp_path / "out.jpg")
    exif = after.getexif()
    assert Base.Make not in exif
    assert not exif.get_ifd(IFD.GPSInfo)
    assert "xmp" not in after.info
    assert exif[Base.Copyright] == "(c) Me"
    assert exif.get_ifd(IFD.Exif)[Base.DateTimeOriginal] == "2024:05:06 07:08:09"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif"])
def test_every_format_is_turned_upright(tmp_path: Path, suffix: str, orientation: int) -> None:
    upright = np.zeros((32, 48, 4), np.uint8)
    upright[:16, :24] = 255
    upright[..., 3] = 255
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(upright, 3),
    }[orientation]
    stored = np.ascontiguousarray(stored if suffix != "jpg" else stored[..., :3])
    source = photo(tmp_path / f"in.{suffix}", orientation=orientation, pixels=stored)
    read = read_image(source).pixels
    assert read.shape[:2] == (32, 48)
    assert read[8, 12, 0] > 240
    assert max(read[8, 36, 0], read[24, 12, 0], read[24, 36, 0]) < 15
    write_image(tmp_path / "out.png", read_image(source))
    np.testing.assert_array_equal(read_image(tmp_path / "out.png").pixels, read)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_gray_stays_gray_with_its_profile(tmp_path: Path, suffix: str) -> None:
    gray = SRGB[:16] + b"GRAY" + SRGB[20:]
    PIL.Image.fromarray(pixels()[..., 0]).save(tmp_path / f"in.{suffix}", icc_profile=gray)
    image = read_image(tmp_path / f"in.{suffix}")
    assert image.pixels.shape == (40, 56, 3)
    write_image(tmp_path / f"out.{suffix}", image, comment=LABEL)
    after = PIL.Image.open(tmp_path / f"out.{suffix}")
    assert (after.mode, after.info["icc_profile"]) == ("L", gray)
    if suffix != "jpg":
        np.testing.assert_array_equal(np.asarray(after), pixels()[..., 0])


def test_a_profile_of_other_colours_than_the_picture_has_is_dropped(tmp_path: Path) -> None:
    PIL.Image.fromarray(pixels()).save(tmp_path / "in.png", icc_profile=SRGB[:16] + b"CMYK" + SRGB[20:])
    assert read_image(tmp_path / "in.png").profile is None


def test_a_large_profile_is_kept(tmp_path: Path) -> None:
    large = SRGB + bytes(200_000)
    PIL.Image.fromarray(pixels()).save(tmp_path / "in.jpg", icc_profile=large)
    write_image(tmp_path / "out.jpg", read_image(tmp_path / "in.jpg"))
    assert PIL.Image.open(tmp_path / "out.jpg").info["icc_profile"] == large


@pytest.mark.parametrize("mode", ["CMYK", "LAB"])
def test_colours_that_are_no_rgb_become_srgb_and_that_is_said(tmp_path: Path, mode: str) -> None:
    rgb = PIL.Image.fromarray(pixels())
    if mode == "LAB":
        transform = ImageCms.buildTransform(
            ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
        )
        changed = ImageCms.applyTransform(rgb, transform)
        assert changed is not None
        changed.save(
            tmp_path / "in.tif", icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
        )
    else:
        rgb.convert("CMYK").save(tmp_path / "in.tif")
    image = read_image(tmp_path / "in.tif")
    assert np.abs(image.pixels.astype(int) - pixels()).mean() < 3
    assert any(mode in note for note in image.notes)
    write_image(tmp_path / "out.png", image)
    assert b"RGB " in (PIL.Image.open(tmp_path / "out.png").info["icc_profile"])[16:20]


@pytest.mark.parametrize("suffix", ["webp", "png", "avif"])
def test_every_picture_of_an_animation_is_written_with_its_time(tmp_path: Path, suffix: str) -> None:
    frames = [PIL.Image.fromarray(pixels(seed)) for seed in range(4)]
    source = tmp_path / f"in.{suffix}"
    durations = [80, 120, 40, 400]
    frames[0].save(source, save_all=True, append_images=frames[1:], duration=durations, loop=3, quality=95)
    pictures = read_pictures(source)
    assert len(pictures.images) == 4
    write_pictures(tmp_path / f"out.{suffix}", pictures, comment=LABEL)
    again = read_pictures(tmp_path / f"out.{suffix}")
    assert again.durations == pytest.approx(durations)
    assert again.loop == pictures.loop
    for before, after in zip(pictures.images, again.images, strict=True):
        assert np.abs(before.pixels[..., :3].astype(int) - after.pixels[..., :3]).mean() < 8
    assert losses(tmp_path / f"out.{suffix}", pictures) == []
    assert any("first of 4" in sentence for sentence in losses(tmp_path / "out.jpg", pictures))
    write_pictures(tmp_path / "out.jpg", pictures)
    assert len(read_pictures(tmp_path / "out.jpg").images) == 1


def test_every_page_of_a_tiff_is_written(tmp_path: Path) -> None:
    pages = [PIL.Image.fromarray(pixels(seed)[: 40 - seed]) for seed in range(3)]
    pages[0].save(tmp_path / "in.tif", save_all=True, append_images=pages[1:])
    pictures = read_pictures(tmp_path / "in.tif")
    assert [image.pixels.shape[0] for image in pictures.images] == [40, 39, 38]
    write_pictures(tmp_path / "out.tif", pictures, comment=LABEL)
    for before, after in zip(pages, read_pictures(tmp_path / "out.tif").images, strict=True):
        np.testing.assert_array_equal(after.pixels, np.asarray(before))


def test_what_a_format_cannot_hold_is_said() -> None:
    clear = np.zeros((4, 4, 4), np.uint16)
    said = " ".join(losses(Path("a.jpg"), Pictures((Image(clear),))))
    assert "transparent" in said
    assert "8 bits" in said
    assert "label" in " ".join(losses(Path("a.bmp"), Pictures((Image(pixels()),))))
    assert losses(Path("a.png"), Pictures((Image(clear),))) == []


def test_a_heic_is_read_whole_and_written_as_another(tmp_path: Path) -> None:
    heif = pytest.importorskip("pi_heif")
    data = _heic(heif)
    if data is None:
        pytest.skip("no encoder of HEIC is here")
    (tmp_path / "in.heic").write_bytes(data)
    read = read_image(tmp_path / "in.heic").pixels
    assert np.abs(read.astype(int) - pixels()).mean() < 6
    with pytest.raises(UnmaskError, match=r"name it out\.jpg"):
        write_image(tmp_path / "out.heic", read)


def _heic(heif: Any) -> bytes | None:
    file = io.BytesIO()
    try:
        heif.from_pillow(PIL.Image.fromarray(pixels())).save(file, quality=95)
    except (RuntimeError, AttributeError, KeyError, ValueError):
        return None
    return file.getvalue()


def test_a_heic_without_its_reader_says_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    monkeypatch.setattr("stream_unmask.video.images.find_spec", lambda name: None)
    with pytest.raises(UnmaskError, match=r"stream-unmask\[heif\]"):
        read_image(tmp_path / "in.heic")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    # A PNG that claims 60,000 x 60,000 pixels.
    data = bytearray(cv2.imencode(".png", pixels())[1].tobytes())
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    (tmp_path / "bomb.png").write_bytes(data)
    with pytest.raises(UnmaskError, match="too large"):
        read_pictures(tmp_path / "bomb.png")
    # The same where Pillow reads no header, and OpenCV would go on: a chunk that it needs is broken.
    data[29:33] = bytes(4)
    (tmp_path / "bomb.png").write_bytes(data)
    with pytest.raises(UnmaskError, match="too large"):
        read_pictures(tmp_path / "bomb.png")


def test_a_chunk_that_claims_more_than_the_file_has_is_refused(tmp_path: Path) -> None:
    # OpenCV would make four gigabytes of room for it before it looks.
    data = bytearray(cv2.imencode(".png", pixels())[1].tobytes())
    data[33:37] = b"\xff\xff\xff\x0a"
    (tmp_path / "in.png").write_bytes(data)
    with pytest.raises(UnmaskError, match="is not a picture that can be read"):
        read_pictures(tmp_path / "in.png")


def told() -> PIL.Image.Exif:
    exif = PIL.Image.Exif()
    exif[Base.ImageDescription], exif[Base.Make] = "Holidays", "Acme"
    exif.get_ifd(IFD.Exif)[Base.DateTimeOriginal] = "2024:05:06 07:08:09"
    exif.get_ifd(IFD.GPSInfo)[1] = "N"
    return exif


@pytest.mark.parametrize("kind", ["colour", "alpha", "gray"])
def test_a_tiff_of_sixteen_bits_says_what_any_other_says(tmp_path: Path, kind: str) -> None:
    deep = pixels(channels=4 if kind == "alpha" else 3).astype(np.uint16) * 257
    profile = SRGB[:16] + b"GRAY" + SRGB[20:] if kind == "gray" else SRGB
    if kind == "gray":
        deep = np.repeat(deep[..., :1], 3, axis=2)
    photo = PhotoData(told().tobytes().removeprefix(b"Exif\0\0"), b"<x:xmpmeta/>", dpi=(300.0, 240.0))
    image = Image(deep, profile, kind == "gray", photo)
    write_image(tmp_path / "out.tif", image, comment=LABEL)
    back = read_image(tmp_path / "out.tif")
    np.testing.assert_array_equal(back.pixels, deep)
    assert (back.profile, back.gray) == (profile, kind == "gray")
    assert (back.photo.xmp, back.photo.dpi) == (photo.xmp, photo.dpi)
    exif = PIL.Image.Exif()
    exif.load(back.photo.exif)
    assert exif[Base.ImageDescription] == f"{LABEL}\nHolidays"
    assert exif[Base.Make] == "Acme"
    assert exif.get_ifd(IFD.Exif)[Base.DateTimeOriginal] == "2024:05:06 07:08:09"
    assert exif.get_ifd(IFD.GPSInfo)[1] == "N"
    assert losses(tmp_path / "out.tif", Pictures((image,))) == []


def test_every_page_of_sixteen_bits_is_read(tmp_path: Path) -> None:
    pages = [pixels(seed).astype(np.uint16) * 257 for seed in range(3)]
    done, data = cv2.imencodemulti(".tif", [page[..., ::-1] for page in pages])
    assert done
    (tmp_path / "in.tif").write_bytes(data.tobytes())
    for page, found in zip(pages, read_pictures(tmp_path / "in.tif").images, strict=True):
        np.testing.assert_array_equal(found.pixels, page)


def test_a_canvas_that_nothing_fills_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    # A WebP of some bytes with a canvas of 268 million pixels.
    file = io.BytesIO()
    frames = [PIL.Image.fromarray(pixels(seed)) for seed in range(3)]
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:])
    data = bytearray(file.getvalue())
    at = data.index(b"VP8X") + 12
    data[at : at + 6] = (2**14 - 1).to_bytes(3, "little") * 2
    (tmp_path / "in.webp").write_bytes(data)
    with pytest.raises(UnmaskError, match="too large: it claims"):
        read_pictures(tmp_path / "in.webp")


def test_a_photo_that_only_opencv_reads_has_the_same_bounds(tmp_path: Path) -> None:
    deep = np.full((6, 4, 3), 40_000, np.uint16)
    data = bytearray(cv2.imencode(".tif", deep)[1].tobytes())
    (tmp_path / "in.tif").write_bytes(data)
    assert (read_pictures(tmp_path / "in.tif").images[0].pixels == deep).all()
    for tag in (256, 257):  # width and height
        at = data.index(tag.to_bytes(2, "little"), int.from_bytes(data[4:8], "little"))
        data[at : at + 12] = struct.pack("<HHII", tag, 4, 1, 60_000)
    (tmp_path / "in.tif").write_bytes(data)
    with pytest.raises(UnmaskError, match="too large"):
        read_pictures(tmp_path / "in.tif")


def test_what_a_png_says_of_itself_is_kept_or_named(tmp_path: Path) -> None:
    texts = PngInfo()
    texts.add_text("Comment", "[b] at the sea")
    texts.add_itxt("Title", "海")
    PIL.Image.fromarray(pixels()).save(tmp_path / "in.png", pnginfo=texts)
    read = read_pictures(tmp_path / "in.png")
    assert losses(Path("out.png"), read) == []
    write_pictures(tmp_path / "out.png", read, comment=LABEL)
    found = PIL.Image.open(tmp_path / "out.png").info
    assert (found["Comment"], found["Title"]) == ("[b] at the sea", "海")
    assert losses(Path("out.jpg"), read) == ["What the PNG says of itself is not kept: Comment, Title."]
    write_pictures(tmp_path / "private.png", read, comment=LABEL, private=True)
    assert not {"Comment", "Title"} & set(PIL.Image.open(tmp_path / "private.png").info)
    deep = Image(pixels().astype(np.uint16) * 257, photo=read.images[0].photo)
    assert "Comment, Title" in losses(Path("out.png"), Pictures((deep,)))[0]


def test_a_profile_that_libpng_does_not_like_is_nobody_s_concern(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    PIL.Image.fromarray(pixels()[..., 0]).save(tmp_path / "in.png", icc_profile=SRGB)
    np.testing.assert_array_equal(read_image(tmp_path / "in.png").pixels[..., 1], pixels()[..., 0])
    assert capfd.readouterr().err == ""
