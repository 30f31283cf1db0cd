"""Patches that do not flicker; see :mod:`stream_unmask.inpainting.cpu.smoothing`."""

from __future__ import annotations

import torch
from torch import Tensor

from stream_unmask.inpainting.cpu.smoothing import VISIBLE, SmoothingSettings
from stream_unmask.inpainting.gpu.pictures import boxed, resized, to_cells
from stream_unmask.inpainting.timing import FRAME


def smooth(
    maps: Tensor,
    patches: Tensor,
    carried: Tensor,
    faces: Tensor,
    before: Tensor,
    shifts: Tensor,
    elapsed: Tensor,
    settings: SmoothingSettings,
) -> Tensor:
    """Steady one frame's patches and maps. A face without a past has this frame's in the place of its last.

    Args:
        maps: (N, 1, S, S) in 0..1.
        patches: (N, 3, S, S) RGB in [-1, 1].
        carried: (N, 4, S, S) what this function returned for the last frame, brought into these crops.
        faces: (N, 3, S / 4, S / 4) cells of the crops.
        before: those of the last frame, brought into these crops.
        shifts: (N, 1, 1, 1) crop pixels by which the crops have moved.
        elapsed: (N, 1, 1, 1) seconds since the last frame, above 0.
        settings: how strongly.

    Returns:
        (N, 4, S, S) patch and map of each face.
    """
    times = elapsed / FRAME
    still = _stillness(faces, maps, before, shifts / times, settings)
    rising = (settings.keep_map * still) ** times
    falling = torch.maximum(rising, settings.hold_map ** times.clamp(max=1))
    change = carried[:, 3:] - maps
    smooth_maps = maps + change * torch.where(change > 0, falling, rising)

    flicker = settings.small_change + still * (settings.small_change_still - settings.small_change)
    moved = (to_cells(patches) - to_cells(carried[:, :3])).abs().amax(dim=1, keepdim=True)
    share = (settings.keep_patch * (0.4 + 0.6 * still)) ** times
    keep = share * torch.exp((boxed(moved, 3) / flicker) ** 2 * -times)
    smooth_patches = torch.lerp(patches, carried[:, :3], resized(keep, maps.shape[-1]))
    return torch.cat([smooth_patches, smooth_maps], dim=1)


def _stillness(
    faces: Tensor, maps: Tensor, before: Tensor, shifts: Tensor, settings: SmoothingSettings
) -> Tensor:
    """(N, 1, 1, 1): 1 where the visible face has not changed since the last frame, towards 0 as it does."""
    margin = faces.shape[-1] // 8
    inner = (slice(None), slice(None), slice(margin, -margin), slice(margin, -margin))
    visible = (to_cells(maps)[inner] < VISIBLE).float()
    count = visible.sum(dim=(2, 3), keepdim=True)
    changes = (faces - before).abs().mean(dim=1, keepdim=True)[inner]
    change = (changes * visible).sum(dim=(2, 3), keepdim=True) / count.clamp(min=1)
    still = torch.exp(-((change / settings.moved) ** 2) - (shifts / settings.shifted) ** 2)
    return (count > 0) * still
