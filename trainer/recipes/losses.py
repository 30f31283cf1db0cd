"""Losses of generators and of their critics."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

_SSIM_WINDOW = 11
_SSIM_SPREAD = 1.5


def importance(mask: Tensor, elsewhere: float = 0.06) -> Tensor:
    """Where what is inpainted counts: N,1,S,S mask to weights, 1 on the mask and some 12 pixels around it."""
    coarse = functional.max_pool2d(functional.max_pool2d(mask, 8), 3, 1, 1)
    near = functional.interpolate(coarse, scale_factor=8.0, mode="bilinear", align_corners=False)
    return elsewhere + (1 - elsewhere) * near


def weighted_l1(inpainted: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Mean absolute difference, N,3,H,W both, where N,1,H,W ``weight`` lies."""
    return (weight * (inpainted - truth).abs()).sum() / (3 * weight.sum()).clamp(min=1)


def weighted_huber(inpainted: Tensor, truth: Tensor, weight: Tensor, knee: float = 0.3) -> Tensor:
    """As :func:`weighted_l1`, but square below ``knee``: where a face could look many ways, L1 alone
    answers with flat skin for long, the square with a first soft mouth."""
    cost = functional.huber_loss(inpainted, truth, reduction="none", delta=knee) / knee
    return (weight * cost).sum() / (3 * weight.sum()).clamp(min=1)


def slopes(picture: Tensor) -> tuple[Tensor, Tensor]:
    """N,C,H,W-1 and N,C,H-1,W differences of neighbours, across and down."""
    return picture[..., :, 1:] - picture[..., :, :-1], picture[..., 1:, :] - picture[..., :-1, :]


def paint_loss(inpainted: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Huber and L1 of colours at three scales, L1 of slopes: right tones at large, sharp edges at small."""
    loss = 0.5 * weighted_l1(inpainted, truth, weight) + weighted_huber(inpainted, truth, weight)
    for factor in (4, 16):
        small = [functional.avg_pool2d(each, factor) for each in (inpainted, truth, weight)]
        loss = loss + 0.5 * weighted_l1(small[0], small[1], small[2])
    return loss + 0.2 * slope_loss(inpainted, truth, weight)


def slope_loss(inpainted: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """As :func:`weighted_l1`, of how both differ from pixel to pixel, across and down."""
    along = slopes(inpainted), slopes(truth), _slopes_of_weight(weight)
    losses = [weighted_l1(one, other, place) for one, other, place in zip(*along, strict=True)]
    return torch.stack(losses).sum()


def _slopes_of_weight(weight: Tensor) -> tuple[Tensor, Tensor]:
    return weight[..., :, 1:], weight[..., 1:, :]


def inside_psnr(inpainted: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB of inpainted crops inside the mask; N,3,S,S in -1..1 and N,1,S,S."""
    error = (mask * (inpainted.clamp(-1, 1) - truth) ** 2).sum() / (3 * mask.sum()).clamp(min=1)
    return 10 * torch.log10(4 / error.clamp(min=1e-6))


def inside_sharpness(inpainted: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """Mean slope of inpainted crops inside the mask over that of the truth; N,3,S,S in -1..1 and N,1,S,S."""

    def steepness(picture: Tensor) -> Tensor:
        along = zip(slopes(picture), _slopes_of_weight(mask), strict=True)
        return torch.stack([(weight * slope.abs()).sum() for slope, weight in along]).sum()

    return steepness(inpainted.clamp(-1, 1)) / steepness(truth).clamp(min=1e-6)


def similarity(one: Tensor, other: Tensor) -> Tensor:
    """SSIM (Wang et al., "Image Quality Assessment", 2004) at every pixel of N,3,H,W in -1..1.

    The Gaussian window is theirs, 11 pixels wide; N,3,H-10,W-10 come back, 1 where both are the same.
    """
    places = torch.arange(_SSIM_WINDOW, device=one.device) - _SSIM_WINDOW // 2
    bell = torch.exp(-(places**2) / (2 * _SSIM_SPREAD**2))
    window = (bell[:, None] * bell / bell.sum() ** 2).expand(3, 1, -1, -1)
    # The variances are small differences of large numbers: too fine for 16 bits.
    with torch.autocast(one.device.type, enabled=False):
        one, other = one.float(), other.float()
        stack = torch.cat([one, other, one * one, other * other, one * other])
        mean1, mean2, square1, square2, product = functional.conv2d(stack, window, groups=3).chunk(5)
        spread1, spread2, together = square1 - mean1**2, square2 - mean2**2, product - mean1 * mean2
        calm, firm = 0.02**2, 0.06**2
        light = (2 * mean1 * mean2 + calm) / (mean1**2 + mean2**2 + calm)
        return light * (2 * together + firm) / (spread1 + spread2 + firm)


def mask_entropy(alpha: Tensor, mask: Tensor, weight: Tensor | None = None) -> Tensor:
    """Binary cross-entropy of an alpha, N,1,S,S in 0..1, from the mask that it shall be, weighted or not.

    In float32: its logarithms are none for 16 bits.
    """
    with torch.autocast(alpha.device.type, enabled=False):
        return functional.binary_cross_entropy(alpha.float(), mask.float(), weight)


def critic_loss(real: Tensor, made: Tensor) -> Tensor:
    """Hinge loss of a critic (Lim & Ye, "Geometric GAN", 2017)."""
    return functional.relu(1 - real).mean() + functional.relu(1 + made).mean()


def matching_loss(real: list[Tensor], made: list[Tensor]) -> Tensor:
    """Feature matching (Wang et al., "pix2pixHD", 2018) over all layers but the verdict."""
    gaps = [functional.l1_loss(one, other.detach()) for one, other in zip(made[:-1], real[:-1], strict=True)]
    return torch.stack(gaps).sum()


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, made: Tensor) -> Tensor:
    """How far the critic's slope is from 1 between real and made pictures, N,3,H,W both.

    Gulrajani et al., "Improved Training of Wasserstein GANs", 2017. In float32: it is a gradient's gradient.
    """
    share = torch.rand(len(real), 1, 1, 1).to(real.device)
    with torch.autocast(real.device.type, enabled=False):
        between = (real + share * (made - real)).float().detach().requires_grad_()
        (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        return ((slope.square().sum((1, 2, 3)) + 1e-12).sqrt() - 1).square().mean()
