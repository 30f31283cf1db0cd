"""One line a minute on how a camera and its outputs are."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stream_unmask.heap import give_back_memory
from stream_unmask.output.live.outputs import Output
from stream_unmask.video.info import SourceInfo, SourceProblems, counted

_EVERY = 60.0


@dataclass(frozen=True, slots=True)
class OutputReport:
    """What became of an output.

    Attributes:
        output: where it went, without secrets.
        state: what it did last.
        files: how many files came of it.
        passed_over: packets that it was too slow for.
        delay_p50: median seconds from the camera's frame to what was written; None where that is not known.
        delay_p95: the 95th percentile of the same.
    """

    output: str
    state: str
    files: int
    passed_over: int
    delay_p50: float | None
    delay_p95: float | None


def output_report(output: Output) -> OutputReport:
    """What became of an output so far."""
    delays = output.delays.overall()
    p50, p95 = (None, None) if delays is None else (round(delays[0], 3), round(delays[1], 3))
    return OutputReport(output.target.shown, output.state, output.file_count, output.passed_over, p50, p95)


class MinuteLine:
    """Says every minute how many frames came, how late they are, and what was lost; frees what lies unused.

    Args:
        info: the camera.
        problems: what is counted of it.
        outputs: where it goes.
        notify: gets the sentence.
    """

    def __init__(
        self,
        info: SourceInfo,
        problems: SourceProblems,
        outputs: Sequence[Output],
        notify: Callable[[str], None],
    ) -> None:
        self._uri, self._problems, self._outputs, self._notify = info.uri, problems, outputs, notify
        self._since, self._frames, self._dropped = time.monotonic(), 0, 0

    def frame(self, faces: int) -> None:
        """Another frame was done, with so many faces that wear a mask."""
        self._frames += 1
        now = time.monotonic()
        if now - self._since < _EVERY:
            return
        rate = self._frames / (now - self._since)
        dropped = self._problems.dropped - self._dropped
        parts = [f"{rate:.1f} fps", f"{dropped} dropped", f"{faces} masked"]
        if self._problems.reconnects:
            parts.append(f"lost {counted(self._problems.reconnects, 'time')} so far")
        parts += [_line(output) for output in self._outputs]
        self._notify(f"{self._uri}: {', '.join(parts)}.")
        give_back_memory()
        self._since, self._frames, self._dropped = now, 0, self._problems.dropped


def _line(output: Output) -> str:
    delays, stalled = output.delays.recent(), output.stalled
    late = "" if delays is None else f" {1000 * delays[0]:.0f}/{1000 * delays[1]:.0f} ms late (p50/p95)"
    held_up = f" (it has taken nothing for {stalled:.0f} s)" if stalled else ""
    left_out = f" ({output.passed_over} packets left out so far)" if output.passed_over else ""
    return f"{output.target.shown} {output.state}{late}{held_up}{left_out}"
