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
from stream_unmask.output.live import fanout
from stream_unmask.video.container import Reconnected
from tests.output.live.making import camera, fan_out, frames, ticks, write
from tests.output.live.test_outputs import FakeTarget
from tests.support.waiting import GUARD, wait_until

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


_THREADS = """
import ctypes, sys, threading
from stream_unmask.heap import keep_memory_together
library = ctypes.CDLL(None)
library.malloc.restype = library.fopen.restype = ctypes.c_void_p
if sys.argv[1] == "together":
    keep_memory_together()
all_there = threading.Barrier(12)

def take():
    library.malloc(1000)
    all_there.wait()

threads = [threading.Thread(target=take) for _ in range(12)]
for each in threads:
    each.start()
for each in threads:
    each.join()
file = library.fopen(sys.argv[2].encode(), b"w")
library.malloc_info(0, ctypes.c_void_p(file))
library.fclose(ctypes.c_void_p(file))
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="this C library has no arenas")
def test_many_threads_keep_their_memory_in_two_places(tmp_path: Path) -> None:
    def arenas(how: str) -> int:
        told = tmp_path / how
        subprocess.run([sys.executable, "-c", _THREADS, how, str(told)], check=True, timeout=GUARD)
        return told.read_text().count("<heap nr=")

    assert arenas("together") <= 2 < arenas("as ever")


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


def test_soon_after_a_camera_came_back_nothing_is_left_of_what_was_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "_SETTLES", 0.0)
    source, target = camera(tmp_path), FakeTarget()
    outputs = fan_out(source, target, on_loss="stop")
    give_back_memory()
    before, written = containers(), 0
    gc.disable()
    try:
        for connection in range(1, 4):
            outputs.write(Reconnected(replace(source.info, width=32 * connection, height=48), {}))

            def is_given_back(connection: int = connection) -> bool:
                nonlocal written
                for frame in frames(2, written, width=32 * connection):
                    outputs.write(replace(frame, connection=connection + written))  # another one each time
                written += 2
                target.packets.clear()
                return containers() <= before

            wait_until(is_given_back)
    finally:
        gc.enable()
        outputs.close()


def test_nothing_is_left_of_encoders_that_were_silent_while_the_camera_was_away(tmp_path: Path) -> None:
    source, target = camera(tmp_path, "pcm_mulaw"), FakeTarget()
    outputs = fan_out(source, target, on_loss="hold")
    give_back_memory()
    before = containers()
    write(outputs, frames(25), ticks(0, 1))
    # What an encoder of sound makes after a second of it is silence.
    wait_until(lambda: any(packet.track.stream == 1 and packet.time > 1.5 for packet in list(target.packets)))
    outputs.write(Reconnected(source.info, source.sounds))
    write(outputs, frames(5, 100))

    def is_given_back() -> bool:
        target.packets.clear()
        write(outputs, frames(1, 105))
        give_back_memory()
        return containers() <= before

    wait_until(is_given_back)
    outputs.close()
