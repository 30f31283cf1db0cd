"""What a training says on the terminal."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

_LINE_SECONDS = 60.0
_NOT_SHOWN = ("step", "seconds", "waited", "progress")


class Terminal:
    """A progress bar; where nobody watches (a pipe, a file), a line each minute. Enter before use."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bar = Progress(
            BarColumn(20),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("starting", total=1.0)
        self._told = time.monotonic()
        self._seconds = 0.0
        self._waited = 0.0

    def __enter__(self) -> Terminal:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    @property
    def waited(self) -> float:
        """Share of the time that the training waited for data."""
        return self._waited / max(self._seconds, 1e-9)

    def tell(self, line: dict[str, float], progress: float) -> None:
        """Show a line of the log."""
        self._seconds += line["seconds"]
        self._waited += line["waited"]
        losses = " ".join(f"{name} {value:.4g}" for name, value in line.items() if name not in _NOT_SHOWN)
        text = f"step {line['step']:.0f}, {losses}, {self.waited:.0%} waiting for data"
        self._bar.update(self._task, completed=progress, description=text)
        if not self._console.is_terminal and time.monotonic() - self._told > _LINE_SECONDS:
            self._told = time.monotonic()
            self._console.print(f"{progress:.1%} {text}", soft_wrap=True)
