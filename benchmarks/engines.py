"""How fast each engine and precision runs the networks on this machine's CPU, and what it costs in quality.

Every case runs in a process of its own, so that one runtime's idle threads do not slow down another, and all
cases follow each other in every round, so that a noisy machine is noisy for all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.clips import astronaut, find_mesh, put_mask_on
from engines import Engine, Precision, load_network
from engines.contract import GENERATOR, SEGMENTER, Network, has_weights, read_weights
from engines.parity import psnr
from engines.probe import cpu_cores, cpu_name
from stream_unmask.faces.alignment import fit_pose
from trainer.quantize import Inputs, draw_inputs

_CASES: tuple[tuple[str, Precision], ...] = (
    ("onnxruntime", "fp32"),
    ("onnxruntime", "int8"),
    ("openvino", "fp32"),
    ("openvino", "bf16"),
    ("openvino", "int8"),
    ("pytorch", "fp32"),
)
"""Backend and precision; the first is what the others are compared with."""

_FACES = 6
_PEAK = {"segmenter": 1.0, "generator": 2.0}


@dataclass(slots=True)
class TimedEngine:
    """One engine over all rounds.

    Attributes:
        network: what ran.
        backend: what ran it.
        precision: what it computed in.
        threads: that it was given.
        wall: milliseconds of a run in each round, the median.
        cpu: milliseconds of CPU time of all threads a run in each round, the mean.
        psnr: of the outputs to those of ONNX Runtime in fp32, dB.
    """

    network: Network
    backend: str
    precision: Precision
    threads: int
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    psnr: float = 0.0


@dataclass(frozen=True, slots=True)
class _Run:
    wall: float
    cpu: float
    outputs: NDArray[np.float32]


def masked_faces(size: int) -> NDArray[np.float32]:
    """(6, 3, S, S) crops of one face, each with another mask, RGB in -1..1."""
    photo = astronaut(1024)
    matrix = fit_pose(find_mesh(photo)).alignment(size).matrix
    crops = [
        cv2.warpAffine(put_mask_on(photo, seed), matrix, (size, size), flags=cv2.INTER_AREA)
        for seed in range(_FACES)
    ]
    return np.ascontiguousarray(np.asarray(crops, np.float32).transpose(0, 3, 1, 2) / np.float32(127.5) - 1)


def measure(
    weights: Path,
    *,
    rounds: int,
    seconds: float,
    threads: Sequence[int] = (),
    progress: Callable[[str], None],
) -> str:
    """Time every engine that can run here and describe it as Markdown.

    Args:
        weights: folder of the networks; int8 is measured where it holds such files.
        rounds: how often each engine is measured.
        seconds: how long in each round.
        threads: CPU threads to give each engine; by default 1, 2, 4 and 8, as far as there are cores.
        progress: told what runs.

    Raises:
        EngineError: the weights are incomplete or damaged.
    """
    inputs = draw_inputs(weights, masked_faces(read_weights(weights, SEGMENTER).size))
    timed = list(_plan(weights, threads or [count for count in (1, 2, 4, 8) if count <= cpu_cores()]))
    reference: dict[str, NDArray[np.float32]] = {}
    for round_ in range(rounds):
        for each in timed:
            name = each.network.name
            progress(f"round {round_ + 1}: {name}, {each.backend}, {each.precision}, {each.threads} threads")
            with ProcessPoolExecutor(1, get_context("spawn")) as process:
                case = (weights, each.network, each.backend, each.precision, each.threads)
                run = process.submit(_run, case, inputs[name], seconds).result()
            each.wall.append(run.wall)
            each.cpu.append(run.cpu)
            each.psnr = psnr(run.outputs - reference.setdefault(name, run.outputs), _PEAK[name])
    return _table(timed, rounds)


def _plan(weights: Path, threads: Sequence[int]) -> Iterator[TimedEngine]:
    for network in (SEGMENTER, GENERATOR):
        for backend, precision in _CASES:
            if precision != "int8" or has_weights(weights, network, "int8"):
                yield from (TimedEngine(network, backend, precision, count) for count in threads)


_Case = tuple[Path, Network, str, Precision, int]


def _run(case: _Case, inputs: Inputs, seconds: float) -> _Run:
    engine = _load(case)
    faces = len(inputs["crop"])
    feeds = [
        tuple(np.ascontiguousarray(values[n : n + 1]) for values in inputs.values()) for n in range(faces)
    ]
    # Copies, for an engine may give its own buffer each time.
    outputs = np.concatenate([engine.run(*feed)[0].copy() for feed in feeds])
    walls: list[float] = []
    cpu, end = time.process_time(), time.perf_counter() + seconds
    while time.perf_counter() < end or len(walls) < 3 * faces:
        start = time.perf_counter()
        engine.run(*feeds[len(walls) % faces])
        walls.append(time.perf_counter() - start)
    return _Run(1e3 * median(walls), 1e3 * (time.process_time() - cpu) / len(walls), outputs)


def _load(case: _Case) -> Engine:
    weights, network, backend, precision, threads = case
    if backend != "pytorch":
        return load_network(weights, network, backend=backend, precision=precision, threads=threads)
    import torch

    from engines.backends.pytorch_cuda import PyTorchEngine

    torch.set_num_threads(threads)
    return PyTorchEngine(read_weights(weights, network).path, precision="fp32", device="cpu")


def _table(timed: list[TimedEngine], rounds: int) -> str:
    lines = [
        f"{cpu_name()}, {cpu_cores()} cores; best of {rounds} rounds",
        "",
        "| network | backend | precision | threads | ms | CPU ms | speed | PSNR dB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for each in timed:
        base = next(one for one in timed if (one.network, one.threads) == (each.network, each.threads))
        ratio = min(base.wall) / min(each.wall)
        quality = "reference" if each is base else f"{each.psnr:.1f}" if each.psnr < 100 else "over 100"
        lines.append(
            f"| {each.network.name} | {each.backend} | {each.precision} | {each.threads} | "
            f"{min(each.wall):.2f} | {min(each.cpu):.2f} | {ratio:.2f} | {quality} |"
        )
    return "\n".join(lines)
