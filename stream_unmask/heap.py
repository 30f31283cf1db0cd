"""Memory that was let go of and that the C library keeps."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress


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
