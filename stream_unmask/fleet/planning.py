"""From what the user named to the files of an archive: one task each."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from stream_unmask.errors import InputError, OutputError
from stream_unmask.fleet import storage
from stream_unmask.video.files import IMAGE_SUFFIXES, is_image, is_media, output_name, redact

REPORTS = "fleet"
"""Folder in the output's that tells of the run."""

_MANIFESTS = (".csv", ".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Item:
    """One file of the archive.

    Attributes:
        name: of the output, relative to the output's folder; no two items have the same.
        source: path or address of what is read.
        output: path or address of what is written.
        size: bytes of the source; None where that is not known.
    """

    name: str
    source: str
    output: str
    size: int | None = None

    @property
    def picture(self) -> bool:
        """Whether it is a picture, not a video."""
        return Path(storage.path_of(self.source)).suffix.lower() in IMAGE_SUFFIXES


def plan(inputs: Sequence[str], output: str) -> list[Item]:
    """All files that the inputs name, by the names of their outputs.

    Args:
        inputs: files, folders, patterns and manifests (``.csv``, ``.jsonl``), local or addresses.
        output: the folder to write to.

    Raises:
        InputError: an input cannot be read, or names no video or picture.
        OutputError: two outputs would have one name, or one would lie outside the folder.
    """
    items: dict[str, Item] = {}
    for place in inputs:
        several = len(inputs) > 1
        for found, name in _named(place, output, several=several):
            if not name or name.startswith("/") or ".." in PurePosixPath(name).parts:
                raise OutputError(
                    f"{redact(place)}: the output {name!r} does not lie in {redact(output)}.",
                    path=redact(place),
                )
            other = items.get(name)
            if other is not None and other.source != found.place:
                both = f"{redact(other.source)} and {redact(found.place)}"
                raise OutputError(f"{both} would both become {name}: name them in a manifest.")
            items[name] = Item(name, found.place, storage.join(output, name), found.size)
    return [items[name] for name in sorted(items)]


def _named(place: str, output: str, *, several: bool) -> Iterator[tuple[storage.Found, str]]:
    """Files of one input, and what their outputs are called."""
    if Path(storage.path_of(place)).suffix.lower() in _MANIFESTS:
        yield from _manifest(place)
        return
    found = storage.find(place)
    root = _root(place, found)
    media = [each for each in found if _is_wanted(each.place, root, output)]
    if not media:
        raise InputError(f"There is no video or picture at {redact(place)}.", path=redact(place))
    for each in media:
        inside = storage.path_of(each.place)[len(root) :].lstrip("/")
        below = PurePosixPath(inside)
        name = str(below.with_name(output_name(Path(below.name))))
        yield each, f"{PurePosixPath(root).name}/{name}" if several and place.rstrip("/") == root else name


def _root(place: str, found: Sequence[storage.Found]) -> str:
    """The folder that names are relative to."""
    whole = place if storage.is_remote(place) else str(Path(place).absolute())
    marks = [whole.index(mark) for mark in "*?[" if mark in whole and not whole.startswith("http")]
    if marks:
        return whole[: min(marks)].rpartition("/")[0]
    if len(found) == 1 and found[0].place.rstrip("/") == whole.rstrip("/"):
        return storage.path_of(whole).rpartition("/")[0]
    return whole.rstrip("/")


def _is_wanted(place: str, root: str, output: str) -> bool:
    """Whether a file is media, not hidden, and not of an earlier run's outputs."""
    path = storage.path_of(place)
    below = PurePosixPath(path[len(root) :].lstrip("/"))
    hidden = any(part.startswith(".") for part in below.parts)
    written = output if storage.is_remote(output) else str(Path(output).absolute())
    earlier = written.startswith(f"{root}/") and place.startswith(f"{written.rstrip('/')}/")
    return is_media(Path(path)) and not hidden and not earlier


def _manifest(place: str) -> Iterator[tuple[storage.Found, str]]:
    """Files that a manifest lists: a ``source``, and an ``output`` where it is not to have the same name."""
    text = storage.read(place).decode(errors="replace")
    rows: Iterator[tuple[int, object]]
    if place.endswith(".csv"):
        rows = enumerate(csv.DictReader(io.StringIO(text)), 2)
    else:
        rows = ((number, _object(line)) for number, line in enumerate(text.splitlines(), 1) if line.strip())
    for number, row in rows:
        source = row.get("source") if isinstance(row, dict) else None
        if not isinstance(source, str) or not source:
            raise InputError(f"{redact(place)}, line {number}: it has no source.", path=redact(place))
        own = row.get("output") if isinstance(row, dict) else None
        path = Path(storage.path_of(source))
        if not is_image(path) and not is_media(path):
            raise InputError(
                f"{redact(place)}, line {number}: {path.name} is no video or picture.", path=redact(place)
            )
        where = source if storage.is_remote(source) else str(Path(source).absolute())
        yield storage.Found(where, None), str(own) if own else output_name(Path(path.name))


def _object(line: str) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None
