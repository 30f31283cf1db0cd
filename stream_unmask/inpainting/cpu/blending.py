"""How an inpainted crop meets the face around it.

``feather`` fades it out over the skin around the mask. ``pyramid`` lets coarse differences in colour fade
over wide bands and fine ones over narrow bands (Burt & Adelson, "A Multiresolution Spline", 1983).
``poisson`` spreads the difference along the mask's border over the whole inpainted crop, so that no seam is
left (Perez et al., "Poisson Image Editing", 2003, as a membrane of differences: Farbman et al., 2009, on a
coarse grid).
"""

from __future__ import annotations

from typing import Any

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from stream_unmask.inpainting.cpu.coarse import from_coarse, to_coarse
from stream_unmask.inpainting.cpu.segmenting import settled
from stream_unmask.inpainting.geometry import window
from stream_unmask.inpainting.parameters import FEATHER, RIM, THIN, TRACE, Blend

_STRANGE = 0.2
"""Difference between crop and inpainted crop, in RGB from -1 to 1, that is no longer the same skin in another
light but hair, background or a collar, and must not spread over the face."""

_LEVELS = 4
"""Levels of the pyramid: its widest band is half of the crop."""

_SWEEPS = 12
"""Sweeps over each grid of the membrane; the coarser grid before has done the rest."""

_SQUARE = np.ones((3, 3), np.uint8)
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)


