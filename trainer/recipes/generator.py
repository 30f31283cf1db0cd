"""Recipes of the generator: painting without critics first, then with two, which turn a blur into a mouth.

In both, the network's own last patch is an input.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.data import Photo
from trainer.learner import Learner
from trainer.networks.discriminators import Critic
from trainer.networks.generator import USUAL_SIDE, Generator, skin_colour, widened
from trainer.networks.segmenter import Segmenter
from trainer.recipe import Batch, Shown
from trainer.recipes.losses import critic_loss, importance, matching_loss, paint_loss, weighted_l1
from trainer.synth.clips import ClipData
from trainer.synth.pairs import PairSettings, unpack

_SEGMENTER_SIDE = 256
_STEADY = 0.1
_ADVERSARIAL = 0.03
_MATCHING = 0.6


def mouth_windows(picture: Tensor, map_: Tensor, side: int) -> Tensor:
    """The square of ``side`` pixels around each map's middle, out of N,3,S,S."""
    size = picture.shape[-1]
    places = torch.arange(size, dtype=map_.dtype, device=map_.device)
    mass = map_.sum((1, 2, 3)).clamp(min=1)
    across = (map_.sum((1, 2)) * places).sum(1) / mass
    down = (map_.sum((1, 3)) * places).sum(1) / mass
    windows = []
    for number in range(len(picture)):
        left = int((across[number] - side / 2).clamp(0, size - side))
        top = int((down[number] - side / 2).clamp(0, size - side))
        windows.append(picture[number, :, top : top + side, left : left + side])
    return torch.stack(windows)


def usual_face(pairs: ClipData, count: int) -> Tensor:
    """1,3,64,64 mean difference of a face from the colour of its skin, the same on both sides."""
    total = torch.zeros(1, 3, USUAL_SIDE, USUAL_SIDE)
    for number in range(count):
        sample = pairs[number]
        truth, map_ = unpack(sample["truth"][None]), unpack(sample["map"][None])
        face = truth - skin_colour(truth, 1 - widened(map_))
        total += functional.interpolate(face, total.shape[2:], mode="area")
    return (total + total.flip(3)) / (2 * max(count, 1))


class PainterRecipe:
    """Trains :class:`trainer.networks.generator.Generator` on two-frame clips, without critics."""

    def __init__(self, photos: Sequence[Photo], size: int, *, usual_from: int) -> None:
        """Begin with the usual face.

        Args:
            photos: of the training sets.
            size: side of the crops, a multiple of 32.
            usual_from: pairs that the usual face is the mean of; 0 leaves it to the weights to be loaded.
        """
        self._photos = photos
        # A last patch is of use only once there is something in it.
        self._recurrent_from = 0.3
        self._pairs = PairSettings(size=size, masked=1.0, distracted=0.0, damage=0.5)
        network = Generator()
        if usual_from:
            network.usual.data = usual_face(self.data(0, usual_from), usual_from)
        self.network: nn.Module = network
        self.helpers: dict[str, nn.Module] = {}

    def data(self, seed: int, count: int) -> ClipData:
        """See :class:`trainer.recipe.Recipe`."""
        return ClipData(self._photos, self._pairs, seed + 1, count)

    def optimizers(self, rate: float) -> dict[str, torch.optim.Optimizer]:
        """See :class:`trainer.recipe.Recipe`."""
        own = [{"params": list(self.network.parameters()), "initial_lr": rate}]
        return {"network": torch.optim.AdamW(own, rate, betas=(0.9, 0.999), weight_decay=1e-4)}

    def step(self, batch: Batch, averaged: nn.Module, learn: Learner, progress: float) -> dict[str, float]:
        """See :class:`trainer.recipe.Recipe`."""
        assert isinstance(self.network, Generator)
        crop = unpack(batch["crop"]).contiguous(memory_format=torch.channels_last)
        truth, worn = unpack(batch["truth"]), unpack(batch["map"])
        map_ = self._maps(crop, unpack(batch["rough"]))
        previous, steady = self._previous(batch, averaged, progress)
        patch = self.network.paint(crop, map_, previous)
        loss = paint_loss(patch, truth, importance(worn))
        losses = {"paint": loss.item()}
        if progress >= self._recurrent_from and bool(steady.any()):
            change = weighted_l1(patch, previous, worn * steady[:, None, None, None])
            loss = loss + _STEADY * change
            losses["change"] = change.item()
        adversarial, more = self._criticise(patch, truth, map_, learn)
        loss = loss + adversarial
        learn("network", loss, clip=1.0)
        with torch.no_grad():
            error = (worn * (patch.clamp(-1, 1) - truth) ** 2).sum() / (3 * worn.sum()).clamp(min=1)
        return losses | more | {"psnr": float(10 * torch.log10(4 / error.clamp(min=1e-6)))}

    def _maps(self, crop: Tensor, rough: Tensor) -> Tensor:
        """Imperfect maps, N,1,S,S, of N crops: true ones, roughened."""
        return rough

    def _criticise(
        self, patch: Tensor, truth: Tensor, map_: Tensor, learn: Learner
    ) -> tuple[Tensor, dict[str, float]]:
        """No critic looks at small pictures."""
        return patch.new_zeros(()), {}

    def show(self, averaged: nn.Module, pairs: Batch) -> Shown:
        """See :class:`trainer.recipe.Recipe`; quality is the PSNR inside the mask in dB, with true maps."""
        crop, worn, truth = (unpack(pairs[name]) for name in ("crop", "map", "truth"))
        patch = averaged(crop, worn, torch.zeros_like(crop))
        error = (worn * (patch - truth) ** 2).sum() / (3 * worn.sum()).clamp(min=1)
        return Shown((crop, patch, truth), float(10 * torch.log10(4 / error.clamp(min=1e-6))))

    @torch.no_grad()
    def _previous(self, batch: Batch, averaged: nn.Module, progress: float) -> tuple[Tensor, Tensor]:
        """Last patches brought into these crops, and which of them are to be kept to.

        Half of them are zeros (a track begins), some are the patch of another face or have changed in
        colour (the network shall not trust them blindly), the rest are the averaged network's own.
        """
        count = len(batch["crop"])
        device = batch["crop"].device
        previous = torch.zeros_like(batch["crop"], dtype=torch.float32)
        steady = torch.zeros(count, device=device)
        if progress < self._recurrent_from:
            return previous, steady
        chosen = torch.arange(int(torch.randint(0, 2, ())), count, 2, device=device)
        before = unpack(batch["before"][chosen]).contiguous(memory_format=torch.channels_last)
        map_ = self._maps(before, unpack(batch["before_map"][chosen]))
        patch = averaged(before, map_, torch.zeros_like(before))
        if torch.rand(()) < 0.4:
            patch = averaged(before, map_, patch)
        grid = functional.affine_grid(batch["motion"][chosen], list(before.shape), align_corners=False)
        moved = functional.grid_sample(patch, grid, padding_mode="border", align_corners=False)
        chance = torch.rand(len(chosen), device=device)
        wrong = chance < 0.08
        moved[wrong] = moved.roll(1, 0)[wrong]
        tinted = (chance >= 0.08) & (chance < 0.25)
        moved[tinted] = (moved[tinted] + 0.12 * torch.randn(int(tinted.sum()), 3, 1, 1, device=device)).clamp(
            -1, 1
        )
        previous[chosen] = moved
        steady[chosen] = (chance >= 0.25).float()
        return previous, steady


