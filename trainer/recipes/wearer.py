"""Recipe of the wearer: learns from pairs to put a mask on a bare face that looks like a given one.

A bare face does not tell which mask to put on. So the style is read off the masked one of the pair, eight
numbers, too few for what the mask hides or for where its print lies. The numbers are blurred by noise, kept
at mean 0 and deviation 1 (Zhu et al., "A Batch Normalized Inference Network Keeps the KL Vanishing Away",
2020) and apart from each other (Bardes et al., "VICReg", 2022), so that numbers drawn at random are a mask,
too. One critic sees what is made of both: styles that were read and styles that were drawn (the two cycles
of BicycleGAN: Zhu et al., "Toward Multimodal Image-to-Image Translation", 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stream_unmask.synth.pairs import PairSettings
from trainer.data import Photo
from trainer.learner import Learner
from trainer.networks.discriminators import Critic
from trainer.networks.translator import STYLE, Dresser, laid_over
from trainer.pairs import PairData, unpack
from trainer.recipe import Batch, Shown
from trainer.recipes.job import TrainingJob
from trainer.recipes.losses import critic_loss, importance, mask_entropy, matching_loss, weighted_l1
from trainer.recipes.perceptual import PerceptualLoss, find_perceptual
from trainer.recipes.segmenter import dice_loss, edge_weights

_BLUR = 0.35
_CRITIC_RATE = 4e-4
_CRITIC_WIDTHS = (32, 64, 96, 128)


@dataclass(frozen=True, slots=True)
class WearerConfig:
    """Weights of the losses, beside that of the colours.

    Attributes:
        alpha: of lying where the mask lies.
        perceptual: of looking alike.
        matching: of looking alike to the critic.
        adversarial: of fooling the critic.
        sure: of being opaque or nothing: where a mask's edge lies is a guess, but no haze.
        critic_from: share of the training after which the critic judges, and alpha has to be sure.
    """

    alpha: float = 0.5
    perceptual: float = 0.15
    matching: float = 0.3
    adversarial: float = 0.03
    sure: float = 3.0
    critic_from: float = 0.3

    def architecture(self) -> Dresser:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        return Dresser()

    def build(self, job: TrainingJob) -> WearerRecipe:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        return WearerRecipe(job.photos, job.size, self, find_perceptual(job.encoder, job.tell))


class WearerRecipe:
    """Trains :class:`trainer.networks.translator.Dresser`."""

    def __init__(
        self, photos: Sequence[Photo], size: int, config: WearerConfig, looks: PerceptualLoss
    ) -> None:
        self._photos = photos
        self._pairs = PairSettings(size=size, masked=1.0, distracted=0.0, damage=0.0)
        self._config = config
        self._looks = looks
        self._dresser = Dresser()
        self._critic = Critic(_CRITIC_WIDTHS)
        self.network: nn.Module = self._dresser
        self.helpers: dict[str, nn.Module] = {"critic": self._critic}
        self.best_from = config.critic_from

    def data(self, seed: int, count: int) -> PairData:
        """See :class:`trainer.recipe.Recipe`."""
        return PairData(self._photos, self._pairs, seed, count)

    def optimizers(self, rate: float) -> dict[str, torch.optim.Optimizer]:
        """See :class:`trainer.recipe.Recipe`."""
        own = [{"params": list(self._dresser.parameters()), "initial_lr": rate}]
        other = [{"params": list(self._critic.parameters()), "initial_lr": _CRITIC_RATE}]
        return {
            "network": torch.optim.AdamW(own, rate, weight_decay=1e-4),
            "critic": torch.optim.AdamW(other, _CRITIC_RATE, betas=(0.5, 0.99)),
        }

    def step(self, batch: Batch, averaged: nn.Module, learn: Learner, progress: float) -> dict[str, float]:
        """See :class:`trainer.recipe.Recipe`."""
        masked, bare, mask = (unpack(batch[name]) for name in ("crop", "truth", "mask"))
        style = self._dresser.reader(masked, mask)
        apart = _dependence(style)
        style = (style + _BLUR * torch.randn(style.shape).to(style)) / (1 + _BLUR**2) ** 0.5
        picture, alpha = self._dresser(bare, style)
        worn = laid_over(bare, picture, alpha)
        colours = weighted_l1(worn, masked, importance(mask)) + weighted_l1(picture, masked, mask)
        place = _misplaced(alpha, mask)
        seen = self._looks(worn, masked)
        config = self._config
        loss = colours + config.alpha * place + config.perceptual * seen + 0.1 * apart
        losses = {"colours": colours, "alpha": place, "seen": seen, "apart": apart}
        if progress >= config.critic_from:
            drawn = torch.randn(style.shape).to(style)
            other, other_alpha = self._dresser(bare, drawn)
            made = torch.cat([worn, laid_over(bare, other, other_alpha)])
            alphas = torch.cat([alpha, other_alpha])
            doubt = (alphas * (1 - alphas)).mean()
            taught = critic_loss(self._critic(masked)[-1], self._critic(made.detach())[-1])
            learn("critic", taught)
            judged = self._critic(made)
            with torch.no_grad():
                wanted = self._critic(masked)
            matched = matching_loss(wanted, [features[: len(masked)] for features in judged])
            fooled = -judged[-1].mean()
            loss = loss + config.matching * matched + config.adversarial * fooled + config.sure * doubt
            losses |= {"critic": taught, "matched": matched, "fooled": fooled, "doubt": doubt}
        learn("network", loss, clip=1.0)
        return {name: value.item() for name, value in losses.items()}

    @torch.no_grad()
    def show(self, averaged: nn.Module, pairs: Batch) -> Shown:
        """See :class:`trainer.recipe.Recipe`; quality is that of the masks worn again, the negative L1."""
        assert isinstance(averaged, Dresser)
        masked, bare, mask = (unpack(pairs[name]) for name in ("crop", "truth", "mask"))
        picture, alpha = averaged(bare, averaged.reader(masked, mask))
        again = laid_over(bare, picture, alpha).float()
        chance = torch.Generator().manual_seed(0)
        drawn = (torch.randn(len(bare), STYLE, 1, 1, generator=chance).to(bare) for _ in range(2))
        others = [laid_over(bare, *averaged(bare, style)).float() for style in drawn]
        quality = -float(weighted_l1(again, masked, importance(mask)))
        return Shown((bare, masked, alpha.float(), again, *others), quality)


def _misplaced(alpha: Tensor, mask: Tensor) -> Tensor:
    """How far alphas, N,1,S,S, are from the masks that they shall be."""
    return mask_entropy(alpha, mask, edge_weights(mask)) + dice_loss(alpha.float(), mask)


def _dependence(style: Tensor) -> Tensor:
    """How much the numbers of styles N,STYLE,1,1 of mean 0 and deviation 1 tell of each other."""
    flat = style.flatten(1).float()
    together = flat.T @ flat / len(flat)
    alone: Tensor = together - torch.diag(together.diagonal())
    return alone.square().sum() / len(together)
