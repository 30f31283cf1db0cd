"""What a measurement ran on: the machine and the version of everything that has a part in it."""

from __future__ import annotations

import contextlib
import platform
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import av

from engines.contract import GENERATOR, SEGMENTER, read_weights
from engines.probe import cpu_cores, cpu_name, memory_gib, nvidia_gpus

PROGRAM = "stream-unmask"
_EXTRAS = (None, "gpu")
"""The extras whose packages have a part in unmasking; None is what is always installed."""


@dataclass(frozen=True, slots=True)
class MeasuredMachine:
    """What a measurement ran on.

    Attributes:
        system: name and release.
        cpu: the processor and its vector instructions.
        cores: that this process may use.
        memory_gib: main memory.
        gpus: NVIDIA GPUs, used or not.
        versions: of each package, of Python and of FFmpeg's libavcodec.
        networks: sha256 of each network's file.
    """

    system: str
    cpu: str
    cores: int
    memory_gib: float
    gpus: list[str]
    versions: dict[str, str]
    networks: dict[str, str]

    @classmethod
    def here(cls, weights: Path) -> MeasuredMachine:
        """This machine, now, with the networks of a folder.

        Raises:
            EngineError: the networks are missing or damaged.
        """
        networks: dict[str, str] = {
            each.name: read_weights(weights, each).sha256 for each in (SEGMENTER, GENERATOR)
        }
        return cls(
            system=platform.platform(),
            cpu=cpu_name(),
            cores=cpu_cores(),
            memory_gib=round(memory_gib(), 1),
            gpus=nvidia_gpus(),
            versions=_versions(),
            networks=networks,
        )


def _versions() -> dict[str, str]:
    codec = ".".join(map(str, av.library_versions["libavcodec"]))
    found = {PROGRAM: version(PROGRAM), "Python": platform.python_version(), "libavcodec": codec}
    for requirement in requires(PROGRAM) or ():
        extra = re.search(r"extra == ['\"]([\w-]+)", requirement)
        name = re.match(r"[\w.-]+", requirement)
        if name is not None and (extra[1] if extra else None) in _EXTRAS:
            with contextlib.suppress(PackageNotFoundError):
                found[name[0]] = version(name[0])
    return found
