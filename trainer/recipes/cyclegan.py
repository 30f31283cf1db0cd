"""CycleGAN: learns from masked and bare faces of different people to take masks off, and to put them on.

Zhu et al., "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks", 2017. Meant
for 128 and 256 pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.data import Photo, RealFace
from trainer.learner import Learner
from trainer.networks.discriminators import Critic
from trainer.networks.translator import Pair
from trainer.recipe import Batch, Shown
from trainer.recipes.job import Job
from trainer.recipes.losses import inside_psnr
from trainer.synth.pairs import PairData, PairSettings, unpack

_CRITIC_WIDTHS = (64, 128, 256)


@dataclass(frozen=True, slots=True)
class CycleGanConfig:
    """Weights as in the paper.

    Attributes:
        cycle: of coming back to the same picture.
        identity: of leaving a picture alone that is of the wanted kind already.
        pool: made pictures that the critics are reminded of.
        real: share of the masked faces that are real, if there are any (``--real``).
    """

    cycle: float = 10.0
    identity: float = 5.0
    pool: int = 50
    real: float = 0.5

    def build(self, job: Job) -> CycleGanRecipe:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        return CycleGanRecipe(job.photos, job.size, self, job.real_faces())


class Unpaired(torch.utils.data.Dataset[Batch]):
    """Masked faces, and bare ones of other photos, by number."""

    def __init__(self, masked: PairData, bare: PairData) -> None:
        self._masked, self._bare = masked, bare

    def __getitem__(self, index: int) -> Batch:
        """``masked`` and ``bare``, 3,S,S of bytes both."""
        return {"masked": self._masked[index]["crop"], "bare": self._bare[index]["crop"]}


class Pool(nn.Module):
    """Made pictures of the past, so that a critic does not forget (Shrivastava et al., 2017).

    The checkpoint has it, as it is a network to the loop.
    """

    def __init__(self, places: int, size: int) -> None:
        super().__init__()
        self.register_buffer("kept", torch.zeros(places, 3, size, size, dtype=torch.uint8))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))

    def exchange(self, made: Tensor) -> Tensor:
        """Put N,3,S,S in -1..1 in; one half comes back as it is, for the other older ones come out."""
        kept, filled = self.get_buffer("kept"), self.get_buffer("filled")
        out = made.clone()
        for number, picture in enumerate(made):
            packed = ((picture + 1) * 127.5).round().to(torch.uint8)
            if int(filled) < len(kept):
                kept[int(filled)] = packed
                filled += 1
            elif torch.rand(()) < 0.5:
                place = int(torch.randint(0, len(kept), ()))
                out[number] = kept[place].to(made) / 127.5 - 1
                kept[place] = packed
        return out


class CycleGanRecipe:
    """Trains :class:`trainer.networks.translator.Pair`, both directions at once."""

    def __init__(
        self, photos: Sequence[Photo], size: int, config: CycleGanConfig, real: Sequence[RealFace]
    ) -> None:
        self._photos = photos
        self._size = size
        self._real = real
        self._config = config
        self._pair = Pair(size)
        self._critics = {kind: Critic(_CRITIC_WIDTHS) for kind in ("masked", "bare")}
        self._pools = {kind: Pool(config.pool, size) for kind in self._critics}
        self.network: nn.Module = self._pair
        pools = {f"{kind}_pool": pool for kind, pool in self._pools.items()}
        self.helpers: dict[str, nn.Module] = {**self._critics, **pools}

    def data(self, seed: int, count: int) -> Unpaired:
        """See :class:`trainer.recipe.Recipe`."""
        settings = PairSettings(size=self._size, masked=1.0, distracted=0.0, damage=0.3)
        masked = PairData(self._photos, settings, 2 * seed, count, self._real, self._config.real)
        bare = PairData(self._photos, replace(settings, masked=0.0), 2 * seed + 1, count)
        return Unpaired(masked, bare)

    def optimizers(self, rate: float) -> dict[str, torch.optim.Optimizer]:
        """See :class:`trainer.recipe.Recipe`."""
        critics = list(chain.from_iterable(critic.parameters() for critic in self._critics.values()))
        weights = {"network": list(self._pair.parameters()), "critics": critics}
        return {
            name: torch.optim.Adam([{"params": part, "initial_lr": rate}], rate, betas=(0.5, 0.999))
            for name, part in weights.items()
        }

    def step(self, batch: Batch, averaged: nn.Module, learn: Learner, progress: float) -> dict[str, float]:
        """See :class:`trainer.recipe.Recipe`."""
        masked, bare = unpack(batch["masked"]), unpack(batch["bare"])
        unmasked, worn = self._pair.unmask(masked), self._pair.wear(bare)
        fooled = _as_if_real(self._critics["bare"], unmasked) + _as_if_real(self._critics["masked"], worn)
        cycle = functional.l1_loss(self._pair.wear(unmasked), masked)
        cycle = cycle + functional.l1_loss(self._pair.unmask(worn), bare)
        same = functional.l1_loss(self._pair.unmask(bare), bare)
        same = same + functional.l1_loss(self._pair.wear(masked), masked)
        learn("network", fooled + self._config.cycle * cycle + self._config.identity * same, clip=10.0)
        taught = self._taught("bare", bare, unmasked) + self._taught("masked", masked, worn)
        learn("critics", taught)
        losses = {"fooled": fooled, "cycle": cycle, "identity": same, "critics": taught}
        return {name: loss.item() for name, loss in losses.items()}

    @torch.no_grad()
    def show(self, averaged: nn.Module, pairs: Batch) -> Shown:
        """See :class:`trainer.recipe.Recipe`; quality is the PSNR inside the mask in dB."""
        assert isinstance(averaged, Pair)
        crop, truth, worn = (unpack(pairs[name]) for name in ("crop", "truth", "map"))
        unmasked = averaged.unmask(crop).float()
        pictures = (crop, unmasked, truth, averaged.wear(truth).float())
        return Shown(pictures, float(inside_psnr(unmasked, truth, worn)))

    def _taught(self, kind: str, real: Tensor, made: Tensor) -> Tensor:
        """Least-squares loss of a critic (Mao et al., "Least Squares GANs", 2017)."""
        critic = self._critics[kind]
        shown = critic(self._pools[kind].exchange(made.detach()))[-1]
        loss: Tensor = (_as_if_real(critic, real) + shown.square().mean()) / 2
        return loss


def _as_if_real(critic: nn.Module, picture: Tensor) -> Tensor:
    """How far a critic is from taking pictures for real ones."""
    loss: Tensor = (critic(picture)[-1] - 1).square().mean()
    return loss
