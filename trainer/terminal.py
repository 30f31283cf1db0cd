"""What a training says on the terminal."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

_LINE_SECONDS = 60.0
_NOT_SHOWN = ("step", "seconds", "waited", "progress")


class Terminal:
    """A progress bar; where nobody watches (a pipe, a file), a line each minute. Enter before use."""

    def __init__(self, batch: int) -> None:
        """Begin to count; ``batch`` samples make a step of all processes."""
        self._batch = batch
        self._steps = 0
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
        if self._steps:
            self._console.print(self._pace())

    def tell(self, line: dict[str, float], progress: float) -> None:
        """Show a line of the log."""
        self._steps += 1
        self._seconds += line["seconds"]
        self._waited += line["waited"]
        losses = " ".join(f"{name} {value:.4g}" for name, value in line.items() if name not in _NOT_SHOWN)
        text = f"step {line['step']:.0f}, {losses}, {self._pace()}"
        self._bar.update(self._task, completed=progress, description=text)
        if not self._console.is_terminal and time.monotonic() - self._told > _LINE_SECONDS:
            self._told = time.monotonic()
            self._console.print(f"{progress:.1%} {text}", soft_wrap=True)

    def _pace(self) -> str:
        seconds = max(self._seconds, 1e-9)
        images = self._steps * self._batch / seconds
        return f"{images:.1f} images/s, {self._waited / seconds:.0%} of the time waiting for data"
