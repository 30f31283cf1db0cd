"""Where what is compiled once is kept for the next time."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def kept_folder() -> Path:
    """The user's folder of engines: ``$STREAM_UNMASK_CACHE``, or one in ``$XDG_CACHE_HOME``."""
    chosen = os.environ.get("STREAM_UNMASK_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(chosen) if chosen else Path(base) / "stream-unmask" / "engines"


def usable(folder: Path) -> bool:
    """Make a folder; whether there is one now that this process may write to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def keep_newest(folder: Path, most: int) -> None:
    """Delete files of a folder of which others are used, where there are more than ``most``.

    Those stay that were written or read last.
    """
    ages: list[tuple[float, Path]] = []
    with suppress(OSError):  # another process deletes some, or all with the folder
        for path in folder.iterdir():
            stat = path.stat()
            ages.append((max(stat.st_mtime, stat.st_atime), path))
    for _, path in sorted(ages, reverse=True)[most:]:
        with suppress(OSError):
            path.unlink(missing_ok=True)
