"""Durations of many runs, and what they come to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from stream_unmask.report import Stages


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took over many runs, in milliseconds.

    Attributes:
        runs: how many.
        total: of all runs together.
        mean: of a run.
        least: the shortest run.
        p50: the median run.
        p95: 95 of 100 runs took no longer.
        p99: 99 of 100 runs took no longer; hardly less than ``most`` where there were few runs.
        most: the longest run.
    """

    runs: int
    total: float
    mean: float
    least: float
    p50: float
    p95: float
    p99: float
    most: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Spread | None:
        """The spread of durations given in seconds, None without any."""
        if not seconds:
            return None
        runs = 1000 * np.asarray(seconds, np.float64)
        least, p50, p95, p99, most = map(float, np.percentile(runs, (0, 50, 95, 99, 100)))
        return cls(len(runs), float(runs.sum()), float(runs.mean()), least, p50, p95, p99, most)


class Laps(Stages):
    """Stages that keep every run. It grows with every frame: for measurements, not for cameras."""

    def __init__(self) -> None:
        super().__init__()
        self.laps: defaultdict[str, list[float]] = defaultdict(list)

    def add(self, stage: str, seconds: float) -> None:
        super().add(stage, seconds)
        self.laps[stage].append(seconds)


_ORDER = ("decode", "wait", "compute")
"""Threads and what holds them up come first, then the parts of ``compute``, then ``encode``."""


def spreads(streams: Iterable[Laps]) -> dict[str, Spread]:
    """The spread of every stage over several streams, in the order in which a frame meets them."""
    pooled: defaultdict[str, list[float]] = defaultdict(list)
    for laps in streams:
        for stage, seconds in laps.laps.items():
            pooled[stage] += seconds
    parts = [stage for stage in pooled if stage not in (*_ORDER, "encode")]
    found = ((stage, Spread.of(pooled[stage])) for stage in (*_ORDER, *parts, "encode") if stage in pooled)
    return {stage: spread for stage, spread in found if spread is not None}
