"""Recipe of the segmenter: binary cross-entropy and soft Dice on synthetic masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from stream_unmask.synth.pairs import PairSettings
from trainer.data import Photo, RealFace
from trainer.learner import Learner
from trainer.networks.segmenter import UNetSegmenter
from trainer.pairs import PairData, unpack
from trainer.recipe import Batch, Shown
from trainer.recipes.job import TrainingJob

_FACELESS = 0.07
"""Share of crops without a face: else all that is no face would be taken for a mask."""


def dice_loss(mask: Tensor, truth: Tensor) -> Tensor:
    """Soft Dice loss (Milletari et al., "V-Net", 2016) over each picture, N,1,S,S both; 0 is perfect.

    The constant makes an empty truth ask for an empty mask instead of dividing by nothing.
    """
    both = (mask * truth).sum((1, 2, 3))
    sums = mask.sum((1, 2, 3)) + truth.sum((1, 2, 3))
    return (1 - (2 * both + 100) / (sums + 100)).mean()


def edge_weights(truth: Tensor) -> Tensor:
    """N,1,S,S how much each pixel counts: more within three pixels of an edge, and a loop is all edge.

    After the weight map of Ronneberger et al. (2015), without its distances.
    """
    highest = functional.max_pool2d(truth, 7, 1, 3)
    lowest = -functional.max_pool2d(-truth, 7, 1, 3)
    return 0.5 + 1.5 * (highest - lowest)


@dataclass(frozen=True, slots=True)
class SegmenterConfig:
    """What it learns from.

    Attributes:
        real: share of the samples that are real masked faces, if there are any (``--real``).
    """

    real: float = 0.15

    def architecture(self) -> UNetSegmenter:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        return UNetSegmenter()

    def build(self, job: TrainingJob) -> SegmenterRecipe:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        return SegmenterRecipe(job.photos, job.size, job.real_faces(), self.real)


class SegmenterRecipe:
    """Trains :class:`trainer.networks.segmenter.UNetSegmenter`."""

    def __init__(
        self, photos: Sequence[Photo], size: int, real: Sequence[RealFace] = (), share: float = 0.0
    ) -> None:
        """Learn from photos and, to a ``share``, from real masked faces with masks that are guessed."""
        self.network: nn.Module = UNetSegmenter()
        self.helpers: dict[str, nn.Module] = {}
        self.best_from = 0.0
        self._photos = photos
        self._real, self._share = real, share
        self._pairs = PairSettings(size=size, faceless=_FACELESS)

    def data(self, seed: int, count: int) -> PairData:
        """See :class:`trainer.recipe.Recipe`."""
        return PairData(self._photos, self._pairs, seed, count, self._real, self._share)

    def optimizers(self, rate: float) -> dict[str, torch.optim.Optimizer]:
        """See :class:`trainer.recipe.Recipe`."""
        parameters = [{"params": list(self.network.parameters()), "initial_lr": rate}]
        return {"network": torch.optim.AdamW(parameters, rate, weight_decay=1e-4)}

    def step(self, batch: Batch, averaged: nn.Module, learn: Learner, progress: float) -> dict[str, float]:
        """See :class:`trainer.recipe.Recipe`."""
        assert isinstance(self.network, UNetSegmenter)
        crop = unpack(batch["crop"]).to(memory_format=torch.channels_last)
        truth = unpack(batch["mask"])
        logits = self.network.logits(crop)
        entropy = functional.binary_cross_entropy_with_logits(logits, truth, edge_weights(truth))
        dice = dice_loss(logits.sigmoid(), truth)
        learn("network", entropy + 0.5 * dice, clip=1.0)
        with torch.no_grad():
            found, there = logits > 0, truth > 0.5
            iou = (found & there).sum() / (found | there).sum().clamp(min=1)
        return {"entropy": entropy.item(), "dice": dice.item(), "iou": iou.item()}

    def show(self, averaged: nn.Module, pairs: Batch) -> Shown:
        """See :class:`trainer.recipe.Recipe`; quality is the IoU."""
        crop, truth = unpack(pairs["crop"]), unpack(pairs["mask"])
        found = averaged(crop)
        both, either = ((found > 0.5) & (truth > 0.5)).sum(), ((found > 0.5) | (truth > 0.5)).sum()
        return Shown((crop, found, truth), float(both / either.clamp(min=1)))
