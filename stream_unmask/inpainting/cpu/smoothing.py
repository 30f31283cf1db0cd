"""Patches that do not flicker."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import Alignment
from stream_unmask.inpainting.cpu.coarse import CELL, from_cells, to_cells
from stream_unmask.inpainting.cpu.warping import carry_planes, displacement
from stream_unmask.inpainting.timing import FRAME, left
from stream_unmask.pixels.geometry import Affine, compose, invert

VISIBLE = 0.1
"""Map value up to which a cell counts as visible face."""


@dataclass(frozen=True, slots=True)
class SmoothingSettings:
    """How much of the last patch and map stays in the next ones.

    Differences are of RGB in [-1, 1]: one 8-bit level is 0.008. Shares are those that stay after a thirtieth
    of a second (:data:`~stream_unmask.inpainting.timing.FRAME`); smaller ones do after a longer time.

    Attributes:
        keep_patch: share of the carried patch that stays where a still face's patch hardly changes.
        keep_map: share of the carried map that stays on a still face.
        hold_map: share of the carried map that stays in any case where the new one is lower, so that
            one missed frame does not let the mask flash through, however seldom frames come.
        small_change: difference between patch and carried patch that is taken for flicker when the
            face moves; larger ones are taken for real and shown.
        small_change_still: the same when the face is still.
        moved: mean difference of the visible face between two frames at which it no longer counts as
            still.
        shifted: crop pixels that the face may shift against its crop's last place in a thirtieth of a
            second for the same.
    """

    keep_patch: float = 0.75
    keep_map: float = 0.5
    hold_map: float = 0.4
    small_change: float = 0.05
    small_change_still: float = 0.14
    moved: float = 0.06
    shifted: float = 12.0


@dataclass(frozen=True, slots=True)
class _Last:
    """What is kept of the last frame.

    Attributes:
        map: (S, S), steadied.
        patch: (3, S, S), steadied.
        face: (3, S / 4, S / 4) cells of the crop.
        alignment: where that lay.
    """

    map: NDArray[np.float32]
    patch: NDArray[np.float32]
    face: NDArray[np.float32]
    alignment: Affine


class PatchSmoother:
    """Steadies the patch and the map of one track.

    A recursive filter along time whose weight follows the picture: strong where the face is still and
    the patch hardly changes, none where the patch has really changed (a mouth that opens, a cut).
    """

    def __init__(self, settings: SmoothingSettings | None = None) -> None:
        self._settings = settings or SmoothingSettings()
        self._last: _Last | None = None

    def reset(self) -> None:
        """Forget the past, as after a while without a patch."""
        self._last = None

    def smooth(
        self,
        crop: NDArray[np.float32],
        map: NDArray[np.float32],
        patch: NDArray[np.float32],
        alignment: Alignment,
        elapsed: float,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Steady one frame's map and patch.

        Args:
            crop: (3, S, S) RGB in [-1, 1].
            map: (S, S) in 0..1, C-contiguous.
            patch: (3, S, S) RGB in [-1, 1], C-contiguous.
            alignment: where this crop lies.
            elapsed: seconds since the last frame, above 0.

        Returns:
            The map (S, S) and the patch (3, S, S), new arrays, to be read only.
        """
        settings, last, place = self._settings, self._last, alignment.matrix
        face = to_cells(crop)
        if last is None:
            smooth_map, smooth_patch = map.copy(), patch.copy()
        else:
            carried_map = carry_planes(last.map[None], last.alignment, place)[0]
            carried = carry_planes(last.patch, last.alignment, place)
            stillness = self._stillness(face, map, last, place, elapsed)
            smooth_map = np.empty(map.shape, np.float32)
            rising = left(settings.keep_map * stillness, elapsed)
            falling = max(rising, left(settings.hold_map, min(elapsed, FRAME)))
            _mix_maps(map, carried_map, rising, falling, smooth_map)
            keep = self._keep(to_cells(patch), to_cells(carried), stillness, elapsed)
            smooth_patch = np.empty(patch.shape, np.float32)
            _mix(patch, carried, from_cells(keep, map.shape[0]), smooth_patch)
        self._last = _Last(smooth_map, smooth_patch, face, place)
        return smooth_map, smooth_patch

    def _stillness(
        self,
        face: NDArray[np.float32],
        map: NDArray[np.float32],
        last: _Last,
        alignment: Affine,
        elapsed: float,
    ) -> float:
        """1 when the visible face has not changed since the last frame, towards 0 as it does."""
        settings = self._settings
        cells, size = face.shape[1], map.shape[0]
        middle = (1 - CELL) / 2
        coarse = np.array([[1, 0, middle], [0, 1, middle]]) / CELL
        before = carry_planes(last.face, compose(coarse, last.alignment), compose(coarse, alignment))
        visible = to_cells(map) < VISIBLE
        margin = cells // 8
        visible[:margin], visible[-margin:], visible[:, :margin], visible[:, -margin:] = 0, 0, 0, 0
        count = int(visible.sum())
        if count == 0:
            return 0.0
        change = float(np.abs(face - before).mean(axis=0)[visible].mean())
        shift = displacement(compose(alignment, invert(last.alignment)), size) * FRAME / elapsed
        return math.exp(-((change / settings.moved) ** 2) - (shift / settings.shifted) ** 2)

    def _keep(
        self, patch: NDArray[np.float32], carried: NDArray[np.float32], stillness: float, elapsed: float
    ) -> NDArray[np.float32]:
        """Share of the carried patch that stays, per cell."""
        settings = self._settings
        flicker = settings.small_change + stillness * (settings.small_change_still - settings.small_change)
        change: NDArray[Any] = cv2.blur(np.abs(patch - carried).max(axis=0), (3, 3))
        share = left(settings.keep_patch * (0.4 + 0.6 * stillness), elapsed)
        return np.float32(share) * np.exp((change / np.float32(flicker)) ** 2 * np.float32(-elapsed / FRAME))


def warm_up() -> None:
    """Compile (or load from numba's cache) what the smoother runs."""
    planes = np.zeros((3, 2, 2), np.float32)
    _mix(planes, planes, planes[0], planes.copy())
    _mix_maps(planes[0], planes[0], 0.5, 0.5, planes[1])


@numba.njit(nogil=True, cache=True, fastmath=True)
def _mix(patch: Any, carried: Any, keep: Any, out: Any) -> None:
    """``patch`` (3, S, S) moved towards ``carried`` by ``keep`` (S, S)."""
    for k in range(3):
        for i in range(keep.shape[0]):
            for j in range(keep.shape[1]):
                new = patch[k, i, j]
                out[k, i, j] = new + keep[i, j] * (carried[k, i, j] - new)


@numba.njit(nogil=True, cache=True, fastmath=True)
def _mix_maps(map: Any, carried: Any, rising: Any, falling: Any, out: Any) -> None:
    """``map`` moved towards ``carried`` by ``rising`` where it is higher, by ``falling`` where lower."""
    keep_rising, keep_falling = np.float32(rising), np.float32(falling)
    for i in range(map.shape[0]):
        for j in range(map.shape[1]):
            change = carried[i, j] - map[i, j]
            out[i, j] = map[i, j] + change * (keep_falling if change > 0 else keep_rising)
