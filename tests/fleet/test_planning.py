"""From inputs to one task a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stream_unmask.errors import InputError, OutputError
from stream_unmask.fleet.planning import plan

pytest.importorskip("fsspec")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    for name in ("b.mp4", "a.mkv", "deep/c.wmv", "deep/p.jpg", "notes.txt", ".hidden.mp4"):
        (folder / name).write_bytes(b"12345")
    return folder


def names(inputs: list[str], output: Path) -> list[str]:
    return [item.name for item in plan(inputs, str(output))]


def test_a_folder_is_done_with_all_below_it(archive: Path, tmp_path: Path) -> None:
    items = plan([str(archive)], str(tmp_path / "out"))
    assert [item.name for item in items] == ["a.mkv", "b.mp4", "deep/c.wmv.mp4", "deep/p.jpg"]
    assert [item.picture for item in items] == [False, False, False, True]
    assert {item.size for item in items} == {5}
    assert items[2].source == str(archive / "deep/c.wmv")
    assert items[2].output == str(tmp_path / "out/deep/c.wmv.mp4")


def test_what_was_written_into_the_input_is_not_done_again(archive: Path) -> None:
    out = archive / "out"
    out.mkdir()
    (out / "b.mp4").touch()
    assert "out/b.mp4" not in names([str(archive)], out)


def test_patterns_and_files(archive: Path, tmp_path: Path) -> None:
    assert names([f"{archive}/*.mp4"], tmp_path) == ["b.mp4"]
    assert names([f"{archive}/deep/c.wmv", f"{archive}/b.mp4"], tmp_path) == ["b.mp4", "c.wmv.mp4"]
    assert names([f"{archive}/d*/*.wmv"], tmp_path) == ["deep/c.wmv.mp4"]


def test_several_folders_are_told_apart_by_their_names(archive: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.mp4").touch()
    found = names([str(archive), str(other)], tmp_path / "out")
    assert {"in/b.mp4", "other/b.mp4"} <= set(found)


def test_two_files_of_one_name_are_refused(archive: Path, tmp_path: Path) -> None:
    other = tmp_path / "b.mp4"
    other.touch()
    with pytest.raises(OutputError, match="would both become b.mp4"):
        plan([str(archive / "b.mp4"), str(other)], str(tmp_path / "out"))


def test_manifests_name_sources_and_outputs(archive: Path, tmp_path: Path) -> None:
    table = tmp_path / "list.csv"
    table.write_text(f"source,output\n{archive}/b.mp4,one/first.mp4\n{archive}/a.mkv,\n")
    lines = tmp_path / "list.jsonl"
    lines.write_text(json.dumps({"source": "https://example.org/x.mp4?token=1"}) + "\n\n")
    items = plan([str(table), str(lines)], "s3://bucket/out")
    assert [item.name for item in items] == ["a.mkv", "one/first.mp4", "x.mp4"]
    assert items[2].source == "https://example.org/x.mp4?token=1"
    assert items[1].output == "s3://bucket/out/one/first.mp4"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{}", "line 1: it has no source"),
        ("no json", "line 1: it has no source"),
        ('{"source": "a.txt"}', "no video or picture"),
    ],
)
def test_a_bad_line_of_a_manifest_is_named(line: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "list.jsonl"
    path.write_text(line)
    with pytest.raises(InputError, match=said):
        plan([str(path)], str(tmp_path / "out"))


@pytest.mark.parametrize("name", ["../up.mp4", "/abs.mp4"])
def test_an_output_cannot_leave_its_folder(name: str, archive: Path, tmp_path: Path) -> None:
    path = tmp_path / "list.jsonl"
    path.write_text(json.dumps({"source": str(archive / "b.mp4"), "output": name}))
    with pytest.raises(OutputError, match="does not lie in"):
        plan([str(path)], str(tmp_path / "out"))


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read|There is no file"):
        plan([str(tmp_path / "nothing")], str(tmp_path / "out"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="There is no"):
        plan([str(tmp_path / "empty")], str(tmp_path / "out"))
