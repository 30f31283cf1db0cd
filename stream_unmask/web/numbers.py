"""Figures of the last minutes, for charts, and for Prometheus."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from stream_unmask.heap import give_back_memory
from stream_unmask.version import program_version
from stream_unmask.web.inputs import Inputs
from stream_unmask.web.jobs import Jobs
from stream_unmask.web.workshop import Workshop

_EVERY = 1.0
_KEPT = 180
"""Seconds of figures that a chart begins with."""

_GIVEN_BACK = 60
"""Looks after which memory that nobody uses is given back."""

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Counted:
    """What figures are of.

    Attributes:
        inputs: the cameras.
        jobs: the files.
        workshop: the worker.
    """

    inputs: Inputs
    jobs: Jobs
    workshop: Workshop


class Numbers:
    """Takes all figures once a second, and keeps those of the last minutes.

    Args:
        counted: what they are of.

    Attributes:
        engine: what runs the networks of the cameras; empty while none does.
        newest: the last ones, as the API shows them.
        changed: set and replaced once a second.
    """

    def __init__(self, counted: Counted) -> None:
        self._of = counted
        self.engine = ""
        self._kept: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self._registry = CollectorRegistry()
        self._registry.register(_Figures(self, counted))
        self._cpu = _Cpu()
        self._task: asyncio.Task[None] | None = None
        self._began = time.monotonic()
        self.newest: dict[str, Any] = {}
        self.changed = asyncio.Event()

    def begin(self) -> None:
        self._task = asyncio.create_task(self._count())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def uptime(self) -> float:
        return time.monotonic() - self._began

    def kept(self) -> list[dict[str, Any]]:
        """The figures of the last minutes, oldest first."""
        return list(self._kept)

    def prometheus(self) -> bytes:
        """The figures as Prometheus reads them."""
        return generate_latest(self._registry)

    async def _count(self) -> None:
        for second in itertools.count(1):
            of = self._of
            of.inputs.count()
            inputs = [of.inputs.describe(each) for each in of.inputs]
            pids = [pid for pid in (os.getpid(), of.workshop.pid) if pid is not None]
            cores, memory, threads = self._cpu.since(pids)
            self.newest = {
                "time": round(time.time(), 3),
                "inputs": inputs,
                "process": {"cores": cores, "memory_bytes": memory, "threads": threads},
                "jobs": of.jobs.counts,
                "worker_restarts": of.workshop.restarts,
            }
            self._kept.append(_few(self.newest))
            woken, self.changed = self.changed, asyncio.Event()
            woken.set()
            if second % _GIVEN_BACK == 0:  # visitors and files leave buffers behind, too
                await asyncio.to_thread(give_back_memory)
            await asyncio.sleep(_EVERY)


def _few(numbers: dict[str, Any]) -> dict[str, Any]:
    """What charts show."""
    names = ("name", "fps", "dropped", "faces", "reconnects", "viewers", "delay_p50_ms", "delay_p95_ms")
    inputs = [{name: each[name] for name in names} for each in numbers["inputs"]]
    return {"time": numbers["time"], "inputs": inputs, "process": numbers["process"]}


class _Cpu:
    """Cores, memory and threads of some processes, as Linux tells."""

    def __init__(self) -> None:
        self._before: dict[int, tuple[float, float]] = {}

    def since(self, pids: list[int]) -> tuple[float, int, int]:
        """Cores in use since this was last asked; bytes of memory and number of threads now."""
        cores, memory, threads = 0.0, 0, 0
        for pid in pids:
            with contextlib.suppress(OSError, IndexError, ValueError):
                fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
                now, used = time.monotonic(), (int(fields[11]) + int(fields[12])) / _TICKS
                at, before = self._before.get(pid, (now, used))
                self._before[pid] = (now, used)
                cores += (used - before) / max(now - at, 0.1)
                threads += int(fields[17])
                memory += int(fields[21]) * _PAGE
        return round(cores, 2), memory, threads


class _Figures(Collector):
    """What is true now, whenever Prometheus asks."""

    def __init__(self, numbers: Numbers, counted: Counted) -> None:
        self._numbers, self._of = numbers, counted

    def collect(self) -> Iterator[Metric]:
        yield from self._cameras()
        yield from self._server()

    def _cameras(self) -> Iterator[Metric]:
        inputs = self._of.inputs
        described = [inputs.describe(each) for each in inputs]
        up = GaugeMetricFamily("stream_unmask_input_up", "The camera brings pictures.", labels=["input"])
        fps = GaugeMetricFamily(
            "stream_unmask_input_fps", "Frames done in the last second.", labels=["input"]
        )
        faces = GaugeMetricFamily(
            "stream_unmask_input_faces", "Faces in the last frame that wear a mask.", labels=["input"]
        )
        viewers = GaugeMetricFamily("stream_unmask_viewers", "Who watches the camera now.", labels=["input"])
        delay = GaugeMetricFamily(
            "stream_unmask_delay_seconds", "From frame to viewers.", labels=["input", "quantile"]
        )
        frames = CounterMetricFamily("stream_unmask_frames", "Frames that were done.", labels=["input"])
        dropped = CounterMetricFamily(
            "stream_unmask_dropped_frames", "Frames left out since a newer one was there.", labels=["input"]
        )
        lost = CounterMetricFamily("stream_unmask_reconnects", "Times that it was lost.", labels=["input"])
        for each in described:
            name = [each["name"]]
            up.add_metric(name, float(each["state"] == "live"))
            fps.add_metric(name, each["fps"])
            faces.add_metric(name, each["faces"])
            viewers.add_metric(name, each["viewers"])
            frames.add_metric(name, each["frames"])
            dropped.add_metric(name, each["dropped"])
            lost.add_metric(name, each["reconnects"])
            for quantile, key in (("0.5", "delay_p50_ms"), ("0.95", "delay_p95_ms")):
                if each[key] is not None:
                    delay.add_metric([*name, quantile], each[key] / 1000)
        yield from (up, fps, faces, viewers, delay, frames, dropped, lost)

    def _server(self) -> Iterator[Metric]:
        of, numbers = self._of, self._numbers
        engine = GaugeMetricFamily("stream_unmask_info", "Version and engine.", labels=["version", "engine"])
        engine.add_metric([program_version(), numbers.engine or of.workshop.engine], 1)
        yield engine
        jobs = GaugeMetricFamily("stream_unmask_jobs", "Files that are here.", labels=["state"])
        for state, count in of.jobs.counts.items():
            jobs.add_metric([state], count)
        yield jobs
        yield CounterMetricFamily(
            "stream_unmask_worker_restarts", "Times that the worker was begun again.", of.workshop.restarts
        )
        process = numbers.newest.get("process", {"cores": 0, "memory_bytes": 0, "threads": 0})
        yield GaugeMetricFamily("stream_unmask_cores", "Processor cores in use.", process["cores"])
        yield GaugeMetricFamily("stream_unmask_memory_bytes", "Resident memory.", process["memory_bytes"])
        yield GaugeMetricFamily("stream_unmask_threads", "Threads.", process["threads"])
