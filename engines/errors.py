"""Errors that a user is meant to see. The base of them all is here, below all other packages."""

from __future__ import annotations

from pathlib import Path


class UnmaskError(Exception):
    """Something that the user can mend, said in one sentence; import it from :mod:`stream_unmask`.

    The command line prints ``str(error)`` on stderr and exits with code 1; the Python API raises it.
    Everything that is the user's to mend (a missing file, a full disk, an unknown codec) is one of
    these; everything else is a defect of ours and keeps its traceback.

    Attributes:
        path: the file, folder or address (without secrets) that it is about, None where it is about none.
        hint: what mends it: ``overwrite`` or ``precision=fp32`` is a field of the settings or options and the
            value that it should have (none for ``True``); a command to run begins with its program's name.
            None where there is no such thing. The command line adds what to type.
    """

    def __init__(self, sentence: str, *, path: str | Path | None = None, hint: str | None = None) -> None:
        super().__init__(sentence)
        self.path = None if path is None else str(path)
        self.hint = hint


class EngineError(UnmaskError, RuntimeError):
    """A network cannot be loaded or run with the backend asked for."""


class WeightsError(EngineError):
    """Weights are missing, damaged, or not what is asked of them."""
