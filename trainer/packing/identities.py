"""Who is in which photo, and whether a person belongs to the training set or is held out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from stream_unmask.errors import UnmaskError

FOLDERS = Path("folders")
"""Stands for: each sub-folder holds one person."""


def identities(paths: Sequence[Path], folder: Path, source: Path | None) -> list[str]:
    """A name for the person of each photo.

    Args:
        paths: photos in ``folder``.
        folder: that was searched for them.
        source: a text or CSV file of lines ``file id`` as CelebA has it, :data:`FOLDERS` as VGGFace2 has
            it, or None: then each photo counts as a person of its own, and so does one that the file lacks.

    Raises:
        UnmaskError: the file cannot be read or knows none of the photos.
    """
    own = [path.relative_to(folder).as_posix() for path in paths]
    if source is None:
        return own
    if source == FOLDERS:
        return [path.parent.relative_to(folder).as_posix() for path in paths]
    known = _read(source)
    found = [known.get(name, known.get(Path(name).name)) for name in own]
    if not any(found):
        raise UnmaskError(f"{source} names none of the photos in {folder}.", path=source)
    return [identity or name for identity, name in zip(found, own, strict=True)]


def is_held_out(identity: str, share: float, seed: int) -> bool:
    """Whether a person is one of the ``share`` (0..1) held out; the same in every run with the same seed."""
    digest = hashlib.sha256(f"{seed} {identity}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def _read(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UnmaskError(f"{path} is not a text file that can be read.", path=path) from error
    known = {}
    for number, line in enumerate(lines, 1):
        parts = [part.strip(' "') for part in re.split(r"[,;\t]", line.strip())]
        # Without a comma the last word is the person: names of files may hold spaces.
        parts = parts if len(parts) > 1 else line.rsplit(maxsplit=1)
        if len(parts) == 2:
            known[parts[0].strip()] = parts[1]
        elif parts and number > 2:
            raise UnmaskError(f"Line {number} of {path} is not 'file id'.", path=path)
    return known
