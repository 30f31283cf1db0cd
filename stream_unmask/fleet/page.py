"""What became of an archive, as a page for people: sums, failures, and a contact sheet of each file."""

from __future__ import annotations

import base64
import html
from collections import Counter
from collections.abc import Iterator, Sequence

from stream_unmask.fleet import storage
from stream_unmask.fleet.planning import REPORTS
from stream_unmask.fleet.records import Record, summary

_ON_A_PAGE = 200
"""Files on one page."""

_STYLE = (
    "body{font:14px sans-serif;margin:2em}table{border-collapse:collapse}td,th{padding:4px 8px;"
    "text-align:left;vertical-align:top;border-bottom:1px solid #ddd}"
    ".failed td{background:#fee}img{max-width:400px}"
)


def write_report(output: str, records: Sequence[Record], wall: float) -> str:
    """Write ``summary.json``, ``index.html`` and the pages after it beside the outputs.

    Args:
        output: the folder of the outputs.
        records: of all files.
        wall: seconds that the run took.

    Returns:
        The place of the first page.

    Raises:
        OutputError: one cannot be written.
    """
    folder = storage.join(output, REPORTS)
    storage.write(storage.join(folder, "summary.json"), summary(records, wall))
    ordered = sorted(records, key=lambda record: record.state == "done")  # what needs a look comes first
    pages = [ordered[at : at + _ON_A_PAGE] for at in range(0, len(ordered), _ON_A_PAGE)] or [[]]
    for number, shown in enumerate(pages):
        page = "".join(_page(records, shown, number, len(pages)))
        storage.write(storage.join(folder, _name(number)), page.encode())
    return storage.join(folder, _name(0))


def _name(number: int) -> str:
    return "index.html" if not number else f"page-{number + 1}.html"


def _page(records: Sequence[Record], shown: Sequence[Record], number: int, count: int) -> Iterator[str]:
    counts = Counter(record.state for record in records)
    seconds = sum(record.seconds for record in records)
    yield f'<!doctype html><meta charset="utf-8"><title>stream-unmask fleet</title><style>{_STYLE}</style>'
    yield f"<h1>{len(records)} files</h1><p>{counts['done']} done, {counts['failed']} failed, "
    yield f"{counts['missing']} not begun; {seconds:.0f} seconds of video. What is shown where a face mask "
    yield "was worn is a guess, not evidence of a face. Each row of a sheet: input, mask, output.</p><p>"
    if count > 1:
        yield " ".join(f'<a href="{_name(each)}">{each + 1}</a>' for each in range(count))
    yield "</p><table><tr><th>file</th><th>what became of it</th><th>faces</th></tr>"
    for record in shown:
        yield _row(record)
    yield "</table>\n"


def _row(record: Record) -> str:
    name = html.escape(record.name)
    if record.state == "done":
        said = f"{record.frames} frames, {record.seconds:.1f} s of video, {record.took:.1f} s of work"
    else:
        said = f"<b>{record.state}</b> {html.escape(record.why)}"
    notes = "".join(f"<br>{html.escape(warning)}" for warning in record.warnings)
    faces = f"{record.masked} of {record.faces} unmasked" if record.faces else ""
    sheet = ""
    if record.sheet is not None:
        data = base64.b64encode(record.sheet).decode()
        sheet = f'<br><img loading="lazy" alt="faces of {name}" src="data:image/jpeg;base64,{data}">'
    return f'<tr class="{record.state}"><td>{name}</td><td>{said}{notes}</td><td>{faces}{sheet}</td></tr>\n'
