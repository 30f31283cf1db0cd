"""How late what goes out is."""

from __future__ import annotations

import random
from collections import deque

_RECENT = 2048
_KEPT = 4096


class Delays:
    """Delays of one output: those of the last minute or so, and a fair sample of all."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._sample: list[float] = []
        self._seen = 0
        self._random = random.Random(0)

    def add(self, seconds: float) -> None:
        """Note one delay."""
        self._recent.append(seconds)
        self._seen += 1
        if len(self._sample) < _KEPT:
            self._sample.append(seconds)
        elif (place := self._random.randrange(self._seen)) < _KEPT:
            self._sample[place] = seconds

    def recent(self) -> tuple[float, float] | None:
        """Median and 95th percentile since this was last asked; None where nothing went out."""
        found, self._recent = list(self._recent), deque(maxlen=_RECENT)
        return _percentiles(found)

    def overall(self) -> tuple[float, float] | None:
        """Median and 95th percentile of all."""
        return _percentiles(self._sample)


def _percentiles(delays: list[float]) -> tuple[float, float] | None:
    if not delays:
        return None
    ordered = sorted(delays)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
