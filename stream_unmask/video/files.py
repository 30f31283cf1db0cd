"""Names: which files are media, what outputs are called, what a message may show of an address."""

from __future__ import annotations

import os
import re
from pathlib import Path

from stream_unmask.errors import InputError, OutputError, OutputExistsError

VIDEO_SUFFIXES = frozenset(
    (
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".mpg", ".mpeg", ".vob"),
        *(".flv", ".wmv", ".asf", ".3gp", ".3g2", ".ogv", ".mxf", ".mjpeg", ".y4m", ".gif", ".nut"),
    )
)
IMAGE_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".jp2", ".avif")
)

OUTPUT_SUFFIXES = frozenset(
    (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".flv", ".3gp", ".3g2", ".nut")
)
"""What a video can be written to: containers that keep the order and the time of frames."""

_CREDENTIALS = re.compile(r"(?<=://)[^/?#\s]*@")
_SECRET_PARAMETER = re.compile(
    r"(?i)(?<=[?&])((?:pass|passwd|password|pwd|token|key|secret|auth)\w*=)[^&#\s]+"
)


def redact(uri: str | Path) -> str:
    """An address as it may be shown: without user, password, or secrets in its query."""
    text = str(uri)
    return _SECRET_PARAMETER.sub(r"\1***", _CREDENTIALS.sub("***@", text)) if "://" in text else text


def reason(error: Exception) -> str:
    """Why an operation failed, as a clause without names of files or addresses."""
    text = str(getattr(error, "strerror", None) or error).strip().rstrip(".")
    return text[:1].lower() + text[1:]


def is_address(uri: str | Path) -> bool:
    """Whether ``uri`` names a stream or a device instead of a file."""
    if isinstance(uri, Path):
        return uri.is_char_device()
    return bool(re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://|webcam:", uri)) or Path(uri).is_char_device()


def is_image(path: Path) -> bool:
    """Whether a file's name says that it is a picture."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def is_media(path: Path) -> bool:
    """Whether a file's name says that it is a video or a picture."""
    return is_image(path) or path.suffix.lower() in VIDEO_SUFFIXES


def output_name(path: Path) -> str:
    """What the output made of a file is called: the same, unless a video of that kind can only be read."""
    if is_image(path) or path.suffix.lower() in OUTPUT_SUFFIXES:
        return path.name
    return f"{path.name}.mp4"


def list_media(folder: Path) -> list[Path]:
    """The videos and pictures that lie directly in a folder, sorted by name; hidden files left out.

    Raises:
        InputError: there is no such folder, or nothing in it is a video or a picture.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.", path=folder)
    try:
        found = sorted(
            p for p in folder.iterdir() if is_media(p) and p.is_file() and not p.name.startswith(".")
        )
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be read: {error.strerror}.", path=folder) from error
    if not found:
        raise InputError(f"There is no video or picture in the folder {folder}.", path=folder)
    return found


def partial_path(path: Path) -> Path:
    """The hidden file beside ``path`` that is written first."""
    return path.with_name(f".{path.stem}.part{path.suffix}")


def interrupted_path(path: Path) -> Path:
    """Reserve an unused name that says that the work on ``path`` was cut short, with an empty file."""
    number = 1
    while True:
        middle = ".interrupted" if number == 1 else f".interrupted-{number}"
        candidate = path.with_name(f"{path.stem}{middle}{path.suffix}")
        try:
            os.close(os.open(candidate, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            number += 1
            continue
        return candidate


def check_output(path: Path, source: str | Path | None, *, overwrite: bool) -> None:
    """Refuse an output that cannot be or that would destroy something.

    Args:
        path: the file to be written.
        source: where its content is read from.
        overwrite: an existing file may be replaced.

    Raises:
        OutputExistsError: ``path`` exists and may not be replaced.
        OutputError: ``path`` is a folder or the input, or its folder is missing or closed to us.
    """
    if path.is_dir():
        raise OutputError(f"The output {path} is a folder; name a file in it.", path=path)
    if not path.parent.is_dir():
        raise OutputError(f"The output's folder {path.parent} does not exist.", path=path)
    if source is not None and not is_address(source) and _same_file(path, Path(source)):
        raise OutputError(f"The output {path} is the input itself; choose another name.", path=path)
    if path.exists() and not overwrite:
        raise OutputExistsError(f"{path} exists already.", path=path, hint="overwrite")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise OutputError(f"The output's folder {path.parent} is not writable.", path=path)


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one.resolve() == other.resolve()
