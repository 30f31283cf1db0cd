"""What a run has done so far, written down where a crash of its process does not reach."""

from __future__ import annotations

import io
import os
import pickle
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from stream_unmask.errors import InputError, UnmaskError

R = TypeVar("R")


class CrashedError(InputError):
    """A library crashed over a file, and took its process with it."""


class Ledger:
    """The work of one command: what was planned, what came of each file, over which one a process crashed.

    Each step is appended to a file without a name (``memfd``), which the process that goes on after a crash
    has inherited. Without such a file nothing is kept: then there is no process to go on.

    Attributes:
        plan: what there is to do, once it is known; of the command's own type.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = descriptor
        self.plan: Any = None
        self._done: dict[str, Any] = {}
        self._failed: dict[str, str] = {}
        self._crashed: dict[str, str] = {}

    def keep_plan(self, plan: object) -> None:
        """Write down what there is to do."""
        self.plan = plan
        self._add("plan", plan)

    def begin(self, source: str | Path) -> None:
        """Write down which file is worked on from now on.

        Raises:
            CrashedError: the command's process crashed over it before.
        """
        if (crash := self._crashed.get(str(source))) is not None:
            from stream_unmask.video.files import redact

            shown = redact(str(source))
            raise CrashedError(
                f"A library, most likely a decoder, crashed over {shown} ({crash}).", path=shown
            )
        self._add("begin", str(source))

    def has_crashed(self, source: str | Path) -> bool:
        """Whether the command's process crashed over a file."""
        return str(source) in self._crashed

    def knows(self, source: str) -> bool:
        """Whether it is known what came of a file."""
        return source in self._done or source in self._failed or source in self._crashed

    def once(self, source: str, work: Callable[[], R]) -> R:
        """What comes of a file; where a process that crashed later had done it, what came of it then.

        Raises:
            CrashedError: the command's process crashed over it before.
            UnmaskError: as ``work`` raises it, or raised it then.
        """
        if source in self._done:
            done: R = self._done[source]
            return done
        if source in self._failed:
            raise UnmaskError(self._failed[source])
        self.begin(source)
        try:
            result = work()
        except UnmaskError as error:
            self._add("failed", source, str(error))
            raise
        self._add("done", source, result)
        return result

    def crash(self, number: int) -> None:
        """Write down that the process at work died of a signal."""
        self._add("crash", crash_name(number))

    def _add(self, *step: object) -> None:
        if self._descriptor is not None:
            os.write(self._descriptor, pickle.dumps(step))

    def replay(self) -> None:
        """Read what processes that crashed have written down."""
        if self._descriptor is None:
            return
        steps, at = io.BytesIO(os.pread(self._descriptor, os.fstat(self._descriptor).st_size, 0)), None
        while (step := _next(steps)) is not None:
            match step:
                case ("plan", plan):
                    self.plan = plan
                case ("begin", source):
                    at = source
                case ("done", source, result):
                    self._done[source], at = result, None
                case ("failed", source, sentence):
                    self._failed[source], at = sentence, None
                case ("crash", what) if at is not None:
                    self._crashed[at], at = what, None


def crash_name(number: int) -> str:
    """What people call the crash that ends with a signal."""
    return (signal.strsignal(number) or signal.Signals(number).name).lower()


def ledger_of(context: click.Context) -> Ledger:
    """The ledger of the command that runs; one that keeps nothing where no process would go on."""
    return context.find_object(Ledger) or Ledger()


def _next(steps: io.BytesIO) -> Any:
    """The next step; None behind the last one that was written whole."""
    try:
        return pickle.load(steps)
    except (EOFError, pickle.UnpicklingError):
        return None
