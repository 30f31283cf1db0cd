"""Inpainted crops that do not flicker.

A recursive filter along time whose weight follows the picture: strong where the face is still and the
inpainted crop hardly changes, none where it has really changed (a mouth that opens, a cut).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import Alignment
from stream_unmask.inpainting.cpu.coarse import from_coarse, to_coarse
from stream_unmask.inpainting.cpu.warping import warp
from stream_unmask.inpainting.geometry import TO_COARSE, displacement
from stream_unmask.inpainting.parameters import VISIBLE, SmoothingSettings
from stream_unmask.inpainting.timing import FRAME, left
from stream_unmask.pixels.geometry import Affine, compose, invert


@dataclass(frozen=True, slots=True)
class Steadied:
    """What is kept of a face's last frame.

    Attributes:
        mask: (S, S), steadied.
        inpainted: (3, S, S), steadied.
        coarse: (3, S / 4, S / 4) the crop on the coarse grid.
        alignment: where that lay.
    """

    mask: NDArray[np.float32]
    inpainted: NDArray[np.float32]
    coarse: NDArray[np.float32]
    alignment: Affine


def smooth(
    crop: NDArray[np.float32],
    mask: NDArray[np.float32],
    inpainted: NDArray[np.float32],
    last: Steadied | None,
    alignment: Alignment,
    elapsed: float,
    settings: SmoothingSettings,
) -> Steadied:
    """Steady one frame's mask and inpainted crop.

    Args:
        crop: (3, S, S) RGB in [-1, 1].
        mask: (S, S) in 0..1, C-contiguous.
        inpainted: (3, S, S) RGB in [-1, 1], C-contiguous.
        last: what this function returned for the last frame; None where this is the first.
        alignment: where this crop lies.
        elapsed: seconds since the last frame, above 0.
        settings: how strongly.

    Returns:
        The steadied mask and inpainted crop in new arrays, to be read only, with what goes with them.
    """
    place, coarse = alignment.matrix, to_coarse(crop)
    if last is None:
        return Steadied(mask.copy(), inpainted.copy(), coarse, place)
    warped_mask = warp(last.mask[None], last.alignment, place)[0]
    warped = warp(last.inpainted, last.alignment, place)
    still = _stillness(coarse, mask, last, place, elapsed, settings)
    steady_mask = np.empty(mask.shape, np.float32)
    rising = left(settings.keep_mask * still, elapsed)
    falling = max(rising, left(settings.hold_mask, min(elapsed, FRAME)))
    _mix_masks(mask, warped_mask, rising, falling, steady_mask)
    keep = _keep(to_coarse(inpainted), to_coarse(warped), still, elapsed, settings)
    steady = np.empty(inpainted.shape, np.float32)
    _mix(inpainted, warped, from_coarse(keep, mask.shape[0]), steady)
    return Steadied(steady_mask, steady, coarse, place)


def warm_up() -> None:
    """Compile (or load from numba's cache) what the smoother runs."""
    planes = np.zeros((3, 2, 2), np.float32)
    _mix(planes, planes, planes[0], planes.copy())
    _mix_masks(planes[0], planes[0], 0.5, 0.5, planes[1])


def _stillness(
    coarse: NDArray[np.float32],
    mask: NDArray[np.float32],
    last: Steadied,
    alignment: Affine,
    elapsed: float,
    settings: SmoothingSettings,
) -> float:
    """1 when the visible face has not changed since the last frame, towards 0 as it does."""
    side, size = coarse.shape[1], mask.shape[0]
    before = warp(last.coarse, compose(TO_COARSE, last.alignment), compose(TO_COARSE, alignment))
    visible = to_coarse(mask) < VISIBLE
    margin = side // 8
    visible[:margin], visible[-margin:], visible[:, :margin], visible[:, -margin:] = 0, 0, 0, 0
    count = int(visible.sum())
    if count == 0:
        return 0.0
    change = float(np.abs(coarse - before).mean(axis=0)[visible].mean())
    shift = displacement(compose(alignment, invert(last.alignment)), size) * FRAME / elapsed
    return math.exp(-((change / settings.moved) ** 2) - (shift / settings.shifted) ** 2)


def _keep(
    inpainted: NDArray[np.float32],
    warped: NDArray[np.float32],
    still: float,
    elapsed: float,
    settings: SmoothingSettings,
) -> NDArray[np.float32]:
    """Share of the last inpainted crop, warped, that stays; all on the coarse grid."""
    flicker = settings.small_change + still * (settings.small_change_still - settings.small_change)
    change: NDArray[Any] = cv2.blur(np.abs(inpainted - warped).max(axis=0), (3, 3))
    share = left(settings.keep_inpainted * (0.4 + 0.6 * still), elapsed)
    return np.float32(share) * np.exp((change / np.float32(flicker)) ** 2 * np.float32(-elapsed / FRAME))


@numba.njit(nogil=True, cache=True, fastmath=True)
def _mix(inpainted: Any, warped: Any, keep: Any, out: Any) -> None:
    """``inpainted`` (3, S, S) moved towards ``warped`` by ``keep`` (S, S)."""
    for k in range(3):
        for i in range(keep.shape[0]):
            for j in range(keep.shape[1]):
                new = inpainted[k, i, j]
                out[k, i, j] = new + keep[i, j] * (warped[k, i, j] - new)


@numba.njit(nogil=True, cache=True, fastmath=True)
def _mix_masks(mask: Any, warped: Any, rising: Any, falling: Any, out: Any) -> None:
    """``mask`` moved towards ``warped`` by ``rising`` where that is higher, by ``falling`` where lower."""
    keep_rising, keep_falling = np.float32(rising), np.float32(falling)
    for i in range(mask.shape[0]):
        for j in range(mask.shape[1]):
            change = warped[i, j] - mask[i, j]
            out[i, j] = mask[i, j] + change * (keep_falling if change > 0 else keep_rising)
