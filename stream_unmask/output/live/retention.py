"""Makes room for recordings by those that are oldest."""

from __future__ import annotations

import contextlib
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from stream_unmask.output.live.naming import Names


@dataclass(frozen=True, slots=True)
class Retention:
    """How long recordings are kept.

    Attributes:
        seconds: age from which on they go; None for never.
        free: bytes that are to be free on their disk, which the oldest make room for; None for none.
    """

    seconds: float | None = None
    free: int | None = None

    def apply(self, names: Names) -> list[Path]:
        """Remove what is too old, and what makes room; what was removed."""
        if self.seconds is None and self.free is None:
            return []
        removed = []
        for path in names.ours():
            with contextlib.suppress(OSError):
                if self._is_old(path) or self._is_in_the_way(path):
                    path.unlink()
                    removed.append(path)
                    _remove_empty(path.parent, names.root)
        return removed

    def _is_old(self, path: Path) -> bool:
        return self.seconds is not None and path.stat().st_mtime < time.time() - self.seconds

    def _is_in_the_way(self, path: Path) -> bool:
        return self.free is not None and shutil.disk_usage(path.parent).free < self.free


def _remove_empty(folder: Path, root: Path) -> None:
    """Remove folders of a day, or the like, that hold nothing any more."""
    with contextlib.suppress(OSError):
        while folder != root:
            folder.rmdir()
            folder = folder.parent
