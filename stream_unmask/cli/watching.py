"""What goes on while a video is worked on: how far it is, and whether somebody wants it to stop."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn

from stream_unmask.output.writing import Progress
from stream_unmask.terminal import ProgressLine

_log = logging.getLogger(__name__)

_COLUMNS = (
    TextColumn("{task.description}", markup=False),
    BarColumn(),
    TextColumn("{task.completed}/{task.fields[frames]} frames{task.fields[dropped]}"),
    TextColumn("{task.fields[fps]:.1f} fps"),
    TimeRemainingColumn(),
    TextColumn("{task.fields[faces]} masked"),
)


@contextmanager
def progress_line(console: Console, name: str) -> Iterator[Callable[[Progress], None]]:
    """Frames a second, time left and faces in the picture: a bar on a terminal, else a line a minute.

    Args:
        console: where it is shown; from a quiet one the lines go into the log.
        name: of the video.

    Yields:
        What takes the progress after each frame.
    """
    say = (lambda sentence: _log.info("%s", sentence)) if console.quiet else None
    start: dict[str, Any] = {"frames": "?", "dropped": "", "fps": 0.0, "faces": 0}
    with ProgressLine(console, *_COLUMNS, say=say, transient=True, description=name, **start) as line:

        def show(progress: Progress) -> None:
            speed, of = line.speed, f"/{progress.total}" if progress.total else ""
            shown = f"{name} (looking for bare faces)" if progress.looking else name
            dropped = f", {progress.dropped} dropped" if progress.dropped else ""
            line.update(
                lambda: f"{shown}: {progress.frames}{of} frames{dropped} at {speed:.1f} fps",
                description=shown,
                completed=progress.frames,
                total=progress.total,
                frames=progress.total or "?",
                dropped=dropped,
                fps=speed,
                faces=progress.faces,
            )

        yield show


@contextmanager
def ctrl_c() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C (or a polite kill) sets; the second interrupts as usual."""
    stop = threading.Event()

    def ask_to_stop(signum: int, _frame: object) -> None:
        stop.set()
        signal.signal(signum, signal.default_int_handler)

    # A hang-up ends it as a polite kill does, unless nohup has it ignored.
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, ask_to_stop) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
