"""Finding the face mask on a face, and how sure of it what was found is."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.engine import Engine
from stream_unmask.inpainting.cpu.coarse import from_coarse, to_coarse
from stream_unmask.inpainting.geometry import beyond
from stream_unmask.inpainting.parameters import (
    AROUND,
    BESIDE,
    BROAD_SIDE,
    DOUBT,
    FAINT_GAIN,
    LOW,
    MOSTLY,
    NEAR,
    SCORED_SHARE,
    SCORED_SIDE,
    SURE,
    SURELY,
)
from stream_unmask.pixels.geometry import Affine, invert

_BROAD = np.ones((BROAD_SIDE, BROAD_SIDE), np.uint8)
_AGAIN = np.ones((2 * BROAD_SIDE - 1, 2 * BROAD_SIDE - 1), np.uint8)
"""Squares that a faint part must hold, and that it then reaches into its corners by."""


class Segmenter:
    """Asks the segmenter network where a face mask is."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def segment(self, crop: NDArray[np.float32]) -> NDArray[np.float32]:
        """Find the face mask in a crop.

        Args:
            crop: (3, S, S) RGB in [-1, 1], C-contiguous.

        Returns:
            (S, S) mask: the probability, 0..1, that a pixel shows the face mask.
        """
        (masks,) = self._engine.run(crop[None])
        # A copy, for the engine may reuse its buffer while the track still keeps the mask.
        return np.asarray(np.clip(masks[0, 0], 0.0, 1.0), np.float32)


def greyed(crop: NDArray[np.float32], alignment: Affine, width: int, height: int) -> NDArray[np.float32]:
    """A crop for the segmenter: grey where it lies outside of its frame.

    The frame's edge, repeated there, looks like cloth that hangs beside the face: masks of heads that leave
    the picture were not found.

    Args:
        crop: (3, S, S) RGB in [-1, 1].
        alignment: frame pixels -> crop pixels.
        width: of the frame in pixels.
        height: of the frame in pixels.

    Returns:
        (3, S, S), ``crop`` itself where all of it lies in the frame.
    """
    size = crop.shape[-1]
    if not beyond(alignment, size, width, height):
        return crop
    to_frame = invert(alignment)
    x, y = (row[0] * np.arange(size) + (row[1] * np.arange(size)[:, None] + row[2]) for row in to_frame)
    inside = (x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5)
    return np.where(inside, crop, np.float32(0))


def settled(mask: NDArray[np.float32]) -> NDArray[np.float32]:
    """A mask without its doubts, same shape: a pixel that may well be masked is painted over in full."""
    return np.asarray(np.clip((mask - DOUBT) * (1 / (SURE - DOUBT)), 0, 1), np.float32)


def fill_holes(mask: NDArray[np.float32]) -> NDArray[np.float32]:
    """A mask without holes: what it surrounds belongs to it, be it a print, a badge or a deep shadow.

    Args:
        mask: (S, S) in 0..1.

    Returns:
        (S, S), a new array, nowhere lower than ``mask``.
    """
    coarse = settled(to_coarse(mask))
    side = 2 * round(AROUND * len(coarse)) + 1
    # Beyond the crop's edge a mirror would show what lies above a chin once more.
    share = cv2.blur(coarse, (side, side), borderType=cv2.BORDER_REPLICATE)
    inside = np.clip((share - MOSTLY) * (1 / (SURELY - MOSTLY)), 0, 1).astype(np.float32)
    return np.maximum(mask, from_coarse(inside, mask.shape[0]))


def with_faint(mask: NDArray[np.float32]) -> NDArray[np.float32]:
    """A mask with the faint parts beside it: straps and flaps of which the segmenter is not sure.

    Left out, they stay in the picture as dark remnants beside a sharp cheek.

    Args:
        mask: (S, S) in 0..1.

    Returns:
        (S, S), a new array, nowhere lower than ``mask``.
    """
    coarse = np.clip((to_coarse(mask) - SURE) * (1 / (1 - SURE)), 0, 1).astype(np.float32)
    side = 2 * round(BESIDE * len(coarse)) + 1
    near = cv2.blur(coarse, (side, side), borderType=cv2.BORDER_REPLICATE) * (1 / NEAR)
    beside = from_coarse(np.minimum(near, 1), mask.shape[0])
    faint = np.minimum(np.where(mask < SURE, mask, 0) * FAINT_GAIN, beside)
    # Of bytes the smallest and largest around are found several times as fast.
    held = (faint * 255).astype(np.uint8)
    broad = np.minimum(cv2.dilate(cv2.erode(held, _BROAD), _AGAIN), held)
    return np.maximum(mask, broad * np.float32(1 / 255))


def mask_score(mask: NDArray[np.float32]) -> float:
    """How sure a mask, (S, S) in 0..1, is of a face mask: the mean of its surest pixels, 0..1."""
    small = cv2.resize(mask, (SCORED_SIDE, SCORED_SIDE), interpolation=cv2.INTER_AREA).ravel()
    count = round(SCORED_SHARE * small.size)
    return float(np.partition(small, small.size - count)[-count:].mean())


def width_below(mask: NDArray[np.float32]) -> float:
    """How wide a mask, (S, S) in 0..1, still is where it should have ended, in crop sides."""
    return float((mask[round(LOW * len(mask))] > SURE).mean())
