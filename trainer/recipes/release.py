"""Recipes of the bundled generator: a painter alone, critics alone, and ``release``, one after the other."""

from __future__ import annotations

from dataclasses import dataclass

from trainer.networks.sizes import Size
from trainer.recipes.critics import patch_critics
from trainer.recipes.job import Job
from trainer.recipes.painting import FoundMaps, PaintingRecipe, Phase, rough_maps


@dataclass(frozen=True, slots=True)
class PainterConfig:
    """A generator without critics: right tones, soft edges.

    Attributes:
        network: size of the generator.
        recurrent_from: share of the training after which last patches are shown.
    """

    network: Size = "light"
    recurrent_from: float = 0.3

    def build(self, job: Job) -> PaintingRecipe:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        phases = Phase(self.recurrent_from, rough_maps, False), Phase(1.0, rough_maps, True)
        return PaintingRecipe(job, self.network, phases)


@dataclass(frozen=True, slots=True)
class GeneratorConfig:
    """Goes on with a network that paints already: the segmenter's maps, two critics from the start.

    Attributes:
        network: size of the generator.
    """

    network: Size = "light"

    def build(self, job: Job) -> PaintingRecipe:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        maps = FoundMaps(job.trained_segmenter())
        return PaintingRecipe(job, self.network, (Phase(1.0, maps, True, patch_critics()),))


@dataclass(frozen=True, slots=True)
class ReleaseConfig:
    """Our best: painting until tones are right, then two critics, which turn a blur into a mouth.

    Attributes:
        network: size of the generator.
        recurrent_from: share of the training after which last patches are shown.
        critics_from: share of the training after which the critics judge.
        critics_rate: share of the learning rate that is left then.
    """

    network: Size = "light"
    recurrent_from: float = 0.17
    critics_from: float = 0.57
    critics_rate: float = 0.6

    def build(self, job: Job) -> PaintingRecipe:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        maps = FoundMaps(job.trained_segmenter())
        phases = (
            Phase(self.recurrent_from, rough_maps, False),
            Phase(self.critics_from, rough_maps, True),
            Phase(1.0, maps, True, patch_critics(), self.critics_rate),
        )
        return PaintingRecipe(job, self.network, phases)
