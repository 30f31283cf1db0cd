"""Encoders that would have the machine for themselves.

SVT-AV1 gives its threads, and the thread that opens it, the highest real-time priority where the system
allows it: to root, mostly in containers. Then nothing else on the machine gets a turn, the program's own
other threads neither.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_TASKS = Path("/proc/self/task")


@contextlib.contextmanager
def fairly_scheduled() -> Iterator[None]:
    """Give back, at the end, what priority an encoder took that was opened meanwhile.

    Where the program itself has a real-time priority, or there is no Linux, nothing is done.
    """
    fair = (
        hasattr(os, "sched_getscheduler") and _TASKS.is_dir() and os.sched_getscheduler(0) == os.SCHED_OTHER
    )
    try:
        yield
    finally:
        if fair:
            for thread in [int(task.name) for task in _TASKS.iterdir()]:
                _give_back(thread)


def _give_back(thread: int) -> None:
    with contextlib.suppress(OSError):  # it ended meanwhile
        if os.sched_getscheduler(thread) in (os.SCHED_FIFO, os.SCHED_RR):
            os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))
