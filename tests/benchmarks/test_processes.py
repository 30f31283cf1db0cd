"""What other processes take."""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks.processes import descendants, family_seconds

_BUSY = "import time; until = time.process_time() + 0.5\nwhile time.process_time() < until: pass"
_PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {_BUSY!r} + "\\nprint(1, flush=True); input()"])
child.wait()
print("over", flush=True)
input()
"""


def test_a_family_is_all_that_a_process_began_and_what_ended_of_it() -> None:
    before = family_seconds(os.getpid())
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", _PARENT], **pipes, text=True) as parent:  # type: ignore[call-overload]
        assert parent.stdout.readline() == "1\n"
        (child,) = descendants(parent.pid)
        assert {parent.pid, child} <= set(descendants(os.getpid()))
        assert family_seconds(parent.pid) > 0.45
        parent.stdin.write("\n")
        parent.stdin.flush()
        assert parent.stdout.readline() == "over\n"
        assert descendants(parent.pid) == []
        assert family_seconds(parent.pid) > 0.45
        assert family_seconds(os.getpid()) > before + 0.45
        parent.communicate("\n")
