"""Other processes of the program, and what one holds at a moment, as Linux tells."""

from __future__ import annotations

import os
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
