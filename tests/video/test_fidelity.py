"""What is not drawn into leaves as it came; what the picture means stays with it."""

from __future__ import annotations

import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from stream_unmask.output.checking import Told, Written, check_written
from stream_unmask.output.codecs import EncoderSettings
from stream_unmask.video.frame import Frame
from tests.video.making import FAST, LOSSLESS, Reading, Recipe, make_video, pass_through, read


def assert_same_pictures(before: Reading, after: Reading) -> None:
    assert len(before.pictures) == len(after.pictures)
    for one, other in zip(before.pictures, after.pictures, strict=True):
        for plane, copied in zip(one, other, strict=True):
            np.testing.assert_array_equal(plane, copied)


@pytest.mark.parametrize(
    ("codec", "pixel_format"),
    [
        ("libx264", "yuv420p"),
        ("libx264", "yuv422p"),
        ("libx264", "yuv444p"),
        ("libx264", "yuv420p10le"),
        ("libx265", "yuv420p10le"),
        ("ffv1", "yuv422p12le"),
        ("ffv1", "yuv444p16le"),
        ("mjpeg", "yuvj420p"),
        ("rawvideo", "nv12"),
        ("rawvideo", "nv21"),
        ("rawvideo", "yuyv422"),
        ("rawvideo", "gray"),
    ],
)
def test_a_lossless_codec_gives_back_every_sample(tmp_path: Path, codec: str, pixel_format: str) -> None:
    options = {"x265-params": "log-level=error"} if codec == "libx265" else {}
    recipe = Recipe(
        codec=codec, pixel_format=pixel_format, options=options, time_base=Fraction(1, 25), pts=range(8)
    )
    source = make_video(tmp_path / ("in.nut" if codec == "rawvideo" else "in.mkv"), recipe)
    pass_through(source, tmp_path / "out.mkv", LOSSLESS)
    before, after = read(source), read(tmp_path / "out.mkv")
    assert_same_pictures(before, after)


def test_only_what_is_drawn_into_changes(clip: Path, tmp_path: Path) -> None:
    def draw(frame: Frame) -> Frame:
        if frame.index % 3 == 0:
            planes = frame.writable_planes()
            planes.y[10:20, 8:30] = 200
            planes.v[5:10, 4:15] = 30
        return frame

    pass_through(clip, tmp_path / "out.mkv", LOSSLESS, change=draw)
    before, after = read(clip), read(tmp_path / "out.mkv")
    for index, picture in enumerate(before.pictures):
        if index % 3 == 0:
            picture[0][10:20, 8:30] = 200
            picture[2][5:10, 4:15] = 30
    assert_same_pictures(before, after)


@pytest.mark.parametrize(
    ("name", "pixel_format", "written"),
    [
        ("libx264", "yuv420p", "yuv420p"),
        ("libx264", "yuv420p10le", "yuv420p10le"),
        ("libx264", "yuv422p10le", "yuv422p10le"),
        ("libx265", "yuv420p10le", "yuv420p10le"),
        ("libvpx-vp9", "yuv422p", "yuv422p"),
        ("libsvtav1", "yuv420p10le", "yuv420p10le"),
        ("mpeg4", "yuv444p", "yuv420p"),
        ("libx264", "yuv420p12le", "yuv420p10le"),
    ],
)
def test_the_nearest_pixel_format_is_written(
    tmp_path: Path, name: str, pixel_format: str, written: str
) -> None:
    recipe = Recipe(
        codec="ffv1", pixel_format=pixel_format, options={}, time_base=Fraction(1, 25), pts=range(3)
    )
    source = make_video(tmp_path / "in.mkv", recipe)
    pass_through(source, tmp_path / "out.mkv", EncoderSettings(name))
    assert read(tmp_path / "out.mkv").info.pixel_format == written


def test_deep_video_stays_deep_in_webm(tmp_path: Path) -> None:
    recipe = Recipe(
        codec="ffv1", pixel_format="yuv420p10le", options={}, time_base=Fraction(1, 25), pts=range(3)
    )
    source = make_video(tmp_path / "in.mkv", recipe)
    sink = pass_through(source, tmp_path / "out.webm", EncoderSettings())
    after = read(tmp_path / "out.webm").info
    assert (after.codec, after.pixel_format) == ("libdav1d", "yuv420p10le")
    assert sink.warnings == []


