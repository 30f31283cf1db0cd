"""What recordings are called, when the next one begins, and which of them are ours."""

from __future__ import annotations

import re
import time
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from stream_unmask.video.logins import split_login

_DIRECTIVE = re.compile(r"%[a-zA-Z%]")
_TIME = "%Y%m%d-%H%M%S"


def is_pattern(path: Path) -> bool:
    """Whether a name has the time in it, as ``strftime`` writes it."""
    return any(found.group() != "%%" for found in _DIRECTIVE.finditer(str(path)))


def default_name(address: str, mark: str) -> str:
    """The name of a camera's recording: its host, or what stands for that, and the time as a pattern."""
    parts = urlsplit(split_login(address)[0])
    host = parts.netloc or parts.path or "camera"
    host = re.sub(r"[^\w.-]+", "-", host, flags=re.ASCII).strip("-.") or "camera"
    return f"{host}-{_TIME}.{mark}.mp4"


class Names:
    """Gives each recording of a camera its name.

    Args:
        path: as the user named it; with the time in it, or one name.
        segment: seconds after which the next recording begins; None for one without an end.
    """

    def __init__(self, path: Path, segment: float | None = None) -> None:
        if segment is not None and not is_pattern(path):
            path = path.with_name(f"{path.stem.replace('%', '%%')}-{_TIME}{path.suffix}")
        self.many = is_pattern(path)
        self._path = path.absolute()

    def target(self, wall: float) -> Path:
        """The name for a recording that begins at a time of ``time.time``."""
        if not self.many:
            return self._path
        return Path(datetime.fromtimestamp(wall).strftime(str(self._path)))

    @property
    def root(self) -> Path:
        """The folder that all recordings are in, at any depth."""
        return next(parent for parent in self._path.parents if not is_pattern(parent))

    def ours(self) -> list[Path]:
        """The finished and interrupted recordings that bear such names, oldest first."""
        parts = self._path.relative_to(self.root).parts
        depth = "/".join("*" for _ in parts)
        pattern = re.compile("/".join(self._expression(part, part is parts[-1]) for part in parts))
        found = [
            path
            for path in self.root.glob(depth)
            if pattern.fullmatch(path.relative_to(self.root).as_posix()) and path.is_file()
        ]
        return sorted(found, key=lambda path: path.stat().st_mtime)

    def _expression(self, part: str, last: bool) -> str:
        stem, suffix = (Path(part).stem, Path(part).suffix) if last else (part, "")
        pieces = re.split(r"(%[a-zA-Z%])", stem)
        text = "".join(
            re.escape(piece) if not _DIRECTIVE.fullmatch(piece) else "%" if piece == "%%" else r"[^/.]+?"
            for piece in pieces
        )
        return text + (rf"(-\d+)?(\.interrupted(-\d+)?)?{re.escape(suffix)}" if last else "")


def unused(target: Path) -> Path:
    """A name like ``target`` that nothing bears."""
    number, found = 1, target
    while found.exists():
        number += 1
        found = target.with_name(f"{target.stem}-{number}{target.suffix}")
    return found


def next_boundary(wall: float, segment: float) -> float:
    """When the segment ends that a time of ``time.time`` lies in: 10 minutes end at 0, 10, 20 ... past."""
    offset = time.localtime(wall).tm_gmtoff
    return (int((wall + offset) // segment) + 1) * segment - offset
