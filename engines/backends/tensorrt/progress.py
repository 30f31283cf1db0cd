"""How far a build is, on the terminal, and the way to stop it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

Result = TypeVar("Result")


def build_progress() -> Progress:
    """The bars of a build, a line for each phase that runs; none where nobody sees them."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


def progress_monitor(api: Any, bars: Progress, stop: threading.Event) -> Any:
    """TensorRT's progress monitor over ``bars``; once ``stop`` is set, it ends the build.

    TensorRT calls it from any of its threads.
    """

    class Monitor(api.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            api.IProgressMonitor.__init__(self)
            self._phases: dict[str, tuple[TaskID, int]] = {}
            self._lock = threading.Lock()

        def phase_start(self, name: str, parent: str | None, steps: int) -> None:
            with self._lock:
                depth = self._phases[parent][1] + 1 if parent in self._phases else 0
                self._phases[name] = bars.add_task("  " * depth + name, total=steps), depth

        def step_complete(self, name: str, step: int) -> bool:
            with self._lock:
                if name in self._phases:
                    bars.update(self._phases[name][0], completed=step + 1)
            return not stop.is_set()

        def phase_finish(self, name: str) -> None:
            with self._lock:
                if name in self._phases:
                    bars.remove_task(self._phases.pop(name)[0])

    return Monitor()


def run_stoppable(work: Callable[[], Result], stop: threading.Event) -> Result:
    """Run ``work`` in another thread; Ctrl-C sets ``stop``, waits for the work to end, and is raised again.

    In this thread Ctrl-C would only be heard when the build is over, for TensorRT's compiler does not
    come back to Python.
    """
    results: list[Result] = []
    errors: list[BaseException] = []
    ended = threading.Event()

    def guarded() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)
        finally:
            ended.set()

    worker = threading.Thread(target=guarded, name="engine build")
    try:
        worker.start()
        # Not joined: up to Python 3.12 a thread counts as ended once Ctrl-C has broken off a join.
        while not ended.wait(0.1):
            pass
    except BaseException:
        stop.set()
        if worker.ident is not None:
            ended.wait()
        raise
    if errors:
        raise errors[0]
    return results[0]
