"""Recipe of our own face encoder: paints faces again of which squares were blanked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from stream_unmask.synth.pairs import PairSettings
from trainer.data import Photo
from trainer.learner import Learner
from trainer.networks.encoder import FaceAutoencoder
from trainer.pairs import PairData, unpack
from trainer.recipe import Batch, Shown
from trainer.recipes.job import TrainingJob

_SQUARES = 16


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """What is hidden from the encoder.

    Attributes:
        hidden: share of the 16 x 16 squares of a face that are blanked.
        noise: deviation of the noise on the rest (Vincent et al., "Denoising Autoencoders", 2008).
    """

    hidden: float = 0.3
    noise: float = 0.05

    def architecture(self) -> FaceAutoencoder:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        return FaceAutoencoder()

    def build(self, job: TrainingJob) -> EncoderRecipe:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        return EncoderRecipe(job.photos, job.size, self)


class EncoderRecipe:
    """Trains :class:`trainer.networks.encoder.FaceAutoencoder` on bare faces."""

    def __init__(self, photos: Sequence[Photo], size: int, config: EncoderConfig) -> None:
        self.network: nn.Module = FaceAutoencoder()
        self.helpers: dict[str, nn.Module] = {}
        self.best_from = 0.0
        self._photos = photos
        self._config = config
        self._pairs = PairSettings(size=size, masked=0.0, distracted=0.0)

    def data(self, seed: int, count: int) -> PairData:
        """See :class:`trainer.recipe.Recipe`."""
        return PairData(self._photos, self._pairs, seed, count)

    def optimizers(self, rate: float) -> dict[str, torch.optim.Optimizer]:
        """See :class:`trainer.recipe.Recipe`."""
        weights = [{"params": list(self.network.parameters()), "initial_lr": rate}]
        return {"network": torch.optim.AdamW(weights, rate, weight_decay=1e-4)}

    def step(self, batch: Batch, averaged: nn.Module, learn: Learner, progress: float) -> dict[str, float]:
        """See :class:`trainer.recipe.Recipe`."""
        face = unpack(batch["truth"])
        loss = functional.l1_loss(self.network(self._hurt(face)), face)
        learn("network", loss, clip=1.0)
        return {"l1": loss.item()}

    @torch.no_grad()
    def show(self, averaged: nn.Module, pairs: Batch) -> Shown:
        """See :class:`trainer.recipe.Recipe`; quality is the PSNR of whole faces in dB."""
        face = unpack(pairs["truth"])
        again = averaged(face).float().clamp(-1, 1)
        return Shown((face, again), float(10 * torch.log10(4 / functional.mse_loss(again, face))))

    def _hurt(self, face: Tensor) -> Tensor:
        squares = (torch.rand(len(face), 1, _SQUARES, _SQUARES) > self._config.hidden).to(face)
        kept = functional.interpolate(squares, face.shape[2:], mode="nearest")
        return (face + self._config.noise * torch.randn(face.shape).to(face)) * kept
