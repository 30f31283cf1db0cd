"""What decides an engine: the network, how it is built, and the machine. Together they are its key."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

from engines.backends.tensorrt.cuda import Gpu, find_gpu
from engines.backends.tensorrt.flavour import find_flavour
from engines.contract import FilePrecision
from engines.engine import EngineError

_FORMAT = 1
"""Counts up with every change of this package that makes other engines out of the same plan."""


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How to build.

    Attributes:
        max_batch: faces that the engine can take at once.
        tuned_batch: number of faces that it is fastest at.
        level: effort, 0..5: TensorRT's optimisation level.
        workspace: most GPU memory, in MiB, that one layer may use for itself.
        refittable: keep the weights exchangeable, so that newly trained ones need no new build.
    """

    max_batch: int = 8
    tuned_batch: int = 1
    level: int = 3
    workspace: int = 1024
    refittable: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.tuned_batch <= self.max_batch:
            raise EngineError(
                f"An engine for at most {self.max_batch} faces cannot be tuned for {self.tuned_batch}."
            )


@dataclass(frozen=True, slots=True)
class Machine:
    """Where an engine is built, which is the only place where it runs.

    Attributes:
        flavour: ``tensorrt`` or ``tensorrt_rtx``.
        version: its version.
        gpu: the GPU.
        system: operating system and processor ("Linux x86_64").
    """

    flavour: str
    version: str
    gpu: Gpu
    system: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All that decides an engine.

    Attributes:
        network: sha256 of the network's fp32 file, in hex: which network it is, whatever it computes in.
        file: sha256 of the file that is compiled, in hex; its weights must lie inside it.
        precision: of that file.
        options: how it is built.
        machine: where it is built.
    """

    network: str
    file: str
    precision: FilePrecision
    options: BuildOptions
    machine: Machine

    @property
    def key(self) -> str:
        """Name of the engine in the cache: the same for the same plan, another for any other."""
        described = json.dumps(asdict(self) | {"format": _FORMAT}, sort_keys=True)
        return hashlib.sha256(described.encode()).hexdigest()[:24]


def this_machine() -> Machine:
    """The machine that this process runs on.

    Raises:
        EngineError: TensorRT is not installed, or there is no usable GPU.
    """
    flavour = find_flavour()
    return Machine(flavour.name, flavour.version, find_gpu(), f"{platform.system()} {platform.machine()}")


def fingerprint(network: Path) -> str:
    """sha256 of a network's file, in hex.

    Raises:
        EngineError: the file cannot be read.
    """
    try:
        return hashlib.sha256(network.read_bytes()).hexdigest()
    except OSError as error:
        raise EngineError(f"The network {network} cannot be read: {error.strerror}.") from error
