"""Ending a training so that nothing is lost."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType


class Stop:
    """While entered, a request to end the process (SIGTERM, Ctrl-C) only sets ``asked``.

    In another thread than the main one, as under Ray, nobody asks.
    """

    SIGNALS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> Stop:
        numbers = self.SIGNALS if threading.current_thread() is threading.main_thread() else ()
        self._before = {number: signal.signal(number, self._ask) for number in numbers}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True


def leave_stopping_to_parent(_worker: int) -> None:
    """A request to end that reaches the whole process group must not break the step in hand.

    A worker in a group of its own does not get it, and still ends when its parent tells it to.
    """
    os.setpgid(0, 0)
