"""A patch in the colours and the sharpness of the face around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from stream_unmask.inpainting.cpu.coarse import face_ring, to_cells
from stream_unmask.inpainting.timing import taken

FAINT = 0.003
"""Detail, in RGB from -1 to 1, below which there is none to be matched."""

GREY, COLOURED = 0.01, 0.02
"""Mean distance between the colours of a place, in RGB from -1 to 1: up to which a crop is grey, as in
infrared at night or on old film, and from which it has colours."""


@dataclass(frozen=True, slots=True)
class ColourSettings:
    """How a patch is matched to the face around the mask. Colours are RGB in [-1, 1].

    Attributes:
        outlier: difference from the fitted one at which a cell (hair, background, a collar that the
            generator drew otherwise) hardly counts.
        limit: largest change of colour.
        least_cells: weight of the ring, in cells, below which the last estimate stays.
        pace: share of a new estimate that is taken on in a thirtieth of a second; small keeps colour from
            pumping.
        sharpest: largest factor by which detail is strengthened; detail is weakened as far as needed.
    """

    outlier: float = 0.08
    limit: float = 0.3
    least_cells: float = 16.0
    pace: float = 0.2
    sharpest: float = 1.4


class ColourMatcher:
    """Matches the patches of one track to the face around the mask.

    The generator draws the visible face around the mask too. Where it draws it in other colours, or
    softer, than the crop has it, it does the same beneath the mask: the difference is fitted there as a
    constant and a slope across the face for each colour, and taken off the whole patch.
    """

    def __init__(self, settings: ColourSettings | None = None) -> None:
        self._settings = settings or ColourSettings()
        self._offset: NDArray[np.float64] | None = None
        self._detail: float | None = None

    def reset(self) -> None:
        """Forget the past, as after a while without a patch."""
        self._offset = None
        self._detail = None

    def match(
        self,
        crop: NDArray[np.float32],
        map: NDArray[np.float32],
        patch: NDArray[np.float32],
        elapsed: float,
    ) -> NDArray[np.float32]:
        """Match one frame's patch.

        Args:
            crop: (3, S, S) RGB in [-1, 1], C-contiguous.
            map: (S, S) in 0..1.
            patch: (3, S, S) RGB in [-1, 1], C-contiguous.
            elapsed: seconds since the last frame, above 0.

        Returns:
            (3, S, S) RGB in [-1, 1], a new array.
        """
        cells, map_cells = to_cells(crop), to_cells(map)
        ring = face_ring(map_cells)
        pace = taken(self._settings.pace, elapsed)
        self._learn_colour(cells, patch, ring, pace)
        soft = np.empty(patch.shape, np.float32)
        for plane, out in zip(patch, soft, strict=True):
            cv2.GaussianBlur(plane, (5, 5), 1.0, dst=out)
        self._learn_detail(crop, patch, soft, ring, pace)
        offset = np.zeros((3, 3)) if self._offset is None else self._offset
        detail = 1.0 if self._detail is None else self._detail
        matched = np.empty(patch.shape, np.float32)
        _apply(patch, soft, np.float32(detail), offset.astype(np.float32), matched)
        colours = colourfulness(cells, map_cells)
        if colours < 1:
            grey = matched.mean(axis=0)
            matched = np.ascontiguousarray(grey + np.float32(colours) * (matched - grey))
        return matched

    def _learn_colour(
        self, cells: NDArray[np.float32], patch: NDArray[np.float32], ring: NDArray[np.bool_], pace: float
    ) -> None:
        settings = self._settings
        rows, columns = np.nonzero(ring)
        if len(rows) < settings.least_cells:
            return
        half = (ring.shape[0] - 1) / 2
        x, y = columns / half - 1, rows / half - 1
        basis = np.stack([np.ones(len(rows)), x, y])
        difference = (cells - to_cells(patch))[:, rows, columns].astype(np.float64)
        likely = on_face(x, y)
        fit = np.zeros((3, 3)) if self._offset is None else self._offset
        # The surest guess is that nothing is wrong; from there to the nearest offset that many cells share.
        for reach in (2 * settings.outlier, settings.outlier):
            weight = likely * np.exp(-((difference - fit @ basis) ** 2).mean(axis=0) / reach**2)
            if weight.sum() < settings.least_cells:
                return
            fit = _weighted_fit(basis, weight, difference)
        fit = np.clip(fit, -settings.limit, settings.limit)
        self._offset = fit if self._offset is None else self._offset + pace * (fit - self._offset)

    def _learn_detail(
        self,
        crop: NDArray[np.float32],
        patch: NDArray[np.float32],
        soft: NDArray[np.float32],
        ring: NDArray[np.bool_],
        pace: float,
    ) -> None:
        settings = self._settings
        if ring.sum() < settings.least_cells:
            return
        of_crop = _detail(crop[1], cv2.GaussianBlur(crop[1], (5, 5), 1.0), ring)
        of_patch = _detail(patch[1], soft[1], ring)
        ratio = min((of_crop + FAINT) / (of_patch + FAINT), settings.sharpest)
        old = ratio if self._detail is None else self._detail
        self._detail = old + pace * (ratio - old)


def colourfulness(cells: NDArray[np.float32], map_cells: NDArray[np.float32]) -> float:
    """How much colour a patch may have: 0 where the crop outside the mask is grey, 1 where it has colours.

    Args:
        cells: (3, S / 4, S / 4) of the crop.
        map_cells: (S / 4, S / 4) of the map.
    """
    bare = 1 - map_cells
    if bare.sum() < 1:
        return 1.0  # nothing is seen that could tell
    spread = float((np.ptp(cells, axis=0) * bare).sum() / bare.sum())
    return float(np.clip((spread - GREY) / (COLOURED - GREY), 0, 1))


def on_face(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """How likely a place in the crop, -1..1 from its left and top to its right and bottom, is face."""
    away = (x / 0.62) ** 2 + ((y + 0.1) / 0.85) ** 2
    return np.asarray(0.1 + 0.9 / (1 + np.exp((away - 1) * 8)), np.float64)


def _weighted_fit(
    basis: NDArray[np.float64], weight: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(3, 3) least-squares coefficients, per colour, of ``basis`` (3, n) for ``values`` (3, n)."""
    weighted = basis * weight
    # A slope must be borne out by more than a corner of the ring.
    stiffness = np.diag([1e-6, 0.15, 0.15]) * weight.sum()
    return np.linalg.solve(weighted @ basis.T + stiffness, weighted @ values.T).T


