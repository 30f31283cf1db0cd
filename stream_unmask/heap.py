"""Memory that was let go of and that the C library keeps."""

from __future__ import annotations

import ctypes
from contextlib import suppress


def give_back_memory() -> None:
    """Hand what was let go of back to the system, which takes some milliseconds.

    glibc keeps it, in pieces, in an arena for each few threads. Cameras that come and go bring threads and
    buffers of their own each time, so that what is kept would grow for hours although nothing is in use
    (``man malloc_trim``). With another C library nothing happens.
    """
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
