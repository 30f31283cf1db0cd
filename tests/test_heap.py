"""Memory that was let go of goes back to the system."""

from __future__ import annotations

import ctypes
import os

import pytest

from benchmarks.processes import Holding
from stream_unmask.heap import give_back_memory

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