def warm_up() -> None:
    """Compile (or load from numba's cache) what the matcher runs."""
    planes = np.zeros((3, 2, 2), np.float32)
    _apply(planes, planes, np.float32(1), np.zeros((3, 3), np.float32), planes.copy())


def _detail(plane: NDArray[np.float32], soft: NDArray[np.float32], ring: NDArray[np.bool_]) -> float:
    """Median over the ring's cells of the mean amount of fine detail: edges of a collar do not count."""
    return float(np.median(to_cells(np.abs(plane - soft))[ring]))


@numba.njit(nogil=True, cache=True, fastmath=True)
def _apply(patch: Any, soft: Any, detail: Any, offset: Any, out: Any) -> None:
    """Scale detail and add the fitted offset; ``offset`` is (3, 3): constant, per column, per row."""
    one = np.float32(1)
    size = patch.shape[1]
    half = np.float32((size - 1) / 2)
    for k in range(3):
        across = offset[k, 1] / half
        for i in range(size):
            start = offset[k, 0] - offset[k, 1] + offset[k, 2] * (np.float32(i) / half - one)
            for j in range(size):
                value = soft[k, i, j] + detail * (patch[k, i, j] - soft[k, i, j])
                out[k, i, j] = min(max(value + start + across * np.float32(j), -one), one)
