"""Groups of pictures that nothing changed are copied, the others encoded, and all of it plays."""

from __future__ import annotations

import asyncio
import base64
import subprocess
from collections.abc import Collection
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from benchmarks.browser import chromium, find_chromium
from engines.parity import psnr
from stream_unmask.errors import OutputError
from stream_unmask.output.codecs import EncoderSettings
from stream_unmask.output.sink import FileSink
from stream_unmask.video.frame import Frame
from stream_unmask.video.source import open_source
from tests.video.making import Recipe, make_video, pass_through, read

GROUP, GROUPS = 10, 5
SQUARE = np.s_[8:24, 16:40]
QUIET = "scenecut=0:log-level=error"

H264 = Recipe(
    pts=range(0, GROUP * GROUPS * 512, 512),
    options={"preset": "faster", "g": str(GROUP), "x264-params": "scenecut=0"},
    container_options={"video_track_timescale": "12800"},
)
HEVC = replace(
    H264,
    codec="libx265",
    options={"preset": "fast", "x265-params": f"keyint={GROUP}:min-keyint={GROUP}:open-gop=0:{QUIET}"},
)
AV1 = replace(H264, codec="libsvtav1", width=64, height=64, options={"preset": "12", "g": str(GROUP)})
BASELINE = replace(H264, options={**H264.options, "profile": "baseline"})
FLAT = replace(H264, options={**H264.options, "bf": "1", "b-pyramid": "none"})
DEEP = replace(H264, pixel_format="yuv422p10le")
UNEVEN = replace(H264, pts=[512 * index + 100 * (index % 3) for index in range(GROUP * GROUPS)])
MATROSKA = replace(H264, time_base=Fraction(1, 1000), pts=range(0, GROUP * GROUPS * 40, 40))

SETTINGS = EncoderSettings(quality=20, threads=1)


class Brush:
    """Draws a square into the pictures of some numbers."""

    def __init__(self, numbers: Collection[int]) -> None:
        self._numbers = numbers

    def __call__(self, frame: Frame) -> Frame:
        if frame.index in self._numbers:
            frame.writable_planes().y[SQUARE] = 1 << (frame.planes().depth - 1)
        return frame


def splice(source: Path, output: Path, numbers: Collection[int], **options: Any) -> FileSink:
    """Draw into some pictures, and copy what that leaves as it is."""
    return pass_through(source, output, SETTINGS, Brush(numbers), copy_untouched=True, **options)


def packets(path: Path) -> list[tuple[int | None, int | None, bytes]]:
    """Times of showing and decoding, and what it is, of each packet of the video."""
    with av.open(path) as container:
        return [(each.pts, each.dts, bytes(each)) for each in container.demux(video=0) if each.size]


@pytest.mark.parametrize(
    ("recipe", "suffix", "into"),
    [
        pytest.param(H264, ".mp4", ".mp4", id="H.264"),
        pytest.param(H264, ".mp4", ".mov", id="H.264 in MOV"),
        pytest.param(MATROSKA, ".mkv", ".mkv", id="H.264 in Matroska"),
        pytest.param(MATROSKA, ".mkv", ".mp4", id="H.264 from Matroska to MP4"),
        pytest.param(BASELINE, ".mp4", ".mp4", id="without B-frames"),
        pytest.param(FLAT, ".mp4", ".mp4", id="without a pyramid"),
        pytest.param(DEEP, ".mp4", ".mp4", id="10 bits"),
        pytest.param(UNEVEN, ".mp4", ".mp4", id="variable"),
        pytest.param(HEVC, ".mp4", ".mp4", id="HEVC"),
        pytest.param(HEVC, ".mp4", ".mkv", id="HEVC to Matroska"),
        pytest.param(AV1, ".mp4", ".mp4", id="AV1"),
        pytest.param(AV1, ".webm", ".webm", id="AV1 in WebM"),
    ],
)
def test_what_is_untouched_is_copied(tmp_path: Path, recipe: Recipe, suffix: str, into: str) -> None:
    source, output = make_video(tmp_path / f"in{suffix}", recipe), tmp_path / f"out{into}"
    sink = splice(source, output, [13, 31])
    assert (sink.frames_written, sink.frames_copied) == (GROUP * GROUPS, 3 * GROUP)
    before, after = read(source), read(output)
    assert after.times == before.times
    for index, (own, found) in enumerate(zip(before.pictures, after.pictures, strict=True)):
        if index // GROUP in (1, 3):
            luma = own[0].copy()
            if index in (13, 31):
                luma[SQUARE] = 1 << (8 * luma.itemsize - 1 if luma.itemsize == 1 else 9)
            peak = 255 if luma.itemsize == 1 else 1023
            assert psnr(found[0].astype(float) - luma, peak) > 30
        else:
            assert all(np.array_equal(a, b) for a, b in zip(own, found, strict=True)), index
    assert after.problems.sentences() == []


