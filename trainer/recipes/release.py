"""Recipes of the bundled generator: a painter alone, critics alone, and ``release``, one after the other."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from trainer.networks.generator import PaintingGenerator
from trainer.networks.sizes import GENERATORS, Size
from trainer.recipes.critics import mouth_windows, patch_critics
from trainer.recipes.job import TrainingJob
from trainer.recipes.losses import paint_loss
from trainer.recipes.painting import FoundMasks, PaintingRecipe, Phase, rough_masks
from trainer.recipes.perceptual import PerceptualLoss, find_perceptual


class SeenLoss:
    """How far an inpainted crop is from the truth: in pixels, and in what a trained network sees of it."""

    def __init__(self, looks: PerceptualLoss, share: float) -> None:
        self._looks, self._share = looks, share

    def __call__(self, inpainted: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
        """See :data:`trainer.recipes.painting.Rebuilding`."""
        # Half the crop's side holds most of a mask, at a quarter of the time.
        side = inpainted.shape[-1] // 2
        made, wanted = (
            mouth_windows(face, weight, side) for face in (truth + weight * (inpainted - truth), truth)
        )
        return paint_loss(inpainted, truth, weight) + self._share * self._looks(made, wanted)


@dataclass(frozen=True, slots=True)
class PainterConfig:
    """A generator without critics: right tones, soft edges.

    Attributes:
        network: size of the generator.
        steady_from: share of the training after which inpainted crops are held to those of the frame before.
    """

    network: Size = "light"
    steady_from: float = 0.3

    def architecture(self) -> PaintingGenerator:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        return GENERATORS[self.network]()

    def build(self, job: TrainingJob) -> PaintingRecipe:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        phases = Phase(self.steady_from, rough_masks, False), Phase(1.0, rough_masks, True)
        return PaintingRecipe(job, self.architecture(), phases)


@dataclass(frozen=True, slots=True)
class GeneratorConfig:
    """Goes on with a network that paints already: the segmenter's masks, two critics from the start.

    Attributes:
        network: size of the generator.
        perceptual: weight of the perceptual loss.
    """

    network: Size = "light"
    perceptual: float = 0.15

    def architecture(self) -> PaintingGenerator:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        return GENERATORS[self.network]()

    def build(self, job: TrainingJob) -> PaintingRecipe:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        phases = (Phase(1.0, FoundMasks(job.trained_segmenter()), True, patch_critics()),)
        loss = SeenLoss(find_perceptual(job.encoder, job.tell), self.perceptual)
        return PaintingRecipe(job, self.architecture(), phases, loss)


@dataclass(frozen=True, slots=True)
class ReleaseConfig:
    """Our best: painting until tones are right, then two critics, which turn a blur into a mouth.

    Attributes:
        network: size of the generator.
        steady_from: share of the training after which inpainted crops are held to those of the frame before.
        critics_from: share of the training after which the critics judge.
        critics_rate: share of the learning rate that is left then.
        perceptual: weight of the perceptual loss.
    """

    network: Size = "light"
    steady_from: float = 0.17
    critics_from: float = 0.57
    critics_rate: float = 0.6
    perceptual: float = 0.15

    def architecture(self) -> PaintingGenerator:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        return GENERATORS[self.network]()

    def build(self, job: TrainingJob) -> PaintingRecipe:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        masks = FoundMasks(job.trained_segmenter())
        phases = (
            Phase(self.steady_from, rough_masks, False),
            Phase(self.critics_from, rough_masks, True),
            Phase(1.0, masks, True, patch_critics(), self.critics_rate),
        )
        loss = SeenLoss(find_perceptual(job.encoder, job.tell), self.perceptual)
        return PaintingRecipe(job, self.architecture(), phases, loss)
