"""Where the processor's time goes: core-milliseconds of each stage of a frame's way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from stream_unmask.api import Unmasker
from stream_unmask.errors import UnmaskError
from stream_unmask.report import Stages
from stream_unmask.settings import Settings
from stream_unmask.video.frame import Frame
from stream_unmask.video.source import open_source

_WARM_UP = 5
"""Frames at the start that are not counted: faces are met, stand-ins chosen, caches filled."""


@dataclass(frozen=True, slots=True)
class StageCosts:
    """What the stages cost, in core-milliseconds a frame.

    Attributes:
        frames: that were counted.
        faces: that were inpainted in them.
        stages: cost of each, in the order of a frame's way.
        rest: of what belongs to no stage.
    """

    frames: int
    faces: int
    stages: dict[str, float]
    rest: float

    def __str__(self) -> str:
        rows = [*self.stages.items(), ("rest", self.rest)]
        rows.append(("all", sum(cost for _, cost in rows)))
        lines = [f"{name:12}{cost:8.2f}" for name, cost in rows]
        title = f"core-ms a frame, mean of {self.frames} frames with {self.faces} inpainted faces"
        return "\n".join([title, *lines])


class _CoreStages(Stages):
    """Counts processor time of the whole process instead of wall time."""

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.process_time()
        try:
            yield
        finally:
            self.add(stage, time.process_time() - start)


def measure(clip: Path, settings: Settings, frames: int) -> StageCosts:
    """Unmask the first frames of a clip on one thread; other programs change the figures little.

    Nothing is encoded, and everything is decoded before.

    Args:
        clip: with faces.
        settings: how to unmask; their ``threads`` should be 1, or waiting threads count as work.
        frames: to be counted, at least one.

    Raises:
        UnmaskError: the clip cannot be read, or has too few frames.
    """
    with open_source(clip) as source:
        decoded = list(islice((each for each in source if isinstance(each, Frame)), _WARM_UP + frames))
    if len(decoded) <= _WARM_UP:
        raise UnmaskError(f"{clip} has {len(decoded)} frames; more than {_WARM_UP} are needed.")
    stream = Unmasker(settings).stream()
    for frame in decoded[:_WARM_UP]:
        stream.process(frame)
    stages = stream.stages = _CoreStages()
    start = time.process_time()
    faces = sum(len(stream.process(frame)) for frame in decoded[_WARM_UP:])
    whole = time.process_time() - start
    counted = len(decoded) - _WARM_UP
    costs = {name: 1000 * seconds / counted for name, seconds in stages.seconds.items()}
    return StageCosts(counted, faces, costs, 1000 * whole / counted - sum(costs.values()))
