"""The options of cameras, and what of them other users of the machine see."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from stream_unmask.cli.amounts import DURATION, SIZE
from stream_unmask.cli.cameras import camera_options
from stream_unmask.output.live.options import LiveOptions
from stream_unmask.output.live.retention import Retention
from stream_unmask.video.camera_options import CameraOptions
from stream_unmask.video.logins import Login


def given(*arguments: str, **environment: str) -> tuple[CameraOptions, LiveOptions] | str:
    """What a command gets for options, or what it says."""
    found: list[tuple[CameraOptions, LiveOptions]] = []

    @click.command()
    @click.argument("source")
    @click.option("-o", "outputs", multiple=True)
    @camera_options
    def command(source: str, outputs: tuple[str, ...], camera: CameraOptions, live: LiveOptions) -> None:
        assert outputs == (("a.mp4", "window:") if "--show" in arguments else ())
        found.append((camera, live))

    result = CliRunner().invoke(command, ["rtsp://cam/x", *arguments], env=environment)
    return found[0] if found else str(result.output + str(result.exception))


def test_nothing_given_is_the_default() -> None:
    assert given() == (CameraOptions(), LiveOptions())


def test_options_become_objects(tmp_path: Path) -> None:
    (tmp_path / "login").write_text("joe\nhu sh\n")
    camera = ["--stall", "30s", "--wait", "inf", "--rtsp-transport", "udp", "--webcam-size", "1280x720"]
    live = ["--segment", "10m", "--keep", "7d", "--keep-free", "10G", "--on-loss", "black", "--format", "y4m"]
    assert given(*camera, *live, "--credentials-file", str(tmp_path / "login")) == (
        CameraOptions(
            stall=30, wait=float("inf"), transport="udp", size=(1280, 720), login=Login("joe", "hu sh")
        ),
        LiveOptions(
            segment=600, retention=Retention(7 * 86_400, 10 << 30), on_loss="black", pipe_format="y4m"
        ),
    )


def test_a_window_is_one_more_output() -> None:
    assert given("-o", "a.mp4", "--show") == (CameraOptions(), LiveOptions())


def test_a_password_may_come_from_the_environment() -> None:
    found = given(STREAM_UNMASK_USER="joe", STREAM_UNMASK_PASSWORD="hush")
    assert not isinstance(found, str)
    assert found[0].login == Login("joe", "hush")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--segment", "0.5"),
        ("--stall", "0"),
        ("--keep", "7x"),
        ("--webcam-size", "big"),
        ("--segment", "inf"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: tuple[str, ...]) -> None:
    assert isinstance(given(*arguments), str)


def test_amounts_have_units() -> None:
    assert [DURATION.convert(text, None, None) for text in ("90", "90s", "1.5m", "2h", "1d")] == [
        *(90, 90, 90, 7200, 86_400),
    ]
    for text in ("inf", "1e9", "-1", "nan", "9" * 400, "900000000T"):
        with pytest.raises(click.BadParameter):
            SIZE.convert(text, None, None)
    assert [SIZE.convert(text, None, None) for text in ("1k", "2MB", "1.5G")] == [1024, 2 << 20, 3 << 29]


_SHOWN = """
import sys
from pathlib import Path
sys.path.insert(0, ".")
from stream_unmask.cli.arguments import hide_passwords
hide_passwords(sys.argv)
sys.stdout.write(Path("/proc/self/cmdline").read_text() + "|" + sys.argv[-1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not let a process do that")
@pytest.mark.parametrize("password", ["hush", "p@ss/w?rd #1", "h%20sh"])
def test_a_password_is_not_in_the_list_of_processes(password: str, tmp_path: Path) -> None:
    (tmp_path / "shown.py").write_text(_SHOWN)
    address = f"rtsp://joe:{password}@cam/x"
    command = [sys.executable, str(tmp_path / "shown.py"), "-o", address, address]
    shown, kept = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("|")
    assert password not in shown
    assert shown.count("rtsp://****") == 2
    assert kept == address


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not let a process do that")
@pytest.mark.parametrize(
    ("address", "seen"),
    [
        ("rtsp://cam/x?channel=1&token=t0ken", "rtsp://cam/x?channel=1&token=*****"),
        ("rtmp://live.example/app/k3y-1", "rtmp://live.example/app/*****"),
    ],
)
def test_a_token_and_a_stream_key_are_not_in_the_list_of_processes(
    address: str, seen: str, tmp_path: Path
) -> None:
    (tmp_path / "shown.py").write_text(_SHOWN)
    command = [sys.executable, str(tmp_path / "shown.py"), "-o", address]
    shown, kept = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("|")
    assert shown.rstrip("\0").split("\0")[-1] == seen
    assert kept == address
