"""WGAN with gradient penalty: the critic learns ten steps for each of the generator's.

Arjovsky et al., "Wasserstein GAN", 2017; Gulrajani et al., "Improved Training of Wasserstein GANs", 2017.
Meant for 64 pixels, as the WGANs of its time; works at 256.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trainer.learner import Learner
from trainer.networks.discriminators import WassersteinCritic
from trainer.networks.generator import PaintingGenerator
from trainer.networks.sizes import GENERATORS, Size
from trainer.recipes.job import TrainingJob
from trainer.recipes.losses import gradient_penalty
from trainer.recipes.painting import Judgement, Painted, PaintingRecipe, Phase, rough_masks
from trainer.recipes.siamese import varied

_STEADY_FROM = 0.3


@dataclass(frozen=True, slots=True)
class WganGpConfig:
    """The game's rules.

    The rates of both fall along the loop's schedule.

    Attributes:
        network: size of the generator.
        critic_steps: of the critic for each of the generator; each has fresh faces.
        penalty: weight of the gradient penalty.
        noise: deviation of the noise on what the critic sees, at the start; it falls to none (instance
            noise: Sønderby et al., "Amortised MAP Inference", 2017).
        dropout: of the critic.
        adversarial: weight of the critic's verdict beside the painting loss.
        critic_rate: highest learning rate of the critic.
    """

    network: Size = "light"
    critic_steps: int = 10
    penalty: float = 10.0
    noise: float = 0.1
    dropout: float = 0.3
    adversarial: float = 0.01
    critic_rate: float = 2e-4

    def architecture(self) -> PaintingGenerator:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        return GENERATORS[self.network]()

    def build(self, job: TrainingJob) -> PaintingRecipe:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        game = WassersteinGame(self, job.size)
        phases = Phase(_STEADY_FROM, rough_masks, False, game), Phase(1.0, rough_masks, True, game)
        return PaintingRecipe(job, self.architecture(), phases)


class Turns(nn.Module):
    """Counts the critic's steps; the checkpoint has it, as it is a network to the loop."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("done", torch.zeros((), dtype=torch.int64))

    @property
    def count(self) -> int:
        """How many there were."""
        return int(self.get_buffer("done"))

    def another(self) -> None:
        """Count one more."""
        self.get_buffer("done").add_(1)


class WassersteinGame:
    """The adversary of :class:`WganGpConfig`."""

    def __init__(self, config: WganGpConfig, size: int) -> None:
        self._config = config
        self._turns = Turns()
        self._critic = WassersteinCritic(size, config.dropout)
        self.helpers: dict[str, nn.Module] = {"critic": self._critic, "turns": self._turns}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """See :class:`trainer.recipes.painting.Adversary`."""
        rate = self._config.critic_rate
        weights = [{"params": list(self._critic.parameters()), "initial_lr": rate}]
        return {"critic": torch.optim.Adam(weights, rate, betas=(0.0, 0.9))}

    def learns_alone(self) -> bool:
        """See :class:`trainer.recipes.painting.Adversary`."""
        return (self._turns.count + 1) % self._config.critic_steps != 0

    def judge(self, painted: Painted, learn: Learner, progress: float) -> Judgement:
        """See :class:`trainer.recipes.painting.Adversary`."""
        alone, finished = self.learns_alone(), painted.finished()
        real, made = self._seen(painted.truth, progress), self._seen(finished.detach(), progress)
        distance = self._critic(real).mean() - self._critic(made).mean()
        penalty = gradient_penalty(self._critic, real, made)
        learn("critic", self._config.penalty * penalty - distance)
        log = {"distance": distance.item(), "penalty": penalty.item()}
        self._turns.another()
        if alone:
            return Judgement(None, log)
        verdict = self._critic(self._seen(finished, progress)).mean()
        return Judgement(-self._config.adversarial * verdict, log | {"verdict": verdict.item()})

    def _seen(self, face: Tensor, progress: float) -> Tensor:
        """Faces as the critic sees them: varied, noisy, so that it cannot learn them by heart."""
        noise = self._config.noise * (1 - progress) * torch.randn(face.shape)
        return varied(face) + noise.to(face)
