"""How every generator is trained: what it is shown, what its inpainted crop is held against, who judges it.

A training has phases; each says where masks come from, whether inpainted crops are to be steady yet, and
who judges. Each frame is painted afresh. Fed with its own last inpainted crop (Kim et al., "Deep Video
Inpainting", 2019), a generator gathered faults from frame to frame; instead it learns on two frames of a clip
to paint the same face in both (temporal loss: Lai et al., "Learning Blind Video Temporal Consistency", 2018).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from stream_unmask.inpainting.parameters import DOUBT, SURE
from stream_unmask.synth.pairs import PairSettings
from trainer.clips import ClipData
from trainer.learner import Learner
from trainer.networks.generator import USUAL_SIDE, PaintingGenerator, skin_colour, widened
from trainer.networks.segmenter import UNetSegmenter
from trainer.pairs import unpack
from trainer.recipe import Batch, Shown
from trainer.recipes.job import SEGMENTER_SIDE, TrainingJob
from trainer.recipes.losses import importance, inside_psnr, inside_sharpness, paint_loss, weighted_l1
from trainer.recipes.motion import moved

Masks = Callable[[Tensor, Tensor], Tensor]
"""From crops N,3,S,S and roughened true masks N,1,S,S to the masks that the generator gets."""

Rebuilding = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Loss of inpainted crops N,3,S,S against the truth, weighted by N,1,S,S."""

_STEADY = 0.1
_STEADY_EVERY = 4
_USUAL_FROM = 600


def laid_in(face: Tensor, inpainted: Tensor, mask: Tensor) -> Tensor:
    """Faces N,3,S,S with the inpainted crops where the masks N,1,S,S, a little widened, say mask."""
    return face + widened(mask) * (inpainted - face)


@dataclass(frozen=True, slots=True)
class Painted:
    """A step's inpainted crops.

    Attributes:
        inpainted: N,3,S,S.
        truth: N,3,S,S.
        mask: N,1,S,S, as the generator got it.
        known: how many of the inpainted crops, the first ones, are to look like the truth; None for all.
    """

    inpainted: Tensor
    truth: Tensor
    mask: Tensor
    known: int | None = None

    def finished(self) -> Tensor:
        """The inpainted crops laid into the true faces: what a critic should not know from the truth."""
        return laid_in(self.truth, self.inpainted, self.mask)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an adversary makes of inpainted crops.

    Attributes:
        loss: for the generator to lower; None if its adversary learns alone.
        log: losses by name.
    """

    loss: Tensor | None
    log: dict[str, float]


class Adversary(Protocol):
    """Learns to tell inpainted crops from true faces; ``helpers`` are its networks by name."""

    helpers: dict[str, nn.Module]

    def learns_alone(self) -> bool:
        """Whether it has to learn one more step before the generator may."""
        ...

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Fresh optimizers by name; each of their groups names its ``initial_lr``."""
        ...

    def judge(self, painted: Painted, learn: Learner, progress: float) -> Judgement:
        """Learn one step, then judge, unless it learns alone."""
        ...


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a training.

    Attributes:
        until: share of the whole training at which it ends, 0..1.
        masks: where masks come from.
        steady: whether inpainted crops are held to those of the frame before: of use once they are faces.
        adversary: who judges the inpainted crops, if anyone.
        rate: share of the learning rate that the generator learns with.
    """

    until: float
    masks: Masks
    steady: bool
    adversary: Adversary | None = None
    rate: float = 1.0


def settled(mask: Tensor) -> Tensor:
    """Masks without their doubts, as the generator gets them (``inpainting/cpu/segmenting.py``)."""
    return ((mask - DOUBT) / (SURE - DOUBT)).clamp(0, 1)


def rough_masks(crop: Tensor, rough: Tensor) -> Tensor:
    """True masks, roughened: for a generator that cannot do much yet, or where there is no segmenter."""
    return rough


class FoundMasks:
    """The segmenter's own masks for one half of the crops, roughened true ones for the other."""

    def __init__(self, segmenter: UNetSegmenter) -> None:
        self._segmenter = segmenter.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.no_grad()
    def __call__(self, crop: Tensor, rough: Tensor) -> Tensor:
        """See :data:`Masks`."""
        half = (len(crop) + 1) // 2
        # The segmenter knows faces of one size only.
        large = functional.interpolate(crop[:half], (SEGMENTER_SIDE, SEGMENTER_SIDE), mode="bilinear")
        found = self._segmenter.to(crop.device)(large)
        return torch.cat(
            [functional.interpolate(found, crop.shape[2:], mode="bilinear").float(), rough[half:]]
        )


def usual_face(pairs: ClipData, count: int) -> Tensor:
    """1,3,64,64 mean difference of a face from the colour of its skin, the same on both sides."""
    total = torch.zeros(1, 3, USUAL_SIDE, USUAL_SIDE)
    for number in range(count):
        sample = pairs[number]
        truth, mask = unpack(sample["truth"][None]), unpack(sample["mask"][None])
        face = truth - skin_colour(truth, 1 - widened(mask))
        total += functional.interpolate(face, total.shape[2:], mode="area")
    return (total + total.flip(3)) / (2 * max(count, 1))


