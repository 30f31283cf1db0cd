"""Losses of the generator."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def importance(map_: Tensor, elsewhere: float = 0.06) -> Tensor:
    """Where the patch matters: N,1,S,S map to weights, 1 on the mask and about 12 pixels around it."""
    coarse = functional.max_pool2d(functional.max_pool2d(map_, 8), 3, 1, 1)
    near = functional.interpolate(coarse, scale_factor=8.0, mode="bilinear", align_corners=False)
    return elsewhere + (1 - elsewhere) * near


def weighted_l1(patch: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Mean absolute difference, N,3,H,W both, where N,1,H,W ``weight`` lies."""
    return (weight * (patch - truth).abs()).sum() / (3 * weight.sum()).clamp(min=1)


def weighted_huber(patch: Tensor, truth: Tensor, weight: Tensor, knee: float = 0.3) -> Tensor:
    """As :func:`weighted_l1`, but square below ``knee``: where a face could look many ways, L1 alone
    answers with flat skin for long, the square with a first soft mouth."""
    cost = functional.huber_loss(patch, truth, reduction="none", delta=knee) / knee
    return (weight * cost).sum() / (3 * weight.sum()).clamp(min=1)


def _slopes(picture: Tensor) -> tuple[Tensor, Tensor]:
    return picture[..., :, 1:] - picture[..., :, :-1], picture[..., 1:, :] - picture[..., :-1, :]


def paint_loss(patch: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Huber and L1 of colours at three scales, L1 of slopes: right tones at large, sharp edges at small."""
    loss = 0.5 * weighted_l1(patch, truth, weight) + weighted_huber(patch, truth, weight)
    for factor in (4, 16):
        small = [functional.avg_pool2d(each, factor) for each in (patch, truth, weight)]
        loss = loss + 0.5 * weighted_l1(small[0], small[1], small[2])
    for one, other, along in zip(_slopes(patch), _slopes(truth), _slopes_of_weight(weight), strict=True):
        loss = loss + 0.2 * weighted_l1(one, other, along)
    return loss


def _slopes_of_weight(weight: Tensor) -> tuple[Tensor, Tensor]:
    return weight[..., :, 1:], weight[..., 1:, :]


def critic_loss(real: Tensor, made: Tensor) -> Tensor:
    """Hinge loss of a critic (Lim & Ye, "Geometric GAN", 2017)."""
    return functional.relu(1 - real).mean() + functional.relu(1 + made).mean()


def matching_loss(real: list[Tensor], made: list[Tensor]) -> Tensor:
    """Feature matching (Wang et al., "pix2pixHD", 2018) over all layers but the verdict."""
    gaps = [functional.l1_loss(one, other.detach()) for one, other in zip(made[:-1], real[:-1], strict=True)]
    return torch.stack(gaps).sum()