def blend(
    kind: Blend,
    crop: NDArray[np.float32],
    inpainted: NDArray[np.float32],
    mask: NDArray[np.float32],
    strength: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Blend an inpainted crop into its crop.

    Args:
        kind: how.
        crop: (3, S, S) RGB in [-1, 1].
        inpainted: (3, S, S) RGB in [-1, 1].
        mask: (S, S) in 0..1.
        strength: how much of it shows, 0..1.

    Returns:
        picture: (3, S, S) RGB in [-1, 1], what is to be seen where alpha is 1; may be ``inpainted``.
        alpha: (S, S) in 0..1: 1 over the mask and its rim, falling off outside, exactly 0 away from
            it and along the crop's border.
    """
    cover = _cover(mask)
    picture = inpainted
    if kind != "feather":
        added = spread(kind, to_coarse(crop) - to_coarse(inpainted), to_coarse(cover))
        picture = _added(inpainted, added)
    return picture, faded(cover, strength)


def faded(cover: NDArray[np.float32], strength: float) -> NDArray[np.float32]:
    """An alpha (S, S) in 0..1 times a strength in 0..1, falling to exactly 0 before the crop's border."""
    return np.asarray(cover * (window(cover.shape[0]) * np.float32(strength)), np.float32)


def warm_up() -> None:
    """Compile (or load from numba's cache) what the blending runs."""
    coarse = np.zeros((4, 4), np.float32)
    _relax(coarse.copy(), coarse, coarse, coarse)


def spread(
    kind: Blend, difference: NDArray[np.float32], cover: NDArray[np.float32]
) -> list[NDArray[np.float32]]:
    """What an inpainted crop must be changed by to meet its crop without a seam, on the coarse grid.

    Args:
        kind: ``pyramid`` or ``poisson``.
        difference: (3, S / 4, S / 4) the crop less the inpainted crop.
        cover: (S / 4, S / 4) opacity of the inpainted crop, 0..1.

    Returns:
        (S / 4, S / 4) for each colour.
    """
    known = _known(difference, cover)
    return (_spread_by_bands if kind == "pyramid" else _spread_as_membrane)(difference, known)


def _cover(mask: NDArray[np.float32]) -> NDArray[np.float32]:
    """(S, S) 1 over the mask and its rim, falling to exactly 0 over the feather."""
    size = mask.shape[0]
    # Half the resolution is plenty for a soft edge, and a quarter of the work; ear loops must survive it.
    small = cv2.resize(cv2.dilate(mask, _SQUARE), (size // 2, size // 2), interpolation=cv2.INTER_AREA)
    found: NDArray[Any] = settled(np.asarray(small, np.float32))
    # Loops and what else is thin cast no shadow: as wide a rim would take the ear away with them.
    thin = 2 * max(1, round(THIN * size / 4)) + 1
    body: NDArray[Any] = cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((thin, thin), np.uint8))
    rimmed = np.maximum(found, _grown(body, max(1, round(RIM * size / 2))))
    # Two boxes of this reach, one after the other, fade over twice the reach to each side.
    reach = max(1, round(FEATHER * size / 8))
    side = 2 * reach + 1
    soft = cv2.blur(cv2.blur(_grown(rimmed, 2 * reach), (side, side)), (side, side))
    # Sums of floats seldom end at exactly 0 and 1.
    exact = np.clip((soft - TRACE) / (1 - 2 * TRACE), 0, 1)
    return np.asarray(cv2.resize(exact, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)


def _grown(mask: NDArray[Any], pixels: int) -> NDArray[Any]:
    """A mask, larger by ``pixels`` on each side: an octagon around each point."""
    for turn in range(pixels):
        mask = cv2.dilate(mask, _CROSS if turn % 2 else _SQUARE)
    return mask


def _known(difference: NDArray[np.float32], cover: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far each cell's difference is to be believed, 0..1: not under the mask, not at the border."""
    strange = (difference**2).mean(axis=0) / _STRANGE**2
    known: NDArray[np.float32] = (1 - cover) * np.exp(-(strange**2))
    known[:2], known[-2:], known[:, :2], known[:, -2:] = 0, 0, 0, 0
    return known


def _spread_by_bands(
    difference: NDArray[np.float32], known: NDArray[np.float32]
) -> list[NDArray[np.float32]]:
    """The crop's share of a Laplacian-pyramid blend with the inpainted crop, less that."""
    shares = _pyramid(known)
    spread = []
    for plane in difference:
        # Beneath the mask nothing is known; there the levels go on as they are around it.
        levels = [
            level / (share + TRACE) for level, share in zip(_pyramid(plane * known), shares, strict=True)
        ]
        total = levels[-1] * shares[-1]
        for fine, coarse, share in zip(levels[-2::-1], levels[:0:-1], shares[-2::-1], strict=True):
            side = fine.shape[::-1]
            band = fine - cv2.pyrUp(coarse, dstsize=side)
            total = cv2.pyrUp(total, dstsize=side) + band * share
        spread.append(np.asarray(total, np.float32))
    return spread


def _pyramid(plane: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    levels = [plane]
    for _ in range(_LEVELS - 1):
        levels.append(np.asarray(cv2.pyrDown(levels[-1]), np.float32))
    return levels


def _spread_as_membrane(
    difference: NDArray[np.float32], known: NDArray[np.float32]
) -> list[NDArray[np.float32]]:
    """The smoothest surfaces through the known differences, found from coarse to fine."""
    spread = []
    for plane in difference:
        grids: list[tuple[NDArray[np.float32], ...]] = [(plane * known, known)]
        while grids[-1][1].shape[0] > 8:
            down = (grids[-1][1].shape[0] // 2,) * 2
            grids.append(
                tuple(
                    np.asarray(cv2.resize(grid, down, interpolation=cv2.INTER_AREA), np.float32)
                    for grid in grids[-1]
                )
            )
        surface = np.zeros_like(grids[-1][0])
        for weighted, weight in reversed(grids):
            surface = np.asarray(cv2.resize(surface, weight.shape[::-1]), np.float32)
            other = np.empty_like(surface)
            for _ in range(_SWEEPS // 2):
                _relax(other, surface, weighted, weight)
                _relax(surface, other, weighted, weight)
        spread.append(surface)
    return spread


def _added(inpainted: NDArray[np.float32], coarse: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """``inpainted`` with a coarse correction on each plane, in [-1, 1]."""
    picture = np.empty_like(inpainted)
    for plane, correction, out in zip(inpainted, coarse, picture, strict=True):
        np.add(plane, from_coarse(correction, len(plane)), out=out)
    return np.asarray(np.clip(picture, -1, 1, out=picture), np.float32)


@numba.njit(nogil=True, cache=True, fastmath=True)
def _relax(surface: Any, before: Any, weighted: Any, weight: Any) -> None:
    """A Jacobi sweep from ``before`` to ``surface``: a membrane that springs tie to ``weighted / weight``."""
    stiff, four = np.float32(8), np.float32(4)
    low, right = surface.shape[0] - 1, surface.shape[1] - 1
    for i in range(low + 1):
        above, below = max(i - 1, 0), min(i + 1, low)
        for j in range(right + 1):
            around = before[above, j] + before[below, j]
            around += before[i, max(j - 1, 0)] + before[i, min(j + 1, right)]
            pulled = around + stiff * weighted[i, j]
            surface[i, j] = pulled / (four + stiff * weight[i, j])
