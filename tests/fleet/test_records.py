"""What is kept and told of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stream_unmask.fleet.page import write_report
from stream_unmask.fleet.planning import Item
from stream_unmask.fleet.records import Record, keep, kept

pytest.importorskip("fsspec")


def item(name: str, folder: Path) -> Item:
    return Item(name, f"/in/{name}", f"{folder}/{name}")


def test_a_record_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    record = Record("deep/a.mp4", "/in/a.mp4", "done", frames=7, warnings=["Oh."], sheet=b"\xff\xd8")
    keep(str(tmp_path), record)
    assert kept(str(tmp_path), item("deep/a.mp4", tmp_path)) == record


def test_a_file_without_a_sound_record_is_done_all_the_same(tmp_path: Path) -> None:
    found = kept(str(tmp_path), item("a.mp4", tmp_path))
    assert (found.state, found.frames) == ("done", 0)
    keep(str(tmp_path), Record("a.mp4", "/in/a.mp4", "failed", "It was broken."))
    assert kept(str(tmp_path), item("a.mp4", tmp_path)).state == "done"


def test_the_report_sums_up_and_shows_failures_first(tmp_path: Path) -> None:
    records = [
        Record("a.mp4", "/in/a.mp4", "done", frames=10, seconds=0.4, masked=1, faces=2, sheet=b"\xff\xd8"),
        Record("<b>.mp4", "/in/<b>.mp4", "failed", "It was <broken>."),
        Record("c.mp4", "/in/c.mp4", "missing"),
    ]
    where = write_report(str(tmp_path), records, 3.0)
    sums = json.loads((tmp_path / "fleet/summary.json").read_text())
    assert (sums["files"], sums["done"], sums["failed"], sums["missing"]) == (3, 1, 1, 1)
    assert [each["name"] for each in sums["records"]] == ["a.mp4", "<b>.mp4", "c.mp4"]
    page = Path(where).read_text()
    assert page.index("It was &lt;broken&gt;.") < page.index("10 frames")
    assert "<b>.mp4" not in page
    assert "data:image/jpeg;base64,/9g=" in page


def test_many_files_are_on_several_pages(tmp_path: Path) -> None:
    records = [Record(f"{number:03}.mp4", "x", "done") for number in range(201)]
    write_report(str(tmp_path), records, 1.0)
    assert "200.mp4" in (tmp_path / "fleet/page-2.html").read_text()
    assert 'href="page-2.html"' in (tmp_path / "fleet/index.html").read_text()
