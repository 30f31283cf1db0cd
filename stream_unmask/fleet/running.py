"""Working off an archive: files go to Ray as its workers come free, what comes back is kept and told."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from stream_unmask.errors import OutputError
from stream_unmask.fleet import cluster, storage
from stream_unmask.fleet.cluster import ATTEMPTS, Kind, Share
from stream_unmask.fleet.planning import REPORTS, Item
from stream_unmask.fleet.records import Record, keep, kept
from stream_unmask.fleet.spans import Cut, begin, join, render, scout
from stream_unmask.fleet.work import How
from stream_unmask.output.parts import left_over, sweep

_AHEAD = 2
"""Files that wait in Ray's own queue for each worker, so that none is idle while the next is sent."""

_ENDING = 10.0
"""Seconds that workers get to end in when a run is stopped."""

_LOOK = 1.0
"""Seconds between two looks at how far everything is."""


@dataclass(slots=True)
class Standing:
    """How far a run is.

    Attributes:
        files: of the whole run, with those that were done before.
        before: that were done in an earlier run.
        records: of those that ended in this one.
        size: bytes of the files that are to be done in this run; 0 where some are not known.
        ended: bytes of those that ended.
        workers: that there is room for.
        nodes: that there are.
        since: when the run began, on the monotonic clock.
    """

    files: int
    before: int
    size: int = 0
    ended: int = 0
    workers: int = 0
    nodes: int = 0
    records: list[Record] = field(default_factory=list)
    since: float = field(default_factory=time.monotonic)

    def sentence(self) -> str:
        """All of it in one line."""
        done = sum(record.state == "done" for record in self.records)
        failed = len(self.records) - done
        wall = time.monotonic() - self.since
        seconds = sum(record.seconds for record in self.records)
        parts = [f"{self.before + done}/{self.files} files", f"{seconds:.0f} s of video"]
        parts.append(f"{seconds / wall:.2f} s a second" if wall > 0 else "")
        share = self.share
        if 0 < share < 1:
            parts.append(f"{_clock(wall * (1 - share) / share)} left")
        parts.append(f"{failed} failed" if failed else "")
        parts.append(f"{self.workers} workers on {self.nodes} nodes")
        return ", ".join(part for part in parts if part)

    @property
    def share(self) -> float:
        """How much of the run is done, by bytes where all sizes are known, 0..1."""
        if self.size:
            return self.ended / self.size
        return len(self.records) / max(self.files - self.before, 1)


class Archive:
    """One run over an archive.

    Args:
        items: all files.
        output: the folder that they go to.
        how: they are done.
        share: what a worker takes of a node.
        tell: gets how far it is, about once a second.
    """

    def __init__(
        self,
        items: Sequence[Item],
        output: str,
        how: How,
        share: Share,
        tell: Callable[[Standing], None],
    ) -> None:
        self._items, self._output, self._how, self._share, self._tell = items, output, how, share, tell
        there = storage.names_below(output)
        self._before = [item for item in items if item.name in there and not how.options.overwrite]
        names = {item.name for item in self._before}
        waiting = [item for item in items if item.name not in names]
        # The longest first: no worker is to begin a long one when all others are done.
        self._waiting = deque(sorted(waiting, key=lambda item: -(item.size or 0)))
        known = all(item.size for item in waiting)
        size = sum(item.size or 0 for item in waiting) if known else 0
        self.standing = Standing(len(items), len(self._before), size)
        self._at_work: dict[Any, tuple[Item, Kind]] = {}

    def run(self, stop: threading.Event) -> list[Record]:
        """Do all that is not done yet, until ``stop``.

        Returns:
            A record of each file, in the order of the items.
        """
        tasks: dict[Kind, Any] = {"gpu": self._task(begin, "gpu"), "cpu": self._task(begin, "cpu")}
        while (self._waiting or self._at_work) and not stop.is_set():
            self._send(tasks)
            self._take()
            self._tell(self.standing)
        self._break_off()
        return self._all()

    def _break_off(self) -> None:
        """End what is under way, and leave nothing of it."""
        for reference in self._at_work:
            ray.cancel(reference, force=True)
        left, until = [item for item, _ in self._at_work.values()], time.monotonic() + _ENDING
        # Ray says that they have ended before their processes have.
        while (left := [item for item in left if not self._clean(item)]) and time.monotonic() < until:
            time.sleep(_ENDING / 100)

    def _task(self, work: Callable[..., Any], kind: Kind) -> Any:
        # A worker on a GPU is kept, too: its networks take long to load.
        options = {**self._share.of(kind), "max_retries": ATTEMPTS - 1, "max_calls": 0}
        return ray.remote(**options)(work)

    def _send(self, tasks: dict[Kind, Any]) -> None:
        """Hand files to Ray, no more than its workers will soon be free for."""
        room = cluster.slots(self._share)
        self.standing.workers, self.standing.nodes = sum(room.values()), cluster.nodes_alive()
        # A cluster that grows when it is asked to must be asked.
        room["cpu"] = max(room["cpu"], 0 if room["gpu"] else 1)
        for kind, task in tasks.items():
            busy = sum(each == kind for _, each in self._at_work.values())
            while self._waiting and room[kind] and busy < _AHEAD * room[kind]:
                item = self._waiting.popleft()
                self._at_work[task.remote(item, self._how)] = (item, kind)
                busy += 1

    def _take(self) -> None:
        """Wait until something has ended, but a moment only, and keep all that has."""
        ray.wait(list(self._at_work), timeout=_LOOK)
        ended, _ = ray.wait(list(self._at_work), num_returns=len(self._at_work), timeout=0)
        for reference in ended:
            item, kind = self._at_work.pop(reference)
            try:
                found = ray.get(reference)
            except RayError as error:
                found = Record.failure(item, cluster.why(error))
                self._clean(item)
            if isinstance(found, Record):
                self._keep(item, found)
            else:
                self._at_work[self._join(item, found, kind)] = (item, kind)

    def _join(self, item: Item, cut: Cut, kind: Kind) -> Any:
        """Have a long file done in spans; the last of its tasks. What waits for what is Ray's to know."""
        scouting, rendering = self._task(scout, kind), self._task(render, kind)
        packed, rendered = ray.put(cut.packed), []
        for span in cut.spans:
            rendered.append(rendering.remote(item, self._how, span, packed))
            if span.next_warm is not None:
                packed = scouting.remote(item, self._how, span, packed)
        return self._task(join, kind).remote(item, self._how, cut.spans, *rendered)

    def _keep(self, item: Item, record: Record) -> None:
        self.standing.records.append(record)
        self.standing.ended += item.size or 0
        try:
            keep(self._output, record)
        except OutputError as error:
            record.warnings.append(f"What there is to say of it could not be kept: {error}")

    def _clean(self, item: Item) -> bool:
        """Remove what a worker that died left half written; False where it lives and still writes."""
        if storage.is_remote(item.output):
            return True
        path = Path(item.output)
        sweep(path)
        return path not in left_over(path.parent)

    def _all(self) -> list[Record]:
        found = {record.name: record for record in self.standing.records}
        before = {item.name for item in self._before}
        return [
            found.get(item.name)
            or (kept(self._output, item) if item.name in before else Record.of(item, "missing"))
            for item in self._items
        ]


def is_begun(output: str) -> bool:
    """Whether a folder holds outputs of an earlier run."""
    return any(name.startswith(f"{REPORTS}/") for name in storage.names_below(output))


def _clock(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
