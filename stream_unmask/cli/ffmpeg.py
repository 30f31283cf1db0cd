"""FFmpeg's messages as records of Python's log, without FFmpeg ever waiting for Python.

PyAV's own way (``av.logging.set_level``) calls Python in whatever thread FFmpeg has something to say, and the
call waits for the GIL. PyAV holds that while it frees a decoder, and FFmpeg waits for the decoder's threads
meanwhile: one that speaks then is waited for, and waits, for ever. So FFmpeg writes to stderr as it does by
itself, that descriptor is the end of a pipe, and a thread of ours reads the other one.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import av.logging

FFMPEG = "libav"
"""The logger of FFmpeg's messages; each part of it has one below."""

OTHERS = logging.getLogger("stderr")
"""The logger of what else is written there, by other libraries and by child processes."""

_STDERR = 2
_PREFIX = re.compile(r"(?:\[([^\[\]]+?) @ [^\[\]]+\] ?)+")
"""``[h264 @ 0x5581f0a0] ``, which may stand behind that of what it belongs to."""

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_LAST_SECONDS = 1.0
"""Seconds for what is still in the pipe at the end; a child process may hold it open for longer."""


@contextmanager
def own_stderr() -> Iterator[None]:
    """Let ``sys.stderr`` write where it writes, whatever becomes of the descriptor 2 while entered."""
    before = sys.stderr
    try:
        shared = before.fileno() == _STDERR
    except (AttributeError, OSError, ValueError):  # none, or none of a file
        shared = False
    if not shared:
        yield
        return
    before.flush()
    with os.fdopen(os.dup(_STDERR), "w", 1, encoding=before.encoding, errors=before.errors) as own:
        sys.stderr = own
        try:
            yield
        finally:
            sys.stderr = before


@contextmanager
def ffmpeg_logged(level: int) -> Iterator[None]:
    """Make records of what FFmpeg says while entered; all else that is written to the descriptor 2, too.

    What comes faster than it is read is lost.

    Args:
        level: Python's ``WARNING`` or ``ERROR``: what is said, and the level of the records, as FFmpeg writes
            the level of no message.
    """
    before = av.logging.get_level()
    try:
        kept = os.dup(_STDERR)
    except OSError:  # closed
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    os.dup2(writing, _STDERR)
    os.close(writing)
    reader = threading.Thread(target=_log_lines, args=(reading, level), name="ffmpeg", daemon=True)
    reader.start()
    av.logging.set_libav_level(av.logging.ERROR if level >= logging.ERROR else av.logging.WARNING)
    av.logging.restore_default_callback()
    try:
        yield
    finally:
        av.logging.set_level(before)
        os.dup2(kept, _STDERR)
        os.close(kept)
        reader.join(_LAST_SECONDS)


def _log_lines(reading: int, level: int) -> None:
    with os.fdopen(reading, encoding="utf-8", errors="backslashreplace") as lines:
        for line in lines:
            text = _COLOURS.sub("", line).strip()
            if prefix := _PREFIX.match(text):
                logging.getLogger(f"{FFMPEG}.{prefix[1]}").log(level, "%s", text[prefix.end() :])
            elif text:
                OTHERS.warning("%s", text)
