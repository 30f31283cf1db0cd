"""Files wherever they lie: local and shared folders as they are, the rest through fsspec."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsspec.core import url_to_fs

from stream_unmask.errors import InputError, OutputError, UnmaskError
from stream_unmask.video.files import reason, redact
from stream_unmask.whole import write_whole

_OBJECT_STORES = ("s3", "s3a", "gs", "gcs", "abfs", "az", "memory")
"""Schemes where what is put appears when it is whole, and a rename would be a copy."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file that was found.

    Attributes:
        place: its path or address.
        size: in bytes; None where that is not known.
    """

    place: str
    size: int | None


def is_remote(place: str) -> bool:
    """Whether a place is an address and not a path of this machine (or of a file system mounted on it)."""
    return "://" in place and not place.startswith("file://")


def path_of(place: str) -> str:
    """A place without the query that an address may end in."""
    return place.partition("?")[0] if place.startswith("http") else place


def join(folder: str, name: str) -> str:
    """The place of a file in a folder."""
    return f"{folder.rstrip('/')}/{name}"


def find(place: str) -> list[Found]:
    """The files below a folder, or those that a pattern (``*``, ``?``, ``[``) names; sorted by name.

    A single file is found as itself.

    Raises:
        InputError: the place cannot be read, or there is nothing.
    """
    files, path = _files(place)
    prefix = place[: place.index("://") + 3] if is_remote(place) else ""
    if prefix.startswith("http"):
        return [Found(place, _size(files, path))]
    try:
        if any(mark in path for mark in "*?["):
            listed = files.glob(path, detail=True)
        elif files.isdir(path):
            listed = files.find(path, detail=True)
        else:
            listed = {path: files.info(path)}
    except Exception as error:  # each file system has its own
        raise InputError(f"{redact(place)} cannot be read: {_why(error)}.", path=redact(place)) from error
    found = [
        Found(f"{prefix}{name}", info.get("size"))
        for name, info in sorted(listed.items())
        if info.get("type") == "file"
    ]
    if not found:
        raise InputError(f"There is no file at {redact(place)}.", path=redact(place))
    return found


def names_below(folder: str) -> set[str]:
    """The names of all files below a folder, relative to it; none where there is no such folder.

    Raises:
        OutputError: it cannot be looked into.
    """
    files, path = _files(folder)
    try:
        if not files.exists(path):
            return set()
        listed = files.find(path)
    except Exception as error:
        raise OutputError(f"{redact(folder)} cannot be read: {_why(error)}.", path=redact(folder)) from error
    root = path.rstrip("/")
    return {name[len(root) + 1 :] for name in listed if name.startswith(f"{root}/")}


@contextmanager
def fetched(place: str) -> Iterator[Path]:
    """A file on this machine: itself, or a copy that is gone afterwards.

    Raises:
        InputError: it cannot be fetched.
    """
    if not is_remote(place):
        yield Path(place.removeprefix("file://"))
        return
    with scratch() as folder:
        target = folder / (Path(path_of(place)).name or "input")
        files, path = _files(place)
        try:
            files.get_file(path, str(target))
        except Exception as error:
            shown = redact(place)
            raise InputError(f"{shown} cannot be read: {_why(error)}.", path=shown) from error
        with _by_its_own_name(target, place):
            yield target


@contextmanager
def delivered(place: str) -> Iterator[Path]:
    """A path to write a file to that is at ``place``, whole, when the block ends well.

    Raises:
        OutputError: it cannot be written there.
    """
    if not is_remote(place):
        path = Path(place.removeprefix("file://"))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"Cannot make the folder {path.parent}: {_why(error)}.", path=path.parent
            ) from error
        yield path
        return
    with scratch() as folder:
        made = folder / Path(place).name
        with _by_its_own_name(made, place):
            yield made
        _put(made, place)


def write(place: str, data: bytes) -> None:
    """Write a small file, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    if not is_remote(place):
        write_whole(Path(place.removeprefix("file://")), data)
        return
    with scratch() as folder:
        made = folder / "data"
        made.write_bytes(data)
        _put(made, place)


def read(place: str) -> bytes:
    """A small file's content.

    Raises:
        InputError: it cannot be read.
    """
    files, path = _files(place)
    try:
        data: bytes = files.cat_file(path)
    except Exception as error:
        raise InputError(f"{redact(place)} cannot be read: {_why(error)}.", path=redact(place)) from error
    return data


def remove(place: str) -> None:
    """Remove a file; one that is gone already is fine, and so is one that cannot be removed."""
    files, path = _files(place)
    with suppress(Exception):  # each file system has its own
        files.rm_file(path)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder on this machine's own disk that is gone afterwards, also on a disk that is full."""
    folder = Path(tempfile.mkdtemp(prefix="stream-unmask-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _by_its_own_name(copy: Path, place: str) -> Iterator[None]:
    """Errors of a copy on this machine, said of the file that the user named."""
    try:
        yield
    except (InputError, OutputError) as error:
        if str(copy) not in str(error):
            raise
        shown = redact(place)
        raise type(error)(str(error).replace(str(copy), shown), path=shown) from error


def _put(made: Path, place: str) -> None:
    """Upload a file. Where a reader could see half of it, it comes under another name first."""
    files, path = _files(place)
    try:
        if place.partition("://")[0] in _OBJECT_STORES:
            files.put_file(str(made), path)
            return
        folder, _, name = path.rpartition("/")
        files.makedirs(folder, exist_ok=True)
        hidden = f"{folder}/.{name}.part-{os.getpid()}"
        files.put_file(str(made), hidden)
        files.mv(hidden, path)
    except Exception as error:
        raise OutputError(f"{redact(place)} cannot be written: {_why(error)}.", path=redact(place)) from error


def _why(error: Exception) -> str:
    """Why an operation failed; file systems put whole addresses into that, some of them nothing else."""
    if isinstance(error, FileNotFoundError) and " " not in str(error):
        return "it is not there"
    return redact(reason(error))


def _size(files: Any, path: str) -> int | None:
    try:
        size: int | None = files.size(path)
    except Exception:  # a server need not say, and whether the file is there is seen when it is read
        return None
    return size


def _files(place: str) -> tuple[Any, str]:
    """The file system of a place, and its path there."""
    try:
        files, path = url_to_fs(place if "://" in place else f"file://{Path(place).absolute()}")
    except (ImportError, ValueError) as error:
        scheme = place.partition("://")[0]
        raise UnmaskError(f"{scheme}:// cannot be read or written here: {_why(error)}.") from error
    return files, str(path)
