"""The commands of a fleet, as far as they go without a cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("fsspec")
pytest.importorskip("ray")

from stream_unmask.cli import fleet
from stream_unmask.errors import OutputError
from stream_unmask.fleet.planning import Item
from stream_unmask.fleet.records import Record
from tests.cli.calling import call


class Pretended:
    """An archive of which one file fails."""

    def __init__(self, items: list[Item], output: str, *_: object) -> None:
        self.items, self.output = items, output

    def run(self, _stop: object) -> list[Record]:
        (Path(self.output) / "fleet").mkdir(parents=True, exist_ok=True)
        (Path(self.output) / "fleet/begun").touch()
        return [Record.failure(item, "It is broken.") for item in self.items]


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    @contextmanager
    def nowhere(_address: str | None) -> Iterator[None]:
        yield

    monkeypatch.setattr("stream_unmask.fleet.cluster.connected", nowhere)
    monkeypatch.setattr(fleet, "Archive", Pretended)
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.mp4").touch()
    return folder


def test_failures_are_named_and_a_run_is_resumed_only_when_asked_to(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert call(monkeypatch, "fleet", "run", archive, "-o", output) == 1
    said = capsys.readouterr().err
    assert "1 of 1 files failed" in said
    assert f"{archive}/a.mp4: It is broken." in said
    assert json.loads((output / "fleet/summary.json").read_text())["failed"] == 1

    assert call(monkeypatch, "fleet", "run", archive, "-o", output) == 1
    assert "holds a run already: --resume it" in capsys.readouterr().err
    assert call(monkeypatch, "fleet", "run", archive, "-o", output, "--resume") == 1
    assert "It is broken" in capsys.readouterr().err


def test_failures_are_named_where_the_report_cannot_be_written(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> str:
        raise OutputError("No space is left.")

    monkeypatch.setattr(fleet, "write_report", full)
    assert call(monkeypatch, "fleet", "run", archive, "-o", tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert "There is no report. No space is left." in said
    assert "It is broken." in said


def test_inputs_that_are_not_there_are_said_before_ray_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "fleet", "run", tmp_path / "none.mp4", "-o", tmp_path / "out") == 1
    assert "none.mp4" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
