"""Streams that go out, taken by other programs: an RTSP server, a player of HLS, a pipe."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import pytest

from stream_unmask.errors import UnmaskError
from stream_unmask.output.live import outputs as outputs_module
from stream_unmask.output.live.options import LiveOptions
from stream_unmask.output.live.parsing import is_stream_output, target_for
from stream_unmask.output.live.targets import HlsTarget, StreamTarget, Target
from stream_unmask.video.camera import Backoff
from tests.output.live.making import camera, fan_out, frames, settle, ticks, times, write
from tests.output.live.test_outputs import recording
from tests.video.serving import NEEDS_SERVER

_SERVER = Path(__file__).with_name("rtsp_sink.py")


def named(output: str, **options: object) -> Target:
    live = LiveOptions(**options)  # type: ignore[arg-type]
    return target_for(output, live, overwrite=False, tags={}, seal=None)


def test_each_kind_of_output_is_known_by_its_name() -> None:
    kinds = {
        "rtsp://h/x": ("rtsp", "live"),
        "rtmp://h/app/key": ("flv", "live"),
        "udp://239.0.0.1:5000": ("mpegts", "live"),
        "-": ("mpegts", "live"),
        "window:": ("window", "live"),
        "v4l2:/dev/video9": ("video4linux2,v4l2", "raw"),
        "out/": ("hls", "live"),
        "out/index.m3u8": ("hls", "live"),
        "out.mp4": ("mp4", "recording"),
        "cam-%H.mkv": ("matroska", "recording"),
    }
    assert {name: (named(name).format, named(name).kind) for name in kinds} == kinds
    assert (named("-", pipe_format="y4m").format, named("-", pipe_format="raw").format) == (
        "yuv4mpegpipe",
        "rawvideo",
    )
    assert [is_stream_output(name) for name in ("out.mp4", "out/", "-", "rtsp://h/x")] == [
        False,
        True,
        True,
        True,
    ]


def test_what_cannot_be_sent_to_is_a_sentence_without_its_password() -> None:
    with pytest.raises(UnmaskError, match="gopher://\\*\\*\\*@h/x") as caught:
        named("gopher://joe:hush@h/x")
    assert "hush" not in str(caught.value)
    assert named("rtsp://joe:hush@h/x").shown == "rtsp://***@h/x"
    assert named("rtmp://h/app/k3y").shown == "rtmp://h/app/***"


def test_hls_is_a_playlist_of_segments_that_ends(tmp_path: Path) -> None:
    (tmp_path / "live").mkdir()
    (tmp_path / "live" / "mine.txt").touch()
    outputs = fan_out(camera(tmp_path, "pcm_mulaw"), HlsTarget(tmp_path / "live"), on_loss="stop")
    for second in range(20):
        write(outputs, frames(25, 25 * second), ticks(second, second + 1))
        settle(outputs)
    outputs.close()
    playlist = (tmp_path / "live" / "index.m3u8").read_text()
    assert playlist.endswith("#EXT-X-ENDLIST\n")
    assert 5 <= playlist.count("#EXTINF:2.0") <= 6
    assert len(list((tmp_path / "live").glob("*.ts"))) < 10
    assert (tmp_path / "live" / "mine.txt").exists()
    with av.open(str(tmp_path / "live" / "index.m3u8")) as container:
        assert {stream.codec_context.name for stream in container.streams} == {"h264", "aac"}


_PIPED = """
import sys, tempfile
from pathlib import Path
from tests.output.live.making import camera, fan_out, frames, ticks, write
from tests.output.live.test_streams import named
source = camera(Path(tempfile.mkdtemp()), "pcm_mulaw")
outputs = fan_out(source, named("-", pipe_format=sys.argv[1]), on_loss="stop")
write(outputs, frames(10), ticks(0, 0.4))
outputs.close()
"""


@pytest.mark.parametrize("form", ["mpegts", "y4m", "raw"])
def test_the_standard_output_is_what_another_program_reads(form: str, tmp_path: Path) -> None:
    piped = subprocess.run([sys.executable, "-c", _PIPED, form], capture_output=True, check=True).stdout
    if form == "raw":
        assert len(piped) == 10 * 64 * 48 * 3 // 2
        return
    (tmp_path / f"piped.{form}").write_bytes(piped)
    assert len(times(tmp_path / f"piped.{form}")) == 10


def test_without_a_screen_there_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    outputs = fan_out(camera(tmp_path), named("window:"), recording(tmp_path), on_loss="stop")
    window, file = outputs.outputs
    for second in range(400):
        write(outputs, frames(25, 25 * second))
        if window.failure:
            break
        time.sleep(0.05)
    assert "the window cannot be opened: " in window.failure
    assert not file.failure
    with pytest.raises(UnmaskError, match="the window"):
        outputs.close()
    assert len(times(tmp_path / "out.mp4")) == 25 * (second + 1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def taking(port: int, file: Path) -> Iterator[subprocess.Popen[str]]:
    """A server that takes what is published into a file."""
    command = ["/usr/bin/python3", str(_SERVER), str(port), str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@pytest.mark.server
@pytest.mark.skipif(NEEDS_SERVER[1].args[0], reason=NEEDS_SERVER[1].kwargs["reason"])
def test_a_server_that_goes_and_comes_back_takes_the_stream_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Backoff, "next", lambda self, refused: 0.2)
    port, said = free_port(), list[str]()
    target = StreamTarget(f"rtsp://127.0.0.1:{port}/live", "rtsp", "rtsp://server/live")
    outputs = fan_out(camera(tmp_path), target, recording(tmp_path), said=said)
    stream = outputs.outputs[0]
    written = 0

    def show(seconds: float) -> None:
        nonlocal written
        for _ in range(round(25 * seconds)):
            write(outputs, frames(1, written))
            written += 1
            time.sleep(0.02)

    with taking(port, tmp_path / "one.ts"):
        for _ in range(100):
            show(0.2)
            if stream.state == "open":
                break
        show(3)
    for _ in range(20):
        show(0.2)
        if any("Trying again" in sentence for sentence in said):
            break
    with taking(port, tmp_path / "two.ts"):
        for _ in range(30):
            show(0.2)
            if said[-1].endswith("is there again."):
                break
        show(2)
        outputs.close()
        time.sleep(0.5)  # the server writes what it took
    assert "rtsp://server/live is there again." in said
    assert len(times(tmp_path / "one.ts")) > 25
    assert len(times(tmp_path / "two.ts")) > 25
    assert len(times(tmp_path / "out.mp4")) == written


@pytest.mark.server
@pytest.mark.skipif(NEEDS_SERVER[1].args[0], reason=NEEDS_SERVER[1].kwargs["reason"])
def test_a_server_that_stalls_is_called_again_and_the_others_never_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Backoff, "next", lambda self, refused: 0.2)
    monkeypatch.setattr(outputs_module, "_STUCK", 0.5)
    port, said = free_port(), list[str]()
    target = StreamTarget(f"rtsp://127.0.0.1:{port}/live", "rtsp", "rtsp://server/live")
    outputs = fan_out(camera(tmp_path), target, recording(tmp_path), HlsTarget(tmp_path / "hls"), said=said)
    stream, *others = outputs.outputs
    written = 0

    def show(frames_shown: int, pause: float) -> None:
        nonlocal written
        write(outputs, frames(frames_shown, written))
        written += frames_shown
        while any(other.is_busy for other in others):
            time.sleep(0.005)
        time.sleep(pause)

    def show_until(word: str, most: int, pause: float) -> None:
        for _ in range(most):
            show(5, pause)
            if any(word in sentence for sentence in said) or (word == "open" and stream.state == "open"):
                return
        raise AssertionError((said, stream.state))

    with taking(port, tmp_path / "one.ts") as server:
        show_until("open", 300, 0.1)
        server.send_signal(signal.SIGSTOP)
        show_until("takes nothing any more", 3000, 0.01)  # what the system holds back is full then
    with taking(port, tmp_path / "two.ts"):
        show_until("is there again", 300, 0.1)
        show(50, 0.5)
        outputs.close()
    assert len(times(tmp_path / "out.mp4")) == written
    assert [other.passed_over for other in others] == [0, 0]
    assert not [sentence for sentence in said if "server" not in sentence]
