"""A camera over RTSP: recorded until Ctrl-C, until it ends, until it dies; its password stays secret."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import pytest

from benchmarks.clips import ClipOptions, make_clip
from stream_unmask.report import Stages
from stream_unmask.running import run
from stream_unmask.video.frame import Frame
from stream_unmask.video.sink import FileSink
from stream_unmask.video.source import open_source

PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).with_name("rtsp_server.py")
BINDINGS = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


def _has_bindings() -> bool:
    try:
        return subprocess.run([PYTHON, "-c", BINDINGS], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(
        not _has_bindings(), reason="GStreamer's RTSP server (gir1.2-gst-rtsp-server-1.0) is missing"
    ),
]


@dataclass(frozen=True)
class Camera:
    process: subprocess.Popen[str]
    host: str

    def address(self, password: str = "hush") -> str:
        return f"rtsp://joe:{password}@{self.host}/cam"


@contextmanager
def _serving(clip: Path) -> Iterator[Camera]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [PYTHON, SERVER, clip, str(port), "joe", "hush"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield Camera(process, f"127.0.0.1:{port}")
        process.kill()


@pytest.fixture
def camera(masked_clip: Path) -> Iterator[Camera]:
    with _serving(masked_clip) as camera:
        yield camera


@pytest.fixture
def lasting_camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Camera]:
    """One that shows more than a test waits for."""
    clip = tmp_path_factory.mktemp("camera") / "long.mp4"
    with _serving(make_clip(clip, ClipOptions(width=640, height=360, frames=360, rate=12))) as camera:
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


def test_a_camera_is_recorded_until_it_ends(camera: Camera, tmp_path: Path) -> None:
    process = _start(camera.address(), tmp_path / "out.mp4", "--report", tmp_path / "report.json")
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    report = json.loads((tmp_path / "report.json").read_text())
    # The clip has 24 frames; a server may drop some before its first key frame.
    assert 12 <= report["frames"] + report["dropped"] <= 24
    assert _frames(tmp_path / "out.mp4") == report["frames"]
    assert "1 of 1 faces unmasked" in said
    assert "hush" not in said


def test_ctrl_c_ends_a_recording_as_it_should(lasting_camera: Camera, tmp_path: Path) -> None:
    process = _start(lasting_camera.address(), tmp_path / "out.mp4")
    waited = time.monotonic()
    while not list(tmp_path.iterdir()) and time.monotonic() - waited < 60:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert _frames(tmp_path / "out.mp4") >= 1


def test_what_a_dying_camera_has_sent_is_kept(lasting_camera: Camera, tmp_path: Path) -> None:
    process = _start(lasting_camera.address(), tmp_path / "out.mp4")
    waited = time.monotonic()
    while not list(tmp_path.iterdir()) and time.monotonic() - waited < 60:
        time.sleep(0.05)
    time.sleep(0.5)
    lasting_camera.process.kill()
    _, said = process.communicate(timeout=60)
    assert "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert _frames(tmp_path / "out.mp4") >= 1


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
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "401" in said
    assert "wr0ng" not in said
    assert len(said.strip().splitlines()[-1:]) == 1
    assert not list(tmp_path.iterdir())
