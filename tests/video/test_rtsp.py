"""A camera over RTSP: recorded until Ctrl-C or its end, also when it is lost; its password stays secret."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from stream_unmask.output.sink import FileSink
from stream_unmask.report import Stages
from stream_unmask.running import run
from stream_unmask.video.camera_options import CameraOptions
from stream_unmask.video.frame import Frame
from stream_unmask.video.source import Source, open_source
from tests.support.waiting import GUARD, wait_until
from tests.video.serving import NEEDS_SERVER, Camera, serving

pytestmark = NEEDS_SERVER


@pytest.fixture
def camera(masked_clip: Path) -> Iterator[Camera]:
    with serving(masked_clip) as camera:
        yield camera


@pytest.fixture
def lasting_camera() -> Iterator[Camera]:
    """One that shows a ball until it is killed."""
    with serving("320x240") as camera:
        yield camera


def _start(address: str, output: Path, *options: str | Path) -> subprocess.Popen[str]:
    command: list[str | Path] = [sys.executable, "-m", "stream_unmask", address, "-o", output, *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def _times(path: Path) -> list[float]:
    with av.open(path) as container:
        return [frame.time for frame in container.decode(video=0)]


def _frames(path: Path) -> int:
    with av.open(path) as container:
        return sum(1 for _ in container.decode(video=0))


def _await_frames(process: subprocess.Popen[str], folder: Path, name: str = "out") -> None:
    """Wait until a recording that is not finished holds frames."""

    def holds_frames() -> bool:
        assert process.poll() is None
        return _holds_frames(folder / f".{name}.part.mp4")

    wait_until(holds_frames, pause=0.1)


def _holds_frames(path: Path) -> bool:
    try:
        return _frames(path) > 0
    except (av.FFmpegError, OSError, IndexError):
        return False


def test_a_camera_is_recorded_until_it_ends(camera: Camera, tmp_path: Path) -> None:
    process = _start(camera.address(), tmp_path / "out.mp4", "--report", tmp_path / "report.json")
    _, said = process.communicate(timeout=GUARD)
    assert process.returncode == 0, said
    report = json.loads((tmp_path / "report.json").read_text())[0]
    # The clip has 24 frames; a server may drop some before its first key frame.
    assert 12 <= report["frames"] + report["dropped"] <= 24
    assert _frames(tmp_path / "out.mp4") == report["frames"]
    assert "1 of 1 faces unmasked" in said
    assert "hush" not in said


def test_ctrl_c_ends_a_recording_as_it_should(lasting_camera: Camera, tmp_path: Path) -> None:
    process = _start(lasting_camera.address(), tmp_path / "out.mp4")
    _await_frames(process, tmp_path)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=GUARD)
    assert process.returncode == 0, said
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert _frames(tmp_path / "out.mp4") >= 1


def test_ctrl_c_ends_the_recording_of_a_camera_that_is_away(lasting_camera: Camera, tmp_path: Path) -> None:
    process = _start(lasting_camera.address(), tmp_path / "out.mp4", "--report", tmp_path / "report.json")
    _await_frames(process, tmp_path)
    lasting_camera.process.kill()
    assert process.stderr is not None
    while "Trying again" not in (line := process.stderr.readline()):
        assert line
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=GUARD)
    assert process.returncode == 0, said
    assert "hush" not in line + said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4", "report.json"]
    (report,) = json.loads((tmp_path / "report.json").read_text())
    assert _frames(tmp_path / "out.mp4") == report["frames"] >= 1


def test_of_a_camera_that_is_too_fast_frames_are_left_out(camera: Camera, tmp_path: Path) -> None:
    def dawdle(frame: Frame) -> list[Frame]:
        time.sleep(0.3)
        return [frame]

    with open_source(camera.address()) as source:
        assert source.info.real_time
        sink = FileSink(tmp_path / "out.mp4", source)
        run(source, sink, dawdle, Stages(), threading.Event())
        sink.close()
    # The clip has 24 frames and lasts 2 seconds; a server may drop some before its first key frame.
    assert source.problems.dropped >= 8
    assert 12 <= sink.frames_written + source.problems.dropped <= 24
    written = _times(tmp_path / "out.mp4")
    assert written[-1] - written[0] > 1
    # What is left has kept its times.
    steps = [12 * (time - written[0]) for time in written]
    assert steps == pytest.approx([round(step) for step in steps], abs=0.02)


def test_a_wrong_password_is_refused_and_not_repeated(camera: Camera, tmp_path: Path) -> None:
    process = _start(camera.address("wr0ng"), tmp_path / "out.mp4")
    _, said = process.communicate(timeout=GUARD)
    assert process.returncode == 1
    assert "401" in said
    assert "wr0ng" not in said
    assert len(said.strip().splitlines()[-1:]) == 1
    assert not list(tmp_path.iterdir())


def record(source: Source, output: Path, at: dict[int, Callable[[], None]]) -> FileSink:
    """Record a camera as it is, do something after so many frames, and end with the last of it."""
    stop, frames = threading.Event(), 0

    def process(frame: Frame) -> list[Frame]:
        nonlocal frames
        frames += 1
        at.get(frames, lambda: None)()
        if frames == max(at):
            stop.set()
        return [frame]

    sink = FileSink(output, source)
    run(source, sink, process, Stages(), stop)
    sink.close()
    return sink


def test_a_camera_that_was_away_goes_on_in_the_same_file(lasting_camera: Camera, tmp_path: Path) -> None:
    said: list[str] = []
    marks: list[float] = []
    with ExitStack() as later:

        def lose() -> None:
            marks.append(time.monotonic())
            lasting_camera.process.kill()
            lasting_camera.process.wait()
            later.enter_context(serving("320x240", lasting_camera.port))

        def find() -> None:
            marks.append(time.monotonic())

        with open_source(lasting_camera.address(), reconnect=60, notify=said.append) as source:
            sink = record(source, tmp_path / "out.mp4", {10: lose, 20: find, 30: int})  # type: ignore[dict-item]
            assert (source.problems.reconnects, sink.repaired_timestamps) == (1, 0)
            assert "lost once" in source.problems.sentences()[0]
    assert "Trying again in 1 s" in said[0]
    assert "is back" in said[-1]
    assert "hush" not in "".join(said)
    times = _times(tmp_path / "out.mp4")
    gaps = [after - before for before, after in pairwise(times)]
    assert len(times) == sink.frames_written >= 28
    # As long as it was away, a pause stands in the file.
    assert 1 < max(gaps) < marks[1] - marks[0]
    assert sorted(gaps)[-2] < 1
    with av.open(tmp_path / "out.mp4") as container:
        sound = [float(packet.pts * packet.time_base) for packet in container.demux(audio=0) if packet.size]  # type: ignore[operator]
    back = times[gaps.index(max(gaps)) + 1]
    assert sound[0] < times[9] < back - 0.5 < sound[-1]


def test_a_camera_that_falls_silent_is_called_again(lasting_camera: Camera, tmp_path: Path) -> None:
    said: list[str] = []
    marks: list[float] = []
    number = lasting_camera.process.pid

    def mark() -> None:
        marks.append(time.monotonic())

    def fall_silent() -> None:
        mark()
        os.kill(number, signal.SIGSTOP)
        threading.Timer(4, os.kill, (number, signal.SIGCONT)).start()

    options = CameraOptions(stall=1)
    with open_source(lasting_camera.address(), reconnect=60, camera=options, notify=said.append) as source:
        record(source, tmp_path / "out.mp4", {5: fall_silent, 20: mark, 30: int})  # type: ignore[dict-item]
        assert source.problems.reconnects >= 1  # a busy machine may be silent for a second, too
    assert said[0].startswith("Lost rtsp://***@127.0.0.1")
    gaps = [after - before for before, after in pairwise(_times(tmp_path / "out.mp4"))]
    assert 3.5 < max(gaps) < marks[1] - marks[0] + 1


def test_a_camera_is_shown_as_it_is_now(lasting_camera: Camera) -> None:
    def shown_now() -> bool:
        with open_source(lasting_camera.address()) as source:
            time.sleep(1)  # what comes now is buffered
            frames = (item for item in source if isinstance(item, Frame))
            first, called = next(frames), time.monotonic()
            for _ in range(10):
                last = next(frames)
            assert first.time == 0
            return time.monotonic() - called > 0.5 * last.time > 0.1

    # What was buffered would be there at once, each time; on a busy machine some frames come together.
    wait_until(shown_now)


def test_a_camera_that_does_not_come_back_is_told_to_a_supervisor_and_what_it_showed_is_kept(
    lasting_camera: Camera, tmp_path: Path
) -> None:
    process = _start(lasting_camera.address(), tmp_path / "out.mp4", "--reconnect", "1")
    _await_frames(process, tmp_path)
    lasting_camera.process.kill()
    _, said = process.communicate(timeout=GUARD)
    assert process.returncode == 1, said
    assert "did not come back within 1 s" in said
    assert "hush" not in said
    assert _frames(tmp_path / "out.mp4") >= 1


def test_a_camera_that_comes_back_with_another_size_goes_on_in_a_second_file(
    lasting_camera: Camera, tmp_path: Path
) -> None:
    process = _start(lasting_camera.address(), tmp_path / "out.mp4", "--reconnect", "60")
    assert process.stderr is not None
    _await_frames(process, tmp_path)
    lasting_camera.process.kill()
    lasting_camera.process.wait()
    with serving("160x120", lasting_camera.port):
        while "is back" not in (line := process.stderr.readline()):
            assert line
        _await_frames(process, tmp_path, "out-2")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=GUARD)
    assert process.returncode == 0, said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out-2.mp4", "out.mp4"]
    for name, width in (("out.mp4", 320), ("out-2.mp4", 160)):
        with av.open(tmp_path / name) as container:
            assert container.streams.video[0].width == width
        assert _frames(tmp_path / name) >= 1


@pytest.mark.exhaustive
def test_recordings_killed_at_any_moment_play(lasting_camera: Camera, tmp_path: Path) -> None:
    began, part = time.monotonic(), tmp_path / ".out.part.mp4"
    process = _start(lasting_camera.address(), tmp_path / "out.mp4")
    _await_frames(process, tmp_path)
    longest, killed = 1.5 * (time.monotonic() - began) + 4, 0
    for seconds in np.random.default_rng(3).uniform(0, longest, 20):
        process.kill()
        process.communicate()
        # A file whose first fragment is not whole yet has nothing to play.
        if part.exists() and b"mdat" in part.read_bytes().partition(b"moof")[2]:
            assert _frames(part) > 0
            killed += 1
        process = _start(lasting_camera.address(), tmp_path / "out.mp4")
        time.sleep(seconds)
    _await_frames(process, tmp_path)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=GUARD)
    assert process.returncode == 0, said
    kept = [path.name for path in tmp_path.iterdir() if path.name.startswith("out.interrupted")]
    assert len(kept) >= killed > 3
    assert {path.name for path in tmp_path.iterdir()} == {"out.mp4", *kept}
    assert _frames(tmp_path / "out.mp4") > 0
