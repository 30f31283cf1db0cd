"""The camera that does wrong on request, and what is made of a soak."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from benchmarks.faulty_camera import FaultyCamera
from benchmarks.processes import Holding
from benchmarks.soak import Late, Look, Soak, as_result, draw, lates_of
from tests.support.waiting import GUARD


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[FaultyCamera]:
    """One that shows numbered greys, five a second, or the same larger."""
    camera = FaultyCamera(
        clip(tmp_path / "64.ts", 64), clip(tmp_path / "96.ts", 96), clip(tmp_path / "hevc.ts", 64, "libx265")
    )
    yield camera
    camera.close()


def clip(path: Path, width: int, codec: str = "libx264") -> Path:
    with av.open(path, "w") as container:
        stream = cast(VideoStream, container.add_stream(codec, 10))
        stream.width, stream.height, stream.pix_fmt = width, 48, "yuv420p"
        stream.options = {"tune": "zerolatency", "g": "5"}
        for index in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((72, width), 10 * index, np.uint8), "yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def called(camera: FaultyCamera) -> av.container.InputContainer:
    return av.open(camera.address, timeout=GUARD)


def test_it_shows_its_clip_and_sound_and_hangs_up(faulty: FaultyCamera) -> None:
    with called(faulty) as container:
        (video,), (sound,) = container.streams.video, container.streams.audio
        assert (video.width, sound.codec_context.name) == (64, "pcm_mulaw")
        kinds = [packet.stream.type for packet, _ in zip(container.demux(), range(30), strict=False)]
        assert set(kinds) == {"video", "audio"}
        faulty.do("size")
        for packet in container.demux():
            last = packet
        assert not last.size
    with called(faulty) as container:
        assert container.streams.video[0].width == 96


def test_it_comes_back_with_another_codec_and_without_sound(faulty: FaultyCamera) -> None:
    def seen() -> tuple[str, int]:
        with called(faulty) as container:
            next(packet for packet in container.demux(video=0) if packet.is_keyframe)
            return container.streams.video[0].codec_context.name, len(container.streams.audio)

    assert seen() == ("h264", 1)
    faulty.do("codec")
    faulty.do("mute")
    assert seen() == ("hevc", 0)
    faulty.do("codec")
    assert seen() == ("h264", 1)


def test_its_pictures_freeze_while_sound_goes_on_and_its_clock_is_set(faulty: FaultyCamera) -> None:
    with called(faulty) as container:
        packets = container.demux()
        while next(packets).stream.type != "video":
            pass
        faulty.do("frozen", 120)
        in_a_row = 0
        for packet in packets:  # pictures that were on the way, then sound alone
            in_a_row = in_a_row + 1 if packet.stream.type == "audio" else 0
            if in_a_row == 50:
                break
        before, after = packet.pts or 0, packet.pts or 0
        faulty.do("clock")
        while abs(after - before) < 3000 * 8000:
            after = next(packets).pts or 0
        assert abs(after - before) >= 3000 * 8000  # set back by an hour, or around by what a counter holds


def made() -> Soak:
    looks = [Look(60.0 * minute, Holding(500.0 + minute, 12, 60)) for minute in range(61)]
    # Which output speaks more often differs from time to time, how late each is does not.
    lates = [Late(60.0 * minute, "fast", 10.0, 20.0) for minute in range(61)]
    lates += [Late(60.0 * minute, "slow", 190.0, 380.0) for minute in (*range(10, 21, 5), *range(40, 61))]
    return Soak(looks, lates, [(30.0, "first", "away")], recordings=3, broken=["x.mp4"])


def test_outputs_are_known_by_their_places() -> None:
    said = "rtsp://a/: 5.0 fps, 0 dropped, 1 masked, {}x/1.mp4 open{}, y/ open 560/690 ms late (p50/p95)."
    (first,) = lates_of(said.format("", ""), 60.0)
    later = lates_of(said.format("lost 2 times so far, ", " 10/90 ms late (p50/p95)"), 120.0)
    assert [first.output, first.p50, first.p95] == [later[0].output, 560.0, 690.0]
    assert [later[1].p50, later[1].p95] == [10.0, 90.0]
    assert later[1].output != first.output
    assert lates_of("rtsp://a/: connected.", 1.0) == []


def test_the_second_sixth_is_compared_with_the_last(tmp_path: Path) -> None:
    result = as_result(made(), "stream-unmask measure soak", 1.0)
    assert result.columns[1:] == ["minutes 10 to 20", "minutes 50 to 60", "change"]
    assert result.rows[0] == ["resident memory", "515 MiB", "555 MiB", "+7.8 %"]
    assert [row[1:] for row in result.rows[-2:]] == [
        ["100 ms", "100 ms", "+0.0 %"],
        ["200 ms", "200 ms", "+0.0 %"],
    ]
    assert "2 of the 3 recordings" in result.note
    draw(made(), tmp_path / "soak.png")
    assert (tmp_path / "soak.png").read_bytes().startswith(b"\x89PNG")
