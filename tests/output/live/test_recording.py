"""Recordings: whole whatever happens, in files of their own, with their sound in time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks.processes import Holding
from stream_unmask.errors import UnmaskError
from stream_unmask.output import parts
from stream_unmask.output.codecs import EncoderSettings
from stream_unmask.output.live import targets
from stream_unmask.output.live.fanout import Fanout
from stream_unmask.output.live.muxing import Muxer
from stream_unmask.output.live.naming import Names
from stream_unmask.output.live.options import LiveOptions
from stream_unmask.output.live.parsing import target_for
from stream_unmask.output.live.sound import Resampler
from stream_unmask.output.live.targets import RecordingTarget, recording_format
from stream_unmask.video.camera import Backoff
from stream_unmask.video.container import Reconnected
from tests.output.live.making import FAST, beeps, camera, fan_out, frames, settle, ticks, times, write
from tests.support.waiting import GUARD, wait_until


class Namespace:
    """A module, but for some of its functions."""

    def __init__(self, module: object, **others: object) -> None:
        self._module = module
        self.__dict__.update(others)

    def __getattr__(self, name: str) -> object:
        return getattr(self._module, name)


def target(path: Path, segment: float | None = None, **more: object) -> RecordingTarget:
    names = Names(path, segment)
    return RecordingTarget(names, recording_format(path), segment=segment, **more)  # type: ignore[arg-type]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def sound_packets(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(packet.size > 0 for packet in container.demux(audio=0))


def boxes(path: Path) -> list[str]:
    """The outermost boxes of an MP4."""
    data, found, start = path.read_bytes(), [], 0
    while start < len(data):
        found.append(data[start + 4 : start + 8].decode())
        start += int.from_bytes(data[start : start + 4], "big") or len(data)
    return found


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".ts"])
def test_g711_is_encoded_and_stays_in_time_over_a_gap(suffix: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    outputs = fan_out(camera(tmp_path, "pcm_mulaw"), target(tmp_path / "out" / f"cam{suffix}"))
    write(outputs, frames(75), ticks(0, 3))
    settle(outputs)
    write(outputs, frames(50, 250), ticks(10, 12))
    path = outputs.close()
    assert path == tmp_path / "out" / f"cam{suffix}"
    shown = times(path)
    assert len(shown) == 125
    assert max(after - before for before, after in pairwise(shown)) == pytest.approx(7.04, abs=0.01)
    # What an encoder makes of the first samples is not held by every container.
    heard = [beep - shown[0] for beep in beeps(path)][-4:]
    assert heard == pytest.approx([1, 2, 10, 11], abs=0.04)
    (sentence,) = outputs.warnings
    assert "pcm_mulaw" in sentence
    with av.open(str(path)) as container:
        assert container.streams.audio[0].codec_context.name == "aac"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell of threads there")
def test_sound_that_changes_on_the_way_is_encoded_on_and_needs_no_threads() -> None:
    resampler = Resampler("fltp", "mono", 16_000)
    threads = Holding.of(os.getpid()).threads
    heard = 0
    for rate, layout, channels in ((8000, "mono", 1), (16_000, "stereo", 2)):
        for _ in range(50):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, channels * rate // 50), np.int16), "s16", layout)
            frame.sample_rate = rate
            heard += sum(part.samples for part in resampler.resample(frame))
    assert heard == pytest.approx(2 * 16_000, abs=500)
    assert Holding.of(os.getpid()).threads <= threads


def test_a_webm_holds_what_it_may(tmp_path: Path) -> None:
    settings = replace(FAST, codec=None, preset=None)
    outputs = fan_out(camera(tmp_path, "pcm_mulaw"), target(tmp_path / "cam.webm"), settings=settings)
    write(outputs, frames(25), ticks(0, 1))
    outputs.close()
    with av.open(str(tmp_path / "cam.webm")) as container:
        assert [stream.codec_context.name for stream in container.streams] == ["vp9", "opus"]
    assert len(times(tmp_path / "cam.webm")) == 25


def test_what_a_container_holds_is_copied(tmp_path: Path) -> None:
    source = camera(tmp_path, "aac")
    (tmp_path / "out").mkdir()
    outputs = fan_out(source, target(tmp_path / "out" / "cam.mp4"))
    assert outputs.warnings == []
    write(outputs, frames(10))
    outputs.close()
    with av.open(str(tmp_path / "out" / "cam.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]


_KILLED = """
import os, sys
from pathlib import Path
from tests.output.live.making import camera, fan_out, frames, settle, ticks, write
from tests.output.live.test_recording import target
folder = Path(sys.argv[1])
outputs = fan_out(camera(folder, "pcm_mulaw"), target(folder / sys.argv[2]))
for second in range(8):
    write(outputs, frames(25, 25 * second), ticks(second, second + 1))
