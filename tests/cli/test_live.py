"""Many cameras from a file: what it may say, and that each begins, fails and ends alone."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from stream_unmask.cameras import CameraConfig, Cameras
from stream_unmask.cli.config import read_config
from stream_unmask.errors import InputError, UnmaskError
from stream_unmask.output.live.options import LiveOptions
from stream_unmask.output.live.retention import Retention
from stream_unmask.output.writing import OutputOptions
from stream_unmask.report import Report
from stream_unmask.video.camera import Backoff
from stream_unmask.video.camera_options import CameraOptions
from stream_unmask.video.logins import Login
from tests.support.waiting import wait_until

WHOLE = """
[settings]
min_face = 48
smooth = false

[defaults]
segment = "10m"
stall = 20

[cameras.door]
source = "rtsp://${HOST}/x"
outputs = ["door-%H.mp4", "rtsp://joe:${SECRET}@127.0.0.1/door"]
credentials_file = "login"
keep = "7d"
keep_free = "10G"
on_loss = "black"

[cameras."back yard"]
source = "webcam:0"
webcam_size = "1280x720"
outputs = ["yard/"]
segment = "1h"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOST", "cam.local")
    monkeypatch.setenv("SECRET", "hush")
    Path("login").write_text("joe\nhu:sh\n")
    return tmp_path


def written(text: str) -> Path:
    path = Path("cameras.toml")
    path.write_text(text)
    return path


def test_a_file_names_cameras_with_defaults(folder: Path) -> None:
    config = read_config(written(WHOLE))
    assert (config.settings.min_face, config.settings.smooth) == (48, False)
    assert config.settings.reconnect == float("inf")
    door, yard = config.cameras["door"], config.cameras["back yard"]
    assert door.source == "rtsp://cam.local/x"
    assert door.outputs == ("door-%H.mp4", "rtsp://joe:hush@127.0.0.1/door")
    assert door.camera == CameraOptions(stall=20, wait=float("inf"), login=Login("joe", "hu:sh"))
    retention = Retention(7 * 86_400, 10 << 30)
    assert door.options.live == LiveOptions(segment=600, retention=retention, on_loss="black")
    assert yard.camera.size == (1280, 720)
    assert yard.options.live.segment == 3600


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[cameras.a]\nsource = 'x://y'\noutputs = ['a.mp4']\nsegmnet = '1h'", 4, "did you mean segment?"),
        ("[cameras.a]\n\nsource = 'x://y'", 1, "cameras.a has no outputs"),
        ("[settings]\nmin_face = 'big'", 2, "settings.min_face must be a whole number"),
        ("[settings]\nmin_face = 0\n[cameras.a]", 1, "min_face"),
        ("[defaults]\nkeep = '7x'\n[cameras.a]", 2, "defaults.keep '7x' is not a duration"),
        ("[defaults]\nsource = 'x://y'", 2, "defaults.source is not known"),
        ("[cameras]\na.source = 'x://y'\na.outputs = []", 3, "cameras.a.outputs must be a list"),
        ("[camera.a]\nsource = 'x://y'", 1, "did you mean cameras?"),
        ("\n\n[settings]\n", 1, "names no camera"),
        ("[cameras.a]\nsource='rtsp://j:hush@h'\noutputs=['a.mp4']", 2, "holds a password"),
        ("[cameras.a]\nsource='rtsp://${NONE}'\noutputs=['a.mp4']", 2, "NONE, which is not set"),
        ("[cameras.a]\nsource='rtsp://h'\noutputs=['a.mp4']\non_loss='cry'", 1, "on_loss must be one of"),
        ("[cameras.a]\nsource = oops\n", 2, "line 2"),
        ("[defaults]\nkeep_free = 1e400\n[cameras.a]", 2, "keep_free inf is not a size"),
        ("[defaults]\nkeep = '" + "9" * 5000 + "x'\n[cameras.a]", 2, "99 ..."),
    ],
)
def test_what_makes_no_sense_is_said_with_its_line_and_key(
    text: str, line: int, said: str, folder: Path
) -> None:
    with pytest.raises(InputError) as caught:
        read_config(written(text))
    sentence = str(caught.value)
    assert said in sentence
    assert f"line {line}" in sentence
    assert "hush" not in sentence
    assert sentence.count("\n") == 0


