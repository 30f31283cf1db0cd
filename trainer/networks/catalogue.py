"""Every network by name, with the shapes of what it takes: for the table of sizes, and for trying exports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from trainer.networks.discriminators import (
    Critic,
    RegionCritic,
    SiameseCritic,
    WassersteinCritic,
    WholeFaceCritic,
)
from trainer.networks.encoder import FaceEncoder
from trainer.networks.full import FullGenerator
from trainer.networks.generator import LightGenerator
from trainer.networks.guided import GuidedGenerator
from trainer.networks.segmenter import UNetSegmenter
from trainer.networks.translator import Translator


@dataclass(frozen=True, slots=True)
class Listed:
    """A network of the catalogue.

    Attributes:
        make: makes it, for pictures of a given side.
        channels: of each of its inputs.
        sizes: sides S of pictures that it is meant for.
    """

    make: Callable[[int], nn.Module]
    channels: tuple[int, ...]
    sizes: tuple[int, ...]

    def samples(self, size: int, count: int = 1) -> tuple[Tensor, ...]:
        """Random inputs, N,C,S,S in 0..1, for ``size`` as S."""
        return tuple(torch.rand(count, channels, size, size) for channels in self.channels)


CATALOGUE = {
    "segmenter": Listed(lambda _: UNetSegmenter(), (3,), (256,)),
    "generator light": Listed(lambda _: LightGenerator(), (3, 1), (256,)),
    "generator guided": Listed(lambda _: GuidedGenerator(), (3, 1, 3, 1), (256,)),
    "generator full": Listed(lambda _: FullGenerator(), (3, 1), (256, 512)),
    "translator": Listed(lambda _: Translator(), (3,), (128, 256)),
    "face encoder": Listed(lambda _: FaceEncoder(), (3,), (256,)),
    "patch critic": Listed(lambda _: Critic(), (3,), (256,)),
    "whole-face critic": Listed(lambda _: WholeFaceCritic(), (3,), (256,)),
    "mask-region critic": Listed(lambda _: RegionCritic(), (3, 1), (256,)),
    "siamese critic": Listed(lambda _: SiameseCritic(), (3, 3), (256,)),
    "wasserstein critic": Listed(WassersteinCritic, (3,), (64, 256)),
}


@dataclass(frozen=True, slots=True)
class NetworkCost:
    """What a network takes.

    Attributes:
        parameters: numbers that are learnt.
        multiply_adds: for one picture.
    """

    parameters: int
    multiply_adds: int


def measure(listed: Listed, size: int) -> NetworkCost:
    """Count a network's parameters, and its multiply-adds for one picture, without running it."""
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        network = listed.make(size).eval()
        network(*listed.samples(size))
    learnt = sum(weight.numel() for weight in network.parameters())
    return NetworkCost(learnt, counter.get_total_flops() // 2)
