"""How sure of face masks the masks are; see :mod:`stream_unmask.inpainting.cpu.segmenting`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from stream_unmask.inpainting.geometry import beyond
from stream_unmask.inpainting.gpu.coarse import from_coarse, to_coarse
from stream_unmask.inpainting.gpu.pictures import boxed, places
from stream_unmask.inpainting.parameters import (
    AROUND,
    BESIDE,
    BROAD_SIDE,
    DOUBT,
    FAINT_GAIN,
    LOW,
    MOSTLY,
    NEAR,
    SCORED_SHARE,
    SCORED_SIDE,
    SURE,
    SURELY,
)
from stream_unmask.pixels.geometry import Affine, Box, invert


def greyed(crops: Tensor, alignments: Sequence[Affine], width: int, height: int) -> Tensor:
    """Crops (N, 3, S, S) for the segmenter; see :func:`stream_unmask.inpainting.cpu.segmenting.greyed`."""
    size = crops.shape[-1]
    if not any(beyond(each, size, width, height) for each in alignments):
        return crops
    whole = Box(0, 0, size, size)
    insides = []
    for alignment in alignments:
        x, y = places(invert(alignment), whole, crops.device)
        insides.append((x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5))
    return crops * torch.stack(insides)[:, None]


def settled(masks: Tensor) -> Tensor:
    """Masks without their doubts; see :func:`stream_unmask.inpainting.cpu.segmenting.settled`."""
    return ((masks - DOUBT) * (1 / (SURE - DOUBT))).clamp_(0, 1)


def fill_holes(masks: Tensor) -> Tensor:
    """Masks (N, 1, S, S) without holes; see :func:`stream_unmask.inpainting.cpu.segmenting.fill_holes`."""
    coarse = settled(to_coarse(masks))
    share = boxed(coarse, 2 * round(AROUND * coarse.shape[-1]) + 1, "replicate")
    inside = ((share - MOSTLY) * (1 / (SURELY - MOSTLY))).clamp_(0, 1)
    return torch.maximum(masks, from_coarse(inside, masks.shape[-1]))


def with_faint(masks: Tensor) -> Tensor:
    """Masks (N, 1, S, S) with what is faint beside them; see
    :func:`stream_unmask.inpainting.cpu.segmenting.with_faint`."""
    coarse = ((to_coarse(masks) - SURE) * (1 / (1 - SURE))).clamp_(0, 1)
    near = boxed(coarse, 2 * round(BESIDE * coarse.shape[-1]) + 1, "replicate") * (1 / NEAR)
    beside = from_coarse(near.clamp_(max=1), masks.shape[-1])
    faint = torch.minimum(torch.where(masks < SURE, masks, 0) * FAINT_GAIN, beside)
    faint = (faint * 255).floor_() * (1 / 255)
    held = -max_pool2d(-faint, BROAD_SIDE, 1, BROAD_SIDE // 2)
    broad = max_pool2d(held, 2 * BROAD_SIDE - 1, 1, BROAD_SIDE - 1)
    return torch.maximum(masks, torch.minimum(broad, faint))


def mask_scores(masks: Tensor) -> Tensor:
    """(N,) of (N, 1, S, S); see :func:`stream_unmask.inpainting.cpu.segmenting.mask_score`."""
    weights = _area_weights(masks.shape[-1], masks.device)
    small = (weights @ masks @ weights.T).flatten(1)
    return small.topk(round(SCORED_SHARE * small.shape[1]), dim=1).values.mean(dim=1)


def widths_below(masks: Tensor) -> Tensor:
    """(N,) of (N, 1, S, S); see :func:`stream_unmask.inpainting.cpu.segmenting.width_below`."""
    return (masks[:, 0, round(LOW * masks.shape[-1])] > SURE).float().mean(dim=1)


@cache
def _area_weights(size: int, device: torch.device) -> Tensor:
    """(SCORED_SIDE, S) that takes each column of a mask to one of the small mask that is scored."""
    unit = np.eye(size, dtype=np.float32)
    return torch.from_numpy(cv2.resize(unit, (size, SCORED_SIDE), interpolation=cv2.INTER_AREA)).to(device)
