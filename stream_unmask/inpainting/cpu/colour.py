"""An inpainted crop in the colours and the sharpness of the face around it.

The generator makes the visible face around the mask too. Where it makes it in other colours, or softer, than
the crop has it, it does the same beneath the mask: the difference is fitted there as a constant and a slope
across the face for each colour, and taken off the whole inpainted crop. Detail is scaled to that of all the
visible face, the fine (pores, noise) and the middling (wrinkles, stubble) each by itself: a video that was
enlarged lacks the fine alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from stream_unmask.inpainting.cpu.coarse import face_ring, from_coarse, to_coarse, visible_face
from stream_unmask.inpainting.geometry import on_face
from stream_unmask.inpainting.parameters import COLOURED, GREY, NO_DETAIL, ColourSettings
from stream_unmask.inpainting.timing import taken

_SOFT, _SPREAD = (5, 5), 1.0
"""Sides in pixels and standard deviation of the blur that takes fine detail away."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What has been learnt of a face.

    Attributes:
        offset: (3, 3) for each colour a constant and slopes along x and y; None while there is none.
        detail: (2,) factors for fine and middling detail; None while there are none.
    """

    offset: NDArray[np.float64] | None = None
    detail: NDArray[np.float64] | None = None


def match(
    crop: NDArray[np.float32],
    mask: NDArray[np.float32],
    inpainted: NDArray[np.float32],
    known: Estimate,
    elapsed: float,
    settings: ColourSettings,
) -> tuple[NDArray[np.float32], Estimate]:
    """Match one frame's inpainted crop.

    Args:
        crop: (3, S, S) RGB in [-1, 1], C-contiguous.
        mask: (S, S) in 0..1.
        inpainted: (3, S, S) RGB in [-1, 1], C-contiguous.
        known: what was learnt before.
        elapsed: seconds since then, above 0.
        settings: how.

    Returns:
        (3, S, S) RGB in [-1, 1], a new array, and what is known now.
    """
    coarse, coarse_mask, made = to_coarse(crop), to_coarse(mask), to_coarse(inpainted)
    rate = taken(settings.rate, elapsed)
    offset = _learnt_offset(coarse - made, face_ring(coarse_mask), known.offset, rate, settings)
    size, seen, detail = inpainted.shape[-1], visible_face(coarse_mask), known.detail
    soft, wide = _softened(inpainted), from_coarse(made, size)
    if seen.sum() >= settings.least_cells:
        wanted = _details(crop[1], _softened(crop[1:2])[0], from_coarse(coarse[1], size), seen)
        there = _details(inpainted[1], soft[1], wide[1], seen)
        ratios = np.minimum((wanted + NO_DETAIL) / (there + NO_DETAIL), settings.sharpest)
        detail = _followed(ratios, detail, rate)
    added = np.zeros((3, 3), np.float32) if offset is None else offset.astype(np.float32, order="C")
    fine, middling = (1.0, 1.0) if detail is None else detail.tolist()
    matched = np.empty(inpainted.shape, np.float32)
    _apply(inpainted, soft, wide, np.float32(fine), np.float32(middling), added, matched)
    colours = colourfulness(coarse, coarse_mask)
    if colours < 1:
        grey = matched.mean(axis=0)
        matched = np.ascontiguousarray(grey + np.float32(colours) * (matched - grey))
    return matched, Estimate(offset, detail)


def colourfulness(coarse: NDArray[np.float32], coarse_mask: NDArray[np.float32]) -> float:
    """How much colour there may be: 0 where the crop outside the mask is grey, 1 where it has colours.

    Args:
        coarse: (3, S / 4, S / 4) of the crop.
        coarse_mask: (S / 4, S / 4) of the mask.
    """
    bare = 1 - coarse_mask
    if bare.sum() < 1:
        return 1.0  # nothing is seen that could tell
    spread = float((np.ptp(coarse, axis=0) * bare).sum() / bare.sum())
    return float(np.clip((spread - GREY) / (COLOURED - GREY), 0, 1))


def warm_up() -> None:
    """Compile (or load from numba's cache) what the matching runs."""
    planes, one = np.zeros((3, 2, 2), np.float32), np.float32(1)
    _apply(planes, planes, planes, one, one, np.zeros((3, 3), np.float32), planes.copy())


def _learnt_offset(
    differences: NDArray[np.float32],
    ring: NDArray[np.bool_],
    known: NDArray[np.float64] | None,
    rate: float,
    settings: ColourSettings,
) -> NDArray[np.float64] | None:
    """The offset after a frame's (3, S / 4, S / 4) differences between crop and inpainted crop."""
    rows, columns = np.nonzero(ring)
    if len(rows) < settings.least_cells:
        return known
    half = (ring.shape[0] - 1) / 2
    basis = np.stack([np.ones(len(rows)), columns / half - 1, rows / half - 1])
    difference = differences[:, rows, columns].astype(np.float64)
    likely = on_face(len(ring))[rows, columns]
    fit = np.zeros((3, 3)) if known is None else known
    # The surest guess is that nothing is wrong; from there to the nearest offset that many cells share.
    for reach in (2 * settings.outlier, settings.outlier):
        weight = likely * np.exp(-((difference - fit @ basis) ** 2).mean(axis=0) / reach**2)
        if weight.sum() < settings.least_cells:
            return known
        fit = _weighted_fit(basis, weight, difference)
    return _followed(np.clip(fit, -settings.limit, settings.limit), known, rate)


def _weighted_fit(
    basis: NDArray[np.float64], weight: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(3, 3) least-squares coefficients, per colour, of ``basis`` (3, n) for ``values`` (3, n)."""
    weighted = basis * weight
    # A slope must be borne out by more than a corner of the ring.
    stiffness = np.diag([1e-6, 0.15, 0.15]) * weight.sum()
    return np.linalg.solve(weighted @ basis.T + stiffness, weighted @ values.T).T


def _softened(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(C, S, S) without its fine detail."""
    soft = np.empty_like(planes)
    for plane, out in zip(planes, soft, strict=True):
        cv2.GaussianBlur(plane, _SOFT, _SPREAD, dst=out)
    return soft


def _details(
    plane: NDArray[np.float32], soft: NDArray[np.float32], wide: NDArray[np.float32], seen: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(2,) fine and middling detail of a plane (S, S) that was softened a little, and more.

    Each is the median over the ``seen`` cells of its mean amount: eyes and the edges of hair do not count.
    """
    return np.array([np.median(to_coarse(np.abs(each))[seen]) for each in (plane - soft, soft - wide)])


def _followed(
    new: NDArray[np.float64], known: NDArray[np.float64] | None, rate: float
) -> NDArray[np.float64]:
    """What is known, with a share of what is new; all of that where nothing is known."""
    return new if known is None else known + rate * (new - known)


@numba.njit(nogil=True, cache=True, fastmath=True)
def _apply(inpainted: Any, soft: Any, wide: Any, fine: Any, middling: Any, offset: Any, out: Any) -> None:
    """Scale both kinds of detail and add the fitted offset.

    Args:
        inpainted: (3, S, S).
        soft: the same without its fine detail.
        wide: the same without either.
        fine: factor.
        middling: factor.
        offset: (3, 3): constant, per column, per row.
        out: filled, in [-1, 1].
    """
    one = np.float32(1)
    size = inpainted.shape[1]
    half = np.float32((size - 1) / 2)
    for k in range(3):
        across = offset[k, 1] / half
        for i in range(size):
            start = offset[k, 0] - offset[k, 1] + offset[k, 2] * (np.float32(i) / half - one)
            for j in range(size):
                detail = fine * (inpainted[k, i, j] - soft[k, i, j])
                detail += middling * (soft[k, i, j] - wide[k, i, j])
                value = wide[k, i, j] + detail
                out[k, i, j] = min(max(value + start + across * np.float32(j), -one), one)
