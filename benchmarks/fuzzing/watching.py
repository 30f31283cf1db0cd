"""A process that reads broken inputs, watched from outside: it may crash, hang, or want too much memory."""

from __future__ import annotations

import json
import mmap
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from benchmarks.fuzzing.worker import PROGRESS

READER = "benchmarks.fuzzing.worker"

MEMORY = 4 << 30
"""Bytes of address space that the process may have: what wants more does not get it."""

_PATIENCE = 0.2
_STARTING = 120.0
"""Seconds for the first input, before which readers are imported."""

_FAST_FOLDER = Path("/dev/shm")
"""Where files cost next to nothing, on Linux."""

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
"""Threads and their arenas take address space, however little they use of it."""

_ROOT = Path(__file__).parents[2]
_MOST_SAID, _SHOWN = 1 << 20, 4000
"""Bytes of what libraries say on the standard error: those that are kept, and those that are shown."""


class Worker:
    """A process that reads inputs, begun again when one of them ends it.

    Args:
        corpora: folder with a folder of whole inputs for each kind.
        seed: of the breaking.
        longest: seconds that one input may take.
        module: what the process runs.

    Attributes:
        peak_mib: its resident memory at its highest, so far.
    """

    def __init__(self, corpora: Path, seed: int, longest: float, module: str = READER) -> None:
        self.peak_mib = 0
        self._longest = longest
        where = _FAST_FOLDER if _FAST_FOLDER.is_dir() else None
        self._home = Path(tempfile.mkdtemp(prefix="fuzz-", dir=where))
        self._command = [sys.executable, "-m", module]
        self._command += [str(corpora.absolute()), str(seed), str(self._home), str(MEMORY)]
        (self._home / "progress").write_bytes(bytes(PROGRESS.size))
        with (self._home / "progress").open("r+b") as file:
            self._progress = mmap.mmap(file.fileno(), PROGRESS.size)
        self._errors = (self._home / "errors.txt").open("a+b")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        self._errors.close()
        self._progress.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def progress(self) -> tuple[int, int, int]:
        """The input that is being read, and how many were read and refused since the work began."""
        number, read, refused = PROGRESS.unpack(self._progress[: PROGRESS.size])
        return number, read, refused

    def work(
        self, kind: str, start: int, stop: int, found: Callable[[int, str], None]
    ) -> tuple[Literal["hangs", "crashes"], str] | None:
        """Have inputs read.

        Args:
            kind: of them.
            start: number of the first.
            stop: number behind the last.
            found: is called for each that raised what is no sentence, with its number and the traceback.

        Returns:
            None at the end; where an input ended the process (:meth:`progress` names it), how it did and
            what was said.
        """
        self._progress[: PROGRESS.size] = PROGRESS.pack(start, 0, 0)
        process = self._running()
        assert process.stdin is not None
        process.stdin.write(f"{kind} {start} {stop}\n".encode())
        for line in self._lines(process, start):
            said = json.loads(line)
            if "done" in said:
                self.peak_mib = max(self.peak_mib, said["peak_mib"])
                return None
            found(said["finding"], said["what"])
        status = process.poll()
        self._end()
        if status is None:
            return "hangs", f"{self._said()}\nNothing for {self._longest:g} s.\n"
        return "crashes", f"{self._said()}\nThe process ended with {status}.\n"

    def _running(self) -> subprocess.Popen[bytes]:
        self._errors.truncate(0)
        if self._process is None:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                bufsize=0,
                cwd=_ROOT,
                env={**os.environ, **_ONE_THREAD, "TMPDIR": str(self._home)},
            )
        return self._process

    def _lines(self, process: subprocess.Popen[bytes], start: int) -> Iterator[bytes]:
        """What a process says, until it ends or reads one input for too long."""
        assert process.stdout is not None
        last, since = start, time.monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while True:
                if selector.select(_PATIENCE):
                    line = process.stdout.readline()
                    if not line:
                        process.wait()
                        return
                    yield line
                number, now = self.progress()[0], time.monotonic()
                if number != last:
                    last, since = number, now
                elif now - since > (_STARTING if number == start else self._longest):
                    return
                if self._errors.seek(0, os.SEEK_END) > _MOST_SAID:
                    self._errors.truncate(0)

    def _said(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")[-_SHOWN:]

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
