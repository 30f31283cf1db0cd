from __future__ import annotations

import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from benchmarks.usage import metered, peak_memory_mib


class NVMLError(Exception):
    pass


class FakeNVML:
    """One GPU that draws a joule at every look."""

    NVMLError = NVMLError

    def __init__(self, *, driver: bool = True, counts_energy: bool = True) -> None:
        self.driver, self.counts_energy = driver, counts_energy
        self.looks = 0
        self.open = 0

    def nvmlInit(self) -> None:  # noqa: N802
        if not self.driver:
            raise NVMLError("no driver")
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.open -= 1

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetName(self, _handle: int) -> str:  # noqa: N802
        return "A GPU"

    def nvmlDeviceGetMemoryInfo(self, _handle: int) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(used=300 * 2**20)

    def nvmlDeviceGetTotalEnergyConsumption(self, _handle: int) -> int:  # noqa: N802
        if not self.counts_energy:
            raise NVMLError("not supported")
        self.looks += 1
        return 5000 + 1000 * self.looks


def test_time_and_processor() -> None:
    with metered() as usage:
        sum(range(200_000))
    assert usage.seconds > 0
    assert usage.cores > 0


def test_other_programs_are_told_apart() -> None:
    code = "while True: pass"
    with subprocess.Popen([sys.executable, "-c", code]) as other:
        with metered() as usage:
            time.sleep(0.5)
        other.kill()
    assert usage.cores < usage.others


def test_the_peak_is_no_less_than_what_is_there() -> None:
    ballast = bytes(64 * 2**20)
    before = peak_memory_mib()
    assert before > 64
    del ballast
    # The kernel counts by threads, and adds up what each has counted now and then.
    assert peak_memory_mib() >= before - 1


def test_a_gpu_is_measured_and_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNVML()
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    with metered() as usage:
        assert nvml.open == 1
    assert usage.gpu is not None
    assert (usage.gpu.name, usage.gpu.peak_memory_mib, usage.gpu.joules) == ("A GPU", 300, 1.0)
    assert nvml.open == 0


def test_a_gpu_is_let_go_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNVML()
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    with pytest.raises(ZeroDivisionError), metered():
        raise ZeroDivisionError
    assert nvml.open == 0


def test_a_gpu_that_counts_no_energy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", FakeNVML(counts_energy=False))
    with metered() as usage:
        pass
    assert usage.gpu is not None
    assert usage.gpu.joules is None


@pytest.mark.parametrize("nvml", [None, FakeNVML(driver=False)], ids=["no package", "no driver"])
def test_no_gpu_no_figures(nvml: FakeNVML | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    with metered() as usage:
        pass
    assert usage.gpu is None
