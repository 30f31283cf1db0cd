"""Part files: whose they are, and what becomes of those of the dead."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stream_unmask.errors import UnmaskError
from stream_unmask.output.parts import PartFile, rescue


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_two_runs_never_share_a_part(tmp_path: Path) -> None:
    one, other = PartFile.claim(tmp_path / "out.mp4"), PartFile.claim(tmp_path / "out.mp4")
    assert names(tmp_path) == [".out.part-2.mp4", ".out.part.mp4"]
    one.path.write_bytes(b"one")
    other.path.write_bytes(b"other")
    assert one.publish(overwrite=False) == tmp_path / "out.mp4"
    assert other.publish(overwrite=False) == tmp_path / "out.interrupted.mp4"
    assert (tmp_path / "out.mp4").read_bytes() == b"one"
    assert (tmp_path / "out.interrupted.mp4").read_bytes() == b"other"


def test_what_is_written_late_goes_into_no_other_file(tmp_path: Path) -> None:
    part = PartFile.claim(tmp_path / "out.mp4")
    assert part.file.write(b"one, two") == 8
    assert (part.file.seek(5), part.file.tell(), part.file.write(b"2")) == (5, 5, 1)
    assert part.publish(overwrite=False).read_bytes() == b"one, 2wo"
    with (tmp_path / "other").open("wb"), pytest.raises(OSError, match="Bad file"):
        part.file.write(b"late")
    assert (tmp_path / "other").read_bytes() == b""


def test_overwriting_replaces_and_discarding_removes(tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_bytes(b"old")
    part = PartFile.claim(tmp_path / "out.mp4")
    part.path.write_bytes(b"new")
    assert part.publish(overwrite=True).read_bytes() == b"new"
    PartFile.claim(tmp_path / "out.mp4").discard()
    assert names(tmp_path) == ["out.mp4"]


def test_what_a_killed_run_left_is_kept_and_what_lives_is_not_touched(tmp_path: Path) -> None:
    code = (
        "import os, sys, pathlib; from stream_unmask.output.parts import PartFile\n"
        "p = PartFile.claim(pathlib.Path(sys.argv[1])); p.path.write_bytes(b'dead'); os.kill(os.getpid(), 9)"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code, tmp_path / "out.mp4"], check=False)
    alive = PartFile.claim(tmp_path / "out.mp4")
    alive.path.write_bytes(b"alive")
    empty = PartFile.claim(tmp_path / "out.mp4")
    empty.release()
    assert rescue(tmp_path / "out.mp4") == [
        tmp_path / "out.interrupted.mp4",
        tmp_path / "out.interrupted-2.mp4",
    ]
    assert names(tmp_path) == [alive.path.name, "out.interrupted-2.mp4", "out.interrupted.mp4"]
    assert (tmp_path / "out.interrupted.mp4").read_bytes() == b"dead"


def test_without_hard_links_and_locks_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(fcntl, "flock", refuse)
    left = PartFile.claim(tmp_path / "out.mp4")
    left.path.write_bytes(b"mine")
    assert rescue(tmp_path / "out.mp4") == []
    (tmp_path / "out.mp4").write_bytes(b"another's")
    assert left.publish(overwrite=False).name == "out.interrupted.mp4"
    assert (tmp_path / "out.mp4").read_bytes() == b"another's"


def test_the_longest_name_that_a_file_may_have_fits(tmp_path: Path) -> None:
    target = tmp_path / ("ü" * 125 + ".mp4")
    part = PartFile.claim(target)
    assert len(os.fsencode(part.path.name)) <= 255
    part.path.write_bytes(b"x")
    assert len(os.fsencode(part.interrupt().name)) <= 255


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnmaskError, match="cannot be written: no such file"):
        PartFile.claim(tmp_path / "none" / "out.mp4")


def test_a_file_or_a_folder_that_somebody_removed_is_a_sentence(tmp_path: Path) -> None:
    part = PartFile.claim(tmp_path / "out.mp4")
    part.sync()
    part.path.unlink()
    with pytest.raises(FileNotFoundError, match="somebody removed it"):
        part.sync()
    for end in (part.interrupt, lambda: part.publish(overwrite=False), lambda: part.publish(overwrite=True)):
        with pytest.raises(UnmaskError, match=r"What was written of .*out.mp4 cannot be kept: no such file"):
            end()
    assert names(tmp_path) == []
