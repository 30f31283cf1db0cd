"""The fuzzer's worker with a reader that misbehaves, each time in another way."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from benchmarks.fuzzing.mutating import mutate_bytes
from benchmarks.fuzzing.targets import TARGETS, Target
from benchmarks.fuzzing.worker import main
from stream_unmask.errors import InputError


def misbehave(data: bytes, name: str, folder: Path) -> None:
    """Crash, hang, raise, or ask for too much, as the name of the input says; else refuse it."""
    os.write(1, b"What a library in C prints.\n")
    if name == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif name == "hang":
        time.sleep(3600)
    elif name == "memory":
        bytearray(1 << 40)
    elif name == "traceback":
        raise KeyError(name)
    elif name == "silent":
        raise InputError("")
    raise InputError("It is no such file.")


if __name__ == "__main__":
    TARGETS["misbehaving"] = Target(misbehave, mutate_bytes, 1)
    main()
