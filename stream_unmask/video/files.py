"""Names: which files are media, what outputs are called, what a message may show of an address."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from stream_unmask.errors import InputError, OutputError, OutputExistsError

VIDEO_SUFFIXES = frozenset(
    (
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".mpg", ".mpeg", ".vob"),
        *(".flv", ".wmv", ".asf", ".3gp", ".3g2", ".ogv", ".mxf", ".mjpeg", ".y4m", ".gif", ".nut"),
        *(".h264", ".264", ".h265", ".265", ".hevc", ".insv", ".lrv", ".mod", ".tod", ".dv", ".m2v", ".qt"),
        *(".mpv", ".rm", ".rmvb", ".divx", ".f4v", ".wtv", ".ivf", ".obu", ".mk3d"),
    )
)
IMAGE_SUFFIXES = frozenset(
    (
        *(".png", ".jpg", ".jpeg", ".jpe", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".jp2", ".avif"),
        *(".heic", ".heif", ".hif"),
    )
)
HEIF_SUFFIXES = frozenset((".heic", ".heif", ".hif"))
"""What a picture can be read from, and not be written to."""

OUTPUT_SUFFIXES = frozenset(
    (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".flv", ".3gp", ".3g2", ".nut")
)
"""What a video can be written to: containers that keep the order and the time of frames."""

LONGEST_NAME = 255
"""Bytes that the name of a file may have, on every usual file system."""

_MOST_NAMED = 5

_CREDENTIALS = re.compile(r"(?<=://)(?:(?![a-zA-Z][\w+.-]*://)[^\n])*@")
"""Up to the last @ of an address: people type passwords as they are, with slashes and spaces in them."""

_STREAM_KEY = re.compile(r"(?i)(\brtmps?://[^/\s]*/[^/\s]*/)([^\s'\"]+)")
_SECRET_PARAMETER = re.compile(
    r"(?i)(?<=[?&])((?:pass|passwd|password|pwd|token|key|secret|auth)\w*=)([^&\n]+)"
)


def fitting_name(stem: str, ending: str) -> str:
    """``stem + ending``, the stem cut at the end of a character where a file's name could not be so long."""
    while len(os.fsencode(stem + ending)) > LONGEST_NAME:
        stem = stem[:-1]
    return stem + ending


def redact(uri: str | Path) -> str:
    """An address as it may be shown: without user, password, stream key, or secrets in its query."""
    text = str(uri)
    if "://" not in text:
        return text
    return _STREAM_KEY.sub(r"\1***", _SECRET_PARAMETER.sub(r"\1***", _CREDENTIALS.sub("***@", text)))


def secret_parts(uri: str) -> list[tuple[str, str]]:
    """The stream keys and the secrets in queries of an address, each with what stands before it."""
    if "://" not in uri:
        return []
    return [(found[1], found[2]) for each in (_STREAM_KEY, _SECRET_PARAMETER) for found in each.finditer(uri)]


def reason(error: Exception) -> str:
    """Why an operation failed, as a clause without names of files or addresses."""
    text = str(getattr(error, "strerror", None) or error).strip().rstrip(".")
    return text[:1].lower() + text[1:]


def is_address(uri: str | Path) -> bool:
    """Whether ``uri`` names a stream, a device, or the standard input (``-``) instead of a file."""
    if isinstance(uri, Path):
        return uri.is_char_device()
    if uri == "-":
        return True
    return bool(re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://|webcam:", uri)) or Path(uri).is_char_device()


def is_image(path: Path) -> bool:
    """Whether a file's name says that it is a picture."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def is_media(path: Path) -> bool:
    """Whether a file's name says that it is a video or a picture."""
    return is_image(path) or path.suffix.lower() in VIDEO_SUFFIXES


def output_name(path: Path) -> str:
    """What the output made of a file is called: the same, unless its kind can only be read."""
    suffix = path.suffix.lower()
    if suffix in HEIF_SUFFIXES:
        return f"{path.name}.jpg"
    if is_image(path) or suffix in OUTPUT_SUFFIXES:
        return path.name
    return f"{path.name}.mp4"


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies in a folder.

    Attributes:
        media: the videos and pictures, sorted by name.
        passed_over: a sentence for each kind of thing that is none of them.
        folders: there are folders among them, which ``recursive`` would go into.
    """

    media: list[Path]
    passed_over: list[str]
    folders: bool = False


def list_folder(folder: Path, *, recursive: bool = False) -> Listing:
    """Look through a folder for videos and pictures. Hidden files are left out, and not spoken of.

    Args:
        folder: where to look.
        recursive: look into its folders too, but not through links to others.

    Raises:
        InputError: there is no such folder, or nothing in it is a video or a picture.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.", path=folder)
    media: list[Path] = []
    folders: list[Path] = []
    others: list[Path] = []
    waiting = [folder]
    try:
        while waiting:
            for path in sorted(waiting.pop().iterdir()):
                if path.name.startswith("."):
                    continue
                if path.is_dir():
                    (waiting if recursive and not path.is_symlink() else folders).append(path)
                else:
                    (media if is_media(path) and path.is_file() else others).append(path)
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be read: {error.strerror}.", path=folder) from error
    passed_over = [*_others(others), *_named("folder", folders, "not gone into")]
    deeper = bool(folders) and not recursive
    if not media:
        sentence = " ".join((f"There is no video or picture in the folder {folder}.", *passed_over))
        raise InputError(sentence, path=folder, hint="recursive" if deeper else None)
    return Listing(sorted(media), passed_over, deeper)


def list_media(folder: Path) -> list[Path]:
    """The videos and pictures that lie directly in a folder, sorted by name; hidden files left out.

    Raises:
        InputError: there is no such folder, or nothing in it is a video or a picture.
    """
    return list_folder(folder).media


def _others(paths: list[Path]) -> list[str]:
    broken = [path for path in paths if path.is_symlink() and not path.exists()]
    rest = [path for path in paths if path not in broken]
    return [
        *_named("link", broken, "what they name is not there"),
        *_named("file", rest, "no videos or pictures"),
    ]


def _named(what: str, paths: list[Path], why: str) -> list[str]:
    """A sentence that names the first few of what was passed over."""
    if not paths:
        return []
    names = ", ".join(path.name for path in paths[:_MOST_NAMED])
    more = f" and {len(paths) - _MOST_NAMED} more" if len(paths) > _MOST_NAMED else ""
    return [f"Passed over ({why}): {what}{'s' if len(paths) > 1 else ''} {names}{more}."]


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
    if len(os.fsencode(path.name)) > LONGEST_NAME:
        raise OutputError(f"The output's name is longer than {LONGEST_NAME} bytes: {path.name}.", path=path)
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
