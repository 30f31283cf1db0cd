"""Broken files are read as far as they go, and what was wrong is said."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

from stream_unmask.video.container import ContainerSource
from stream_unmask.video.frame import Frame
from stream_unmask.video.source import open_source
from tests.video.making import Recipe, make_video, pass_through, read

LONG = Recipe(pts=range(0, 60 * 512, 512), options={"preset": "ultrafast", "g": "10"}, sounds=("eng",))
HEAD_FIRST = {"movflags": "faststart"}


def test_a_file_cut_off_in_the_middle_is_read_to_the_cut(tmp_path: Path) -> None:
    whole = make_video(tmp_path / "whole.mp4", replace(LONG, container_options=HEAD_FIRST))
    cut = tmp_path / "cut.mp4"
    data = whole.read_bytes()
    cut.write_bytes(data[: int(len(data) * 0.6)])
    pass_through(cut, tmp_path / "out.mp4")
    before, after = read(cut), read(tmp_path / "out.mp4")
    assert 10 < len(before.pts) < 60
    assert after.pts == before.pts
    assert any("cut off" in warning for warning in before.problems.warnings)
    assert after.problems.sentences() == []


def test_a_matroska_file_cut_off_is_noticed_too(tmp_path: Path) -> None:
    recipe = replace(LONG, time_base=Fraction(1, 1000), pts=range(0, 2400, 40))
    whole = make_video(tmp_path / "whole.mkv", recipe)
    cut = tmp_path / "cut.mkv"
    data = whole.read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    before = read(cut)
    assert 10 < len(before.pts) < 60
    assert any("cut off" in warning for warning in before.problems.warnings)


def test_whole_files_have_no_problems(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mkv", "a.ts"):
        reading = read(make_video(tmp_path / name, LONG))
        assert reading.problems.sentences() == []
        assert len(reading.pts) == 60


def _damage_packets(path: Path, output: Path, which: range) -> None:
    """Overwrite some video packets in a copy of a file."""
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        for index, packet in enumerate(p for p in container.demux(video=0) if p.size):
            if index in which:
                assert packet.pos is not None
                start = packet.pos + 5
                data[start : packet.pos + packet.size] = bytes([0xA5]) * (packet.size - 5)
    output.write_bytes(bytes(data))


def test_broken_packets_in_the_middle_are_counted_and_gone_past(tmp_path: Path) -> None:
    whole = make_video(tmp_path / "whole.mp4", LONG)
    broken = tmp_path / "broken.mp4"
    _damage_packets(whole, broken, range(23, 27))
    before = read(broken)
    assert before.problems.broken_frames + before.problems.broken_packets > 0
    assert before.problems.sentences()
    assert 50 <= len(before.pts) <= 60
    assert before.pts[-1] == 59 * 512
    pass_through(broken, tmp_path / "out.mp4")
    after = read(tmp_path / "out.mp4")
    assert after.pts == before.pts
    assert after.packets == before.packets


def test_what_is_lost_of_a_cameras_picture_is_repaired_and_counted(tmp_path: Path) -> None:
    whole = make_video(tmp_path / "whole.ts", replace(LONG, sounds=(), width=320, height=240))
    with av.open(whole) as read_from, av.open(tmp_path / "lossy.ts", "w") as container:
        stream = container.add_stream_from_template(read_from.streams.video[0])
        for index, packet in enumerate(packet for packet in read_from.demux(video=0) if packet.size):
            lossy = av.Packet(bytes(packet)[: packet.size // (2 if index == 30 else 1)])
            lossy.pts, lossy.dts, lossy.time_base = packet.pts, packet.dts, packet.time_base
            lossy.stream = stream
            container.mux_one(lossy)
    with av.open(tmp_path / "lossy.ts") as container:
        source = ContainerSource(container, "cam", live=True, real_time=False, threads=4)
        assert len([item for item in source if isinstance(item, Frame)]) == 60
    assert source.problems.broken_frames > 0


def test_unreadable_packets_of_another_codec_are_counted(tmp_path: Path) -> None:
    recipe = Recipe(codec="ffv1", options={}, pts=range(0, 400, 40), time_base=Fraction(1, 1000))
    whole = make_video(tmp_path / "whole.mkv", recipe)
    broken = tmp_path / "broken.mkv"
    _damage_packets(whole, broken, range(4, 6))
    reading = read(broken)
    assert reading.problems.broken_frames + reading.problems.broken_packets >= 2
    assert reading.pts[-1] == 360


def test_a_start_without_a_key_frame_is_waited_out(tmp_path: Path) -> None:
    whole = make_video(tmp_path / "whole.ts", LONG)
    late = tmp_path / "late.ts"
    data = whole.read_bytes()
    late.write_bytes(data[len(data) // 4 // 188 * 188 :])
    pass_through(late, tmp_path / "out.mp4")
    before, after = read(late), read(tmp_path / "out.mp4")
    assert len(before.pts) >= 30
    assert len(after.pts) == len(before.pts)


@pytest.mark.parametrize("name", ["in.avi", "in.h264"])
def test_frames_without_timestamps_follow_one_another(tmp_path: Path, name: str) -> None:
    recipe = Recipe(options={"preset": "ultrafast", "bf": "0"}, time_base=Fraction(1, 25), pts=range(12))
    source = make_video(tmp_path / name, recipe)
    pass_through(source, tmp_path / "out.mp4")
    reading = read(tmp_path / "out.mp4")
    assert len(reading.pts) == 12
    steps = {later - earlier for earlier, later in zip(reading.times, reading.times[1:], strict=False)}
    assert steps == {Fraction(1, 25)}


def test_a_source_may_be_left_in_the_middle(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", LONG)
    with open_source(source) as opened:
        frames = (item for item in opened if isinstance(item, Frame))
        assert [next(frames).index for _ in range(3)] == [0, 1, 2]
