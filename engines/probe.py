"""What this machine has, as far as engines care."""

from __future__ import annotations

import ctypes
import os
import platform
import re
from pathlib import Path

_DRIVER = Path("/proc/driver/nvidia/version")

_TELLING_FLAGS = (
    "avx2",
    "avx_vnni",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "amx_tile",
    "amx_bf16",
    "neon",
    "asimd",
    "asimddp",
)


def cpu_name() -> str:
    """The processor's name and the vector instructions that decide how fast a network runs."""
    name = _cpu_entry("model name") or platform.processor() or platform.machine()
    flags = _cpu_flags()
    found = [flag for flag in _TELLING_FLAGS if flag in flags]
    return f"{name} ({', '.join(found)})" if found else name


def computes_int8() -> bool:
    """Whether the CPU multiplies int8 and adds in int32 in one instruction.

    Without it, x86 adds pairs of products in int16, which overflows, and gains little.
    """
    return not _cpu_flags().isdisjoint(("avx_vnni", "avx512_vnni", "amx_int8", "asimddp"))


def gains_from_bf16() -> bool:
    """Whether the CPU, where it computes in bf16 at all, is faster in it than in fp32.

    Intel's are in their tiles (AMX) alone, which a virtual machine may lack: their AVX-512 multiplies twice
    as many numbers in an instruction, and takes half as many instructions a cycle. Measured on one core
    without tiles, the bundled networks take 1.2 to 1.6 times as long in bf16 as in fp32; on AMD's (Zen 4)
    fp32 takes 1.8 times as long as bf16.
    """
    return _cpu_entry("vendor_id") != "GenuineIntel" or "amx_bf16" in _cpu_flags()


def _cpu_flags() -> set[str]:
    return set((_cpu_entry("flags") or _cpu_entry("Features")).split())


def _cpu_entry(wanted: str) -> str:
    """What Linux says of the first CPU under a name; nothing elsewhere."""
    for line in _lines("/proc/cpuinfo"):
        key, _, value = line.partition(":")
        if key.strip() == wanted:
            return value.strip()
    return ""


def cpu_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_gib() -> float:
    """Main memory in GiB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def nvidia_gpus() -> list[str]:
    """Names of the NVIDIA GPUs whose driver is loaded."""
    names = []
    for card in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        for line in _lines(card):
            key, _, value = line.partition(":")
            if key.strip() == "Model":
                names.append(value.strip())
    return names or _cuda_devices()


def nvidia_driver() -> str:
    """Version of the NVIDIA driver that is loaded; empty without one."""
    found = re.search(r"Kernel Module\D*(?:for \S+\s+)?(\d+(?:\.\d+)+)", "".join(_lines(_DRIVER)[:1]))
    return found[1] if found else ""


def _cuda_devices() -> list[str]:
    """Names of the GPUs that the CUDA driver sees: in WSL and some containers /proc does not tell."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return []
    count = ctypes.c_int()
    if cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count)):
        return []
    names = []
    for number in range(count.value):
        name = ctypes.create_string_buffer(100)
        cuda.cuDeviceGetName(name, len(name), number)
        names.append(name.value.decode(errors="replace"))
    return names


def _lines(path: str | Path) -> list[str]:
    try:
        return Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return []
