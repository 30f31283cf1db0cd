"""Sound, subtitles, tags and all else that a file holds beside its video."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition, Stream
from numpy.typing import NDArray

from stream_unmask.errors import UnmaskError
from stream_unmask.output import codecs, copies
from stream_unmask.output.codecs import EncoderSettings, set_options, usable
from stream_unmask.output.sink import FileSink
from stream_unmask.video.source import CopiedPacket, open_source
from tests.video.making import FAST, Recipe, make_video, pass_through, read

TALK = Recipe(pts=range(0, 40 * 512, 512), sounds=("eng", "deu"))
TEXT = ((0, 500, b"\0\x05Hello"), (700, 300, b"\0\x03you"))
STYLED = ((100, 400, b"0,0,Default,,0,0,0,,Hello"),)


@pytest.mark.parametrize(
    ("before", "after", "codec"),
    [
        ("in.mp4", "out.mp4", "aac"),
        ("in.mp4", "out.mkv", "aac"),
        ("in.mkv", "out.mkv", "libopus"),
        ("in.mkv", "out.mp4", "libopus"),
        ("in.mkv", "out.mkv", "flac"),
        ("in.ts", "out.ts", "aac"),
        ("in.mov", "out.mov", "pcm_s16le"),
    ],
)
def test_every_sound_track_is_copied_byte_for_byte_and_in_sync(
    tmp_path: Path, before: str, after: str, codec: str
) -> None:
    source = make_video(tmp_path / before, replace(TALK, sound_codec=codec))
    sink = pass_through(source, tmp_path / after)
    one, other = read(source), read(tmp_path / after)
    assert sink.warnings == []
    assert list(one.packets) == list(other.packets) == [1, 2]
    assert one.packets == other.packets
    # Against the video: a container may move everything so that nothing starts before zero.
    for index in (1, 2):
        offsets = [
            (b - other.times[0]) - (a - one.times[0])
            for a, b in zip(one.packet_times[index], other.packet_times[index], strict=True)
        ]
        assert max(abs(offset) for offset in offsets) <= Fraction(1, 1000)


def test_languages_and_dispositions_are_kept(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", TALK)
    pass_through(source, tmp_path / "out.mkv")
    with av.open(str(source)) as one, av.open(str(tmp_path / "out.mkv")) as other:
        assert [stream.language for stream in other.streams.audio] == ["eng", "deu"]
        assert [s.disposition for s in other.streams] == [s.disposition for s in one.streams]


@pytest.mark.parametrize(
    ("suffix", "codec", "lines"),
    [("mp4", "mov_text", TEXT), ("mkv", "ass", STYLED), ("mkv", "subrip", STYLED)],
)
def test_subtitles_are_copied(
    tmp_path: Path, suffix: str, codec: str, lines: tuple[tuple[int, int, bytes], ...]
) -> None:
    recipe = replace(TALK, subtitles=lines, subtitle_codec=codec)
    source = make_video(tmp_path / f"in.{suffix}", recipe)
    sink = pass_through(source, tmp_path / f"out.{suffix}")
    one, other = read(source), read(tmp_path / f"out.{suffix}")
    assert sink.warnings == []
    assert one.packets[3]
    assert other.packets[3] == one.packets[3]
    assert other.packet_times[3] == one.packet_times[3]


def test_what_a_container_cannot_hold_is_left_out_and_said(tmp_path: Path) -> None:
    recipe = replace(TALK, subtitles=STYLED, subtitle_codec="ass", attachment=b"\0\1\0\0font")
    source = make_video(tmp_path / "in.mkv", recipe)
    sink = pass_through(source, tmp_path / "out.mp4")
    assert len(sink.warnings) == 2
    assert any("subtitle" in warning for warning in sink.warnings)
    assert any("attachment" in warning for warning in sink.warnings)
    after = read(tmp_path / "out.mp4")
    assert list(after.info.other_streams.values()) == ["aac", "aac"]
    assert len(after.pts) == 40


def test_attachments_are_kept(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", replace(TALK, attachment=b"\0\1\0\0font"))
    sink = pass_through(source, tmp_path / "out.mkv")
    assert sink.warnings == []
    with av.open(str(tmp_path / "out.mkv")) as after:
        (attachment,) = after.streams.attachments
        assert (attachment.name, attachment.mimetype) == ("font.ttf", "application/x-truetype-font")
        assert attachment.data == b"\0\1\0\0font"


@pytest.mark.parametrize(
    ("suffix", "lost"), [("ts", "artist, title, chapters"), ("flv", "chapters"), ("avi", "chapters")]
)
def test_what_a_container_cannot_say_is_said(tmp_path: Path, suffix: str, lost: str) -> None:
    chapter = {"id": 1, "start": 0, "end": 200, "time_base": Fraction(1, 1000), "metadata": {"title": "One"}}
    tags = {"title": "A talk", "artist": "Somebody", "comment": "Words"}
    recipe = replace(TALK, chapters=[chapter], metadata=tags, timecode="01:00:00:00")
    source = make_video(tmp_path / "in.mov", replace(recipe, sounds=(), subtitles=()))
    sink = pass_through(source, tmp_path / f"out.{suffix}")
    assert [w for w in sink.warnings if w.endswith(f"everything that the source says: {lost}, timecode.")]
    for kept in ("mov", "mkv", "mp4"):
        assert pass_through(source, tmp_path / f"kept.{kept}").warnings == []


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_tags_and_chapters_are_kept(tmp_path: Path, suffix: str) -> None:
    chapters = [
        {"id": 1, "start": 0, "end": 800, "time_base": Fraction(1, 1000), "metadata": {"title": "One"}},
        {"id": 2, "start": 800, "end": 1600, "time_base": Fraction(1, 1000), "metadata": {"title": "Two"}},
    ]
    recipe = replace(TALK, chapters=chapters, metadata={"title": "A talk · ünïcode", "artist": "Somebody"})
    source = make_video(tmp_path / f"in.{suffix}", recipe)
    pass_through(source, tmp_path / f"out.{suffix}", metadata={"comment": "made", "synthetic": "yes"})
    after = read(tmp_path / f"out.{suffix}").info
    tags = {name.lower(): value for name, value in after.metadata.items()}
    assert tags["title"] == "A talk · ünïcode"
    assert tags["artist"] == "Somebody"
    assert tags["comment"] == "made"
    assert tags["synthetic"] == "yes"
    starts = [chapter["start"] * chapter["time_base"] for chapter in after.chapters]
    assert starts == [0, Fraction(4, 5)]
    assert [chapter["metadata"]["title"] for chapter in after.chapters] == ["One", "Two"]


def test_cover_art_is_copied_and_not_taken_for_the_video(tmp_path: Path) -> None:
    source = _with_cover(tmp_path)
    before = read(source)
    assert (before.info.codec, list(before.info.other_streams.values())) == ("h264", ["png"])
    assert len(before.pts) == 10
    pass_through(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as after:
        covers = [s for s in after.streams.video if s.disposition & Disposition.attached_pic]
        assert len(covers) == 1
    assert [len(packets) for packets in read(tmp_path / "out.mp4").packets.values()] == [1]


def test_packets_without_order_are_repaired(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", replace(TALK, sounds=("eng",)))
    with open_source(source) as opened:
        sink = FileSink(tmp_path / "out.mp4", opened, FAST)
        damaged = 0
        for item in opened:
            if isinstance(item, CopiedPacket) and item.packet.pts in (4096, 8192):
                item.packet.dts = item.packet.pts = 100
                damaged += 1
            sink.write(item)
        sink.close()
    assert damaged == 2
    assert sink.repaired_timestamps == 2
    before, after = read(source), read(tmp_path / "out.mp4")
    assert after.packets == before.packets
    assert after.packet_times[1] == sorted(set(after.packet_times[1]))


def test_a_packet_that_makes_no_sense_costs_only_itself(tmp_path: Path) -> None:
    # From MPEG-TS to MP4 each packet of sound loses its ADTS header: one without is an error to the muxer.
    source = make_video(tmp_path / "in.ts", replace(TALK, sounds=("eng",)))
    with open_source(source) as opened:
        sink = FileSink(tmp_path / "out.mp4", opened, FAST)
        copied = 0
        for item in opened:
            if isinstance(item, CopiedPacket) and (copied := copied + 1) == 20:
                item = _garbage_in_place_of(item)
            sink.write(item)
        sink.close()
    assert sink.warnings == ["A packet of sound or data was refused by the container and is missing."]
    after = read(tmp_path / "out.mp4")
    assert len(after.pts) == 40
    assert len(after.packets[1]) == copied - 1


def _garbage_in_place_of(item: CopiedPacket) -> CopiedPacket:
    packet: av.Packet[Stream] = av.Packet(b"no sound at all, and not a header either")
    packet.time_base, packet.duration = item.packet.time_base, item.packet.duration
    packet.pts, packet.dts = item.packet.pts, item.packet.dts
    return CopiedPacket(packet, item.stream_index)


def _with_cover(folder: Path) -> Path:
    """An MP4 whose first stream is a still picture that decorates it."""
    clip = make_video(folder / "clip.mp4", Recipe())
    path = folder / "cover.mp4"
    with av.open(str(clip)) as source, av.open(str(path), "w") as container:
        cover = container.add_stream("png", rate=1)
        cover.width, cover.height, cover.pix_fmt = 32, 32, "rgb24"
        cover.disposition = Disposition.attached_pic
        video = container.add_stream_from_template(source.streams.video[0], opaque=True)
        frame = av.VideoFrame(32, 32, "rgb24")
        frame.pts = 0
        container.mux(cover.encode(frame))
        container.mux(cover.encode(None))
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = video
                container.mux(packet)
    return path


@pytest.mark.parametrize(("suffix", "kept"), [("mp4", True), ("mkv", True), ("mov", False), ("avi", False)])
def test_a_cover_is_kept_as_one_or_its_loss_is_said(tmp_path: Path, suffix: str, kept: bool) -> None:
    sink = pass_through(_with_cover(tmp_path), tmp_path / f"out.{suffix}", EncoderSettings())
    assert sink.repaired_timestamps == 0
    with av.open(str(tmp_path / f"out.{suffix}")) as after:
        covers = [s for s in after.streams.video if s.disposition & Disposition.attached_pic]
        assert len(covers) == kept
        assert len(after.streams.video) == 1 + kept
    assert len(sink.warnings) == (not kept)
    assert all("cover picture" in warning for warning in sink.warnings)


NVENC = EncoderSettings("h264_nvenc", quality=30, preset="p1")


def test_where_the_gpu_cannot_encode_the_cpu_does_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codecs, "_can_open", lambda *_: False)
    sink = pass_through(make_video(tmp_path / "in.mp4", TALK), tmp_path / "out.mp4", NVENC)
    (warning,) = sink.warnings
    assert "h264_nvenc" in warning
    assert "libx264" in warning
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "h264"
    assert len(read(tmp_path / "out.mp4").times) == len(TALK.pts)


def test_the_gpus_encoder_is_asked_whether_it_can(tmp_path: Path) -> None:
    with open_source(make_video(tmp_path / "in.mp4", TALK)) as source:
        settings, warnings = usable(NVENC, source.info)
        assert settings == NVENC if not warnings else settings == EncoderSettings("libx264", quality=30)
        assert usable(FAST, source.info) == (FAST, [])


def test_the_gpus_encoder_is_told_a_quality_and_no_bit_rate(tmp_path: Path) -> None:
    with open_source(make_video(tmp_path / "in.mp4", TALK)) as source:
        context = av.CodecContext.create("h264_nvenc", "w")
        set_options(context, NVENC, source.info)
    assert context.options == {"rc": "vbr", "b": "0", "cq": "30", "preset": "p1"}


@pytest.mark.parametrize(
    ("codec", "before", "after", "written"),
    [
        ("pcm_s16le", "in.mkv", "out.ts", "aac"),
        ("tta", "in.mkv", "out.ts", "aac"),
        ("wmav2", "in.wmv", "out.mp4", "aac"),
        ("wmav2", "in.wmv", "out.mkv", "aac"),
        ("pcm_mulaw", "in.mov", "out.mkv", "aac"),
        ("pcm_f32le", "in.mkv", "out.mp4", "aac"),
        ("alac", "in.mov", "out.ts", "aac"),
        ("adpcm_ms", "in.avi", "out.mp4", "aac"),
        ("aac", "in.mp4", "out.webm", "opus"),
        ("pcm_s16be", "in.mov", "out.avi", "pcm_s16le"),
        ("adpcm_ms", "in.avi", "out.flv", "aac"),
        ("flac", "in.mkv", "out.mov", "alac"),
    ],
)
def test_sound_that_a_container_cannot_hold_is_written_anew_and_said(
    tmp_path: Path, codec: str, before: str, after: str, written: str
) -> None:
    recipe = replace(TALK, sounds=("eng",), sound_codec=codec, pts=range(0, 40_000, 1000))
    video = "wmv2" if before.endswith("wmv") else "mpeg4" if before.endswith("avi") else "libx264"
    recipe = replace(recipe, codec=video, options={}, time_base=Fraction(1, 25_000))
    source = make_video(tmp_path / before, recipe)
    codec_after = EncoderSettings("libvpx") if after.endswith("webm") else EncoderSettings()
    sink = pass_through(source, tmp_path / after, codec_after)
    (warning,) = sink.warnings
    assert f"The audio stream 1 ({codec}) is written as" in warning
    assert sink.repaired_timestamps == 0
    one, other = _sound(source), _sound(tmp_path / after)
    with av.open(str(tmp_path / after)) as container:
        assert container.streams.audio[0].codec_context.name == written
    assert abs(len(one) - len(other)) < 4000
    assert np.abs(other).max() > 0.2


def test_a_track_that_is_empty_is_left_out_before_it_breaks_the_file(tmp_path: Path) -> None:
    sink = pass_through(_with_empty_track(tmp_path), tmp_path / "out.mp4")
    assert len(sink.warnings) == 1
    assert len(read(tmp_path / "out.mp4").pts) == 10


def test_a_file_that_the_muxer_cannot_end_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # PCM of which only the number of channels is known: MP4 refuses that in its trailer.
    recipe = replace(TALK, sound_codec="pcm_s16le", sound_layout="stereo", codec="mpeg4", options={})
    source = make_video(tmp_path / "in.avi", replace(recipe, pts=range(40), time_base=Fraction(1, 25)))
    monkeypatch.setattr(copies, "holds", lambda *_: True)
    monkeypatch.setattr(copies, "set_usual_layout", lambda stream: None)
    with pytest.raises(UnmaskError, match="cannot be written"):
        pass_through(source, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def _with_empty_track(folder: Path) -> Path:
    """A video with a track of AC-3 without a packet, which MP4 describes by its first packet."""
    clip, path = make_video(folder / "clip.mkv", Recipe(time_base=Fraction(1, 1000))), folder / "in.mkv"
    with av.open(str(clip)) as before, av.open(str(path), "w") as container:
        video = container.add_stream_from_template(before.streams.video[0], opaque=True)
        container.add_stream("ac3", rate=48_000)
        for packet in before.demux(video=0):
            if packet.size:
                packet.stream = video
                container.mux(packet)
    return path


@pytest.mark.parametrize("suffix", ["mov", "mp4"])
def test_a_timecode_track_is_there_again_and_nothing_is_said(tmp_path: Path, suffix: str) -> None:
    source = make_video(tmp_path / f"in.{suffix}", Recipe(timecode="01:00:00:00"))
    sink = pass_through(source, tmp_path / f"out.{suffix}")
    assert sink.warnings == []
    after = read(tmp_path / f"out.{suffix}")
    assert after.info.stream_metadata["timecode"] == "01:00:00:00"
    assert len(after.pts) == 10


def test_text_that_a_transport_stream_would_swallow_is_left_out_and_said(tmp_path: Path) -> None:
    recipe = replace(TALK, subtitles=STYLED, subtitle_codec="subrip")
    source = make_video(tmp_path / "in.mkv", recipe)
    sink = pass_through(source, tmp_path / "out.ts")
    (warning,) = sink.warnings
    assert "subtitle stream 3 (subrip) was left out" in warning


def test_short_packets_keep_their_order_in_coarser_ticks(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", replace(TALK, sounds=("eng",)))
    with open_source(source) as opened:
        sink = FileSink(tmp_path / "out.ts", opened, FAST)
        for item in opened:
            if isinstance(item, CopiedPacket) and item.packet.pts is not None:
                # Half a tick of 90 kHz between two.
                item.packet.time_base = Fraction(1, 180_000)
                item.packet.pts = item.packet.dts = item.packet.pts // 1024
            sink.write(item)
        sink.close()
    assert sink.warnings == []
    assert sink.repaired_timestamps == 0
    before, after = read(source), read(tmp_path / "out.ts")
    assert len(after.packets[1]) == len(before.packets[1])


def _sound(path: Path) -> NDArray[np.float32]:
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("flt", "mono", 48_000)
        frames = [r for f in container.decode(audio=0) for r in resampler.resample(f)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


@pytest.mark.parametrize("private", [False, True])
def test_place_and_camera_are_left_out_where_that_is_asked_for(tmp_path: Path, private: bool) -> None:
    tags = {"title": "At the sea", "location": "+48.2000+016.3700/", "com.apple.quicktime.make": "Apple"}
    recipe = replace(TALK, metadata=tags, container_options={"movflags": "use_metadata_tags"})
    source = make_video(tmp_path / "in.mov", recipe)
    assert tags.items() <= read(source).info.metadata.items()
    pass_through(source, tmp_path / "out.mov", private=private)
    after = read(tmp_path / "out.mov").info.metadata
    assert after["title"] == "At the sea"
    assert ("location" in after, "com.apple.quicktime.make" in after) == (not private, not private)


@pytest.mark.parametrize("codec", ["pcm_s16be", "pcm_s24be", "alac"])
def test_lossless_sound_that_is_written_anew_is_the_same_sound(tmp_path: Path, codec: str) -> None:
    source = make_video(tmp_path / "in.mov", replace(TALK, sounds=("eng",), sound_codec=codec))
    sink = pass_through(source, tmp_path / "out.avi", EncoderSettings())
    assert "is written as PCM" in sink.warnings[0]
    before, after = _sound(source), _sound(tmp_path / "out.avi")
    np.testing.assert_array_equal(after, before[: len(after)])
    assert len(before) - len(after) < 2048


@pytest.mark.parametrize("suffix", ["m2ts", "mts"])
def test_a_camcorders_pcm_is_kept_in_its_own_kind_of_file(tmp_path: Path, suffix: str) -> None:
    options = {"mpegts_m2ts_mode": "1"}
    recipe = replace(TALK, sounds=("eng",), sound_codec="pcm_bluray", sound_layout="stereo")
    source = make_video(tmp_path / f"in.{suffix}", replace(recipe, container_options=options))
    sink = pass_through(source, tmp_path / f"out.{suffix}")
    assert sink.warnings == []
    np.testing.assert_array_equal(_sound(tmp_path / f"out.{suffix}"), _sound(source))
    sink = pass_through(source, tmp_path / "out.mkv")
    assert "written as FLAC" in sink.warnings[0]
    after = _sound(tmp_path / "out.mkv")
    np.testing.assert_array_equal(after, _sound(source)[: len(after)])
