"""Memory that was let go of and that the C library keeps."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

_M_ARENA_MAX, _ARENAS = -8, 2
"""``mallopt``'s name for it (``malloc.h``), and how many arenas there may be."""


def keep_memory_together() -> None:
    """Have glibc keep what is let go of in two arenas, in place of eight for each core; before threads begin.

    Each thread that begins, as those of a camera's decoder do at each reconnection, may get an arena that the
    last one did not use: the same buffers then lie in one after another, and what is kept grows for an hour.
    """
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)


def settle_memory() -> None:
    """Leave what is there now out of the collector's rounds: it stays, and going through it takes long."""
    gc.collect()
    gc.freeze()


def give_back_memory() -> None:
    """Hand what was let go of back to the system, which takes some milliseconds.

    PyAV's containers and their streams hold each other, so that encoders and their threads stay until the
    collector comes by; and glibc keeps what is free, in pieces, in an arena for each few threads (``man
    malloc_trim``). Cameras that come and go bring encoders, threads and buffers of their own each time: what
    is kept would grow for hours although nothing is in use.
    """
    gc.collect()
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
