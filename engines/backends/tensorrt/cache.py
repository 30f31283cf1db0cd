"""Where built engines are kept: each with a manifest beside it that says what it was made of.

An engine is there when its manifest is there: the manifest is written last and removed first, each file is
written beside its name and renamed, and a lock for each key keeps two processes from building the same twice.
An engine can hold code for this machine's CPU: the folder is the user's own, and nobody else may write to it.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engines.backends.tensorrt.cuda import Gpu
from engines.backends.tensorrt.plan import BuildOptions, Machine, Plan
from engines.engine import EngineError
from engines.kept import kept_folder
from engines.parity import Agreement

_ABANDONED = 3600.0
"""Seconds after which a file that is being written is taken for left behind."""


@dataclass(frozen=True, slots=True)
class CachedEngine:
    """A kept engine.

    Attributes:
        name: of the network ("generator"), for people.
        plan: what it was made of.
        sha256: of the engine's file, in hex.
        built: seconds since 1970.
        seconds: that the build took.
        agreement: how near it came to ONNX Runtime.
    """

    name: str
    plan: Plan
    sha256: str
    built: float
    seconds: float
    agreement: Agreement


class EngineCache:
    """A folder of built engines."""

    def __init__(self, folder: Path | None = None) -> None:
        """Take a folder, by default the user's: ``$STREAM_UNMASK_CACHE``, or one in ``$XDG_CACHE_HOME``."""
        self.folder = folder or kept_folder()

    def path(self, key: str) -> Path:
        """Where the engine of a plan is kept."""
        return self.folder / f"{key}.engine"

    def entries(self) -> list[CachedEngine]:
        """Every kept engine, the one built last first; what cannot be read is left out."""
        found = (self._entry(path) for path in self.folder.glob("*.json"))
        return sorted((entry for entry in found if entry), key=lambda entry: -entry.built)

    def find(self, plan: Plan) -> CachedEngine | None:
        """The kept engine of a plan."""
        return self._entry(self._manifest(plan.key))

    def read(self, entry: CachedEngine) -> bytes:
        """The engine's bytes.

        Raises:
            EngineError: the file is gone, or not the one that was written.
        """
        path = self.path(entry.plan.key)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise EngineError(f"The engine {path} cannot be read: {error.strerror}.", path=path) from error
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            raise EngineError(f"The engine {path} is damaged.", path=path)
        return content

    def write(
        self, name: str, plan: Plan, content: bytes, seconds: float, agreement: Agreement
    ) -> CachedEngine:
        """Keep an engine; it replaces the one that the plan had.

        Raises:
            EngineError: the folder cannot be written.
        """
        entry = CachedEngine(name, plan, hashlib.sha256(content).hexdigest(), time.time(), seconds, agreement)
        self._manifest(plan.key).unlink(missing_ok=True)
        self._put(self.path(plan.key), content)
        self._put(self._manifest(plan.key), json.dumps(asdict(entry), indent=2).encode())
        return entry

    def prune(self, keep: Callable[[CachedEngine], bool]) -> tuple[int, int]:
        """Delete engines with all that belongs to them, and what broken-off builds left behind.

        What is being built is left alone.

        Args:
            keep: says which engines stay.

        Returns:
            The number of engines deleted, and the bytes that all this frees.
        """
        kept_entries = [entry for entry in self.entries() if keep(entry)]
        kept = {entry.plan.key for entry in kept_entries}
        count, freed = 0, 0
        for path in (*self.folder.glob("*.engine"), *self.folder.glob("*.json")):
            if path.stem in kept or not path.exists():
                continue
            with self._opened(self.folder / f"{path.stem}.lock") as file:
                if not _locked(file):
                    continue
                count += 1
                freed += _delete(self._manifest(path.stem), self.path(path.stem), self._kernels(path.stem))
        learnt = {self._timing(entry.plan.machine) for entry in kept_entries}
        freed += _delete(*(path for path in self.folder.glob("*.timing") if path not in learnt))
        parts = self.folder.glob("*.part")
        freed += _delete(*(path for path in parts if time.time() - path.stat().st_mtime > _ABANDONED))
        return count, freed

    def size(self, entry: CachedEngine) -> int:
        """Bytes of an engine's file; 0 where it is gone."""
        path = self.path(entry.plan.key)
        return path.stat().st_size if path.exists() else 0

    def kernels(self, plan: Plan) -> bytes:
        """Kernels that were compiled for an engine when it first ran; empty if there are none."""
        return _content(self._kernels(plan.key))

    def keep_kernels(self, plan: Plan, content: bytes) -> None:
        """Keep the kernels that were compiled for an engine."""
        self._put(self._kernels(plan.key), content)

    def timing(self, machine: Machine) -> bytes:
        """What earlier builds on this machine learnt; empty at first."""
        return _content(self._timing(machine))

    def keep_timing(self, machine: Machine, content: bytes) -> None:
        """Keep what a build learnt."""
        self._put(self._timing(machine), content)

    @contextmanager
    def locked(self, plan: Plan, waiting: Callable[[], None]) -> Iterator[None]:
        """While entered, no other process builds this plan.

        Args:
            plan: what is to be built.
            waiting: called once if another process is at it; then this one waits.

        Raises:
            EngineError: the folder cannot be written, or the system has no file locks of this kind.
        """
        with self._opened(self.folder / f"{plan.key}.lock") as file:
            if not _locked(file):
                waiting()
                _locked(file, wait=True)
            yield

    @contextmanager
    def _opened(self, path: Path) -> Iterator[int]:
        self._make_folder()
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise EngineError(f"{path} cannot be written: {error.strerror}.", path=path) from error
        try:
            yield file
        finally:
            os.close(file)  # and with it the lock goes

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise EngineError(f"{self.folder} cannot be made: {error.strerror}.", path=self.folder) from error

    def _put(self, path: Path, content: bytes) -> None:
        self._make_folder()
        part = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part")
        try:
            part.write_bytes(content)
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise EngineError(f"{path} cannot be written: {error.strerror}.", path=path) from error

    def _manifest(self, key: str) -> Path:
        return self.folder / f"{key}.json"

    def _kernels(self, key: str) -> Path:
        return self.folder / f"{key}.kernels"

    def _timing(self, machine: Machine) -> Path:
        described = json.dumps(asdict(machine), sort_keys=True).encode()
        return self.folder / f"{hashlib.sha256(described).hexdigest()[:24]}.timing"

    def _entry(self, path: Path) -> CachedEngine | None:
        """What a manifest says; None where it is missing, unreadable, or of another key than its name."""
        try:
            entry = _parsed(json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return entry if entry.plan.key == path.stem else None


def _locked(file: int, *, wait: bool = False) -> bool:
    """Lock an open file; False where another process has it and this one does not ``wait``."""
    try:
        import fcntl
    except ImportError as error:  # Windows
        raise EngineError("TensorRT engines are kept on Linux only: this system has no locks.") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _delete(*paths: Path) -> int:
    """Delete files that may be gone already; returns the bytes that this frees."""
    freed = 0
    for path in paths:
        freed += path.stat().st_size if path.exists() else 0
        path.unlink(missing_ok=True)
    return freed


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _parsed(said: dict[str, Any]) -> CachedEngine:
    plan = said["plan"]
    machine = plan["machine"]
    return CachedEngine(
        **said
        | {
            "agreement": Agreement(**said["agreement"]),
            "plan": Plan(
                **plan
                | {
                    "options": BuildOptions(**plan["options"]),
                    "machine": Machine(**machine | {"gpu": Gpu(**machine["gpu"])}),
                }
            ),
        }
    )
