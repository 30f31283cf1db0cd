"""What is read of the machine, on machines of other kinds than this one."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from engines import probe

X86 = "processor : 0\nmodel name : Fast CPU\nflags : sse avx2 avx512f avx512_vnni\n\nprocessor : 1\n"
ARM = "processor : 0\nFeatures : fp asimd asimddp\n"
OLD = "model name : Old CPU\nflags : sse avx2\n"


def cpu(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(probe, "_lines", lambda path: text.splitlines())


@pytest.mark.parametrize(("text", "expected"), [(X86, True), (ARM, True), (OLD, False), ("", False)])
def test_int8_needs_instructions(monkeypatch: pytest.MonkeyPatch, text: str, expected: bool) -> None:
    cpu(monkeypatch, text)
    assert probe.computes_int8() == expected


def test_the_cpu_is_named_with_what_decides_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu(monkeypatch, X86)
    assert probe.cpu_name() == "Fast CPU (avx2, avx512f, avx512_vnni)"


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.161.08  Sat Feb 24 22:51 2024",
            "535.161.08",
        ),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  560.35.03  Release Build", "560.35.03"),
        ("", ""),
    ],
)
def test_the_driver_is_named(monkeypatch: pytest.MonkeyPatch, text: str, version: str) -> None:
    cpu(monkeypatch, text)
    assert probe.nvidia_driver() == version


class Driver:
    """A CUDA driver with one GPU, or one that fails."""

    def __init__(self, error: int) -> None:
        self._error = error

    def cuInit(self, flags: int) -> int:  # noqa: N802
        return self._error

    def cuDeviceGetCount(self, count: object) -> int:  # noqa: N802
        ctypes.cast(count, ctypes.POINTER(ctypes.c_int))[0] = 1  # type: ignore[arg-type]
        return 0

    def cuDeviceGetName(self, name: ctypes.Array[ctypes.c_char], size: int, number: int) -> int:  # noqa: N802
        name.value = b"RTX 9000"
        return 0


@pytest.mark.parametrize(("error", "expected"), [(0, ["RTX 9000"]), (100, [])])
def test_a_gpu_that_only_the_driver_tells_of_is_found(
    monkeypatch: pytest.MonkeyPatch, error: int, expected: list[str]
) -> None:
    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter(()))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Driver(error))
    assert probe.nvidia_gpus() == expected
