"""How far a long command is, on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_LINES = 10
"""Lines that tell of a command's progress where there is no terminal for a bar."""


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr, and the function that moves it; it appears when that is first called.

    Where stderr is no terminal, there are some lines instead.
    """
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, visible=False)
        said = 0

        def move(done: int, of: int) -> None:
            nonlocal said
            bar.update(task, completed=done, total=of, visible=True)
            if not bar.console.is_terminal and done * _LINES // max(of, 1) > said:
                said = done * _LINES // max(of, 1)
                click.echo(f"{what}: {done} of {of}", err=True)

        yield move
