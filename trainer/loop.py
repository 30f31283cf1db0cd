"""The training loop: schedule, averaged weights, checkpoints, log, stopping and going on."""

from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from stream_unmask.errors import UnmaskError

Batch = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """How long and how fast to train.

    Attributes:
        run: folder of the run: ``checkpoint.pt`` and ``log.jsonl``.
        steps: stop after as many steps in all; None for no limit.
        minutes: stop after as many minutes of training in all; None for no limit.
        batch: samples in a step.
        rate: highest learning rate.
        seed: of the weights and the data.
        threads: of PyTorch.
        workers: processes that make samples; 0 to make them in between.
        save_minutes: time between checkpoints.
        ema: decay of the averaged weights for each step.
    """

    run: Path
    steps: int | None = None
    minutes: float | None = None
    batch: int = 16
    rate: float = 1e-3
    seed: int = 0
    threads: int = 2
    workers: int = 1
    save_minutes: float = 2.0
    ema: float = 0.998

    def __post_init__(self) -> None:
        if self.steps is None and self.minutes is None:
            raise UnmaskError("Say how long to train: --steps or --minutes.")


class Recipe(Protocol):
    """What is trained.

    Attributes:
        network: the network whose averaged weights are the result.
        helpers: networks trained beside it (discriminators), by name.
    """

    network: nn.Module
    helpers: dict[str, nn.Module]

    def data(self, seed: int, count: int) -> torch.utils.data.Dataset[Batch]:
        """At least ``count`` samples, the same for the same seed."""
        ...

    def optimizers(self, rate: float) -> dict[str, torch.optim.Optimizer]:
        """Fresh optimizers by name; ``network`` steps the network itself."""
        ...

    def step(
        self, batch: Batch, averaged: nn.Module, optimizers: dict[str, torch.optim.Optimizer], progress: float
    ) -> dict[str, float]:
        """One step of learning: sets the gradients and steps the optimizers.

        Args:
            batch: the collated samples.
            averaged: the averaged network, in evaluation mode.
            optimizers: what :meth:`optimizers` gave.
            progress: share of the training that is done, 0..1.

        Returns:
            Losses by name, for the log.
        """
        ...


def schedule(step: int, progress: float) -> float:
    """Factor of the learning rate: warm-up, plateau, half a cosine down to a fiftieth."""
    warm = min(1.0, (step + 1) / 100)
    late = max(0.0, (progress - 0.35) / 0.65)
    return warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, late))))


def load_averaged(network: nn.Module, run: Path) -> None:
    """Put a run's averaged weights into ``network``.

    Raises:
        UnmaskError: the run has no checkpoint, or it is of another network.
    """
    path = run / "checkpoint.pt"
    if not path.exists():
        raise UnmaskError(f"There is no checkpoint in {run}.")
    try:
        network.load_state_dict(torch.load(path, weights_only=True)["averaged"])
    except (KeyError, RuntimeError) as error:
        raise UnmaskError(f"The checkpoint in {run} is of another network.") from error


def run_summary(run: Path) -> str:
    """A run in one line: its name, its steps and minutes, the day of its last checkpoint."""
    path = run / "checkpoint.pt"
    if not path.exists():
        raise UnmaskError(f"There is no checkpoint in {run}.")
    state = torch.load(path, weights_only=True)
    day = time.strftime("%Y-%m-%d", time.gmtime(path.stat().st_mtime))
    return f"{run.name}: {state['step']} steps in {state['spent'] / 60:.0f} minutes, {day}"


class _Stop:
    """While entered, a request to end the process (SIGTERM, Ctrl-C) only sets ``asked``."""

    SIGNALS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> _Stop:
        self._before = [signal.signal(number, self._ask) for number in self.SIGNALS]
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in zip(self.SIGNALS, self._before, strict=True):
            signal.signal(number, handler)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True


def _leave_stopping_to_parent(_worker: int) -> None:
    """A request to end that reaches the whole process group must not break the step in hand."""
    for number in _Stop.SIGNALS:
        signal.signal(number, signal.SIG_IGN)


