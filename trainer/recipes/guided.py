"""The recipe of the guided generator: it fits a warped face in, and paints what that does not show.

Each batch is in three parts. In the first, the guide is the truth itself, bent and in another light: what is
inpainted is to be the truth. In the second there is no guide: the generator paints as it always did, held to
what the bundled one paints, or, in a training that is long enough to get back what it loses, to the truth. In
the third it is a stranger's face: what is to come out is the stranger's own detail in the truth's light, and
the truth around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from stream_unmask.synth.pairs import PairSettings
from trainer.bundled import bundled_generator
from trainer.data import Photo
from trainer.guides import GuidedData, bank_of
from trainer.learner import Learner
from trainer.networks.discriminators import Critic, WholeFaceCritic
from trainer.networks.generator import LightGenerator, widened
from trainer.networks.guided import GuidedGenerator
from trainer.pairs import unpack
from trainer.recipe import Batch, Shown
from trainer.recipes.critics import Critics, Inputs, View, mouth_windows
from trainer.recipes.guiding import bent, blurred, cut, inverse, lit, mirrored, softened
from trainer.recipes.job import TrainingJob
from trainer.recipes.losses import importance, inside_psnr, paint_loss, slope_loss, weighted_l1
from trainer.recipes.motion import moved
from trainer.recipes.painting import (
    FoundMasks,
    Masks,
    Painted,
    PaintingRecipe,
    Phase,
    Rebuilding,
    laid_in,
    rough_masks,
    settled,
)
from trainer.recipes.perceptual import find_perceptual
from trainer.recipes.release import SeenLoss

_OWN, _ABSENT = 0.4, 0.2
"""Shares of a batch whose guide is the truth itself, and that have none; the others have a stranger's."""

_STEADY = 0.1
_STEADY_EVERY = 4
_RELIT = 0.5
"""How much a clip's light changes each time that it is shown, against a guide's."""

_LIGHT_SPREAD = 5 / 128
"""Spread of the Gaussian, in sides of the crop, that leaves of a face its light."""

_ROWS = 4
"""Rows of the sheet for each kind of guide."""


@dataclass(frozen=True, slots=True)
class Told:
    """A batch as the network is told it; the first samples are guided by themselves, the next ones by none.

    Attributes:
        crop: N,3,S,S.
        mask: N,1,S,S, without doubts.
        guide: N,3,S,S.
        trust: N,1,S,S.
        truth: N,3,S,S.
        worn: N,1,S,S, where the mask really is.
        own: how many samples are guided by the truth itself.
        known: how many in all have a truth that is to come out: with those that have no guide.
    """

    crop: Tensor
    mask: Tensor
    guide: Tensor
    trust: Tensor
    truth: Tensor
    worn: Tensor
    own: int
    known: int


def parts(count: int) -> tuple[int, int]:
    """How many of ``count`` samples are guided by themselves, and how many have a truth to come out."""
    own = round(_OWN * count)
    return own, own + round(_ABSENT * count)


def guides_for(truth: Tensor, stranger: Tensor, trust: Tensor) -> tuple[Tensor, Tensor]:
    """Guides N,3,S,S and their trust N,1,S,S, each kind in its part of the batch."""
    own, known = parts(len(truth))
    given = torch.cat([bent(truth[:own]), stranger[own:]])
    guide = softened(lit(given))
    there = torch.ones(len(truth), 1, 1, 1, device=truth.device)
    there[own:known] = 0
    trust = cut(trust) * there
    return guide * (trust > 0), trust


