"""What a measurement used: time, processor, memory, and the GPU where there is one."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_GLANCE = 0.05
"""Seconds between two looks at the memory of a GPU, which keeps no peak of its own."""


@dataclass(frozen=True, slots=True)
class GPUUse:
    """What the first NVIDIA GPU was put to, by all programs together, as NVML tells.

    Attributes:
        name: of the GPU.
        peak_memory_mib: most of its memory in use at a time.
        joules: energy, None where the GPU does not count it.
    """

    name: str
    peak_memory_mib: float
    joules: float | None


@dataclass(slots=True)
class Usage:
    """What was used between two moments.

    Attributes:
        seconds: wall time.
        cores: processor time over wall time: 2.0 is two cores all the time.
        others: cores that all other programs kept busy meanwhile, counted likewise.
        gpu: None without an NVIDIA GPU or without ``nvidia-ml-py``.
    """

    seconds: float = 0.0
    cores: float = 0.0
    others: float = 0.0
    gpu: GPUUse | None = None


@contextmanager
def metered() -> Iterator[Usage]:
    """Measure what this process uses inside of the block; read it after the block."""
    usage = Usage()
    gpu = _FirstGPU.find()
    start, own, every = time.perf_counter(), time.process_time(), _busy_seconds()
    try:
        yield usage
    finally:
        usage.seconds = time.perf_counter() - start
        usage.cores = (time.process_time() - own) / usage.seconds
        usage.others = max(0.0, (_busy_seconds() - every) / usage.seconds - usage.cores)
        if gpu is not None:
            usage.gpu = gpu.finish()


def peak_memory_mib() -> float:
    """The most memory that this process ever had, in MiB."""
    # Not getrusage: a fresh process inherits the peak of the one that started it.
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status names no VmHWM")


def _busy_seconds() -> float:
    """Processor time that all programs have taken since the machine was started."""
    ticks = list(map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]))
    idle, waiting = ticks[3:5]
    return (sum(ticks) - idle - waiting) / os.sysconf("SC_CLK_TCK")


class _FirstGPU:
    """Watches the memory and the energy of the first NVIDIA GPU."""

    def __init__(self, nvml: Any, handle: Any) -> None:
        self._nvml, self._handle = nvml, handle
        self._peak = 0
        self._over = threading.Event()
        self._began = self._millijoules()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    @classmethod
    def find(cls) -> _FirstGPU | None:
        try:
            import pynvml
        except ImportError:
            return None
        try:
            pynvml.nvmlInit()
            return cls(pynvml, pynvml.nvmlDeviceGetHandleByIndex(0))
        except pynvml.NVMLError:
            return None

    def finish(self) -> GPUUse:
        self._over.set()
        self._watcher.join()
        ended = self._millijoules()
        joules = None if ended is None or self._began is None else (ended - self._began) / 1000
        name = str(self._nvml.nvmlDeviceGetName(self._handle))
        self._nvml.nvmlShutdown()
        return GPUUse(name, self._peak / 2**20, joules)

    def _watch(self) -> None:
        while True:
            self._peak = max(self._peak, self._nvml.nvmlDeviceGetMemoryInfo(self._handle).used)
            if self._over.wait(_GLANCE):
                return

    def _millijoules(self) -> int | None:
        try:
            return int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle))
        except self._nvml.NVMLError:
            return None