@pytest.mark.parametrize("recipe", [H264, AV1], ids=["H.264", "AV1"])
def test_packets_keep_their_bits_and_their_times(tmp_path: Path, recipe: Recipe) -> None:
    source, output = make_video(tmp_path / "in.mp4", recipe), tmp_path / "out.mp4"
    splice(source, output, [25])
    before, after = packets(source), packets(output)
    assert [each[1] for each in after] == [each[1] for each in before]
    assert sorted(each[0] or 0 for each in after) == sorted(each[0] or 0 for each in before)
    copied = [index for index in range(len(before)) if index // GROUP != 2]
    assert [after[index] for index in copied] == [before[index] for index in copied]
    assert after[2 * GROUP] != before[2 * GROUP]


def test_pictures_of_a_group_before_its_first_change_are_encoded_too(tmp_path: Path) -> None:
    source, output = make_video(tmp_path / "in.mp4", replace(H264, sounds=("eng",))), tmp_path / "out.mp4"
    sink = splice(source, output, [19, 20, 49])
    assert sink.frames_copied == 2 * GROUP
    before, after = read(source), read(output)
    assert after.pts == before.pts
    assert after.packets == before.packets
    worst = min(
        psnr(own[0].astype(float) - found[0], 255)
        for index, (own, found) in enumerate(zip(before.pictures, after.pictures, strict=True))
        if index not in (19, 20, 49)
    )
    assert worst > 35


def test_nothing_changed_is_a_copy(tmp_path: Path) -> None:
    source, output = make_video(tmp_path / "in.mp4", H264), tmp_path / "out.mp4"
    assert splice(source, output, []).frames_copied == GROUP * GROUPS
    assert packets(output) == packets(source)


def test_what_an_edit_list_cuts_a_group_off_from_is_encoded(tmp_path: Path) -> None:
    whole, trimmed = make_video(tmp_path / "whole.mp4", H264), tmp_path / "in.mp4"
    with (
        av.open(whole) as read_from,
        av.open(trimmed, "w", container_options={"movie_timescale": "12800"}) as written,
    ):
        stream = written.add_stream_from_template(read_from.streams.video[0])
        for packet in read_from.demux(video=0):
            if packet.size:
                packet.pts, packet.dts = (packet.pts or 0) - 4 * 512, (packet.dts or 0) - 4 * 512
                packet.stream = stream
                written.mux(packet)
    before = read(trimmed)
    sink = splice(trimmed, tmp_path / "out.mp4", [])
    after = read(tmp_path / "out.mp4")
    assert after.pts == before.pts
    assert sink.frames_copied == (GROUPS - 1) * GROUP < len(before.pts)


def test_what_was_stopped_holds_what_was_seen(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", H264)
    with open_source(source) as opened:
        sink = FileSink(tmp_path / "out.mp4", opened, SETTINGS, copy_untouched=True)
        for item, _ in zip(opened, range(27), strict=False):
            sink.write(item)
        kept = sink.keep()
    assert kept is not None
    assert read(kept).pts == list(H264.pts[:27])
    assert sink.frames_copied == 2 * GROUP


OPEN = {
    "H.264": {**H264.options, "x264-params": "open-gop=1:scenecut=0", "bf": "2"},
    "HEVC": {"x265-params": f"keyint={GROUP}:min-keyint={GROUP}:open-gop=1:{QUIET}"},
}


@pytest.mark.parametrize("name", OPEN)
def test_open_groups_are_refused(tmp_path: Path, name: str) -> None:
    recipe = replace({"H.264": H264, "HEVC": HEVC}[name], options=OPEN[name])
    refused(make_video(tmp_path / "in.mp4", recipe), "open GOPs")


@pytest.mark.parametrize(
    ("recipe", "suffix", "said"),
    [
        (replace(H264, codec="mpeg4", options={}), ".mp4", "H.264, HEVC or AV1 .*, not mpeg4"),
        (H264, ".ts", "no MP4, MOV or Matroska file"),
        (
            replace(H264, codec="libvpx-vp9", options={"cpu-used": "8"}),
            ".mkv",
            "H.264, HEVC or AV1 .*, not vp9",
        ),
    ],
    ids=["MPEG-4", "MPEG-TS", "VP9"],
)
def test_what_cannot_be_joined_is_refused(tmp_path: Path, recipe: Recipe, suffix: str, said: str) -> None:
    refused(make_video(tmp_path / f"in{suffix}", recipe), said)


def test_another_codec_is_refused(tmp_path: Path) -> None:
    refused(make_video(tmp_path / "in.mp4", H264), "not libx265", EncoderSettings("libx265"))


def test_a_container_that_does_not_hold_it_is_refused(tmp_path: Path) -> None:
    refused(make_video(tmp_path / "in.mp4", H264), "a webm file takes no h264", output="out.webm")


def refused(source: Path, said: str, settings: EncoderSettings = SETTINGS, output: str = "out.mp4") -> None:
    """Nothing is left of what cannot be copied in part."""
    target = source.with_name(output)
    with pytest.raises(OutputError, match=f"Parts of .* cannot be copied as they are: .*{said}"):
        pass_through(source, target, settings, copy_untouched=True)
    assert list(source.parent.iterdir()) == [source]


GST_DECODE = Path(__file__).with_name("gst_decode.py")
SYSTEM_PYTHON = "/usr/bin/python3"


@pytest.mark.server
@pytest.mark.parametrize(
    ("recipe", "decoder"),
    [(BASELINE, "h264parse ! openh264dec"), (AV1, "av1dec")],
    ids=["H.264", "AV1"],
)
def test_gstreamer_shows_the_same_pictures(tmp_path: Path, recipe: Recipe, decoder: str) -> None:
    source, output, raw = make_video(tmp_path / "in.mp4", recipe), tmp_path / "out.mp4", tmp_path / "raw"
    splice(source, output, [13, 31])
    pipeline = f'filesrc location="{output}" ! qtdemux ! {decoder}'
    done = subprocess.run(
        [SYSTEM_PYTHON, GST_DECODE, pipeline, raw], capture_output=True, text=True, check=False
    )
    if "No module named 'gi'" in done.stderr or "no element" in done.stderr:
        pytest.skip(f"GStreamer does not decode this here: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    shown = b"".join(plane.tobytes() for planes in read(output).pictures for plane in planes)
    assert raw.read_bytes() == shown


PLAYED = """
(async () => {
  const film = document.createElement('video');
  const blob = await (await fetch('data:video/mp4;base64,%s')).blob();
  const heard = name => new Promise((good, bad) => {
    film.addEventListener(name, good, {once: true});
    film.onerror = () => bad(new Error(film.error.message));
  });
  film.muted = true;
  const loaded = heard('loadeddata');
  film.src = URL.createObjectURL(blob);
  await loaded;
  const canvas = document.createElement('canvas');
  canvas.width = film.videoWidth, canvas.height = film.videoHeight;
  const drawing = canvas.getContext('2d');
  const shown = [];
  for (const time of %s) {
    const there = new Promise(good => {
      const look = (_, {mediaTime}) =>
        mediaTime <= time && time < mediaTime + 0.04 ? good() : film.requestVideoFrameCallback(look);
      film.requestVideoFrameCallback(look);
    });
    film.currentTime = time;
    await there;
    drawing.drawImage(film, 0, 0);
    const [red, green, blue] = drawing.getImageData(24, 12, 1, 1).data;
    shown.push(0.299 * red + 0.587 * green + 0.114 * blue);
  }
  return shown;
})()
"""


@pytest.mark.browser
@pytest.mark.skipif(find_chromium() is None, reason="there is no Chromium")
@pytest.mark.parametrize("recipe", [H264, AV1], ids=["H.264", "AV1"])
def test_chromium_plays_over_the_seams(tmp_path: Path, recipe: Recipe) -> None:
    source, output = make_video(tmp_path / "in.mp4", recipe), tmp_path / "out.mp4"
    splice(source, output, range(13, 40))
    order = [12, 13, 9, 39, 40, 20, 45, 30, 3, 15]
    times = [(index + 0.5) / 25 for index in order]

    async def shown() -> list[float]:
        async with chromium() as browser, browser.page() as page:
            found: list[float] = await page.run(
                PLAYED % (base64.b64encode(output.read_bytes()).decode(), times)
            )
            return found

    drawn = [13 <= index < 40 for index in order]
    luma = [int(read(output).pictures[index][0][12, 24]) for index in order]
    seen = asyncio.run(asyncio.wait_for(shown(), 120))
    assert [abs(level - 128) < 12 for level in luma] == drawn
    assert np.allclose(seen, (np.array(luma) - 16) * 255 / 219, atol=8)