settle(outputs)
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_a_killed_recording_plays_but_for_its_last_seconds_and_is_kept(suffix: str, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", _KILLED, tmp_path, f"cam{suffix}"], check=False)
    assert times(tmp_path / f".cam.part{suffix}")[-1] > 8 - 2
    said: list[str] = []
    outputs = fan_out(camera(tmp_path), target(tmp_path / f"cam{suffix}"), said=said)
    assert str(tmp_path / f"cam.interrupted{suffix}") in said[0]
    write(outputs, frames(5))
    outputs.close()
    assert {f"cam{suffix}", f"cam.interrupted{suffix}"} < set(names(tmp_path))
    assert len(times(tmp_path / f"cam{suffix}")) == 5


def test_a_closed_mp4_is_an_ordinary_one(tmp_path: Path) -> None:
    outputs = fan_out(camera(tmp_path), target(tmp_path / "out.mp4"))
    write(outputs, frames(100))
    outputs.close()
    assert boxes(tmp_path / "out.mp4") == ["ftyp", "free", "mdat", "moov"]
    assert len(times(tmp_path / "out.mp4")) == 100


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_hevc_bears_the_name_that_apples_players_know(suffix: str, tmp_path: Path) -> None:
    path, settings = tmp_path / f"out{suffix}", EncoderSettings("libx265", 40, "ultrafast")
    outputs = fan_out(camera(tmp_path), target(path), settings=settings)
    write(outputs, frames(30))
    outputs.close()
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.codec_tag == "hvc1"
    assert len(times(path)) == 30


def test_another_camera_goes_on_in_a_file_of_its_own(tmp_path: Path) -> None:
    source = camera(tmp_path, "pcm_mulaw")
    outputs = fan_out(source, target(tmp_path / "out.mp4"))
    write(outputs, frames(50), ticks(0, 2))
    settle(outputs)
    other = replace(source.info, width=32, height=32)
    outputs.write(Reconnected(other, {}))
    write(outputs, frames(50, 500, 32, 32))
    outputs.close()
    (output,) = outputs.outputs
    assert [path.name for path in output.files] == ["out.mp4", "out-2.mp4"]
    with av.open(str(tmp_path / "out-2.mp4")) as container:
        assert container.streams.video[0].width == 32
        assert not container.streams.audio
        assert container.start_time is not None
        assert container.start_time < 200_000
    assert len(times(tmp_path / "out.mp4")) == len(times(tmp_path / "out-2.mp4")) == 50


class Clock:
    """Stands in for the machine's clocks, and goes on with the camera's."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


def test_segments_hold_every_frame_and_all_sound_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(targets, "time", clock)
    outputs = fan_out(camera(tmp_path, "pcm_mulaw"), target(tmp_path / "cam-%s.mp4", 4.0))
    (output,) = outputs.outputs
    for block in range(60):
        write(outputs, frames(5, 5 * block), ticks(block / 5, (block + 1) / 5))
        settle(outputs)
        clock.now += 0.2
    outputs.close()
    parts = [times(path) for path in output.files]
    assert output.file_count == len(parts) >= 3
    assert sum(len(part) for part in parts) == 300
    assert all(part[0] < 0.2 for part in parts)
    assert all(len(part) % 50 == 0 for part in parts)  # each begins with a keyframe
    assert sum(sound_packets(path) for path in output.files) == pytest.approx(12 * 16_000 / 1024, abs=3)


def test_a_full_disk_keeps_what_was_recorded_and_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = 0
    mux = Muxer.write

    def fill(muxer: Muxer, packet: object) -> bool:
        nonlocal written
        written += 1
        if written > 150:
            raise UnmaskError("out.mp4 cannot be written: no space left on device.")
        return mux(muxer, packet)  # type: ignore[arg-type]

    monkeypatch.setattr(Muxer, "write", fill)
    said: list[str] = []
    outputs = fan_out(camera(tmp_path), target(tmp_path / "out.mp4"), said=said)

    def go_on(outputs: Fanout) -> None:
        for second in range(100):
            write(outputs, frames(25, 25 * second))
            settle(outputs)

    with pytest.raises(UnmaskError, match="no space left"):
        go_on(outputs)
    outputs.discard()
    assert len(times(tmp_path / "out.interrupted.mp4")) >= 100
    assert any("out.interrupted.mp4" in sentence for sentence in said)
    assert "out.mp4" not in names(tmp_path)


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv"])
def test_a_disk_that_hangs_where_a_recording_ends_stops_nobody(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, is_written, goes_on = (threading.Event() for _ in range(3))
    write_really = os.write

    def write_late(descriptor: int, data: bytes) -> int:
        if hangs.is_set():
            is_written.set()
            assert goes_on.wait(GUARD)
        return write_really(descriptor, data)

    outputs = fan_out(camera(tmp_path), target(tmp_path / name))
    monkeypatch.setattr(parts, "os", Namespace(os, write=write_late))
    write(outputs, frames(50))
    settle(outputs)
    hangs.set()
    ending = threading.Thread(target=outputs.close)
    ending.start()
    # This thread runs, although FFmpeg waits for the disk.
    wait_until(lambda: is_written.is_set() or not ending.is_alive())
    assert is_written.is_set()
    goes_on.set()
    ending.join(GUARD)
    assert len(times(tmp_path / name)) == 50


def test_a_folder_that_somebody_removes_is_made_again_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "_SYNC", -1.0)
    monkeypatch.setattr(Backoff, "next", lambda self, refused: 0.0)
    said: list[str] = []
    folder = tmp_path / "cam"
    outputs = fan_out(camera(tmp_path), target(folder / "%H-%f.mp4"), target(tmp_path / "all.mp4"), said=said)
    segments = outputs.outputs[0]
    write(outputs, frames(50))
    settle(outputs)
    assert segments.state == "open"
    shutil.rmtree(folder)
    write(outputs, frames(100, 50))
    settle(outputs)
    assert segments.state == "open"
    outputs.close()
    assert len(times(tmp_path / "all.mp4")) == 150
    (kept,) = folder.iterdir()
    assert len(times(kept)) >= 50
    assert "somebody removed it. Trying again" in said[0]
    assert "cannot be kept: no such file" in said[1]
    assert "is there again" in said[2]
    assert not [sentence for sentence in said if "Errno" in sentence]


def test_a_codec_that_a_container_cannot_hold_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(UnmaskError, match="cannot hold"):
        fan_out(camera(tmp_path), target(tmp_path / "out.webm"))
    assert names(tmp_path) == ["camera.mp4"]


def test_names_that_cannot_be_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    source = camera(tmp_path)
    (tmp_path / "there.mp4").write_bytes(b"kept")
    with pytest.raises(UnmaskError, match="exists"):
        fan_out(source, target(tmp_path / "there.mp4"))
    with pytest.raises(UnmaskError, match="does not exist"):
        fan_out(source, target(tmp_path / "none" / "out.mp4"))
    with pytest.raises(UnmaskError, match="cannot be recorded to out.avi"):
        target(tmp_path / "out.avi")
    assert (tmp_path / "there.mp4").read_bytes() == b"kept"
    assert names(tmp_path) == ["camera.mp4", "there.mp4"]


def test_a_camera_that_is_begun_again_replaces_nothing(tmp_path: Path) -> None:
    source = camera(tmp_path)
    (tmp_path / "out.mp4").write_bytes(b"kept")
    options = LiveOptions(again=True)
    outputs = fan_out(source, target_for(tmp_path / "out.mp4", options, overwrite=True, tags={}, seal=None))
    write(outputs, frames(8))
    outputs.close()
    assert names(tmp_path) == ["camera.mp4", "out-2.mp4", "out.mp4"]
    assert (tmp_path / "out.mp4").read_bytes() == b"kept"


def test_slow_cameras_lose_no_more_than_fast_ones(tmp_path: Path) -> None:
    source = camera(tmp_path, average_rate=Fraction(4))
    outputs = fan_out(source, target(tmp_path / "out.ts"))
    for frame in frames(8):
        frame.pts = frame.picture.pts = frame.index * 22_500
        frame.duration = 22_500
        outputs.write(frame)
    settle(outputs)
    assert len(times(tmp_path / ".out.part.ts")) >= 6
    outputs.close()
