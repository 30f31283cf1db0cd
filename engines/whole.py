"""Files that are there whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A hidden file beside ``path`` to write to, which takes its place when the block ends well.

    Args:
        path: the file to make or to replace; its folder is there. Only one process at a time may write it.

    Yields:
        The hidden file, with the same suffix. If the block raises, it is gone, and ``path`` is as it was.
    """
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        yield part
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
