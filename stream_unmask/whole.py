"""Files that are there whole or not at all."""

from __future__ import annotations

from pathlib import Path

from stream_unmask.errors import OutputError


def write_whole(path: Path, data: bytes) -> None:
    """Write a file beside its name, then put it in its place.

    Raises:
        OutputError: it cannot be written; what lay there before is as it was.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"Cannot write {path}: {error.strerror}.", path=path) from error
