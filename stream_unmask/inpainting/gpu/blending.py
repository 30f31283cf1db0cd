"""How inpainted crops meet the faces around them; see :mod:`stream_unmask.inpainting.cpu.blending`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from stream_unmask.inpainting import geometry
from stream_unmask.inpainting.cpu.blending import spread
from stream_unmask.inpainting.gpu.coarse import from_coarse, to_coarse
from stream_unmask.inpainting.gpu.pictures import boxed, resized
from stream_unmask.inpainting.gpu.segmenting import settled
from stream_unmask.inpainting.parameters import FEATHER, RIM, THIN, TRACE, Blend


def blend(
    kind: Blend, crops: Tensor, inpainted: Tensor, masks: Tensor, strengths: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """Blend inpainted crops into their crops.

    ``pyramid`` and ``poisson`` are computed on the CPU, of pictures of a quarter of the side: that is little
    work, but the host waits for the GPU and the GPU for the host.

    Args:
        kind: how.
        crops: (N, 3, S, S) RGB in [-1, 1].
        inpainted: (N, 3, S, S) RGB in [-1, 1].
        masks: (N, 1, S, S) in 0..1.
        strengths: how much of each shows, 0..1.

    Returns:
        pictures: (N, 3, S, S) RGB in [-1, 1], what is to be seen where alpha is 1; may be ``inpainted``.
        alphas: (N, 1, S, S) in 0..1, exactly 0 away from the mask and along the crop's border.
    """
    cover = _cover(masks)
    pictures = inpainted
    if kind != "feather":
        differences = (to_coarse(crops) - to_coarse(inpainted)).cpu().numpy()
        covers = to_coarse(cover)[:, 0].cpu().numpy()
        added = np.stack([spread(kind, *each) for each in zip(differences, covers, strict=True)])
        pictures = inpainted + from_coarse(torch.from_numpy(added).to(inpainted.device), inpainted.shape[-1])
        pictures = pictures.clamp_(-1, 1)
    return pictures, faded(cover, strengths)


def faded(covers: Tensor, strengths: Sequence[float]) -> Tensor:
    """Alphas (N, 1, S, S) times strengths, falling to exactly 0 before the crops' borders."""
    alphas = covers * window(covers.shape[-1], covers.device)
    # As numbers the strengths travel with the work, as a tensor ahead of it.
    return torch.cat([alphas[row : row + 1] * strength for row, strength in enumerate(strengths)])


def _cover(masks: Tensor) -> Tensor:
    """(N, 1, S, S) 1 over the mask and its rim, falling to exactly 0 over the feather."""
    size = masks.shape[-1]
    found = settled(functional.avg_pool2d(_grown(masks, 1), 2))
    thin = max(1, round(THIN * size / 4))
    held = -functional.max_pool2d(-found, 2 * thin + 1, 1, thin)
    body = functional.max_pool2d(held, 2 * thin + 1, 1, thin)
    rimmed = torch.maximum(found, _grown(body, max(1, round(RIM * size / 2))))
    reach = max(1, round(FEATHER * size / 8))
    side = 2 * reach + 1
    soft = boxed(boxed(_grown(rimmed, 2 * reach), side), side)
    return resized(((soft - TRACE) * (1 / (1 - 2 * TRACE))).clamp_(0, 1), size)


def _grown(masks: Tensor, pixels: int) -> Tensor:
    """Masks, larger by ``pixels`` on each side: an octagon around each point."""
    for turn in range(pixels):
        if turn % 2:
            across = functional.max_pool2d(masks, (1, 3), 1, (0, 1))
            masks = torch.maximum(across, functional.max_pool2d(masks, (3, 1), 1, (1, 0)))
        else:
            masks = functional.max_pool2d(masks, 3, 1, 1)
    return masks


@cache
def window(size: int, device: torch.device) -> Tensor:
    """(size, size); see :func:`stream_unmask.inpainting.geometry.window`."""
    return torch.from_numpy(geometry.window(size)).to(device)
