"""How fast a recipe trains here, beside what its arithmetic alone would take."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import torch
from lightning_fabric import Fabric
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from engines.probe import cpu_name
from stream_unmask.errors import UnmaskError
from trainer.data import read_photos, training_sets
from trainer.devices import PrecisionName, make_fabric
from trainer.learner import Learner
from trainer.log import read_log
from trainer.loop import Loop, LoopSettings
from trainer.recipe import Recipe
from trainer.recipes import RECIPES
from trainer.recipes.job import TrainingJob

_WARM_UP = 3
"""First steps, which are left out."""

_TRIED = 20
"""Samples made before the clock starts."""

_PARTS = 8
"""Places in a training at which a step's work is counted: it grows when frames before and critics come in."""

_COUNTED = 4
"""Samples in a step that is counted."""

_RATE_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """What is measured; see :class:`trainer.loop.LoopSettings`.

    Attributes:
        data: folder of photo shards.
        recipe: one of :data:`trainer.recipes.RECIPES`.
        size: side of the crops in pixels.
        batch: samples in a step.
        seconds: how long the training is, all its phases together.
        threads: of PyTorch.
        workers: processes that make samples.
        precision: of the arithmetic.
    """

    data: Path
    recipe: str
    size: int
    batch: int
    seconds: float
    threads: int
    workers: int
    precision: PrecisionName


@dataclass(frozen=True, slots=True)
class Pace:
    """What came of it.

    Attributes:
        device: what computed.
        precision: as Lightning Fabric calls it.
        steps: that were measured.
        images: learnt from in a second.
        waited: share of the time in which no sample was ready.
        needed: multiply-adds for one of the images: every network, forwards and backwards.
        rate: multiply-adds a second of a plain convolution, forwards and backwards, in the same precision.
    """

    device: str
    precision: str
    steps: int
    images: float
    waited: float
    needed: float
    rate: float

    @property
    def bound(self) -> float:
        """Images a second if nothing but the multiply-adds took time."""
        return self.rate / self.needed

    def __str__(self) -> str:
        return (
            f"{self.images:.1f} images/s over {self.steps} steps on {self.device} in {self.precision};"
            f" {self.waited:.0%} of the time waiting for samples.\n"
            f"The arithmetic: {self.needed / 1e9:.2f} GMAC an image, a plain convolution runs at"
            f" {self.rate / 1e9:.0f} GMAC/s: {self.bound:.1f} images/s at most, of which"
            f" {self.images / self.bound:.0%} were reached."
        )


def measure(plan: TrainingPlan, tell: Callable[[str], None]) -> Pace:
    """Train for a while, then count what a step computes and how fast this machine computes.

    Args:
        plan: what to train.
        tell: takes a sentence that the user should read.

    Raises:
        UnmaskError: the data cannot be read, the recipe has not all it needs, or time was too short.
    """
    cv2.setNumThreads(1)  # as the trainer does
    torch.manual_seed(0)
    photos = read_photos(plan.data, training_sets(plan.data))
    recipe = RECIPES[plan.recipe].build(TrainingJob(photos, plan.size, begun=True, tell=tell))
    samples = recipe.data(0, _TRIED)
    for number in range(_TRIED):
        samples[number]  # textures and kernels are made once, here or in workers, which inherit them
    with tempfile.TemporaryDirectory() as folder:
        settings = LoopSettings(
            Path(folder),
            minutes=plan.seconds / 60,
            batch=plan.batch,
            threads=plan.threads,
            workers=plan.workers,
            save_minutes=plan.seconds,
            precision=plan.precision,
        )
        loop = Loop(recipe, settings)
        loop.run()
        lines = read_log(Path(folder))[_WARM_UP:]
    if not lines:
        raise UnmaskError(
            f"There was no time for more than {_WARM_UP} steps.", hint=f"seconds={2 * plan.seconds:g}"
        )
    fabric = make_fabric(plan.precision)
    work = _work(recipe, loop.averaged, fabric)
    seconds = sum(line["seconds"] for line in lines)
    return Pace(
        torch.cuda.get_device_name() if fabric.device.type == "cuda" else cpu_name(),
        str(fabric.strategy.precision.precision),
        len(lines),
        plan.batch * len(lines) / seconds,
        sum(line["waited"] for line in lines) / seconds,
        sum(work[min(int(line["progress"] * _PARTS), _PARTS - 1)] for line in lines) / len(lines),
        _rate(plan, fabric),
    )


def _work(recipe: Recipe, averaged: nn.Module, fabric: Fabric) -> list[float]:
    """Multiply-adds for an image in each part of the training."""
    learn = Learner(fabric, recipe.optimizers(1e-4))
    samples = recipe.data(0, _COUNTED)
    batch = torch.utils.data.default_collate([samples[number] for number in range(_COUNTED)])
    sent = {name: values.to(fabric.device) for name, values in batch.items()}
    counts = []
    for part in range(_PARTS):
        with FlopCounterMode(display=False) as counter, fabric.autocast():
            recipe.step(sent, averaged, learn, (part + 0.5) / _PARTS)
        counts.append(counter.get_total_flops() / 2 / _COUNTED)
    return counts


def _rate(plan: TrainingPlan, fabric: Fabric) -> float:
    """Multiply-adds a second of a 3x3 convolution of 64 channels at a quarter of the crop's side."""
    layer = nn.Conv2d(64, 64, 3, padding=1)
    layer.to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    features = torch.randn(plan.batch, 64, plan.size // 4, plan.size // 4, device=fabric.device)
    features = features.contiguous(memory_format=torch.channels_last).requires_grad_()

    def run() -> None:
        with fabric.autocast():
            made = layer(features)
        made.backward(made.detach())

    with FlopCounterMode(display=False) as counter:
        run()
    best, begun = float("inf"), time.perf_counter()
    while time.perf_counter() - begun < _RATE_SECONDS:
        _settle(fabric)
        start = time.perf_counter()
        for _ in range(5):
            run()
        _settle(fabric)
        best = min(best, (time.perf_counter() - start) / 5)
    return float(counter.get_total_flops() / 2 / best)


def _settle(fabric: Fabric) -> None:
    if fabric.device.type == "cuda":
        torch.cuda.synchronize(fabric.device)
