"""Files that are being written: under a hidden name of their own, locked, and never another run's."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from stream_unmask.errors import OutputError
from stream_unmask.video.files import reason

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_LONGEST_NAME = 255
"""Bytes in a file's name, on every file system in use."""

_PART = re.compile(r"\.(?P<stem>.+)\.part(-\d+)?(?P<suffix>\.[^.]+)")

_LONGEST_MIDDLE = len(".interrupted-9999")


class WholeFile:
    """An open file as PyAV takes one: what is written is written whole.

    Python's lock is let go of meanwhile. FFmpeg's own files are written with it held where they are begun and
    ended: a disk that hangs would stop whatever else the program does.

    Attributes:
        descriptor: of the file, which is closed elsewhere; None from then on.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor: int | None = descriptor

    def write(self, data: bytes) -> int:
        """Write all of it at the place where the file is; how much that was."""
        left = memoryview(data)
        while left:
            left = left[os.write(self._open(), left) :]
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place; which that is."""
        return os.lseek(self._open(), offset, whence)

    def tell(self) -> int:
        """The place where the file is."""
        return os.lseek(self._open(), 0, os.SEEK_CUR)

    def _open(self) -> int:
        # The number may be another file's by now.
        if self.descriptor is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self.descriptor


class PartFile:
    """A hidden file beside ``target`` that belongs to one run, until it gets a name that people see.

    It is made exclusively and locked (``flock``) while its run lives, so that two runs never share one, and
    a later run knows which of them are dead: see :func:`rescue`.

    Attributes:
        path: the hidden file.
        target: the name that it is meant for.
        file: it, for who writes to a file object.
    """

    def __init__(self, path: Path, target: Path, descriptor: int) -> None:
        self.path, self.target = path, target
        self.file = WholeFile(descriptor)
        self._descriptor: int | None = descriptor

    @classmethod
    def claim(cls, target: Path) -> Self:
        """Make a new, empty part file for ``target``.

        Raises:
            OutputError: nothing can be written there.
        """
        number = 0
        while True:
            number += 1
            path = _hidden(target, number)
            try:
                descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o666)
            except FileExistsError:
                continue
            except OSError as error:
                raise OutputError(f"{target} cannot be written: {reason(error)}.", path=target) from error
            if _lock(descriptor) and _is(path, descriptor):
                return cls(path, target, descriptor)
            os.close(descriptor)  # another run took it for a dead one's in between

    def sync(self) -> None:
        """Wait until what was written is on the disk.

        Raises:
            OSError: it cannot be brought there, or somebody removed the file.
        """
        if self._descriptor is not None:
            os.fsync(self._descriptor)
            if os.fstat(self._descriptor).st_nlink == 0:
                raise FileNotFoundError(errno.ENOENT, "somebody removed it")

    def publish(self, *, overwrite: bool, numbered: bool = False) -> Path:
        """Give the file the name that it is meant for, or another one where that is taken.

        Args:
            overwrite: replace what bears the name.
            numbered: the other name is like the first one, with a number, and not an interrupted one's.

        Returns:
            The name that it got.

        Raises:
            OutputError: it cannot be given one; the folder, or the file itself, may be gone.
        """
        try:
            return self._publish(overwrite, numbered)
        except OSError as error:
            raise self._nameless(error) from error

    def _publish(self, overwrite: bool, numbered: bool) -> Path:
        if overwrite:
            self.path.replace(self.target)
            self.release()
            return self.target
        number, name = 1, self.target
        while True:
            try:
                _move_exclusively(self.path, name)
            except FileExistsError:
                if not numbered:
                    return self.interrupt()
                number += 1
                name = self.target.with_name(f"{_shortened(self.target)}-{number}{self.target.suffix}")
                continue
            self.release()
            return name

    def interrupt(self) -> Path:
        """Keep the file under an unused name that says that the work was cut short.

        Raises:
            OutputError: it cannot be given one; the folder, or the file itself, may be gone.
        """
        try:
            kept = _rename_interrupted(self.path, self.target)
        except OSError as error:
            raise self._nameless(error) from error
        self.release()
        return kept

    def _nameless(self, error: OSError) -> OutputError:
        self.release()
        return OutputError(
            f"What was written of {self.target} cannot be kept: {reason(error)}.", path=self.target
        )

    def discard(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        """Let go of the lock."""
        descriptor, self._descriptor = self._descriptor, None
        self.file.descriptor = None
        if descriptor is not None:
            os.close(descriptor)


class FolderLock:
    """A folder that belongs to one output, until that lets go of it or its run ends.

    Raises:
        OutputError: the folder is another one's, or cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        self._descriptor: int | None = None
        if fcntl is None:
            return
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise OutputError(f"{folder} cannot be written to: {reason(error)}.", path=folder) from error
        if not _lock(descriptor):
            os.close(descriptor)
            raise OutputError(f"Another output writes to the folder {folder}; name another one.", path=folder)
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go of it."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    __del__ = release


def left_over(folder: Path) -> set[Path]:
    """The names that hidden files in a folder are meant for, whether or not their runs are alive."""
    found = (_PART.fullmatch(path.name) for path in folder.glob(".*.part*"))
    return {folder / f"{match['stem']}{match['suffix']}" for match in found if match is not None}


def rescue(target: Path) -> list[Path]:
    """Keep what dead runs left unfinished of ``target``, under names that say ``.interrupted``.

    Empty ones go. Those of runs that are alive, and those on file systems without locks, stay as they are.

    Returns:
        The names that were given.
    """
    kept: list[Path] = []
    for path, size in _dead(target):
        if size:
            kept.append(_rename_interrupted(path, target))
        else:
            path.unlink(missing_ok=True)
    return kept


def sweep(target: Path) -> None:
    """Remove what dead runs left unfinished of ``target``; what :func:`rescue` would leave alone stays."""
    for path, _ in _dead(target):
        path.unlink(missing_ok=True)


def _dead(target: Path) -> Iterator[tuple[Path, int]]:
    """Hidden files of dead runs with their sizes, each locked while it is looked at."""
    number = 0
    misses = 0
    while misses < 2:  # a run in between may have ended well
        number += 1
        path = _hidden(target, number)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            misses += 1
            continue
        try:
            if _lock(descriptor, without=False) and _is(path, descriptor):
                yield path, os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)


def _hidden(target: Path, number: int) -> Path:
    middle = ".part" if number == 1 else f".part-{number}"
    return target.with_name(f".{_shortened(target)}{middle}{target.suffix}")


def _shortened(target: Path) -> str:
    """The stem, short enough for what is put around it."""
    room = _LONGEST_NAME - 1 - _LONGEST_MIDDLE - len(os.fsencode(target.suffix))
    stem = target.stem
    while len(os.fsencode(stem)) > room:
        stem = stem[:-1]
    return stem


def _lock(descriptor: int, *, without: bool = True) -> bool:
    """Lock a file; ``without`` is the answer where the file system knows no locks."""
    if fcntl is None:
        return without
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
            return without
        raise
    return True


def _is(path: Path, descriptor: int) -> bool:
    """Whether a name still stands for the file that was opened under it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except OSError:
        return False


def _rename_interrupted(path: Path, target: Path) -> Path:
    number = 1
    while True:
        middle = ".interrupted" if number == 1 else f".interrupted-{number}"
        name = target.with_name(f"{_shortened(target)}{middle}{target.suffix}")
        try:
            _move_exclusively(path, name)
        except FileExistsError:
            number += 1
            continue
        return name


def _move_exclusively(path: Path, name: Path) -> None:
    """Rename without replacing anything.

    Raises:
        FileExistsError: something bears the name.
    """
    try:
        os.link(path, name)
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError:
        # No hard links here (FAT, some network file systems): reserve the name, then replace what is ours.
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        path.replace(name)
        return
    path.unlink()
