"""Users and passwords: found in addresses however they were typed, and shown in none."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream_unmask.errors import UnmaskError
from stream_unmask.video.files import redact
from stream_unmask.video.logins import Login, environment_login, read_login, split_login, with_login

HARD = ["p@ss", "50%off", "a/b", "x#y", "q?z", "c:d", "e&f=g", "ü§", "sp ace", "S3cret slash/x @"]


@pytest.mark.parametrize("password", HARD)
def test_a_password_typed_as_it_is_is_found_and_never_shown(password: str) -> None:
    address = f"rtsp://joe:{password}@cam.local:554/stream?x=1"
    assert split_login(address) == ("rtsp://cam.local:554/stream?x=1", "joe", password)
    assert redact(address) == "rtsp://***@cam.local:554/stream?x=1"


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        ("p%40ss", "p%40ss"),
        ("a/b", "a%2Fb"),
        ("sp ace", "sp%20ace"),
        ("x#y", "x%23y"),
        ("q?z%", "q%3Fz%25"),
        ("50%off", "50%off"),
    ],
)
def test_only_what_an_address_cannot_hold_is_encoded(typed: str, taken: str) -> None:
    assert with_login(f"rtsp://joe:{typed}@cam/x", None) == f"rtsp://joe:{taken}@cam/x"


def test_an_at_sign_in_a_path_is_no_login() -> None:
    assert split_login("rtsp://cam/live@2")[1] is None
    assert with_login("rtsp://cam:554/live@2", None) == "rtsp://cam:554/live@2"


def test_a_login_goes_where_an_address_has_none() -> None:
    login = Login("j/oe", "p@ss w")
    assert with_login("rtsp://cam/x", login) == "rtsp://j%2Foe:p%40ss%20w@cam/x"
    assert with_login("rtsp://ann@cam/x", login) == "rtsp://ann:p%40ss%20w@cam/x"
    assert with_login("rtsp://ann:own@cam/x", login) == "rtsp://ann:own@cam/x"
    assert "p@ss" not in repr(login)


def test_secrets_in_queries_and_stream_keys_are_not_shown() -> None:
    assert redact("rtsp://cam/x?user=joe&password=a#b c") == "rtsp://cam/x?user=joe&password=***"
    assert redact("rtmp://live.example/app/k3y-1?x=2") == "rtmp://live.example/app/***"
    assert redact("RTMPS://live.example/app/k3y") == "RTMPS://live.example/app/***"
    assert redact("a file@home.mp4") == "a file@home.mp4"
    two = "rtsp://joe:a b@one/x is away; rtmp://joe:p/w@two/app/k3y takes it."
    assert redact(two) == "rtsp://***@one/x is away; rtmp://***@two/app/*** takes it."


@pytest.mark.parametrize("text", ["joe\np:w\n", "joe:p:w", "joe\r\np:w\r\n\r\n"])
def test_a_file_holds_a_login(text: str, tmp_path: Path) -> None:
    (tmp_path / "cam").write_text(text)
    assert read_login(tmp_path / "cam") == Login("joe", "p:w")


@pytest.mark.parametrize("text", ["", "joe", "a\nb\nc"])
def test_a_file_that_holds_none_is_a_sentence_without_what_it_holds(text: str, tmp_path: Path) -> None:
    (tmp_path / "cam").write_text(text)
    with pytest.raises(UnmaskError, match="two lines"):
        read_login(tmp_path / "cam")
    with pytest.raises(UnmaskError, match="no such file"):
        read_login(tmp_path / "none")


def test_the_environment_holds_a_login() -> None:
    assert environment_login({}) is None
    assert environment_login({"STREAM_UNMASK_PASSWORD": "x"}) == Login("", "x")
    assert environment_login({"STREAM_UNMASK_USER": "j", "STREAM_UNMASK_PASSWORD": "x"}) == Login("j", "x")
