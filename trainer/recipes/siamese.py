"""A Siamese discriminator: it sees the true face beside the one in question, and asks if they are one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trainer.networks.discriminators import SiameseCritic
from trainer.networks.sizes import Size
from trainer.recipes.critics import Critics, Inputs, View
from trainer.recipes.job import TrainingJob
from trainer.recipes.motion import moved
from trainer.recipes.painting import FoundMasks, Painted, PaintingRecipe, Phase, rough_masks


@dataclass(frozen=True, slots=True)
class SiameseConfig:
    """One discriminator of pairs.

    Attributes:
        network: size of the generator.
        adversarial: weight of fooling it.
        matching: weight of its features.
        judged_from: share of the training after which it judges.
    """

    network: Size = "light"
    adversarial: float = 0.03
    matching: float = 0.3
    judged_from: float = 0.3

    def build(self, job: TrainingJob) -> PaintingRecipe:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        critics = Critics(
            {"pairs": View(SiameseCritic(), _beside, _another)}, self.adversarial, self.matching
        )
        phases = (
            Phase(self.judged_from, rough_masks, False),
            Phase(1.0, FoundMasks(job.trained_segmenter()), True, critics),
        )
        return PaintingRecipe(job, self.network, phases)


def varied(face: Tensor) -> Tensor:
    """The same people in other pictures, N,3,S,S: mirrored, moved, brighter or darker.

    Without this a pair of the same face would be a pair of equal pixels, and every inpainted one a fake.
    """
    count = len(face)
    motion = torch.zeros(count, 2, 3)
    motion[:, 0, 0] = torch.randint(0, 2, (count,)) * 2.0 - 1
    motion[:, 1, 1] = 1
    motion[:, :, 2] = (torch.rand(count, 2) - 0.5) / 8
    other = moved(face, motion.to(face.device), "reflection")
    light = (torch.rand(2, count, 1, 1, 1) - 0.5).to(other)
    return (other * (1 + 0.4 * light[0]) + 0.2 * light[1]).clamp(-1, 1)


def _beside(painted: Painted, face: Tensor) -> Inputs:
    return varied(painted.truth), face


def _another(painted: Painted) -> Inputs:
    """True faces beside those of others."""
    return varied(painted.truth.roll(1, 0)), painted.truth