class Loop:
    """Trains one recipe, from the start or from its last checkpoint."""

    def __init__(self, recipe: Recipe, settings: LoopSettings) -> None:
        torch.set_num_threads(settings.threads)
        self._recipe = recipe
        self._settings = settings
        self._step = 0
        self._spent = 0.0
        for network in (recipe.network, *recipe.helpers.values()):
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            network.train()
        self._averaged = deepcopy(recipe.network).eval().requires_grad_(False)
        self._optimizers = recipe.optimizers(settings.rate)

    @property
    def averaged(self) -> nn.Module:
        """The network with averaged weights, in evaluation mode."""
        return self._averaged

    def resume(self) -> None:
        """Go on from the run's checkpoint.

        Raises:
            UnmaskError: there is none, or it is of other networks.
        """
        path = self._settings.run / "checkpoint.pt"
        if not path.exists():
            raise UnmaskError(f"There is no checkpoint in {self._settings.run} to go on from.")
        state = torch.load(path, weights_only=True)
        try:
            self._recipe.network.load_state_dict(state["network"])
            self._averaged.load_state_dict(state["averaged"])
            for name, helper in self._recipe.helpers.items():
                helper.load_state_dict(state["helpers"][name])
        except (KeyError, RuntimeError) as error:
            raise UnmaskError(f"The checkpoint in {self._settings.run} is of other networks.") from error
        for name, optimizer in self._optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        self._step, self._spent = state["step"], state["spent"]
        torch.set_rng_state(state["chance"])

    def run(self) -> int:
        """Train until done or asked to stop; returns the number of steps done in all."""
        settings = self._settings
        settings.run.mkdir(parents=True, exist_ok=True)
        saved = time.monotonic()
        with _Stop() as stop, (settings.run / "log.jsonl").open("a", encoding="utf-8") as log:
            before = time.monotonic()
            for batch in self._batches():
                progress = self._progress()
                if stop.asked or progress >= 1.0:
                    break
                losses = self._one_step(batch, progress)
                now = time.monotonic()
                self._spent += now - before
                line = {"step": self._step, "seconds": round(now - before, 3), "progress": round(progress, 4)}
                log.write(json.dumps(line | {key: round(value, 5) for key, value in losses.items()}) + "\n")
                log.flush()
                before = now
                if now - saved > 60 * settings.save_minutes:
                    self.save()
                    saved = now
        self.save()
        return self._step

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        state: dict[str, Any] = {
            "network": self._recipe.network.state_dict(),
            "averaged": self._averaged.state_dict(),
            "helpers": {name: helper.state_dict() for name, helper in self._recipe.helpers.items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self._optimizers.items()},
            "step": self._step,
            "spent": self._spent,
            "chance": torch.get_rng_state(),
        }
        path = self._settings.run / "checkpoint.pt"
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)

    def _progress(self) -> float:
        settings = self._settings
        by_steps = self._step / settings.steps if settings.steps else 0.0
        by_time = self._spent / (60 * settings.minutes) if settings.minutes else 0.0
        return max(by_steps, by_time)

    def _batches(self) -> Iterator[Batch]:
        settings = self._settings
        data = self._recipe.data(settings.seed, 1 << 40)
        batches = (
            range(number * settings.batch, (number + 1) * settings.batch)
            for number in range(self._step, 1 << 40)
        )
        yield from torch.utils.data.DataLoader(
            data,
            batch_sampler=batches,  # type: ignore[arg-type]
            num_workers=settings.workers,
            prefetch_factor=3 if settings.workers else None,
            worker_init_fn=_leave_stopping_to_parent,
        )

    def _one_step(self, batch: Batch, progress: float) -> dict[str, float]:
        factor = schedule(self._step, progress)
        for optimizer in self._optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor
        with torch.autocast("cpu", torch.bfloat16, enabled=torch.cpu._is_avx512_bf16_supported()):
            losses = self._recipe.step(batch, self._averaged, self._optimizers, progress)
        if not all(math.isfinite(value) for value in losses.values()):
            raise UnmaskError(
                f"Training went astray at step {self._step}: {losses}; lower the rate and resume."
            )
        self._step += 1
        self._average()
        return losses

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self._settings.ema, (1 + self._step) / (10 + self._step))
        live = self._recipe.network.state_dict()
        for name, value in self._averaged.state_dict().items():
            if value.is_floating_point():
                value.lerp_(live[name], 1 - decay)
            else:
                value.copy_(live[name])
