"""Names and messages are shown as they are, and never obeyed."""

from __future__ import annotations

import pytest

from stream_unmask.cli.console import PlainConsole
from stream_unmask.cli.printable import printable


@pytest.mark.parametrize(
    "text", ["Talk [dQw4w9WgXcQ].mp4", "x[/b].mp4", "[red]a[/red]", ":smile:.mp4", "a\nb", "ü 字 😀"]
)
def test_text_is_printed_as_it_is(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    PlainConsole().say(text)
    assert capsys.readouterr().err == f"{text}\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb.mp4", r"a\x1b[2Jb.mp4"),
        ("\x9b31m", r"\x9b31m"),
        ("a\rb", r"a\rb"),
        ("gpj.\u202e4pm", r"gpj.\u202e4pm"),
    ],
)
def test_control_characters_are_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    PlainConsole(quiet=True).say("anything")
    assert capsys.readouterr().err == ""