@torch.no_grad()
def inpainted_before(batch: Batch, averaged: nn.Module, masks: Masks) -> tuple[Tensor, Tensor]:
    """What the averaged network paints on the frame before, brought into this frame's crop by the motion.

    Returns:
        The numbers of the samples that are held to it (every fourth: it costs a pass), and what they are
        held to.
    """
    count = len(batch["crop"])
    first = int(torch.randint(0, min(_STEADY_EVERY, count), ()))
    chosen = torch.arange(first, count, _STEADY_EVERY)
    before = unpack(batch["before"][chosen]).contiguous(memory_format=torch.channels_last)
    inpainted = averaged(before, settled(masks(before, unpack(batch["before_mask"][chosen]))))
    return chosen, moved(inpainted, batch["motion"][chosen], "border")


class PaintingRecipe:
    """Trains a generator on clips of two frames, phase after phase."""

    def __init__(
        self,
        job: TrainingJob,
        network: PaintingGenerator,
        phases: tuple[Phase, ...],
        rebuilding: Rebuilding = paint_loss,
    ) -> None:
        """Put the parts together.

        Args:
            job: what is asked for. Unless trained weights are to come, the generator begins with the usual
                face, which takes some seconds.
            network: the generator, fresh.
            phases: in order; an adversary of a phase has all the helpers of those before it.
            rebuilding: how far inpainted crops are from the truth.
        """
        self._photos = job.photos
        self._phases = phases
        self._rebuilding = rebuilding
        self._pairs = PairSettings(size=job.size, masked=1.0, distracted=0.0, damage=0.5)
        self._adversary = phases[-1].adversary
        if not job.begun:
            job.tell(f"Working out the usual face from {_USUAL_FROM} clips, to begin with it ...")
            network.begin_with(usual_face(self.data(0, _USUAL_FROM), _USUAL_FROM))
        self.network: nn.Module = network
        self.helpers: dict[str, nn.Module] = self._adversary.helpers if self._adversary else {}
        self.best_from = phases[-2].until if len(phases) > 1 else 0.0

    def data(self, seed: int, count: int) -> ClipData:
        """See :class:`trainer.recipe.Recipe`."""
        return ClipData(self._photos, self._pairs, seed + 1, count)

    def optimizers(self, rate: float) -> dict[str, torch.optim.Optimizer]:
        """See :class:`trainer.recipe.Recipe`."""
        own = [{"params": list(self.network.parameters()), "initial_lr": rate}]
        others = self._adversary.optimizers() if self._adversary else {}
        return {"network": torch.optim.AdamW(own, rate, betas=(0.9, 0.999), weight_decay=1e-4)} | others

    def step(self, batch: Batch, averaged: nn.Module, learn: Learner, progress: float) -> dict[str, float]:
        """See :class:`trainer.recipe.Recipe`."""
        assert isinstance(self.network, PaintingGenerator)
        phase = next((each for each in self._phases if progress < each.until), self._phases[-1])
        crop = unpack(batch["crop"]).contiguous(memory_format=torch.channels_last)
        truth, worn = unpack(batch["truth"]), unpack(batch["mask"])
        mask = settled(phase.masks(crop, unpack(batch["rough"])))
        adversary = phase.adversary
        if adversary is not None and adversary.learns_alone():
            with torch.no_grad():
                inpainted = self.network.paint(crop, mask)
            return adversary.judge(Painted(inpainted, truth, mask), learn, progress).log
        inpainted = self.network.paint(crop, mask)
        loss = self._rebuilding(inpainted, truth, importance(worn))
        log = {"paint": loss.item()}
        if phase.steady:
            chosen, before = inpainted_before(batch, averaged, phase.masks)
            change = weighted_l1(inpainted[chosen], before, worn[chosen])
            loss = loss + _STEADY * change
            log["change"] = change.item()
        if adversary is not None:
            judged = adversary.judge(Painted(inpainted, truth, mask), learn, progress)
            log |= judged.log
            assert judged.loss is not None
            loss = loss + judged.loss
        for group in learn.optimizers["network"].param_groups:
            group["lr"] *= phase.rate
        learn("network", loss, clip=1.0)
        return log | {"psnr": float(inside_psnr(inpainted.detach(), truth, worn))}

    @torch.no_grad()
    def show(self, averaged: nn.Module, pairs: Batch) -> Shown:
        """See :class:`trainer.recipe.Recipe`.

        By PSNR alone the blurriest weights would be the best: quality is the PSNR inside the mask in dB, less
        the decibels by which slopes there are flatter than the truth's.
        """
        crop, truth, worn = (unpack(pairs[name]) for name in ("crop", "truth", "mask"))
        inpainted = averaged(crop, worn).float()
        finished = laid_in(crop, inpainted, worn)
        psnr, sharpness = inside_psnr(inpainted, truth, worn), inside_sharpness(inpainted, truth, worn)
        quality = psnr + 20 * torch.log10(sharpness.clamp(1e-3, 1))
        figures = {"held_out_psnr": float(psnr), "held_out_sharpness": float(sharpness)}
        return Shown((crop, inpainted, finished, truth), float(quality), figures)
