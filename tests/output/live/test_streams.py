"""Streams that go out, taken by other programs: an RTSP server, a player of HLS, a pipe."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import av
import pytest

from stream_unmask.errors import UnmaskError
from stream_unmask.output.live import outputs as outputs_module
from stream_unmask.output.live import sending
from stream_unmask.output.live.options import LiveOptions
from stream_unmask.output.live.parsing import is_stream_output, target_for
from stream_unmask.output.live.targets import HlsTarget, StreamTarget, Target
from stream_unmask.video.camera import Backoff
from tests.output.live.making import RATE, camera, fan_out, frames, settle, ticks, times, write
from tests.output.live.test_outputs import recording
from tests.support.ports import free_port
from tests.support.waiting import GUARD, wait_until
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


def test_a_password_of_a_server_may_be_typed_as_it_is() -> None:
    target = named("rtsp://joe:p/a#s?s@w o@h/x")
    assert isinstance(target, StreamTarget)
    assert (target.uri, target.shown) == ("rtsp://joe:p%2Fa%23s%3Fs%40w%20o@h/x", "rtsp://***@h/x")


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


def test_a_transport_stream_over_udp_is_sent_in_whole_packets(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taker:
        taker.bind(("127.0.0.1", 0))
        taker.settimeout(GUARD)
        outputs = fan_out(
            camera(tmp_path), named(f"udp://127.0.0.1:{taker.getsockname()[1]}"), on_loss="stop"
        )
        write(outputs, frames(25))
        sizes = {len(taker.recv(65536)) for _ in range(20)}
        outputs.close()
    assert {size % 188 for size in sizes} == {0}
    assert max(sizes) == 7 * 188
    other = named("udp://127.0.0.1:5000?pkt_size=188")
    assert isinstance(other, StreamTarget)
    assert other.uri == "udp://127.0.0.1:5000?pkt_size=188"


def test_a_folder_of_hls_belongs_to_one_run(tmp_path: Path) -> None:
    outputs = fan_out(camera(tmp_path), HlsTarget(tmp_path / "live"))
    for second in (
        HlsTarget(tmp_path / "live").check,
        lambda: fan_out(camera(tmp_path), named(f"{tmp_path}/live/")),
    ):
        with pytest.raises(UnmaskError, match=r"Another output writes to the folder .*live"):
            second()
    write(outputs, frames(5))
    outputs.close()
    fan_out(camera(tmp_path), HlsTarget(tmp_path / "live")).close()


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
    written = 0

    def fails() -> bool:
        nonlocal written
        write(outputs, frames(5, written))
        written += 5
        return bool(window.failure)

    wait_until(fails, pause=0.05)
    assert "the window cannot be opened: " in window.failure
    assert not file.failure
    with pytest.raises(UnmaskError, match="the window"):
        outputs.close()
    assert len(times(tmp_path / "out.mp4")) == written


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


def pictures(path: Path) -> int:
    """How many a server has written so far."""
    found = 0
    with suppress(av.FFmpegError, OSError, IndexError), av.open(str(path)) as container:
        for packet in container.demux(video=0):
            found += packet.size > 0
    return found


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers are called again soon, and get all the time that a busy machine takes to say goodbye."""
    monkeypatch.setattr(Backoff, "next", lambda self, refused: 0.2)
    monkeypatch.setattr(sending, "_LAST_SECONDS", GUARD)
    monkeypatch.setattr(outputs_module, "_LAST_SECONDS", GUARD)


@pytest.mark.server
@pytest.mark.usefixtures("patient")
@pytest.mark.skipif(NEEDS_SERVER[1].args[0], reason=NEEDS_SERVER[1].kwargs["reason"])
def test_a_server_that_goes_and_comes_back_takes_the_stream_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, said = free_port(), list[str]()
    target = StreamTarget(f"rtsp://127.0.0.1:{port}/live", "rtsp", "rtsp://server/live")
    outputs = fan_out(camera(tmp_path), target, recording(tmp_path), said=said)
    written = 0

    def show_until(true: Callable[[], bool]) -> None:
        def shown() -> bool:
            nonlocal written
            write(outputs, frames(1, written))
            written += 1
            return true()

        wait_until(shown, pause=0.02)

    with taking(port, tmp_path / "one.ts"):
        show_until(lambda: pictures(tmp_path / "one.ts") > RATE)
    show_until(lambda: any("Trying again" in sentence for sentence in said))
    with taking(port, tmp_path / "two.ts"):
        show_until(lambda: pictures(tmp_path / "two.ts") > RATE)
        outputs.close()
    assert "rtsp://server/live is there again." in said
    assert len(times(tmp_path / "out.mp4")) == written


@pytest.mark.server
@pytest.mark.usefixtures("patient")
@pytest.mark.skipif(NEEDS_SERVER[1].args[0], reason=NEEDS_SERVER[1].kwargs["reason"])
def test_a_server_that_stalls_is_called_again_and_the_others_never_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs_module, "_STUCK", 0.5)
    ports, said = (free_port(), free_port()), list[str]()
    servers = [
        StreamTarget(f"rtsp://127.0.0.1:{port}/live", "rtsp", f"rtsp://server{port}") for port in ports
    ]
    outputs = fan_out(camera(tmp_path), *servers, recording(tmp_path), HlsTarget(tmp_path / "hls"), said=said)
    stream, other, *files = outputs.outputs
    written = 0

    def show_until(true: Callable[[], bool], pause: float = 0.1) -> None:
        def shown() -> bool:
            nonlocal written
            write(outputs, frames(5, written))
            written += 5
            wait_until(lambda: not any(each.is_busy for each in (other, *files)), pause=0.005)
            return true()

        wait_until(shown, pause)

    with taking(ports[1], tmp_path / "other.ts"):
        with taking(ports[0], tmp_path / "one.ts") as server:
            show_until(lambda: stream.state == other.state == "open")
            begun = written
            server.send_signal(signal.SIGSTOP)
            # What the system holds back is full then.
            show_until(lambda: any("takes nothing any more" in sentence for sentence in said), pause=0.01)
        with taking(ports[0], tmp_path / "two.ts"):
            show_until(lambda: pictures(tmp_path / "two.ts") > RATE)
            outputs.close()
    assert f"rtsp://server{ports[0]} is there again." in said
    assert all(sentence.startswith(f"rtsp://server{ports[0]}") for sentence in said)
    assert len(times(tmp_path / "out.mp4")) == written
    assert [each.passed_over for each in (other, *files)] == [0, 0, 0]
    # All but what was on the way when the first was killed, and what a multiplexer holds.
    assert pictures(tmp_path / "other.ts") > written - begun - 50 > 0