@pytest.mark.parametrize(
    ("recipe", "codec", "expected"),
    [
        (Recipe(65, 48), "libx264", "written as yuv444p, which not every player shows"),
        (Recipe(pixel_format="yuv420p10le"), "libvpx-vp9", "written as yuv420p."),
        (Recipe(), "libx264", None),
    ],
)
def test_a_pixel_format_that_had_to_change_is_said(
    tmp_path: Path, recipe: Recipe, codec: str, expected: str | None
) -> None:
    lossless = replace(recipe, codec="ffv1", options={}, time_base=Fraction(1, 25), pts=range(3))
    source = make_video(tmp_path / "in.mkv", lossless)
    sink = pass_through(source, tmp_path / "out.mkv", EncoderSettings(codec))
    assert len(sink.warnings) == (expected is not None)
    assert all(expected in warning for warning in sink.warnings if expected)


@pytest.mark.parametrize("size", [(65, 48), (64, 49), (65, 49)])
@pytest.mark.parametrize(
    ("suffix", "codec"), [("mp4", "libx264"), ("mp4", "libx265"), ("webm", None), ("mkv", "ffv1")]
)
def test_odd_sizes_stay_odd(tmp_path: Path, size: tuple[int, int], suffix: str, codec: str | None) -> None:
    width, height = size
    recipe = Recipe(width, height, range(4), Fraction(1, 25), codec="ffv1", options={})
    source = make_video(tmp_path / "in.mkv", recipe)
    pass_through(source, tmp_path / f"out.{suffix}", EncoderSettings(codec))
    before, after = read(source), read(tmp_path / f"out.{suffix}")
    assert (after.info.width, after.info.height) == size
    difference = before.pictures[2][0].astype(int) - after.pictures[2][0]
    assert np.abs(difference).mean() < 4


@pytest.mark.parametrize("degrees", [90, 180, -90])
@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_rotation_is_kept_as_metadata(tmp_path: Path, degrees: int, suffix: str) -> None:
    source = make_video(tmp_path / f"in.{suffix}", Recipe(rotation=degrees))
    pass_through(source, tmp_path / f"out.{suffix}")
    before, after = read(source).info, read(tmp_path / f"out.{suffix}").info
    assert before.rotation == after.rotation == -degrees % 360
    assert after.display_matrix == before.display_matrix
    assert (after.width, after.height) == (64, 48)