@pytest.mark.parametrize("text", ["a = " + "[" * 3000, "a = " + "7" * 5000])
def test_what_python_cannot_parse_is_refused_in_a_sentence(text: str, folder: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_config(written(text))
    assert len(str(caught.value)) < 500


class FakeUnmasker:
    """Runs until it is stopped; a source called ``broken`` fails at once."""

    def __init__(self) -> None:
        self.running: list[str] = []
        self.begun: list[str] = []
        self.again: list[str] = []
        self.repeated: list[str] = []

    def video(
        self,
        source: str,
        _: object,
        options: OutputOptions,
        *,
        stop: threading.Event,
        repeat: bool,
        **__: object,
    ) -> Report:
        self.begun.append(source)
        if options.live.again:
            self.again.append(source)
        if repeat:
            self.repeated.append(source)
        if source == "broken":
            raise UnmaskError("it is broken.")
        self.running.append(source)
        stop.wait()
        self.running.remove(source)
        return Report(source, "", "", ())

    def summary(self, report: Report) -> str:
        return f"{report.source} ended."


def config(source: str) -> CameraConfig:
    return CameraConfig(source, source, ("x.mp4",), CameraOptions(), OutputOptions())


def test_each_camera_begins_fails_and_ends_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Backoff, "next", lambda self, refused: 0.01)
    unmasker, said = FakeUnmasker(), list[str]()
    cameras = Cameras(unmasker, said.append)  # type: ignore[arg-type]
    cameras.become({name: config(name) for name in ("one", "two", "broken")})
    wait_until(lambda: sorted(unmasker.running) == ["one", "two"] and unmasker.begun.count("broken") > 2)
    cameras.become({"two": config("two"), "three": config("three")})
    wait_until(lambda: sorted(unmasker.running) == ["three", "two"])
    assert unmasker.begun.count("two") == 1
    cameras.become({})
    assert unmasker.running == []
    assert "broken: it is broken." in said
    assert "one: one ended." in said


def test_a_file_is_begun_once_and_repeats_itself() -> None:
    unmasker = FakeUnmasker()
    cameras = Cameras(unmasker, lambda sentence: None)  # type: ignore[arg-type]
    cameras.become({"a": replace(config("film.mp4"), repeat=True)})
    wait_until(lambda: unmasker.running == ["film.mp4"])
    cameras.become({})
    assert unmasker.begun == unmasker.repeated == ["film.mp4"]


def test_a_reloaded_camera_that_changed_begins_anew() -> None:
    unmasker = FakeUnmasker()
    cameras = Cameras(unmasker, lambda sentence: None)  # type: ignore[arg-type]
    cameras.become({"a": config("one")})
    wait_until(lambda: unmasker.running == ["one"])
    cameras.become({"a": config("other")})
    wait_until(lambda: unmasker.running == ["other"])
    cameras.become({})
    assert unmasker.begun == ["one", "other"]
    assert unmasker.again == ["other"]  # what it recorded before is there


def test_the_example_of_the_documentation_is_understood(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    page = Path(__file__).parents[2] / "docs" / "cameras.md"
    (example,) = re.findall(r"```toml\n(.*?)```", page.read_text(), re.DOTALL)
    monkeypatch.setenv("YARD_USER", "joe")
    monkeypatch.setenv("YARD_PASSWORD", "hush")
    config = read_config(written(example.replace("/etc/stream-unmask/door", "login")))
    assert list(config.cameras) == ["door", "yard"]
    assert config.cameras["yard"].source == "rtsp://joe:hush@yard.local/stream"
    assert config.cameras["door"].options.live.segment == 600
