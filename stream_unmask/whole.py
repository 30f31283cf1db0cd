"""Files that are there whole or not at all."""

from __future__ import annotations

from pathlib import Path

from engines.whole import replacing
from stream_unmask.errors import OutputError


def write_whole(path: Path, data: bytes) -> None:
    """Write a file beside its name, then put it in its place.

    Raises:
        OutputError: it cannot be written; what lay there before is as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            part.write_bytes(data)
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror}.", path=path) from error
