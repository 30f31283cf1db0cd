"""Other processes of the program, and what one holds at a moment, as Linux tells."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stream_unmask.errors import UnmaskError

_ROOT = Path(__file__).parents[1]


def environment() -> dict[str, str]:
    """Variables for another process, which is to run this very program."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")])}


def processor_seconds(pid: int) -> float:
    """Processor time that a process has taken so far, without that of processes which it began.

    Raises:
        UnmaskError: there is no such process, or this is no Linux.
    """
    try:
        fields = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError as error:
        raise UnmaskError(f"Nothing is known of the process {pid}.") from error
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def family_seconds(pid: int) -> float:
    """Processor time that a process, all that descend from it, and those of them that ended, took so far."""
    found = _stats()
    ticks = sum(sum(found[each][1:]) for each in [pid, *descendants(pid)] if each in found)
    return ticks / os.sysconf("SC_CLK_TCK")


def descendants(pid: int) -> list[int]:
    """The processes that a process began, and those that they began."""
    found = _stats()
    children = [each for each, (parent, *_) in found.items() if parent == pid]
    for child in children:  # grows meanwhile
        children += [each for each, (parent, *_) in found.items() if parent == child]
    return children


def _stats() -> dict[int, tuple[int, ...]]:
    """Of each process its parent, and its ticks in user and system mode, its own and its ended children's."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            fields = path.read_text().rpartition(")")[2].split()
            found[int(path.parent.name)] = tuple(int(fields[place]) for place in (1, 11, 12, 13, 14))
    return found


@dataclass(frozen=True, slots=True)
class Holding:
    """What one process holds.

    Attributes:
        mib: resident memory in MiB.
        descriptors: open files, sockets and pipes.
        threads: that run or wait.
    """

    mib: float
    descriptors: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> Holding:
        """What a process holds now.

        Raises:
            UnmaskError: there is no such process, or this is no Linux.
        """
        folder = Path("/proc") / str(pid)
        try:
            lines = (folder / "status").read_text().splitlines()
            fields = dict(line.split(":", 1) for line in lines)
            descriptors = len(list((folder / "fd").iterdir()))
            return cls(int(fields["VmRSS"].split()[0]) / 1024, descriptors, int(fields["Threads"]))
        except (OSError, KeyError) as error:
            raise UnmaskError(f"Nothing is known of the process {pid}.") from error

    def __str__(self) -> str:
        return f"{self.mib:.1f} MiB, {self.descriptors} descriptors, {self.threads} threads"


def worker_of(pid: int) -> int:
    """The process that does the work of a command; the command's own where it has no other."""
    children = (Path("/proc") / str(pid) / "task" / str(pid) / "children").read_text().split()
    return int(children[0]) if children else pid
