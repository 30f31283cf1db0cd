"""What a training says on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

from stream_unmask.terminal import ProgressLine

_NOT_SHOWN = ("step", "seconds", "waited", "progress")


class Terminal:
    """A progress bar; where nobody watches (a pipe, a file), a line each minute. Enter before use."""

    def __init__(self, batch: int) -> None:
        """Begin to count; ``batch`` samples make a step of all processes."""
        self._batch = batch
        self._steps = 0
        self._console = Console(stderr=True)
        columns = BarColumn(20), TaskProgressColumn(), TimeElapsedColumn(), TextColumn("{task.description}")
        self._line = ProgressLine(self._console, *columns, total=1.0, description="starting")
        self._seconds = 0.0
        self._waited = 0.0

    def __enter__(self) -> Terminal:
        self._line.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._line.__exit__()
        if self._steps:
            self._console.print(self._pace())

    def tell(self, line: dict[str, float], progress: float) -> None:
        """Show a line of the log."""
        self._steps += 1
        self._seconds += line["seconds"]
        self._waited += line["waited"]
        losses = " ".join(f"{name} {value:.4g}" for name, value in line.items() if name not in _NOT_SHOWN)
        text = f"step {line['step']:.0f}, {losses}, {self._pace()}"
        self._line.update(lambda: f"{progress:.1%} {text}", completed=progress, description=text)

    def _pace(self) -> str:
        seconds = max(self._seconds, 1e-9)
        images = self._steps * self._batch / seconds
        return f"{images:.1f} images/s, {self._waited / seconds:.0%} of the time waiting for data"
