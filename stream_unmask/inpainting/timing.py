"""Filters that know how much time has passed, however often frames come."""

from __future__ import annotations

FRAME = 1 / 30
"""Seconds from frame to frame that the shares in the filters' settings are meant for."""


def since(last: float | None, now: float) -> float:
    """Seconds from a face's last frame to this one, above 0.

    Args:
        last: when that was, in seconds; None where this is the first.
        now: when this one is.
    """
    # Clocks of live sources may be set back.
    return now - last if last is not None and now > last else FRAME


def left(share: float, elapsed: float) -> float:
    """What stays after ``elapsed`` seconds of that of which ``share``, 0..1, stays after :data:`FRAME`."""
    return float(share ** (elapsed / FRAME))


def taken(share: float, elapsed: float) -> float:
    """What is taken on in ``elapsed`` seconds of that of which ``share``, 0..1, is in :data:`FRAME`."""
    return 1.0 - left(1.0 - share, elapsed)
