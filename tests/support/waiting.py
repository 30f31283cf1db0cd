"""Waiting for what another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable

GUARD = 240.0
"""Seconds after which a test that waits hangs. It is no measure of speed: a busy machine may take minutes."""


def wait_until(true: Callable[[], bool], pause: float = 0.01) -> None:
    """Look again and again until something is true.

    Args:
        true: tells it; it may do something on the way, such as bring the next frame.
        pause: seconds between two looks.
    """
    until = time.monotonic() + GUARD
    while not true():
        assert time.monotonic() < until, "it never became true"
        time.sleep(pause)
