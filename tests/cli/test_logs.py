"""The log that operators read: whole, one record a line, and without secrets."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av.logging
import pytest

from stream_unmask import FaceReport, Unmasker
from stream_unmask.cli.logs import log_to_stderr
from stream_unmask.video.source import Source, open_source
from tests.cli.calling import call
from tests.support.waiting import GUARD


def records(said: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in said.splitlines()]


def test_a_run_is_told_as_json_and_nothing_else(
    masked_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (masked_clip, "-o", tmp_path / "out.mp4", "--log-json", "--log-level", "debug")
    assert call(monkeypatch, *arguments) == 0
    told = records(capsys.readouterr().err)
    said = [each["message"] for each in told]
    assert said[0].startswith("Engine: OpenVINO")
    assert f"Opened {masked_clip}: 640x360, 12 fps, h264 yuv420p, decoded by the CPU" in said
    assert "Face 1 appears at 0.00 s" in said
    assert any("24 frames" in each and "1 of 1 faces unmasked" in each for each in said)
    assert any(each["level"] == "debug" and each["message"].startswith("Stage segment:") for each in told)
    assert all(set(each) == {"time", "level", "logger", "thread", "message"} for each in told)


def test_an_error_is_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, tmp_path / "gone.mp4", "--log-json") == 1
    (told,) = records(capsys.readouterr().err)
    assert told["level"] == "error"
    assert told["message"].endswith("gone.mp4 does not exist.")


def test_a_face_that_is_left_alone_is_said_once_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "stream_unmask")
    face = FaceReport(3, 1.0, 2.5)
    for reason in ("too small", "too small", "cut off"):
        face.leave_alone(reason)
    assert caplog.messages == [
        "Face 3 is left alone at 2.50 s: too small",
        "Face 3 is left alone at 2.50 s: cut off",
    ]


def test_what_becomes_of_a_camera_is_logged_and_told(
    unmasker: Unmasker,
    masked_clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def open_camera(uri: Path, *, notify: Callable[[str], None], **options: Any) -> Source:
        source = open_source(uri)
        notify("The camera is back after 3 s.")
        source.problems.dropped = 7
        return source

    caplog.set_level(logging.INFO, "stream_unmask")
    monkeypatch.setattr("stream_unmask.api.open_source", open_camera)
    told: list[str] = []
    unmasker.video(masked_clip, tmp_path / "out.mp4", notify=told.append)
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told == ["The camera is back after 3 s."]
    assert warned == [*told, "7 frames came too fast so far and were dropped"]


@pytest.mark.parametrize("as_json", [False, True])
def test_no_secret_is_logged(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with log_to_stderr("info", as_json=as_json):
        logging.getLogger("stream_unmask.x").info("Lost %s", "rtsp://user:hunter2@camera/stream?token=abc")
    said = capsys.readouterr().err
    assert "rtsp://***@camera/stream" in said
    assert "hunter2" not in said
    assert "abc" not in said


def test_a_text_line_has_time_level_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    with log_to_stderr("warning", as_json=False):
        logging.getLogger("stream_unmask.x").info("not this")
        logging.getLogger("stream_unmask.x").warning("this")
    time, level, place, message = capsys.readouterr().err.split()
    assert time.endswith("Z")
    assert (level, place, message) == ("WARNING", "stream_unmask.x:", "this")


def test_what_serves_writes_its_defects_even_without_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    ours = logging.getLogger("stream_unmask.x")
    with log_to_stderr(None, as_json=False, serves=True) as logged:
        assert not logged
        ours.warning("not this")
        try:
            raise RuntimeError("a defect")
        except RuntimeError:
            ours.exception("GET /api failed")
    ours.error("nor this")
    said = capsys.readouterr().err
    assert "ERROR stream_unmask.x: GET /api failed\nTraceback" in said
    assert said.endswith("RuntimeError: a defect\n")


def test_ffmpegs_warnings_are_in_it_but_not_all_of_a_flood(capsys: pytest.CaptureFixture[str]) -> None:
    with log_to_stderr(None, as_json=True):
        for number in range(30):
            av.logging.log(
                av.logging.WARNING, "h264", f"broken packet {number} of rtsp://me:hunter2@camera\n"
            )
        av.logging.log(av.logging.INFO, "h264", "nothing\n")
    said = records(capsys.readouterr().err)
    assert [each["message"] for each in said] == [
        f"broken packet {n} of rtsp://***@camera" for n in range(10)
    ]
    assert {(each["logger"], each["level"]) for each in said} == {("libav.h264", "warning")}


def test_what_other_libraries_write_to_stderr_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    with log_to_stderr("error", as_json=True):
        os.write(2, b"x265 [error]: no luck\n")
        av.logging.log(av.logging.WARNING, "h264", "not this\n")
        av.logging.log(av.logging.ERROR, "h264", "this\n")
    said = [(each["logger"], each["level"], each["message"]) for each in records(capsys.readouterr().err)]
    assert said == [("stderr", "warning", "x265 [error]: no luck"), ("libav.h264", "error", "this")]


_NOBODY_READS = """
import sys
import av.logging
from stream_unmask.cli.logs import log_to_stderr
with log_to_stderr("warning", as_json=True):
    # No thread of Python gets its turn from here on, as while a decoder is freed.
    sys.setswitchinterval(1000)
    for number in range(5000):
        av.logging.log(av.logging.ERROR, "h264", 100 * "x" + "\\n")
    sys.setswitchinterval(0.005)
print("done", file=sys.stderr)
"""


def test_ffmpeg_never_waits_for_python() -> None:
    command = [sys.executable, "-c", _NOBODY_READS]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=GUARD)
    *said, last = done.stderr.splitlines()
    assert last == "done"
    assert records("\n".join(said))[0]["message"] == 100 * "x"


def test_it_is_as_before_afterwards() -> None:
    def state() -> tuple[object, ...]:
        ours, stderr = logging.getLogger("stream_unmask"), os.fstat(2)
        return [*ours.handlers], av.logging.get_level(), sys.stderr, stderr.st_dev, stderr.st_ino

    before = state()
    with log_to_stderr("debug", as_json=True):
        assert av.logging.get_level() is None  # no callback of Python's
        assert state() != before
    assert state() == before


def test_without_a_handler_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("stream_unmask.x").error("to nobody")
    assert capsys.readouterr() == ("", "")
