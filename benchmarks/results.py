"""Figures as data: what was measured, how, when and on what, and the tables of the pages that show them.

Each file of ``results/`` is one :class:`Result`. A page says where a table belongs by two comments,
``<!-- results: NAME ... -->`` and ``<!-- end of results -->``; what stands between them is written anew by
``stream-unmask measure tables``.
"""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from engines.probe import cpu_cores, cpu_name, nvidia_driver, nvidia_gpus
from stream_unmask.errors import InputError
from stream_unmask.version import program_version
from stream_unmask.whole import write_whole

PAGES = (
    "README.md",
    "docs/benchmarks.md",
    "docs/cameras.md",
    "docs/fleet.md",
    "docs/marks.md",
    "docs/page.md",
)
"""Pages with tables, beside the folder ``results``."""

CLAIM = ("claim", "measured")
"""The columns of a result that is one claim or several, and shares a table with others."""

_PLACE = re.compile(r"(<!-- results: ([\w ]+) -->\n).*?(<!-- end of results -->)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One measurement.

    Attributes:
        what: was measured, as half a sentence.
        command: that measures it again.
        date: ISO 8601, at least the day.
        commit: of the program that was measured; its version where there is no checkout.
        cpu: the processor, with its vector instructions.
        cores: that the program could use.
        gpu: NVIDIA GPUs of the machine and their driver; empty where there are none.
        note: what a reader must know beside; may be empty.
        columns: of the table.
        rows: of the table, a cell for each column.
    """

    what: str
    command: str
    date: str
    commit: str
    cpu: str
    cores: int
    gpu: str = ""
    note: str = ""
    columns: list[str]
    rows: list[list[str]]

    @classmethod
    def now(
        cls, what: str, command: str, columns: Sequence[str], rows: Sequence[Sequence[str]], note: str = ""
    ) -> Result:
        """A measurement of this program, made on this machine and just now."""
        return cls(
            what=what,
            command=command,
            date=datetime.now(UTC).date().isoformat(),
            commit=_commit(),
            cpu=cpu_name(),
            cores=cpu_cores(),
            gpu=_gpu(),
            note=note,
            columns=list(columns),
            rows=[list(row) for row in rows],
        )

    def __str__(self) -> str:
        return f"{table([self])}\n\n{self.source()}"

    def source(self) -> str:
        """Where the figures come from, in one line."""
        cores = f"{self.cores} core{'s' * (self.cores > 1)}"
        machine = ", ".join(filter(None, (f"{cores} of {self.cpu}", self.gpu)))
        note = f" {self.note}" if self.note else ""
        return f"`{self.command}`: {self.what}. {self.date}, {self.commit}, {machine}.{note}"


def _gpu() -> str:
    gpus, driver = ", ".join(nvidia_gpus()), nvidia_driver()
    return f"{gpus}, driver {driver}" if gpus and driver else gpus


def _commit() -> str:
    """The commit of the checkout that this module is part of, else the program's version."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short=7", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return program_version()
    return done.stdout.strip() if done.returncode == 0 else program_version()


def write_result(path: Path, result: Result) -> None:
    """Write a result as JSON.

    Raises:
        OutputError: it cannot be written.
    """
    write_whole(path, (json.dumps(dataclasses.asdict(result), indent=2, ensure_ascii=False) + "\n").encode())


def read_results(folder: Path) -> dict[str, Result]:
    """The results of a folder, by the names of their files.

    Raises:
        InputError: there is none, or a file is no result.
    """
    results = {}
    for path in sorted(folder.glob("*.json")):
        try:
            results[path.stem] = Result(**json.loads(path.read_text()))
        except (ValueError, TypeError) as error:
            raise InputError(f"{path} is no result: {error}.", path=path) from error
    if not results:
        raise InputError(f"There are no results in {folder}.", path=folder)
    return results


def table(results: Sequence[Result]) -> str:
    """Markdown of the rows of results that have the same columns."""
    columns = results[0].columns
    lines = [columns, ["---"] * len(columns), *(row for result in results for row in result.rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def fill(page: str, results: Mapping[str, Result]) -> str:
    """A page with its tables written anew.

    Raises:
        InputError: it names a result that there is not.
    """

    def write(place: re.Match[str]) -> str:
        head, names, end = place.groups()
        if missing := [name for name in names.split() if name not in results]:
            raise InputError(f"There is no result {missing[0]}.")
        shown = [results[name] for name in names.split()]
        sources = "\n".join(f"- {result.source()}" for result in shown)
        return f"{head}\n{table(shown)}\n\n{sources}\n\n{end}"

    return _PLACE.sub(write, page)


def fill_pages(root: Path) -> list[Path]:
    """Write the tables of all pages anew.

    Args:
        root: of the checkout.

    Returns:
        The pages that were changed.

    Raises:
        UnmaskError: results are missing or broken, or a page cannot be written.
    """
    results = read_results(root / "results")
    changed = []
    for page in (root / name for name in PAGES):
        before = page.read_text()
        after = fill(before, results)
        if after != before:
            write_whole(page, after.encode())
            changed.append(page)
    return changed
