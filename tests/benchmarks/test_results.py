"""Figures as data: each has a source, and the pages show them as they are."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from benchmarks.flicker import Flicker
from benchmarks.results import CLAIM, PAGES, Result, fill, fill_pages, read_results, write_result
from stream_unmask.cli.main import cli
from stream_unmask.errors import InputError

ROOT = Path(__file__).parents[2]


def result(**other: str) -> Result:
    return Result.now("a clip", "stream-unmask measure flicker", CLAIM, [("change", "0.9 times")], **other)


def test_the_pages_show_the_results_as_they_are() -> None:
    results = read_results(ROOT / "results")
    for name in PAGES:
        page = (ROOT / name).read_text()
        assert "<!-- results:" in page
        assert fill(page, results) == page, f"{name}: run stream-unmask measure tables"


def test_every_result_is_shown_and_says_when_it_was_measured() -> None:
    pages = "".join((ROOT / page).read_text() for page in PAGES)
    shown = set(" ".join(re.findall(r"<!-- results: ([\w ]+) -->", pages)).split())
    results = read_results(ROOT / "results")
    assert shown == results.keys()
    for each in results.values():
        date.fromisoformat(each.date)
        assert re.fullmatch(r"[0-9a-f]{7}", each.commit)
        assert all(len(row) == len(each.columns) for row in each.rows)


def test_a_result_comes_back_as_it_was(tmp_path: Path) -> None:
    made = result(note="Loud.")
    write_result(tmp_path / "flicker.json", made)
    assert read_results(tmp_path) == {"flicker": made}


def test_pages_are_filled_and_then_stay(tmp_path: Path) -> None:
    write_result(tmp_path / "results/flicker.json", result())
    (tmp_path / "docs").mkdir()
    for name in PAGES:
        (tmp_path / name).write_text(
            "Before.\n\n<!-- results: flicker -->\nold\n<!-- end of results -->\nAfter.\n"
        )
    assert fill_pages(tmp_path) == [tmp_path / name for name in PAGES]
    assert fill_pages(tmp_path) == []
    page = (tmp_path / PAGES[0]).read_text()
    assert page.startswith("Before.")
    assert page.endswith("After.\n")
    assert "| change | 0.9 times |" in page
    assert "`stream-unmask measure flicker`: a clip." in page
    assert "old" not in page


@pytest.mark.parametrize("text", ["{", "{}", "[]"])
def test_a_file_that_is_no_result_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "odd.json").write_text(text)
    with pytest.raises(InputError, match="odd.json is no result"):
        read_results(tmp_path)


def test_a_page_that_names_no_result_is_refused() -> None:
    with pytest.raises(InputError, match="no result speed"):
        fill("<!-- results: speed -->\n<!-- end of results -->", {"flicker": result()})


def test_a_command_writes_what_it_measured_without_this_machines_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, target = tmp_path / "secret.mp4", tmp_path / "flicker.json"
    clip.touch()
    monkeypatch.setattr(
        "benchmarks.flicker.measure", lambda clip, settings: Flicker(1.0 + settings.mark, 2.0, 3.0)
    )
    cli.main(["measure", "flicker", str(clip), "--no-smooth", "--json", str(target)], standalone_mode=False)
    (made,) = read_results(tmp_path).values()
    assert made.command == "stream-unmask measure flicker VIDEO --no-smooth"
    assert [row[1] for row in made.rows] == ["0.50 times", "1.00 times"]
    assert "secret" not in target.read_text()
    assert date.fromisoformat(made.date).year >= 2026
