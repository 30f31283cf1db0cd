"""The two-module way: a map module finds the mask, an editing module paints, two discriminators judge.

Din et al., "A Novel GAN-Based Network for Unmasking of Masked Face", IEEE Access 8, 2020.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from trainer.networks.discriminators import RegionCritic, WholeFaceCritic
from trainer.networks.generator import PaintingGenerator
from trainer.networks.sizes import GENERATORS, Size
from trainer.recipes.critics import Critics, View
from trainer.recipes.job import TrainingJob
from trainer.recipes.losses import similarity, weighted_l1
from trainer.recipes.painting import FoundMasks, PaintingRecipe, Phase, rough_masks
from trainer.recipes.perceptual import PerceptualLoss, find_perceptual


@dataclass(frozen=True, slots=True)
class TwoDiscriminatorConfig:
    """Weights of the losses; the discriminators join later, as in the paper, one after the other.

    Attributes:
        network: size of the generator.
        l1: of the mean absolute difference.
        ssim: of structural dissimilarity.
        perceptual: of features of a network that was trained to see.
        adversarial: of fooling the discriminators.
        matching: of the discriminators' features.
        whole_from: share of the training after which the whole-face discriminator judges.
        region_from: share of the training after which the mask-region discriminator judges, too.
    """

    network: Size = "light"
    l1: float = 1.0
    ssim: float = 0.5
    perceptual: float = 0.5
    adversarial: float = 0.03
    matching: float = 0.3
    whole_from: float = 0.3
    region_from: float = 0.5

    def architecture(self) -> PaintingGenerator:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        return GENERATORS[self.network]()

    def build(self, job: TrainingJob) -> PaintingRecipe:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        masks = FoundMasks(job.trained_segmenter())
        one, both = face_and_region_critics(self.adversarial, self.matching)
        phases = (
            Phase(self.whole_from, rough_masks, False),
            Phase(self.region_from, masks, True, one),
            Phase(1.0, masks, True, both),
        )
        loss = EditingLoss(self.l1, self.ssim, self.perceptual, find_perceptual(job.encoder, job.tell))
        return PaintingRecipe(job, self.architecture(), phases, loss)


def face_and_region_critics(adversarial: float, matching: float) -> tuple[Critics, Critics]:
    """The whole-face critic alone, and the same one with the mask-region critic, with the losses' weights."""
    whole = View(WholeFaceCritic(), lambda _, face: (face,))
    region = View(RegionCritic(), lambda painted, face: (face, painted.mask))
    one = Critics({"whole_face": whole}, adversarial, matching)
    return one, Critics({"whole_face": whole, "mask_region": region}, adversarial, matching)


class EditingLoss:
    """L1, SSIM and a perceptual loss."""

    def __init__(self, l1: float, ssim: float, perceptual: float, looks: PerceptualLoss) -> None:
        self._l1, self._ssim, self._perceptual = l1, ssim, perceptual
        self._looks = looks

    def __call__(self, inpainted: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
        """See :data:`trainer.recipes.painting.Rebuilding`."""
        # Where an inpainted crop does not matter, it shall not be looked at.
        seen = truth + weight * (inpainted - truth)
        loss = self._l1 * weighted_l1(inpainted, truth, weight)
        loss = loss + self._ssim * (1 - similarity(seen, truth).mean())
        return loss + self._perceptual * self._looks(seen, truth)
