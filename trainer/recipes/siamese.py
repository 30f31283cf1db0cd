"""A Siamese discriminator: it sees the true face beside the one in question, and asks if they are one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trainer.networks.discriminators import SiameseCritic
from trainer.networks.generator import PaintingGenerator
from trainer.networks.sizes import GENERATORS, Size
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

    def architecture(self) -> PaintingGenerator:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        return GENERATORS[self.network]()

    def build(self, job: TrainingJob) -> PaintingRecipe:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        critics = pair_critics(self.adversarial, self.matching)
        phases = (
            Phase(self.judged_from, rough_masks, False),
            Phase(1.0, FoundMasks(job.trained_segmenter()), True, critics),
        )
        return PaintingRecipe(job, self.architecture(), phases)


def pair_critics(adversarial: float, matching: float) -> Critics:
    """The Siamese critic, with the weights of fooling it and of matching its features."""
    return Critics({"pairs": View(SiameseCritic(), beside, another)}, adversarial, matching)


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


def beside(painted: Painted, face: Tensor) -> Inputs:
    """The true faces in other pictures, and beside them the faces in question."""
    return varied(painted.truth), face


def another(painted: Painted) -> Inputs:
    """The faces of others, and beside them true ones."""
    return varied(painted.truth.roll(1, 0)), painted.truth
