"""What became of each file of an archive, kept beside the outputs."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from stream_unmask.errors import InputError
from stream_unmask.fleet import storage
from stream_unmask.fleet.planning import REPORTS, Item
from stream_unmask.video.files import redact

State = Literal["done", "failed", "missing"]


@dataclass(slots=True)
class Record:
    """One file.

    Attributes:
        name: of the output, relative to the output's folder.
        source: what was read, without secrets.
        state: ``done``, ``failed``, or ``missing`` where the run ended before it.
        why: of a failure, one sentence.
        frames: pictures written.
        seconds: of video; 0 for a picture.
        took: seconds of work, over all workers.
        faces: that were followed.
        masked: those of them that were unmasked in at least one frame.
        spans: parts that it was cut into; 1 for a file that was done in one go.
        warnings: a sentence each.
        sheet: JPEG of some of its faces, each as input, mask and output; None where there are none.
    """

    name: str
    source: str
    state: State
    why: str = ""
    frames: int = 0
    seconds: float = 0.0
    took: float = 0.0
    faces: int = 0
    masked: int = 0
    spans: int = 1
    warnings: list[str] = field(default_factory=list)
    sheet: bytes | None = None

    @classmethod
    def of(cls, item: Item, state: State, why: str = "") -> Record:
        """The bare record of a file."""
        return cls(item.name, redact(item.source), state, why)

    @classmethod
    def failure(cls, item: Item, why: str) -> Record:
        """That of a file that could not be done."""
        return cls.of(item, "failed", why)

    def as_dict(self, *, sheet: bool) -> dict[str, Any]:
        """Plain values; the sheet as base64, or not at all."""
        values = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        del values["sheet"]
        if sheet and self.sheet is not None:
            values["sheet"] = base64.b64encode(self.sheet).decode()
        return values

    @classmethod
    def of_dict(cls, values: dict[str, Any]) -> Record:
        """What :meth:`as_dict` gave."""
        sheet = values.pop("sheet", None)
        return cls(**values, sheet=None if sheet is None else base64.b64decode(sheet))


def keep(output: str, record: Record) -> None:
    """Write a record beside the outputs.

    Raises:
        OutputError: it cannot be written.
    """
    storage.write(_place(output, record.name), json.dumps(record.as_dict(sheet=True)).encode())


def kept(output: str, item: Item) -> Record:
    """The record of a file that was done in an earlier run; a bare one where that was lost."""
    try:
        values = json.loads(storage.read(_place(output, item.name)))
        record = Record.of_dict(values)
    except (InputError, ValueError, TypeError):
        return Record.of(item, "done")
    return record if record.state == "done" else Record.of(item, "done")


def summary(records: Sequence[Record], wall: float) -> bytes:
    """All of a run as JSON: sums first, then the files in the order of their names, without their sheets.

    Args:
        records: of all files.
        wall: seconds that the run took.
    """
    done = [record for record in records if record.state == "done"]
    sums = {
        "files": len(records),
        "done": len(done),
        "failed": sum(record.state == "failed" for record in records),
        "missing": sum(record.state == "missing" for record in records),
        "frames": sum(record.frames for record in done),
        "seconds": round(sum(record.seconds for record in done), 3),
        "took": round(sum(record.took for record in done), 3),
        "wall": round(wall, 3),
        "masked": sum(record.masked for record in done),
    }
    files = [record.as_dict(sheet=False) for record in records]
    return (json.dumps({**sums, "records": files}, indent=2) + "\n").encode()


def _place(output: str, name: str) -> str:
    return storage.join(output, f"{REPORTS}/files/{name}.json")
