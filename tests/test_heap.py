"""Memory that was let go of goes back to the system."""

from __future__ import annotations

import ctypes
import gc
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from av.container import OutputContainer

from benchmarks.processes import Holding
from stream_unmask.heap import give_back_memory
from stream_unmask.video.container import Reconnected
from tests.output.live.making import camera, fan_out, frames, write
from tests.output.live.test_outputs import FakeTarget
from tests.support.waiting import wait_until

_BLOCK, _BLOCKS = 64 << 10, 2000


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this C library keeps nothing")
def test_what_lies_free_between_what_is_used_is_given_back() -> None:
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    library.free.argtypes = [ctypes.c_void_p]
    blocks = [library.malloc(_BLOCK) for _ in range(_BLOCKS)]
    for block in blocks:
        ctypes.memset(block, 1, _BLOCK)
    used = blocks[:: _BLOCKS // 10]
    for block in set(blocks) - set(used):
        library.free(block)
    library.free(None)
    before = Holding.of(os.getpid()).mib
    give_back_memory()
    freed = before - Holding.of(os.getpid()).mib
    for block in used:
        library.free(block)
    assert freed > 0.5 * _BLOCK * _BLOCKS / 2**20


_ARENAS = """
import ctypes, sys, threading
from pathlib import Path
from stream_unmask.heap import bound_arenas
if sys.argv[2] == "bound":
    bound_arenas()
library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
library.fopen.restype = ctypes.c_void_p
library.fclose.argtypes = [ctypes.c_void_p]
library.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
together = threading.Barrier(64)
def work():
    together.wait()
    library.malloc(10_000)
    together.wait()
threads = [threading.Thread(target=work) for _ in range(64)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
file = library.fopen(sys.argv[1].encode(), b"w")
library.malloc_info(0, file)
library.fclose(file)
sys.stdout.write(str(Path(sys.argv[1]).read_text().count("<heap nr=")))
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="another C library")
def test_many_threads_share_few_arenas(tmp_path: Path) -> None:
    def arenas(how: str) -> int:
        command = [sys.executable, "-c", _ARENAS, str(tmp_path / "info.xml"), how]
        return int(subprocess.run(command, capture_output=True, check=True).stdout)

    cores = os.cpu_count() or 1
    assert arenas("free") > cores
    assert arenas("bound") <= cores


def containers() -> int:
    return sum(isinstance(each, OutputContainer) for each in gc.get_objects())


def test_nothing_is_left_of_encoders_when_a_camera_was_another_one(tmp_path: Path) -> None:
    source, target = camera(tmp_path), FakeTarget()
    outputs = fan_out(source, target, on_loss="stop")
    write(outputs, frames(5))
    wait_until(lambda: len(target.packets) >= 5)
    give_back_memory()
    before = containers()
    gc.disable()  # it comes by too seldom to be counted on
    try:
        for size in (32, 64, 32, 64):
            outputs.write(Reconnected(replace(source.info, width=size, height=48), {}))
            target.packets.clear()
            write(outputs, frames(5, width=size))
            wait_until(lambda: len(target.packets) >= 5)
        assert containers() > before

        def is_given_back() -> bool:
            # What a thread has sent last it lets go of with the next thing that it does.
            target.packets.clear()
            give_back_memory()
            return containers() <= before

        wait_until(is_given_back)
    finally:
        gc.enable()
        outputs.close()
