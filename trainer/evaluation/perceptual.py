"""LPIPS and FID, where the networks that they need are on this machine: nothing is downloaded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Bytes = NDArray[np.uint8]

_BATCH = 16
_NEEDS = {
    "lpips": ("torchvision", "alexnet-owt-7be5be79.pth"),
    "fid": ("torch_fidelity", "weights-inception-2015-12-05-6726825d.pth"),
}
"""Packages, and files by the names under which the packages look for them: any other they would download."""


@cache
def lacking() -> dict[str, str]:
    """Measures that cannot be taken here, and what each lacks."""
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    reasons = {}
    for measure, (package, weights) in _NEEDS.items():
        if find_spec(package) is None:
            reasons[measure] = f"the package {package} is not installed"
        elif not (folder / weights).exists():
            reasons[measure] = f"{weights} is not in {folder}"
        else:
            try:
                import_module(package)
            except (ImportError, RuntimeError) as error:  # what a torchvision for another PyTorch raises
                reasons[measure] = f"the package {package} does not work here ({error})"
    return reasons


def perceptual(made: Sequence[Bytes], real: Sequence[Bytes]) -> dict[str, float]:
    """The measures that can be taken here, of (S, S, 3) RGB pictures in pairs; lower is better.

    Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", 2018 (AlexNet);
    Heusel et al., "GANs Trained by a Two Time-Scale Update Rule", 2017.
    """
    figures = {}
    if "lpips" not in lacking():
        from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

        distance = LearnedPerceptualImagePatchSimilarity("alex")
        for one, other in zip(_batches(made), _batches(real), strict=True):
            distance.update(one / 127.5 - 1, other / 127.5 - 1)
        figures["lpips"] = float(distance.compute())
    if "fid" not in lacking():
        from torchmetrics.image.fid import FrechetInceptionDistance

        fid = FrechetInceptionDistance()
        for pictures, is_real in ((made, False), (real, True)):
            for batch in _batches(pictures):
                fid.update(batch.to(torch.uint8), real=is_real)
        figures["fid"] = float(fid.compute())
    return figures


def _batches(pictures: Sequence[Bytes]) -> Iterable[Tensor]:
    for place in range(0, len(pictures), _BATCH):
        yield torch.from_numpy(np.stack(pictures[place : place + _BATCH])).permute(0, 3, 1, 2).float()
