"""How far a long work is: a bar where somebody watches, a line a minute elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.progress import Progress, ProgressColumn

_LINE_SECONDS = 60.0


class ProgressLine:
    """A progress bar on a terminal; in a pipe, a file or a journal a line a minute. Enter before use."""

    def __init__(
        self,
        console: Console,
        *columns: ProgressColumn,
        say: Callable[[str], None] | None = None,
        total: float | None = None,
        transient: bool = False,
        **fields: Any,
    ) -> None:
        """Prepare the bar.

        Args:
            console: where it is drawn; a quiet one shows nothing.
            columns: of the bar.
            say: gets the lines, for where they are not printed on the console.
            total: what ``completed`` is at the end, None where that is not known.
            transient: remove the bar at the end.
            fields: values of the columns' own fields at the start; ``description`` is one.
        """
        self._watched = console.is_terminal and not console.quiet and say is None
        self._say = say or (lambda line: console.print(line, soft_wrap=True))
        self._bar = Progress(*columns, console=console, transient=transient, disable=not self._watched)
        self._task = self._bar.add_task(fields.pop("description", ""), total=total, **fields)
        self._said = time.monotonic()

    def __enter__(self) -> ProgressLine:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    @property
    def speed(self) -> float:
        """What is completed in a second of late; 0 before that is known."""
        return self._bar.tasks[0].speed or 0.0

    def update(self, line: Callable[[], str], **changes: Any) -> None:
        """Show how far it is.

        Args:
            line: makes the line, once a minute.
            changes: what Rich's ``Progress.update`` takes: ``completed``, ``total``, the columns' fields.
        """
        self._bar.update(self._task, **changes)
        if not self._watched and time.monotonic() - self._said >= _LINE_SECONDS:
            self._said = time.monotonic()
            self._say(line())
