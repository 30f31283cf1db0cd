"""Inpainted crops in the colours and the sharpness of their faces.

See :mod:`stream_unmask.inpainting.cpu.colour`.

What the twin on the CPU decides with ``if`` is chosen by ``torch.where`` here: the host does not wait for it.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple, Self

import cv2
import torch
from torch import Tensor

from stream_unmask.inpainting.gpu.coarse import face_ring, from_coarse, likely_face, to_coarse, visible_face
from stream_unmask.inpainting.gpu.pictures import filtered
from stream_unmask.inpainting.parameters import COLOURED, GREY, NO_DETAIL, ColourSettings
from stream_unmask.inpainting.timing import FRAME


class Estimate(NamedTuple):
    """What has been learnt of the faces; of one without its first dimension.

    Attributes:
        offset: (N, 3, 3) for each colour a constant and slopes along x and y.
        has_offset: (N,) bool: there is one.
        detail: (N, 2) factors for fine and middling detail.
        has_detail: (N,) bool: there are some.
    """

    offset: Tensor
    has_offset: Tensor
    detail: Tensor
    has_detail: Tensor

    @classmethod
    def nothing(cls, device: torch.device) -> Self:
        """What is known of one face at first."""
        never = torch.zeros((), dtype=torch.bool, device=device)
        return cls(torch.zeros((3, 3), device=device), never, torch.ones(2, device=device), never)

    @classmethod
    def of_all(cls, estimates: list[Self]) -> Self:
        """Those of several faces as one."""
        return cls(*(torch.stack(each) for each in zip(*estimates, strict=True)))

    def of_one(self, index: int) -> Self:
        """That of one face."""
        return type(self)(*(each[index] for each in self))


def match(
    crops: Tensor,
    masks: Tensor,
    inpainted: Tensor,
    known: Estimate,
    elapsed: Tensor,
    settings: ColourSettings,
) -> tuple[Tensor, Estimate]:
    """Match one frame's inpainted crops.

    Args:
        crops: (N, 3, S, S) RGB in [-1, 1].
        masks: (N, 1, S, S) in 0..1.
        inpainted: (N, 3, S, S) RGB in [-1, 1].
        known: what was learnt before.
        elapsed: (N,) seconds since then, above 0.
        settings: how.

    Returns:
        The inpainted crops (N, 3, S, S), RGB in [-1, 1], and what is known now.
    """
    coarse, coarse_masks, made = to_coarse(crops), to_coarse(masks), to_coarse(inpainted)
    rate = 1 - (1 - settings.rate) ** (elapsed / FRAME)
    ring = face_ring(coarse_masks[:, 0])
    offset, has_offset = _learn_colour(coarse - made, ring, known, rate, settings)
    size, tap = crops.shape[-1], _blur(crops.device)
    soft, wide = filtered(inpainted, tap, tap, "reflect"), from_coarse(made, size)
    green, seen = slice(1, 2), visible_face(coarse_masks[:, 0])
    soft_crops = filtered(crops[:, green], tap, tap, "reflect")
    of_crop = _details(crops[:, green], soft_crops, from_coarse(coarse[:, green], size), seen)
    of_made = _details(inpainted[:, green], soft[:, green], wide[:, green], seen)
    ratios = ((of_crop + NO_DETAIL) / (of_made + NO_DETAIL)).clamp(max=settings.sharpest)
    has_detail = seen.sum(dim=(1, 2)) >= settings.least_cells
    followed = known.detail + rate[:, None] * (ratios - known.detail)
    learnt = torch.where(known.has_detail[:, None], followed, ratios)
    detail = torch.where(has_detail[:, None], learnt, known.detail)
    now = Estimate(offset, has_offset, detail, has_detail | known.has_detail)

    added = (offset @ _basis(size, crops.device).flatten(1)).view(inpainted.shape)
    fine, middling = detail[:, :, None, None, None].unbind(dim=1)
    matched = wide + middling * (soft - wide) + fine * (inpainted - soft)
    matched = (matched + added).clamp_(-1, 1)
    return torch.lerp(matched.mean(dim=1, keepdim=True), matched, _colourfulness(coarse, coarse_masks)), now


def _colourfulness(coarse: Tensor, coarse_masks: Tensor) -> Tensor:
    """(N, 1, 1, 1); see :func:`stream_unmask.inpainting.cpu.colour.colourfulness`."""
    bare = 1 - coarse_masks
    spread = (coarse.amax(dim=1, keepdim=True) - coarse.amin(dim=1, keepdim=True)) * bare
    seen = bare.sum(dim=(1, 2, 3), keepdim=True)
    share = spread.sum(dim=(1, 2, 3), keepdim=True) / seen.clamp(min=1)
    return ((share - GREY) * (1 / (COLOURED - GREY))).clamp(0, 1).masked_fill(seen < 1, 1)


def _learn_colour(
    differences: Tensor, ring: Tensor, known: Estimate, rate: Tensor, settings: ColourSettings
) -> tuple[Tensor, Tensor]:
    side = ring.shape[-1]
    basis = _basis(side, ring.device).flatten(1)
    likely = likely_face(side, ring.device).flatten() * ring.flatten(1)
    difference = differences.flatten(2)
    fit, enough = known.offset, ring.sum(dim=(1, 2)) >= settings.least_cells
    for reach in (2 * settings.outlier, settings.outlier):
        away = ((difference - fit @ basis) ** 2).mean(dim=1)
        weight = likely * torch.exp(away * (-1 / reach**2))
        enough = enough & (weight.sum(dim=1) >= settings.least_cells)
        fit = _weighted_fit(basis, weight, difference)
    fit = fit.clamp(-settings.limit, settings.limit)
    followed = torch.lerp(known.offset, fit, rate[:, None, None])
    learnt = torch.where(known.has_offset[:, None, None], followed, fit)
    return torch.where(enough[:, None, None], learnt, known.offset), enough | known.has_offset


def _weighted_fit(basis: Tensor, weight: Tensor, values: Tensor) -> Tensor:
    """(N, 3, 3) least-squares coefficients of ``basis`` (3, n) for ``values`` (N, 3, n)."""
    weighted = basis * weight[:, None]
    total = weight.sum(dim=1)[:, None]
    stiffness = torch.diag_embed(torch.cat([1e-6 * total, 0.15 * total, 0.15 * total], dim=1))
    # The plain solve would look at the result, and make the host wait.
    found: Tensor
    found, _ = torch.linalg.solve_ex(weighted @ basis.T + stiffness, weighted @ values.transpose(1, 2))
    return found.transpose(1, 2)


def _details(planes: Tensor, soft: Tensor, wide: Tensor, seen: Tensor) -> Tensor:
    """(N, 2); see :func:`stream_unmask.inpainting.cpu.colour._details`."""
    return torch.stack([_median(each.abs(), seen) for each in (planes - soft, soft - wide)], dim=1)


def _median(amounts: Tensor, seen: Tensor) -> Tensor:
    """(N,) median over the ``seen`` cells of their means; anything where there are none."""
    amounts = to_coarse(amounts)[:, 0].masked_fill(~seen, torch.inf).flatten(1).sort(dim=1).values
    count = seen.sum(dim=(1, 2))[:, None].clamp(min=1)
    middle = torch.cat([(count - 1) // 2, count // 2], dim=1)
    return amounts.gather(1, middle).mean(dim=1)


@cache
def _blur(device: torch.device) -> Tensor:
    return torch.from_numpy(cv2.getGaussianKernel(5, 1.0, cv2.CV_32F)[:, 0]).to(device)


@cache
def _basis(side: int, device: torch.device) -> Tensor:
    """(3, side, side): 1, and the place along x and y from -1 to 1."""
    place = torch.linspace(-1, 1, side).expand(side, side)
    # Not computed there, where it would be done for those alone who are in the same stream.
    return torch.stack([torch.ones_like(place), place, place.T]).to(device)
