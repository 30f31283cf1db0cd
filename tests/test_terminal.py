"""A bar where somebody watches, and a line a minute where nobody does."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from stream_unmask.terminal import ProgressLine


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds; put another number in to let time pass."""
    now = [100.0]
    monkeypatch.setattr("stream_unmask.terminal.time.monotonic", lambda: now[0])
    return now


def test_off_a_terminal_there_is_one_line_a_minute(clock: list[float]) -> None:
    written = io.StringIO()
    with ProgressLine(Console(file=written)) as line:
        for second in range(0, 150, 10):
            clock[0] = 100.0 + second
            line.update(lambda: f"after {second} s", completed=second)  # noqa: B023
    assert written.getvalue().splitlines() == ["after 60 s", "after 120 s"]


def test_lines_go_where_they_are_wanted_and_a_bar_does_not(clock: list[float]) -> None:
    written, said = io.StringIO(), list[str]()
    with ProgressLine(Console(file=written, force_terminal=True), say=said.append) as line:
        clock[0] += 61
        line.update(lambda: "on its way")
    assert (said, written.getvalue()) == (["on its way"], "")


def test_a_terminal_gets_no_lines(clock: list[float]) -> None:
    said: list[str] = []
    with ProgressLine(Console(file=io.StringIO(), force_terminal=True)) as line:
        clock[0] += 1000
        line.update(lambda: said.append("asked") or "")  # type: ignore[func-returns-value]
    assert said == []
