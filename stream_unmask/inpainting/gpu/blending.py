"""How patches meet the faces around them; see :mod:`stream_unmask.inpainting.cpu.blending`."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from stream_unmask.inpainting.cpu.blending import FEATHER, RIM, TRACE, Blend, spread
from stream_unmask.inpainting.cpu.blending import window as window_on_host
from stream_unmask.inpainting.cpu.segmenting import AROUND, DOUBT, MOSTLY, SURE, SURELY
from stream_unmask.inpainting.gpu.pictures import boxed, resized, to_cells


def blend(kind: Blend, crops: Tensor, patches: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
    """Blend patches into their crops.

    ``pyramid`` and ``poisson`` are computed on the CPU, of pictures of a quarter of the side: that is little
    work, but the host waits for the GPU and the GPU for the host.

    Args:
        kind: how.
        crops: (N, 3, S, S) RGB in [-1, 1].
        patches: (N, 3, S, S) RGB in [-1, 1].
        maps: (N, 1, S, S) in 0..1.

    Returns:
        pictures: (N, 3, S, S) RGB in [-1, 1], what is to be seen where alpha is 1; may be ``patches``.
        alphas: (N, 1, S, S) in 0..1, exactly 0 away from the mask and along the crop's border.
    """
    cover = _cover(maps)
    if kind != "feather":
        differences = (to_cells(crops) - to_cells(patches)).cpu().numpy()
        covers = to_cells(cover)[:, 0].cpu().numpy()
        added = np.stack([spread(kind, *each) for each in zip(differences, covers, strict=True)])
        patches = patches + resized(torch.from_numpy(added).to(patches.device), patches.shape[-1])
        patches = patches.clamp_(-1, 1)
    return patches, cover * window(maps.shape[-1], maps.device)


def settled(maps: Tensor) -> Tensor:
    """Maps without their doubts; see :func:`stream_unmask.inpainting.cpu.segmenting.settled`."""
    return ((maps - DOUBT) * (1 / (SURE - DOUBT))).clamp_(0, 1)


def filled(maps: Tensor) -> Tensor:
    """Maps without holes; see :func:`stream_unmask.inpainting.cpu.segmenting.filled`."""
    cells = settled(to_cells(maps))
    share = boxed(cells, 2 * round(AROUND * cells.shape[-1]) + 1)
    inside = ((share - MOSTLY) * (1 / (SURELY - MOSTLY))).clamp_(0, 1)
    return torch.maximum(maps, resized(inside, maps.shape[-1]))


def _cover(maps: Tensor) -> Tensor:
    """(N, 1, S, S) 1 over the mask and its rim, falling to exactly 0 over the feather."""
    size = maps.shape[-1]
    mask = settled(functional.avg_pool2d(_grown(maps, square=True), 2))
    reach = max(1, round(FEATHER * size / 8))
    for turn in range(2 * reach + max(1, round(RIM * size / 2))):
        mask = _grown(mask, square=turn % 2 == 0)
    side = 2 * reach + 1
    soft = boxed(boxed(mask, side), side)
    return resized(((soft - TRACE) * (1 / (1 - 2 * TRACE))).clamp_(0, 1), size)


def _grown(planes: Tensor, *, square: bool) -> Tensor:
    """The largest of each pixel and those around it: all eight, or the four beside it."""
    if square:
        return functional.max_pool2d(planes, 3, 1, 1)
    across = functional.max_pool2d(planes, (1, 3), 1, (0, 1))
    return torch.maximum(across, functional.max_pool2d(planes, (3, 1), 1, (1, 0)))


@cache
def window(size: int, device: torch.device) -> Tensor:
    """(size, size); see :func:`stream_unmask.inpainting.cpu.blending.window`."""
    return torch.from_numpy(window_on_host(size)).to(device)