class GeneratorRecipe(PainterRecipe):
    """Goes on with a network that paints already: the segmenter's maps, two critics from the start.

    The critics see the whole face and the square around the mask (Iizuka et al., "Globally and Locally
    Consistent Image Completion", 2017).
    """

    def __init__(self, photos: Sequence[Photo], size: int, segmenter: Segmenter) -> None:
        """Begin with critics that know nothing.

        Args:
            photos: of the training sets.
            size: side of the crops, a multiple of 32.
            segmenter: makes one half of the maps.
        """
        super().__init__(photos, size, usual_from=0)
        self._recurrent_from = 0.0
        self.helpers = {"whole": Critic(), "region": Critic()}
        self._segmenter = segmenter.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def optimizers(self, rate: float) -> dict[str, torch.optim.Optimizer]:
        """See :class:`trainer.recipe.Recipe`."""
        critics = [weight for helper in self.helpers.values() for weight in helper.parameters()]
        rates = [{"params": critics, "initial_lr": 4e-4}]
        return super().optimizers(rate) | {"critics": torch.optim.AdamW(rates, 4e-4, betas=(0.5, 0.99))}

    @torch.no_grad()
    def _maps(self, crop: Tensor, rough: Tensor) -> Tensor:
        """The segmenter's own maps for one half of the crops, roughened true ones for the other."""
        half = len(crop) // 2
        # The segmenter knows faces of one size only.
        large = functional.interpolate(crop[:half], (_SEGMENTER_SIDE, _SEGMENTER_SIDE), mode="bilinear")
        found = functional.interpolate(
            self._segmenter.to(crop.device)(large), crop.shape[2:], mode="bilinear"
        )
        return torch.cat([found, rough[half:]])

    def _criticise(
        self, patch: Tensor, truth: Tensor, map_: Tensor, learn: Learner
    ) -> tuple[Tensor, dict[str, float]]:
        """Teach both critics one step; what they say of the patch is the adversarial loss."""
        blend = widened(map_)
        made = truth + blend * (patch - truth)
        side = truth.shape[-1] * 7 // 16
        views = {
            "whole": (functional.avg_pool2d(made, 2), functional.avg_pool2d(truth, 2)),
            "region": (mouth_windows(made, map_, side), mouth_windows(truth, map_, side)),
        }
        taught = patch.new_zeros(())
        for name, (fake, real) in views.items():
            critic = self.helpers[name]
            taught = taught + critic_loss(critic(real)[-1], critic(fake.detach())[-1])
        learn("critics", taught)
        fooled, matched = patch.new_zeros(()), patch.new_zeros(())
        for name, (fake, real) in views.items():
            critic = self.helpers[name]
            judged = critic(fake)
            with torch.no_grad():
                wanted = critic(real)
            fooled = fooled - judged[-1].mean()
            matched = matched + matching_loss(wanted, judged)
        losses = {"critics": taught.item(), "fooled": fooled.item(), "matched": matched.item()}
        return _ADVERSARIAL * fooled + _MATCHING * matched, losses
