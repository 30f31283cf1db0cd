"""The training loop: schedule, averaged weights, held-out trials, checkpoints, stopping and going on."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from stream_unmask.errors import UnmaskError
from trainer import STARTED
from trainer.checkpoint import AVERAGED, BEST, LAST, read_checkpoint, write_averaged, write_checkpoint
from trainer.devices import PrecisionName, make_fabric
from trainer.learner import Learner, average
from trainer.log import RunLog
from trainer.recipe import Batch, Recipe
from trainer.stopping import Stop, leave_stopping_to_parent
from trainer.terminal import Terminal

_ASTRAY_LIMIT = 20
"""Steps in a row without a finite gradient that end the training: fp16 needs some to find its scale."""

_SHEETS = 20
"""Sample sheets in a run."""


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """How long and how fast to train.

    Attributes:
        run: folder of the run: checkpoints, log, sheets.
        steps: stop after as many steps in all; None for no limit.
        minutes: stop after as many minutes of training in all; None for no limit.
        until: stop as many seconds after the process began, start and all; None for no limit.
        echo: steps that each loaded batch serves, where recipes vary what they are shown: for a machine that
            learns faster than it makes samples (Choi et al., "Faster Neural Network Training with Data
            Echoing", 2019).
        batch: samples in a step of each process.
        rate: highest learning rate.
        seed: of the weights and the data.
        threads: of PyTorch.
        workers: processes that make samples; 0 to make them in between.
        save_minutes: time between checkpoints.
        ema: decay of the averaged weights for each step.
        precision: see :func:`trainer.devices.make_fabric`.
    """

    run: Path
    steps: int | None = None
    minutes: float | None = None
    until: float | None = None
    echo: int = 1
    batch: int = 16
    rate: float = 1e-3
    seed: int = 0
    threads: int = 2
    workers: int = 1
    save_minutes: float = 2.0
    ema: float = 0.998
    precision: PrecisionName = "auto"

    def __post_init__(self) -> None:
        if self.steps is None and self.minutes is None and self.until is None:
            raise UnmaskError("A training must have an end: steps, minutes or until.", hint="minutes=60")


def schedule(step: int, progress: float) -> float:
    """Factor of the learning rate: warm-up, plateau, half a cosine down to a fiftieth."""
    warm = min(1.0, (step + 1) / 100)
    late = max(0.0, (progress - 0.35) / 0.65)
    return warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, late))))


class Loop:
    """Trains one recipe, from the start or from its last checkpoint, in one process or in many."""

    def __init__(self, recipe: Recipe, settings: LoopSettings, held_out: Batch | None = None) -> None:
        """Take the recipe's networks to their device.

        Args:
            recipe: what to train.
            settings: how.
            held_out: pairs to try the averaged network on at each checkpoint, as
                :meth:`trainer.recipe.Recipe.show` wants them; None for no trials.

        Raises:
            UnmaskError: the device does not compute in the precision asked for.
        """
        torch.set_num_threads(settings.threads)
        self._recipe = recipe
        self._settings = settings
        self._fabric = make_fabric(settings.precision)
        self._held_out = held_out
        self._step = 0
        self._spent = 0.0
        self._best = -math.inf
        self._astray = 0
        self._sheets = 0
        self._begun = time.monotonic()
        for network in (recipe.network, *recipe.helpers.values()):
            network.to(self._fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
            network.train()
        self._agree()
        self._averaged = deepcopy(recipe.network).eval().requires_grad_(False)
        self._learn = Learner(self._fabric, recipe.optimizers(settings.rate))

    @property
    def averaged(self) -> nn.Module:
        """The network with averaged weights, in evaluation mode."""
        return self._averaged

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes and talks."""
        return self._fabric.is_global_zero

    def resume(self) -> None:
        """Go on from the run's checkpoint.

        On a CPU, with a number of steps as the end, what follows is what would have followed without the
        break; on a GPU up to its unordered sums.

        Raises:
            UnmaskError: there is none, or it is of other networks.
        """
        state = read_checkpoint(self._settings.run)
        try:
            self._recipe.network.load_state_dict(state["network"])
            self._averaged.load_state_dict(state["averaged"])
            for name, helper in self._recipe.helpers.items():
                helper.load_state_dict(state["helpers"][name])
            for name in self._learn.optimizers:
                self._learn.restore(name, state["optimizers"][name])
        except (KeyError, RuntimeError, ValueError) as error:
            raise UnmaskError(
                f"The checkpoint in {self._settings.run} is of other networks.", path=self._settings.run
            ) from error
        self._fabric.strategy.precision.load_state_dict(state.get("precision", {}))
        self._step, self._spent = state["step"], state["spent"]
        self._sheets = int(self._progress() * _SHEETS)
        self._best = state.get("best", -math.inf)

    def run(self) -> int:
        """Train until done or asked to stop; returns the number of steps done in all.

        Raises:
            UnmaskError: a photo is damaged, the disk is full, or the training went astray; the last
                checkpoint can be gone on from.
        """
        run = self._settings.run
        with Stop() as stop:
            try:
                run.mkdir(parents=True, exist_ok=True)
                if not self.leads:
                    return self._train(stop, None, None)
                with (
                    RunLog(run, self._step) as log,
                    Terminal(self._settings.batch * self._fabric.world_size) as terminal,
                ):
                    return self._train(stop, log, terminal)
            except OSError as error:
                hint = "resume" if (run / LAST).exists() else None
                sentence = f"Cannot write to {run} ({error.strerror})."
                raise UnmaskError(sentence, path=run, hint=hint) from error

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        if not self.leads:
            return
        optimizers = self._learn.optimizers.items()
        state = {
            "network": self._recipe.network.state_dict(),
            "averaged": self._averaged.state_dict(),
            "helpers": {name: helper.state_dict() for name, helper in self._recipe.helpers.items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in optimizers},
            "precision": self._fabric.strategy.precision.state_dict(),
            "step": self._step,
            "spent": self._spent,
            "best": self._best,
        }
        write_checkpoint(state, self._settings.run / LAST)
        write_averaged(self._averaged, self._settings.run, self._step, self._spent)

    def _train(self, stop: Stop, log: RunLog | None, terminal: Terminal | None) -> int:
        settings = self._settings
        saved = before = time.monotonic()
        lap = 0.0
        tried = self._step
        for batch in self._batches():
            arrived = time.monotonic()
            last = arrived + lap >= self._end() or self._step + 1 == settings.steps
            due = arrived - saved >= 60 * settings.save_minutes or last
            # The first process decides for all.
            progress, halt, due, last = self._fabric.broadcast((self._progress(), stop.asked, due, last))
            if halt:
                break
            if progress >= 1.0:
                self._try_end(log, tried)
                break
            losses = self._one_step(batch, progress)
            now = time.monotonic()
            lap = now - before
            self._spent += lap
            line = {"step": self._step, "seconds": lap, "waited": arrived - before} | losses
            before = now
            if log is not None and terminal is not None:
                if due:
                    line |= self._try_out(log, 1.0 if last else progress)
                    tried = self._step
                log.write(line | {"progress": progress})
                terminal.tell(line, progress)
            if due:
                self.save()
                saved = now
            if last:
                break
        self.save()
        return self._step

    def _end(self) -> float:
        """When, by the monotonic clock, the step that begins is to be the last one."""
        settings = self._settings
        ends = [math.inf]
        if settings.until is not None:
            ends.append(STARTED + settings.until)
        if settings.minutes is not None:
            ends.append(time.monotonic() + 60 * settings.minutes - self._spent)
        return min(ends)

    def _progress(self) -> float:
        settings = self._settings
        by_steps = self._step / settings.steps if settings.steps else 0.0
        by_minutes = self._spent / (60 * settings.minutes) if settings.minutes else 0.0
        by_clock = 0.0
        if settings.until is not None:
            by_clock = (time.monotonic() - self._begun) / max(STARTED + settings.until - self._begun, 1e-3)
        return max(by_steps, by_minutes, by_clock)

    def _batches(self) -> Iterator[Batch]:
        """Each process' share of the samples on its device, from where the last step ended."""
        device, echo = self._fabric.device, self._settings.echo
        served = self._step % echo
        for batch in self._loaded(self._step // echo):
            sent = {name: values.to(device, non_blocking=True) for name, values in batch.items()}
            for _ in range(served, echo):
                yield sent
            served = 0

    def _loaded(self, first: int) -> Iterator[Batch]:
        """Each process' share of the samples from batch ``first`` on."""
        settings, fabric = self._settings, self._fabric
        data = self._recipe.data(settings.seed, 1 << 40)
        batches = (
            range(number * settings.batch, (number + 1) * settings.batch)
            for number in range(first * fabric.world_size + fabric.global_rank, 1 << 40, fabric.world_size)
        )
        try:
            yield from torch.utils.data.DataLoader(
                data,
                batch_sampler=batches,  # type: ignore[arg-type]
                num_workers=settings.workers,
                prefetch_factor=3 if settings.workers else None,
                pin_memory=fabric.device.type == "cuda",
                worker_init_fn=leave_stopping_to_parent,
            )
        except UnmaskError as error:
            self.save()
            # A worker wraps its traceback around the sentence.
            sentence = str(error).strip().splitlines()[-1].rpartition("UnmaskError: ")[2]
            raise UnmaskError(
                f"{sentence} The training stopped at step {self._step} and can go on from there.",
                path=error.path,
                hint="resume",
            ) from error

    def _one_step(self, batch: Batch, progress: float) -> dict[str, float]:
        learn = self._learn
        self._seed_chance()
        learn.scale_rates(schedule(self._step, progress))
        learn.astray = False
        with self._fabric.autocast():
            losses = self._recipe.step(batch, self._averaged, learn, progress)
        self._step += 1
        if learn.astray:
            self._recover()
            return losses | {"skipped": 1}
        self._astray = 0
        self._agree()
        self._average()
        return losses

    def _seed_chance(self) -> None:
        """What a step draws hangs on nothing but the seed, its number and the process."""
        source = np.random.SeedSequence((self._settings.seed, self._step, self._fabric.global_rank))
        torch.manual_seed(int(source.generate_state(1, np.uint64)[0] >> 1))

    @torch.no_grad()
    def _recover(self) -> None:
        """After a step without a finite gradient, which changed no weights, but perhaps running means."""
        self._astray += 1
        if self._astray == _ASTRAY_LIMIT:
            raise UnmaskError(
                f"Training went astray: no finite gradient in {_ASTRAY_LIMIT} steps up to step {self._step}. "
                f"At a lower rate it may go on from the last checkpoint, or begin with the run's {AVERAGED}."
            )
        sound = dict(self._averaged.named_buffers())
        for name, values in self._recipe.network.named_buffers():
            values.copy_(sound[name])

    def _agree(self) -> None:
        """The same running means in all processes."""
        if self._fabric.world_size > 1:
            networks = (self._recipe.network, *self._recipe.helpers.values())
            floating = [each for part in networks for each in part.buffers() if each.is_floating_point()]
            if floating:
                average(floating, self._fabric)

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self._settings.ema, (1 + self._step) / (10 + self._step))
        live, kept = self._recipe.network.state_dict(), self._averaged.state_dict()
        floating = [name for name, value in kept.items() if value.is_floating_point()]
        for name in kept.keys() - floating:
            kept[name].copy_(live[name])
        # In one call: one by one, they would be more launches than the rest of a small network's step.
        torch._foreach_lerp_([kept[name] for name in floating], [live[name] for name in floating], 1 - decay)

    def _try_end(self, log: RunLog | None, tried: int) -> None:
        """Try what the last step left, whose length had to be guessed, unless it was ``tried`` already."""
        if log is not None and tried < self._step:
            figures = self._try_out(log, 1.0)
            if figures:
                log.write({"step": self._step} | figures | {"progress": 1.0})

    @torch.no_grad()
    def _try_out(self, log: RunLog, progress: float) -> dict[str, float]:
        """Try the averaged network on the held-out pairs; keep its weights if none of its last phase was as
        good."""
        if self._held_out is None:
            return {}
        pairs = {name: values.to(self._fabric.device) for name, values in self._held_out.items()}
        with self._fabric.autocast():
            shown = self._recipe.show(self._averaged, pairs)
        if int(progress * _SHEETS) >= self._sheets or progress == 1.0:
            log.sheet(shown, self._step)
            self._sheets = int(progress * _SHEETS) + 1
        if progress >= self._recipe.best_from and shown.quality > self._best:
            self._best = shown.quality
            best = {"averaged": self._averaged.state_dict(), "step": self._step, "spent": self._spent}
            write_checkpoint(best | {"quality": shown.quality}, self._settings.run / BEST)
        return {"held_out": shown.quality} | shown.figures
