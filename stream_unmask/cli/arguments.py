"""Passwords on the command line, out of sight of whoever lists the processes."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path

from stream_unmask.video.files import secret_parts
from stream_unmask.video.logins import split_login

_ARG_START, _ARG_END = 45, 46
"""Places of arg_start and arg_end in /proc/self/stat behind the command's name; see proc(5)."""


def hide_passwords(arguments: Sequence[str]) -> None:
    """Overwrite the logins, tokens and stream keys of addresses in the list of processes.

    Linux alone lets a process do that; elsewhere, and where it cannot be done safely, nothing happens.
    """
    secrets = {secret for argument in arguments for secret in _secrets(argument)}
    if not secrets:
        return
    try:
        fields = Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()
        shown = Path("/proc/self/cmdline").read_bytes()
        start, end = int(fields[_ARG_START]), int(fields[_ARG_END])
    except (OSError, ValueError, IndexError):
        return
    if end - start != len(shown) or not start or ctypes.string_at(start, len(shown)) != shown:
        return
    hidden = shown
    for before, secret in sorted(secrets, key=lambda pair: len(pair[1]), reverse=True):
        hidden = hidden.replace(before + secret, before + b"*" * len(secret))
    ctypes.memmove(start, hidden, len(hidden))


def _secrets(argument: str) -> list[tuple[bytes, bytes]]:
    """What is to be hidden of an argument, each behind what stands before it."""
    _, user, password = split_login(argument)
    found = [("", f"{user}:{password}@")] if password else []
    return [
        (before.encode(errors="surrogateescape"), secret.encode(errors="surrogateescape"))
        for before, secret in [*found, *secret_parts(argument)]
    ]
