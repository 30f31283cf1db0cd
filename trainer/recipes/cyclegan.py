"""CycleGAN: learns from masked and bare faces of different people to take masks off, and to put them on.

Zhu et al., "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks", 2017, with
attention (Tang et al., "AttentionGAN", 2019) and styles (Almahairi et al., "Augmented CycleGAN", 2018): a
bare face does not tell which mask to put on, and without a style all would get the same. Meant for 128
and 256 pixels.

A mask hides a mouth for good, so the way back must not ask for it: each direction learns to undo what the
other has made, which itself is not changed for that (back-translation: Lample et al., "Unsupervised Machine
Translation Using Monolingual Corpora Only", 2018). With a gradient through both, mouths shone through masks
and masks through faces (Chu et al., "CycleGAN, a Master of Steganography", 2017). As what is made is poor at
first, every other picture to be undone is cut and pasted: aligned faces of different people fit well enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn import functional

from stream_unmask.synth.pairs import PairSettings
from trainer.data import Photo, RealFace
from trainer.learner import Learner
from trainer.networks.discriminators import Critic
from trainer.networks.translator import STYLE, StyleReader, TranslatorPair, laid_over
from trainer.pairs import PairData, unpack
from trainer.recipe import Batch, Shown
from trainer.recipes.job import TrainingJob
from trainer.recipes.losses import inside_psnr, mask_entropy

_CRITIC_WIDTHS = (32, 64, 96, 128)
_PLACES = 8


@dataclass(frozen=True, slots=True)
class CycleGanConfig:
    """Weights of the losses, the paper's where it has them.

    Attributes:
        cycle: of coming back to the same picture.
        identity: of leaving a face alone that wears no mask. The other way it is not asked for: alpha
            keeps the colours, which it is for in the paper.
        attention: of looking where masks are.
        style: of a mask showing the style that was asked for.
        pool: made pictures that the critics are reminded of.
        real: share of the masked faces that are real, if there are any (``--real``).
        critic_rate: highest learning rate of the critics.
    """

    cycle: float = 10.0
    identity: float = 5.0
    attention: float = 5.0
    style: float = 0.5
    pool: int = 50
    real: float = 0.5
    critic_rate: float = 4e-4

    def architecture(self) -> TranslatorPair:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        return TranslatorPair()

    def build(self, job: TrainingJob) -> CycleGanRecipe:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        return CycleGanRecipe(job.photos, job.size, self, job.real_faces())


class Unpaired(torch.utils.data.Dataset[Batch]):
    """Masked faces, and bare ones of other photos, by number."""

    def __init__(self, masked: PairData, bare: PairData) -> None:
        self._masked, self._bare = masked, bare

    def __getitem__(self, index: int) -> Batch:
        """``masked`` and ``bare``, 3,S,S, and ``mask`` of the masked one, 1,S,S, all of bytes."""
        masked = self._masked[index]
        return {"masked": masked["crop"], "mask": masked["mask"], "bare": self._bare[index]["crop"]}


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
    """Trains :class:`trainer.networks.translator.TranslatorPair`, both directions at once."""

    def __init__(
        self, photos: Sequence[Photo], size: int, config: CycleGanConfig, real: Sequence[RealFace]
    ) -> None:
        self._photos = photos
        self._size = size
        self._real = real
        self._config = config
        self._pair = TranslatorPair()
        self._reader = StyleReader()
        self._critics = {kind: Critic(_CRITIC_WIDTHS) for kind in ("masked", "bare")}
        self._pools = {kind: Pool(config.pool, size) for kind in self._critics}
        self.network: nn.Module = self._pair
        pools = {f"{kind}_pool": pool for kind, pool in self._pools.items()}
        self.helpers: dict[str, nn.Module] = {"reader": self._reader, **self._critics, **pools}
        self.best_from = 0.0

    def data(self, seed: int, count: int) -> Unpaired:
        """See :class:`trainer.recipe.Recipe`."""
        settings = PairSettings(size=self._size, masked=1.0, distracted=0.0, damage=0.3)
        masked = PairData(self._photos, settings, 2 * seed, count, self._real, self._config.real)
        bare = PairData(self._photos, replace(settings, masked=0.0), 2 * seed + 1, count)
        return Unpaired(masked, bare)

    def optimizers(self, rate: float) -> dict[str, torch.optim.Optimizer]:
        """See :class:`trainer.recipe.Recipe`."""
        critics = chain.from_iterable(critic.parameters() for critic in self._critics.values())
        learnt = chain(self._pair.parameters(), self._reader.parameters())
        parts = {"network": (learnt, rate), "critics": (critics, self._config.critic_rate)}
        return {
            name: torch.optim.Adam([{"params": list(part), "initial_lr": own}], own, betas=(0.5, 0.999))
            for name, (part, own) in parts.items()
        }

    def step(self, batch: Batch, averaged: nn.Module, learn: Learner, progress: float) -> dict[str, float]:
        """See :class:`trainer.recipe.Recipe`."""
        masked, mask, bare = (unpack(batch[name]) for name in ("masked", "mask", "bare"))
        config, count = self._config, len(masked)
        wanted = torch.randn(count, STYLE, 1, 1).to(masked)
        unmasked, found = _composed(self._pair.unmask, masked)
        worn, made = _composed(self._pair.wear, bare, wanted)
        read = self._reader(masked, found.detach())
        pasted = torch.arange(count, device=masked.device)[:, None, None, None] % 2 == 0
        undressed = torch.where(pasted, laid_over(masked, bare, mask), unmasked.detach())
        dressed = torch.where(pasted, laid_over(bare, masked, mask), worn.detach())
        dressed_mask = torch.where(pasted, mask, made.detach())
        again, remade = _composed(self._pair.wear, undressed, read)
        # A bare face is to be left alone.
        back, refound = _composed(self._pair.unmask, torch.cat([dressed, bare]))
        cycle = functional.l1_loss(again, masked) + functional.l1_loss(back[:count], bare)
        same = functional.l1_loss(back[count:], bare)
        attention = mask_entropy(found, mask) + mask_entropy(remade, mask) + _elsewhere(made, mask)
        attention = attention + mask_entropy(refound[:count], dressed_mask)
        style = functional.l1_loss(self._shown_style(worn, made), wanted)
        fooled = _as_if_real(self._critics["bare"], unmasked) + _as_if_real(self._critics["masked"], worn)
        loss = fooled + config.cycle * cycle + config.identity * same
        learn("network", loss + config.attention * attention + config.style * style, clip=10.0)
        taught = self._taught("bare", bare, unmasked) + self._taught("masked", masked, worn)
        learn("critics", taught)
        losses = {"fooled": fooled, "cycle": cycle, "identity": same, "attention": attention}
        losses |= {"style": style, "critics": taught}
        return {name: loss.item() for name, loss in losses.items()}

    @torch.no_grad()
    def show(self, averaged: nn.Module, pairs: Batch) -> Shown:
        """See :class:`trainer.recipe.Recipe`; quality is the PSNR inside the mask in dB."""
        assert isinstance(averaged, TranslatorPair)
        crop, truth, mask = (unpack(pairs[name]) for name in ("crop", "truth", "mask"))
        chance = torch.Generator().manual_seed(0)
        style = torch.randn(len(crop), STYLE, 1, 1, generator=chance).to(crop)
        unmasked, found = (part.float() for part in _composed(averaged.unmask, crop))
        worn, made = (part.float() for part in _composed(averaged.wear, truth, style))
        pictures = (crop, found, unmasked, truth, made, worn)
        return Shown(pictures, float(inside_psnr(unmasked, truth, mask)))

    def _shown_style(self, worn: Tensor, made: Tensor) -> Tensor:
        """The style of made masks, N,STYLE,1,1, read by a reader that learns nothing of it.

        Else both agree on a code that no mask shows (BicycleGAN: Zhu et al., "Toward Multimodal
        Image-to-Image Translation", 2017): all colours of the rainbow on each.
        """
        self._reader.requires_grad_(False)
        shown: Tensor = self._reader(worn, made)
        self._reader.requires_grad_(True)
        return shown

    def _taught(self, kind: str, real: Tensor, made: Tensor) -> Tensor:
        """Least-squares loss of a critic (Mao et al., "Least Squares GANs", 2017)."""
        critic = self._critics[kind]
        shown = critic(self._pools[kind].exchange(made.detach()))[-1]
        loss: Tensor = (_as_if_real(critic, real) + shown.square().mean()) / 2
        return loss


def _composed(translator: nn.Module, crop: Tensor, *style: Tensor) -> tuple[Tensor, Tensor]:
    """A translator's picture laid over the crop, and its alpha."""
    picture, alpha = translator(crop, *style)
    return laid_over(crop, picture, alpha), alpha


def _elsewhere(made: Tensor, mask: Tensor) -> Tensor:
    """How far masks that are put on lie, on the mean, from where those of other faces lie; N,1,S,S both.

    Without this to cover nothing, or everything, is the easiest way back in the cycle.
    """
    side = made.shape[-1] // _PLACES
    gap: Tensor = functional.avg_pool2d(made.mean(0) - mask.mean(0), side).abs().mean()
    return gap + (made * (1 - made)).mean()


def _as_if_real(critic: nn.Module, picture: Tensor) -> Tensor:
    """How far a critic is from taking pictures for real ones."""
    loss: Tensor = (critic(picture)[-1] - 1).square().mean()
    return loss
