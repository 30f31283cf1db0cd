"""Inpainted crops that do not flicker; see :mod:`stream_unmask.inpainting.cpu.smoothing`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from stream_unmask.faces.alignment import Alignment
from stream_unmask.inpainting.gpu.coarse import from_coarse, to_coarse
from stream_unmask.inpainting.gpu.pictures import boxed
from stream_unmask.inpainting.gpu.warping import warp
from stream_unmask.inpainting.parameters import VISIBLE, SmoothingSettings
from stream_unmask.inpainting.timing import FRAME


class Steadied(NamedTuple):
    """What is kept of a face's last frame.

    Attributes:
        inpainted: (4, S, S) inpainted crop and mask, steadied.
        coarse: (3, S / 4, S / 4) the crop on the coarse grid.
        alignment: where that lay.
    """

    inpainted: Tensor
    coarse: Tensor
    alignment: Alignment


def smooth(
    crops: Tensor,
    masks: Tensor,
    inpainted: Tensor,
    last: Sequence[Steadied | None],
    alignments: Sequence[Alignment],
    steps: Tensor,
    settings: SmoothingSettings,
) -> tuple[Tensor, Tensor, list[Steadied]]:
    """Steady one frame's masks and inpainted crops.

    Args:
        crops: (N, 3, S, S) RGB in [-1, 1].
        masks: (N, 1, S, S) in 0..1.
        inpainted: (N, 3, S, S) RGB in [-1, 1].
        last: what this function returned for each face's last frame; None where this is the first.
        alignments: where the crops lie.
        steps: (N, 14) how each crop has moved since, see :func:`~stream_unmask.inpainting.gpu.warping.moves`,
            and the seconds since then, above 0.
        settings: how strongly.

    Returns:
        Masks (N, 1, S, S) and inpainted crops (N, 3, S, S), steadied, and what is kept of each; all to be
        read only.
    """
    fresh, coarse = torch.cat([inpainted, masks], dim=1), to_coarse(crops)
    # A face without a past has this frame in the place of its last.
    past = [each or Steadied(fresh[k], coarse[k], alignments[k]) for k, each in enumerate(last)]
    warped = warp(torch.stack([each.inpainted for each in past]), steps[:, :6])
    before = warp(torch.stack([each.coarse for each in past]), steps[:, 6:12])
    shifts, elapsed = steps[:, 12:, None, None, None].unbind(1)
    times = elapsed / FRAME
    still = _stillness(coarse, masks, before, shifts / times, settings)
    steady_masks = _steady_masks(masks, warped[:, 3:], still, times, settings)
    steady = _steady_pictures(inpainted, warped[:, :3], still, times, settings)
    kept = torch.cat([steady, steady_masks], dim=1)
    return steady_masks, steady, [Steadied(*each) for each in zip(kept, coarse, alignments, strict=True)]


def _steady_masks(
    masks: Tensor, warped: Tensor, still: Tensor, times: Tensor, settings: SmoothingSettings
) -> Tensor:
    rising = (settings.keep_mask * still) ** times
    falling = torch.maximum(rising, settings.hold_mask ** times.clamp(max=1))
    change = warped - masks
    return masks + change * torch.where(change > 0, falling, rising)


def _steady_pictures(
    inpainted: Tensor, warped: Tensor, still: Tensor, times: Tensor, settings: SmoothingSettings
) -> Tensor:
    flicker = settings.small_change + still * (settings.small_change_still - settings.small_change)
    moved = (to_coarse(inpainted) - to_coarse(warped)).abs().amax(dim=1, keepdim=True)
    share = (settings.keep_inpainted * (0.4 + 0.6 * still)) ** times
    keep = share * torch.exp((boxed(moved, 3) / flicker) ** 2 * -times)
    return torch.lerp(inpainted, warped, from_coarse(keep, inpainted.shape[-1]))


def _stillness(
    coarse: Tensor, masks: Tensor, before: Tensor, shifts: Tensor, settings: SmoothingSettings
) -> Tensor:
    """(N, 1, 1, 1): 1 where the visible face has not changed since the last frame, towards 0 as it does."""
    margin = coarse.shape[-1] // 8
    inner = (slice(None), slice(None), slice(margin, -margin), slice(margin, -margin))
    visible = (to_coarse(masks)[inner] < VISIBLE).float()
    count = visible.sum(dim=(2, 3), keepdim=True)
    changes = (coarse - before).abs().mean(dim=1, keepdim=True)[inner]
    change = (changes * visible).sum(dim=(2, 3), keepdim=True) / count.clamp(min=1)
    still = torch.exp(-((change / settings.moved) ** 2) - (shifts / settings.shifted) ** 2)
    return (count > 0) * still