def test_a_container_without_rotation_says_so(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", Recipe(rotation=90))
    sink = pass_through(source, tmp_path / "out.avi")
    assert any("to be turned" in warning for warning in sink.warnings)


def mirrored(path: Path) -> Path:
    """The same video, to be shown as a mirror would."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    data[at : at + 36] = struct.pack(">9i", -65536, 0, 0, 0, 65536, 0, 64 * 65536, 0, 1 << 30)
    path.write_bytes(data)
    return path


def test_a_mirrored_video_stays_mirrored(tmp_path: Path) -> None:
    source = mirrored(make_video(tmp_path / "in.mp4", Recipe()))
    matrix = read(source).info.display_matrix
    assert matrix is not None
    assert matrix[0] < 0 < matrix[4]
    for suffix in ("mp4", "mkv"):
        assert pass_through(source, tmp_path / f"out.{suffix}").warnings == []
        kept = read(tmp_path / f"out.{suffix}").info.display_matrix
        assert kept is not None
        assert (kept[0], kept[4]) == (matrix[0], matrix[4])
    sink = pass_through(source, tmp_path / "out.ts")
    assert any("to be turned" in warning for warning in sink.warnings)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_sample_aspect_and_colour_tags_are_kept(tmp_path: Path, suffix: str) -> None:
    recipe = Recipe(sample_aspect=Fraction(4, 3), colours=(9, 16, 9, 1), pixel_format="yuv420p10le")
    source = make_video(tmp_path / "in.mp4", recipe)
    pass_through(source, tmp_path / f"out.{suffix}")
    before, after = read(source).info, read(tmp_path / f"out.{suffix}").info
    assert after.sample_aspect == Fraction(4, 3)
    assert before.colours == after.colours
    assert after.colours.hdr


HDR10 = (
    "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    ":max-cll=1000,400:hdr10=1:log-level=error"
)


@pytest.mark.parametrize("codec", ["libx264", "libx265", None])
def test_hdr10_metadata_is_kept(tmp_path: Path, codec: str) -> None:
    recipe = Recipe(
        codec="libx265", pixel_format="yuv420p10le", colours=(9, 16, 9, 1), options={"x265-params": HDR10}
    )
    source = make_video(tmp_path / "in.mp4", recipe)
    pass_through(source, tmp_path / "out.mp4", EncoderSettings(codec))
    before, after = read(source).info, read(tmp_path / "out.mp4").info
    assert before.mastering_display is not None
    assert after.mastering_display == before.mastering_display
    assert after.content_light == before.content_light


def test_full_range_video_stays_full_range(tmp_path: Path) -> None:
    recipe = Recipe(
        codec="mjpeg", pixel_format="yuvj420p", options={}, time_base=Fraction(1, 25), pts=range(5)
    )
    source = make_video(tmp_path / "in.avi", recipe)
    pass_through(source, tmp_path / "out.mp4", EncoderSettings("libx264", 10))
    pass_through(source, tmp_path / "out.webm", EncoderSettings(quality=10))
    before = read(source)
    for name in ("out.mp4", "out.webm"):
        after = read(tmp_path / name)
        assert after.info.colours.range == 2
        assert abs(float(after.pictures[1][0].mean()) - float(before.pictures[1][0].mean())) < 2


def test_rgb_is_converted_once_and_tagged(tmp_path: Path) -> None:
    recipe = Recipe(codec="ffv1", pixel_format="bgr0", options={}, time_base=Fraction(1, 25), pts=range(3))
    source = make_video(tmp_path / "in.mkv", recipe)
    before = read(source)
    assert (before.info.pixel_format, before.info.decoded_format) == ("yuv444p", "bgr0")
    assert before.info.colours.matrix == 5
    pass_through(source, tmp_path / "out.mp4", EncoderSettings("libx264", 1))
    with av.open(str(source)) as one, av.open(str(tmp_path / "out.mp4")) as other:
        first: Any = next(one.decode(video=0)).to_ndarray(format="rgb24")
        second: Any = next(other.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(first.astype(int) - second).mean() < 2


def test_the_source_does_not_choose_the_frame_types(tmp_path: Path) -> None:
    # Every frame of the source is a key frame; an encoder that took that for an order would repeat it.
    source = make_video(tmp_path / "in.mp4", Recipe(options={"preset": "ultrafast", "g": "1"}))
    pass_through(source, tmp_path / "out.mp4", FAST)
    with av.open(str(tmp_path / "out.mp4")) as after:
        keys = [packet.is_keyframe for packet in after.demux(video=0) if packet.size]
    assert keys == [True] + [False] * 9


def test_a_copy_of_the_frame_object_still_encodes(clip: Path, tmp_path: Path) -> None:
    pass_through(clip, tmp_path / "out.mkv", LOSSLESS, change=lambda frame: replace(frame))
    assert_same_pictures(read(clip), read(tmp_path / "out.mkv"))


INTERLACED = {"flags": "+ildct+ilme"}


@pytest.mark.parametrize(("order", "field_order"), [("tff", 2), ("bff", 3)])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le"])
def test_interlaced_video_stays_interlaced(
    tmp_path: Path, order: str, field_order: int, pixel_format: str
) -> None:
    recipe = Recipe(options=INTERLACED | {"x264-params": f"{order}=1"}, pixel_format=pixel_format)
    source = make_video(tmp_path / "in.mp4", recipe)
    assert read(source).info.interlaced
    sink = pass_through(source, tmp_path / "out.mp4", EncoderSettings())
    after = read(tmp_path / "out.mp4").info
    assert (after.interlaced, after.field_order, after.pixel_format) == (True, field_order, pixel_format)
    assert not any("interlaced" in warning for warning in sink.warnings)


@pytest.mark.parametrize(("name", "codec"), [("out.mp4", "libx265"), ("out.webm", "libvpx-vp9")])
def test_fields_that_an_encoder_does_not_know_are_said(tmp_path: Path, name: str, codec: str) -> None:
    source = make_video(tmp_path / "in.mp4", Recipe(options=INTERLACED | {"x264-params": "tff=1"}))
    sink = pass_through(source, tmp_path / name, EncoderSettings(codec))
    assert any("interlaced" in warning for warning in sink.warnings)


@pytest.mark.parametrize(
    ("codec", "pixel_format", "suffix"), [("rawvideo", "gray", "nut"), ("gif", "rgb8", "gif")]
)
def test_gray_and_a_palettes_few_colours_are_written_as_every_player_shows_them(
    tmp_path: Path, codec: str, pixel_format: str, suffix: str
) -> None:
    recipe = Recipe(codec=codec, pixel_format=pixel_format, options={}, pts=range(3), rate=Fraction(25))
    source = make_video(tmp_path / f"in.{suffix}", replace(recipe, time_base=Fraction(1, 100), pts=(0, 4, 8)))
    sink = pass_through(source, tmp_path / "out.mp4")
    assert "420p" in read(tmp_path / "out.mp4").info.pixel_format
    assert sink.warnings == []


def test_rgb_keeps_its_colours_and_that_few_show_them_is_said(tmp_path: Path) -> None:
    recipe = Recipe(codec="ffv1", pixel_format="bgr0", options={}, time_base=Fraction(1, 25), pts=range(3))
    sink = pass_through(make_video(tmp_path / "in.mkv", recipe), tmp_path / "out.mp4")
    (warning,) = sink.warnings
    assert "yuv444p, which not every player shows" in warning


@pytest.mark.parametrize(("opaque", "said"), [(True, 0), (False, 1)])
@pytest.mark.parametrize("pixel_format", ["bgra", "yuva444p"])
def test_transparency_that_is_lost_is_said_and_none_is_not(
    tmp_path: Path, pixel_format: str, opaque: bool, said: int
) -> None:
    path = tmp_path / "in.mkv"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixel_format
        pixels = np.full((48, 64, 4), 255, np.uint8)
        pixels[:8, :8, 3] = 255 if opaque else 0
        frame = av.VideoFrame.from_ndarray(pixels, "rgba")
        for pts in range(3):
            frame.pts = pts
            container.mux(stream.encode(frame.reformat(format=pixel_format)))
        container.mux(stream.encode(None))
    warnings = read(path).problems.warnings
    assert len(warnings) == said
    assert all("transparen" in warning for warning in warnings)


@pytest.mark.parametrize(("width", "height"), [(128, 96), (64, 96), (100, 48), (31, 17)])
def test_a_size_that_changes_is_fitted_in_undistorted_and_said(
    clip: Path, tmp_path: Path, width: int, height: int
) -> None:
    def change(frame: Frame) -> Frame:
        if frame.index < 5:
            return frame
        changed = av.VideoFrame(width, height, "yuv420p")
        planes = replace(frame, picture=changed).writable_planes()
        planes.y[:], planes.u[:], planes.v[:] = 200, 90, 160
        changed.pts, changed.time_base = frame.pts, frame.time_base
        return replace(frame, picture=changed)

    sink = pass_through(clip, tmp_path / "out.mkv", LOSSLESS, change=change)
    (warning,) = sink.warnings
    assert f"size changes to {width}x{height}" in warning
    after = read(tmp_path / "out.mkv")
    bright = after.pictures[7][0] > 100
    rows, columns = np.nonzero(bright)
    tall, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert bright[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].all()
    assert abs(wide / tall - width / height) < 0.15 * width / height
    assert tall == 48 or wide == 64
    assert (after.pictures[7][0][~bright] == 16).all()


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "avi", "flv", "nut", "3gp", "ts"])
def test_the_label_is_in_every_container(tmp_path: Path, suffix: str) -> None:
    source = make_video(tmp_path / "in.mp4", Recipe(width=176, height=144))
    settings = EncoderSettings("libvpx") if suffix == "webm" else EncoderSettings()
    label = {"comment": "This is made up."}
    sink = pass_through(source, tmp_path / f"out.{suffix}", settings, metadata=label)
    assert sink.warnings == []
    assert b"This is made up." in (tmp_path / f"out.{suffix}").read_bytes()


def test_a_container_without_room_for_the_label_is_said(clip: Path) -> None:
    with av.open(str(clip)) as container:
        written = {0: Written("video", 10, Fraction(0), Fraction(9, 25))}
        assert container.metadata.get("comment") is None
    (sentence,) = check_written(clip, written, Told("This is made up."))
    assert "no room for the label" in sentence


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_the_files_own_comment_stays_beside_the_label(tmp_path: Path, suffix: str) -> None:
    recipe = Recipe(metadata={"comment": "https://example.org/1"})
    recipe = replace(recipe, time_base=Fraction(1, 1000), pts=range(0, 400, 40))
    source = make_video(tmp_path / f"in.{suffix}", recipe)
    for before, after in ((source, "out"), (tmp_path / f"out.{suffix}", "again")):
        pass_through(before, tmp_path / f"{after}.{suffix}", metadata={"comment": "made up"})
        tags = {k.lower(): v for k, v in read(tmp_path / f"{after}.{suffix}").info.metadata.items()}
        assert tags["comment"] == "made up\nhttps://example.org/1"


def test_sound_that_was_trimmed_away_does_not_come_back(tmp_path: Path) -> None:
    recipe = Recipe(pts=range(0, 50 * 512, 512), sounds=("eng",), sound_start=-48_000)
    source = make_video(tmp_path / "in.mp4", recipe)
    before = read(source)
    assert before.packet_times[1][0] < Fraction(-9, 10)
    pass_through(source, tmp_path / "out.mkv")
    after = read(tmp_path / "out.mkv")
    assert after.times[0] - after.packet_times[1][0] < Fraction(1, 5)
    assert after.packets[1] == before.packets[1][-len(after.packets[1]) :]


def hdr10_video(folder: Path) -> Path:
    recipe = Recipe(128, 128, codec="libx265", pixel_format="yuv420p10le", colours=(9, 16, 9, 1))
    return make_video(folder / "hdr.mp4", replace(recipe, options={"x265-params": HDR10}))


def test_hdr10_metadata_is_kept_in_webm_to_the_precision_of_av1(tmp_path: Path) -> None:
    source = hdr10_video(tmp_path)
    sink = pass_through(source, tmp_path / "out.webm", EncoderSettings())
    before, after = read(source).info, read(tmp_path / "out.webm").info
    assert sink.warnings == []
    assert after.content_light == before.content_light
    assert before.mastering_display is not None
    assert after.mastering_display is not None
    both = before.mastering_display, after.mastering_display
    one, other = (struct.unpack("=20i2i", data) for data in both)
    for index in range(0, 20, 2):
        expected = pytest.approx(one[index] / one[index + 1], rel=1e-2, abs=1e-4)
        assert other[index] / other[index + 1] == expected


def test_hdr10_metadata_that_an_encoder_cannot_be_told_is_said(tmp_path: Path) -> None:
    sink = pass_through(hdr10_video(tmp_path), tmp_path / "out.mkv", EncoderSettings("ffv1"))
    (warning,) = sink.warnings
    assert "HDR" in warning


@pytest.mark.parametrize(("pixel_format", "codec"), [("yuv420p10le", "hevc"), ("yuv420p", "h264")])
def test_more_than_eight_bits_are_written_as_what_phones_show(
    tmp_path: Path, pixel_format: str, codec: str
) -> None:
    recipe = Recipe(codec="ffv1", pixel_format=pixel_format, options={}, pts=range(3))
    source = make_video(tmp_path / "in.mkv", replace(recipe, time_base=Fraction(1, 25)))
    pass_through(source, tmp_path / "out.mp4", EncoderSettings())
    after = read(tmp_path / "out.mp4").info
    assert (after.codec, after.pixel_format) == (codec, pixel_format)
