"""Reads inputs in a process of its own, which may be ended by one; see :mod:`benchmarks.fuzzing.running`.

python -m benchmarks.fuzzing.worker CORPORA SEED FOLDER MEMORY

Each line of the standard input is a kind and the numbers of the first input and of the one after the last.
How far it is stands in the file ``progress`` of FOLDER; each finding, and the end of each line's work, is a
line of JSON on the standard output.
"""

from __future__ import annotations

import json
import mmap
import os
import resource
import shutil
import struct
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn, TextIO

from benchmarks.fuzzing.inputs import Inputs
from benchmarks.fuzzing.targets import TARGETS
from stream_unmask.errors import UnmaskError

Words = dict[str, int | str]

PROGRESS = struct.Struct("<qqq")
"""The number of the input that is being read, and how many were read and refused since the work began."""

_LONGEST_SENTENCE = 2000


def read_one(kind: str, name: str, data: bytes, folder: Path) -> bool:
    """Have one input read.

    Returns:
        Whether it was read; else it was refused in a sentence.

    Raises:
        Exception: neither.
    """
    try:
        TARGETS[kind].read(data, name, folder)
    except UnmaskError as error:
        sentence = str(error)
        if not sentence.strip() or "Traceback" in sentence or len(sentence) > _LONGEST_SENTENCE:
            raise AssertionError(f"no sentence: {sentence[:200]!r}") from error
        return False
    return True


def _work(inputs: Inputs, start: int, stop: int, scratch: Path, progress: mmap.mmap) -> Iterator[Words]:
    """Read inputs; yields a finding for each that was neither read nor refused, and then the end."""
    counts = {True: 0, False: 0}
    for number in range(start, stop):
        progress[: PROGRESS.size] = PROGRESS.pack(number, counts[True], counts[False])
        name, data = inputs[number]
        try:
            counts[read_one(inputs.kind, name, data, scratch)] += 1
        except Exception:
            yield {"finding": number, "what": traceback.format_exc()}
            shutil.rmtree(scratch)
            scratch.mkdir()
    progress[: PROGRESS.size] = PROGRESS.pack(stop, counts[True], counts[False])
    yield {"done": stop, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}


def _answers() -> TextIO:
    """The standard output, which from now on nobody else writes to: libraries in C do."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


def main() -> NoReturn:
    """Work until the standard input ends."""
    corpora, seed, folder, memory = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    scratch = folder / "scratch"
    with (
        _answers() as answers,
        (folder / "progress").open("r+b") as file,
        mmap.mmap(file.fileno(), PROGRESS.size) as progress,
    ):
        for line in sys.stdin:
            kind, start, stop = line.split()
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir()
            inputs = Inputs.read(corpora, kind, TARGETS[kind].mutate, seed)
            for said in _work(inputs, int(start), int(stop), scratch, progress):
                answers.write(json.dumps(said) + "\n")
                answers.flush()
    sys.exit()


if __name__ == "__main__":
    main()