def own_loss(inpainted: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """How far what is inpainted is from the truth that guided it: in colour, at the edges, in its light."""
    light = blurred(inpainted - truth, 0.8 * _LIGHT_SPREAD * inpainted.shape[-1]).abs()
    low = (weight * light).sum() / (3 * weight.sum()).clamp(min=1)
    return weighted_l1(inpainted, truth, weight) + 2 * slope_loss(inpainted, truth, weight) + 0.7 * low


def stranger_loss(inpainted: Tensor, truth: Tensor, guide: Tensor, weight: Tensor, inner: Tensor) -> Tensor:
    """How far what is inpainted is from a stranger's detail in the truth's light, and from the truth around.

    Args:
        inpainted: N,3,S,S.
        truth: N,3,S,S.
        guide: N,3,S,S in the crop's light.
        weight: N,1,S,S where the inpainted crop counts.
        inner: N,1,S,S in 0..1, where the stranger is shown.
    """
    spread = _LIGHT_SPREAD * inpainted.shape[-1]
    inside, around = weight * inner, weight * (1 - inner)
    whole = weight.sum().clamp(min=1)
    loss = weighted_l1(inpainted, truth, around) + 2 * slope_loss(inpainted, truth, around)
    loss = loss * around.sum() / whole
    low = (inside * blurred(inpainted - truth, spread).abs()).sum() / (3 * whole)
    # Detail grows with the light.
    lift = _brightness(truth, spread) / _brightness(guide, spread)
    detail = (guide + 1) * lift.clamp(0.5, 2) - 1
    return loss + 1.5 * low + 2.5 * slope_loss(inpainted, detail, inside) * inside.sum() / whole


def _brightness(picture: Tensor, spread: float) -> Tensor:
    return blurred(picture.mean(1, keepdim=True) * 0.5 + 0.5, spread).clamp(min=0) + 0.05


def _inner(trust: Tensor, mask: Tensor) -> Tensor:
    """N,1,S,S where nothing but the guide is shown."""
    reach = max(1, trust.shape[-1] // 96)
    return -functional.max_pool2d(-trust, 2 * reach + 1, 1, reach) * widened(mask)


def guided_critics() -> Critics:
    """The release's two patch critics, one of which is told where the mask's rim runs, and one that judges a
    lower face as a whole: no patch covers both halves of it."""

    def square(painted: Painted, face: Tensor) -> Inputs:
        side = face.shape[-1] * 7 // 16
        seen = torch.cat([face, widened(painted.mask)], 1)
        return (mouth_windows(seen, painted.mask, side),)

    def lower(painted: Painted, face: Tensor) -> Inputs:
        window = mouth_windows(face, painted.mask, face.shape[-1] * 2 // 3)
        return (functional.interpolate(window, (64, 64), mode="bilinear", antialias=True),)

    views = {
        "whole": View(Critic(), lambda _, face: (functional.avg_pool2d(face, 2),)),
        "region": View(Critic(channels=4), square),
        "lower": View(WholeFaceCritic((32, 64, 96, 128)), lower),
    }
    return Critics(views, adversarial=0.08, matching=0.4)


class GuidedRecipe(PaintingRecipe):
    """Trains the guided generator on clips of two frames, phase after phase."""

    def __init__(self, job: TrainingJob, phases: tuple[Phase, ...], rebuilding: Rebuilding | None) -> None:
        """As :class:`trainer.recipes.painting.PaintingRecipe`.

        ``rebuilding`` is for what has no guide; None holds that to what the bundled generator paints.
        """
        self._bank = bank_of(job.photos)
        self._bundled = None
        if rebuilding is None:
            self._bundled = bundled_generator().without_guide().requires_grad_(False).eval()
        light = LightGenerator()
        super().__init__(job, light, phases, rebuilding or paint_loss)
        guided = GuidedGenerator()
        guided.adopt(light)
        self.network = guided

    def data(self, seed: int, count: int) -> GuidedData:
        """See :class:`trainer.recipe.Recipe`."""
        return GuidedData(self._photos, self._bank, self._pairs, seed + 1, count)

    def trials(self, photos: Sequence[Photo], settings: PairSettings, seed: int, count: int) -> GuidedData:
        """See :class:`trainer.recipe.OwnTrials`: the strangers are those of the training."""
        return GuidedData(photos, self._bank, settings, seed, count)

    def step(self, batch: Batch, averaged: nn.Module, learn: Learner, progress: float) -> dict[str, float]:
        """See :class:`trainer.recipe.Recipe`."""
        assert isinstance(self.network, GuidedGenerator)
        phase = next((each for each in self._phases if progress < each.until), self._phases[-1])
        clip = _varied(batch)
        told = _told(clip, phase)
        inpainted, matched = self.network.fit_in(told.crop, told.mask, told.guide, told.trust)
        inpainted = inpainted.float()
        losses = self._losses(inpainted, matched.float(), told)
        loss = torch.stack(list(losses.values())).sum()
        if phase.steady:
            chosen, before = _inpainted_before(clip, told, averaged, phase)
            losses["change"] = weighted_l1(inpainted[chosen], before, told.worn[chosen])
            loss = loss + _STEADY * losses["change"]
        log: dict[str, float] = {}
        if phase.adversary is not None:
            painted = Painted(inpainted, told.truth, told.mask, told.known)
            judged = phase.adversary.judge(painted, learn, progress)
            log |= judged.log
            if judged.loss is not None:
                loss = loss + judged.loss
        for group in learn.optimizers["network"].param_groups:
            group["lr"] *= phase.rate
        learn("network", loss, clip=1.0)
        # One wait for the GPU for all of them.
        values = torch.stack([value.detach() for value in losses.values()]).tolist()
        return log | dict(zip(losses, values, strict=True))

    def _losses(self, inpainted: Tensor, matched: Tensor, told: Told) -> dict[str, Tensor]:
        """Each kind's loss by its share of the batch."""
        weight = importance(torch.maximum(told.worn, told.mask), 0.03)
        inner = _inner(told.trust, told.mask)

        def own(part: slice) -> Tensor:
            return own_loss(inpainted[part], told.truth[part], weight[part])

        def absent(part: slice) -> Tensor:
            return self._rebuilding(inpainted[part], self._wanted(told, part), weight[part])

        def stranger(part: slice) -> Tensor:
            return stranger_loss(inpainted[part], told.truth[part], matched[part], weight[part], inner[part])

        edges = (0, told.own, told.known, len(inpainted))
        losses = {}
        for loss, (first, last) in zip((own, absent, stranger), pairwise(edges), strict=True):
            if first < last:
                losses[loss.__name__] = (last - first) / len(inpainted) * loss(slice(first, last))
        return losses

    @torch.no_grad()
    def _wanted(self, told: Told, part: slice) -> Tensor:
        """What is to come out without a guide, N,3,S,S."""
        if self._bundled is None:
            return told.truth[part]
        kept: Tensor = self._bundled.to(told.crop.device)(told.crop[part], told.mask[part]).float()
        return kept

    @torch.no_grad()
    def show(self, averaged: nn.Module, pairs: Batch) -> Shown:
        """See :class:`trainer.recipe.Recipe`: the same pairs with each kind of guide, the same for ever."""
        assert isinstance(averaged, GuidedGenerator)
        crop, truth, worn, stranger, trust = (
            unpack(pairs[name]) for name in ("crop", "truth", "mask", "guide", "trust")
        )
        devices = [crop.device] if crop.is_cuda else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(0)
            own = lit(bent(truth))
        given = [(own, trust), (stranger, trust), (torch.zeros_like(own), torch.zeros_like(trust))]
        rows, figures = [], {}
        for name, (guide, sure) in zip(("own", "stranger", "absent"), given, strict=True):
            inpainted = averaged(crop, worn, guide, sure).float()
            shown = crop, guide * (sure > 0), inpainted, laid_in(crop, inpainted, worn), truth
            rows.append([column[:_ROWS] for column in shown])
            figures[f"{name}_psnr"] = float(inside_psnr(inpainted, truth, worn))
        pictures = tuple(torch.cat(list(column)) for column in zip(*rows, strict=True))
        return Shown(pictures, (figures["own_psnr"] + figures["absent_psnr"]) / 2, figures)


def _varied(batch: Batch) -> dict[str, Tensor]:
    """A batch as floats, in another order, mirrored or not, in other light: each time that it is shown."""
    count = len(batch["crop"])
    # Slices and rolls, not lists of numbers: for these the CPU would wait for the GPU.
    shift = int(torch.randint(count, ()))
    batch = {name: values.roll(shift, 0) for name, values in batch.items()}
    if torch.rand(()) < 0.5:
        batch = mirrored(batch)
    clip = {name: values if name == "motion" else unpack(values) for name, values in batch.items()}
    faces = torch.cat([clip[name] for name in ("crop", "truth", "before")], 1)
    clip |= dict(zip(("crop", "truth", "before"), lit(faces, _RELIT).chunk(3, 1), strict=True))
    return clip


def _told(clip: Batch, phase: Phase) -> Told:
    crop = clip["crop"].contiguous(memory_format=torch.channels_last)
    mask = settled(_mixed(phase.masks, crop, clip["rough"]))
    guide, trust = guides_for(clip["truth"], clip["guide"], clip["trust"])
    return Told(crop, mask, guide, trust, clip["truth"], clip["mask"], *parts(len(crop)))


def _mixed(masks: Masks, crop: Tensor, rough: Tensor) -> Tensor:
    """Masks of crops in parts: what ``masks`` does to half of a batch only, it does to half of each part."""
    found = masks(*(torch.cat([each[0::2], each[1::2]]) for each in (crop, rough)))
    mixed = torch.empty_like(found)
    half = (len(crop) + 1) // 2
    mixed[0::2], mixed[1::2] = found[:half], found[half:]
    return mixed


@torch.no_grad()
def _inpainted_before(clip: Batch, told: Told, averaged: nn.Module, phase: Phase) -> tuple[slice, Tensor]:
    """As :func:`trainer.recipes.painting.inpainted_before`; the same guide, where it lay a moment ago."""
    count = len(told.crop)
    first = int(torch.randint(0, min(_STEADY_EVERY, count), ()))
    chosen = slice(first, None, _STEADY_EVERY)
    motion = clip["motion"][chosen]
    back = inverse(motion)
    before = clip["before"][chosen].contiguous(memory_format=torch.channels_last)
    mask = settled(phase.masks(before, clip["before_mask"][chosen]))
    guide, trust = (moved(each[chosen], back, "zeros") for each in (told.guide, told.trust))
    inpainted = averaged(before, mask, guide, trust)
    return chosen, moved(inpainted, motion, "border")


@dataclass(frozen=True, slots=True)
class GuidedConfig:
    """Goes on with a generator that paints already, and teaches it to be guided; then three critics.

    Attributes:
        steady_from: share of the training after which inpainted crops are held to those of the frame before.
        critics_from: share of the training after which the critics judge.
        critics_rate: share of the learning rate that is left then.
        absent: what inpainted crops without a guide are held to: ``kept``, what the bundled generator paints,
            or ``truth``.
        perceptual: weight of the perceptual loss of those that are held to the truth.
    """

    steady_from: float = 0.1
    critics_from: float = 0.5
    critics_rate: float = 0.6
    absent: Literal["kept", "truth"] = "kept"
    perceptual: float = 0.15

    def architecture(self) -> GuidedGenerator:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        return GuidedGenerator()

    def build(self, job: TrainingJob) -> GuidedRecipe:
        """See :class:`trainer.recipes.job.RecipeConfig`."""
        masks = FoundMasks(job.trained_segmenter())
        phases = (
            Phase(self.steady_from, rough_masks, False),
            Phase(self.critics_from, masks, True),
            Phase(1.0, masks, True, guided_critics(), self.critics_rate),
        )
        if self.absent == "kept":
            return GuidedRecipe(job, phases, None)
        loss = SeenLoss(find_perceptual(job.encoder, job.tell), self.perceptual)
        return GuidedRecipe(job, phases, loss)
