"""What ``stream-unmask serve`` is asked for, and what it refuses before anything is served."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest

from stream_unmask.cameras import CameraConfig
from stream_unmask.settings import Settings
from stream_unmask.web import app
from stream_unmask.web.options import ServeOptions
from tests.cli.calling import call

Asked = tuple[ServeOptions, Settings, Mapping[str, CameraConfig]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Asked]:
    """What would be served."""
    found: list[Asked] = []

    async def serve(
        options: ServeOptions,
        settings: Settings,
        configs: Mapping[str, CameraConfig],
        say: Callable[[str], None],
        changes: AsyncIterator[object],
    ) -> None:
        found.append((options, settings, configs))

    monkeypatch.setattr(app, "serve", serve)
    monkeypatch.chdir(tmp_path)
    return found


def test_this_machine_alone_needs_no_token(asked: list[Asked], monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, "serve", "rtsp://joe@cam.local/door", "rtsp://cam.local/yard", "webcam:0") == 0
    ((options, settings, configs),) = asked
    assert options.token is None
    assert options.host == "127.0.0.1"
    assert settings.reconnect == float("inf")
    assert list(configs) == ["cam.local", "cam.local-2", "webcam-0"]
    assert all(not config.outputs and not config.repeat for config in configs.values())


def test_others_need_one_which_is_made_and_shown(asked: list[Asked], monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, "serve", "--host", "0.0.0.0") == 0
    assert call(monkeypatch, "serve", "--allow-host", "cams.example.org") == 0
    (first, _, _), (second, _, _) = asked
    assert first.token is not None
    assert len(first.token) >= 32
    assert first.shows_token
    assert first.token != second.token


def test_a_token_file_is_made_for_its_owner_alone_and_read_again(
    asked: list[Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        assert call(monkeypatch, "serve", "--token-file", "token") == 0
    (first, _, _), (second, _, _) = asked
    assert first.token == second.token == Path("token").read_text().strip()
    assert not first.shows_token
    assert oct(Path("token").stat().st_mode)[-3:] == "600"


def test_cameras_come_from_a_file_too_and_need_no_outputs(
    asked: list[Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("cameras.toml").write_text(
        "[settings]\nmin_face = 48\n[cameras.door]\nsource = 'rtsp://cam.local/x'\n"
    )
    Path("film.mp4").touch()
    assert call(monkeypatch, "serve", "film.mp4", "--config", "cameras.toml") == 0
    ((_, settings, configs),) = asked
    assert settings.min_face == 48
    assert {name: config.repeat for name, config in configs.items()} == {"door": False, "film": True}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("missing.mp4",), 1, "neither a camera nor a file"),
        (("--config", "missing.toml"), 1, "cannot be read"),
        (("--port", "99999"), 2, "99999"),
        (("--keep", "soon"), 2, "soon"),
        (("--token-file", "short"), 2, "16 characters"),
        (("--max-upload", "0"), 2, "above 0"),
    ],
)
def test_what_makes_no_sense_is_said_in_a_sentence(
    arguments: tuple[str, ...],
    code: int,
    said: str,
    asked: list[Asked],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("short").write_text("abc\n")
    assert call(monkeypatch, "serve", *arguments) == code
    assert said in capsys.readouterr().err
    assert asked == []


def test_a_port_that_is_taken_and_a_certificate_that_is_none_are_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import socket

    monkeypatch.chdir(tmp_path)
    (tmp_path / "pem").write_text("nothing")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert call(monkeypatch, "serve", "--port", taken.getsockname()[1]) == 1
        assert "cannot be listened at" in capsys.readouterr().err
    assert call(monkeypatch, "serve", "--certificate", "pem") == 1
    assert "pem and pem cannot be used for TLS: they are to be" in capsys.readouterr().err
    assert call(monkeypatch, "serve", "--certificate", "pem", "--key", "none.key") == 1
    assert "none.key cannot be used for TLS: no such file" in capsys.readouterr().err
