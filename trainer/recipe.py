"""What a recipe is to the training loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from stream_unmask.synth.pairs import PairSettings
from trainer.data import Photo
from trainer.learner import Learner

Batch = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a network makes of held-out pairs.

    Attributes:
        pictures: columns of the sample sheet, each N,3,S,S in -1..1 or a mask N,1,S,S in 0..1.
        quality: one number, higher is better; the checkpoint with the highest is kept as the best.
        figures: what else there is to tell, by name.
    """

    pictures: tuple[Tensor, ...]
    quality: float
    figures: dict[str, float] = field(default_factory=dict)


class Recipe(Protocol):
    """What is trained.

    All chance of a step comes from PyTorch's default generators, which the loop seeds anew for each step:
    so a resumed run draws what the uninterrupted one would have drawn. All state that lives longer than
    a step is in ``network`` and ``helpers`` (buffers included), so the checkpoint has it.

    Attributes:
        network: the network whose averaged weights are the result.
        helpers: networks trained or kept beside it (discriminators), by name.
        best_from: share of the training, 0..1, from which on its best weights are kept: where its last phase
            begins, since the figures of weights that lack a phase are no measure for those that have it.
    """

    network: nn.Module
    helpers: dict[str, nn.Module]
    best_from: float

    def data(self, seed: int, count: int) -> torch.utils.data.Dataset[Batch]:
        """At least ``count`` samples, the same for the same seed."""
        ...

    def optimizers(self, rate: float) -> dict[str, torch.optim.Optimizer]:
        """Fresh optimizers by name; each of their groups names its ``initial_lr``."""
        ...

    def step(self, batch: Batch, averaged: nn.Module, learn: Learner, progress: float) -> dict[str, float]:
        """One step of learning.

        Args:
            batch: the collated samples, on the network's device.
            averaged: the averaged network, in evaluation mode.
            learn: call it with the name of an optimizer and a loss to change weights.
            progress: share of the training that is done, 0..1.

        Returns:
            Losses by name, for the log.
        """
        ...

    def show(self, averaged: nn.Module, pairs: Batch) -> Shown:
        """Try the averaged network.

        Args:
            averaged: as in :meth:`step`.
            pairs: held-out samples, all with masks on; see :class:`trainer.pairs.PairData`.
        """
        ...


@runtime_checkable
class OwnTrials(Protocol):
    """A recipe that is tried on more than pairs."""

    def trials(
        self, photos: Sequence[Photo], settings: PairSettings, seed: int, count: int
    ) -> torch.utils.data.Dataset[Batch]:
        """The held-out samples that :meth:`Recipe.show` wants.

        Args:
            photos: that no training sees.
            settings: of the pairs.
            seed: of all chance.
            count: how many samples.
        """
        ...
