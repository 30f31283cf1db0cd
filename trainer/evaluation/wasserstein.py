"""Sliced Wasserstein distance between two sets of pictures: do the textures of both look alike?

Karras et al., "Progressive Growing of GANs", 2018, section 5: patches of 7x7 pixels from every level of
the Laplacian pyramids, each set of them normalized in each colour, and the mean distance of their sorted
projections onto random directions. Two things differ: both sets give their patches at the same places,
because the pictures come in pairs, and all comes from a fixed seed.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
FloatArray = NDArray[np.float32]

_SEED = 2026
_SIDE = 7
_PATCHES = 128
_DIRECTIONS = 256
_SMALLEST = 16


def sliced_wasserstein(made: Sequence[Bytes], real: Sequence[Bytes]) -> float:
    """The distance, times a thousand as in the paper; 0 for equal sets.

    Args:
        made: (S, S, 3) RGB pictures, S a power of two and at least 16.
        real: as many of them.

    Returns:
        Mean over the levels from S down to 16 pixels.
    """
    rng = np.random.default_rng(_SEED)
    pyramids = [_laplacian(picture) for picture in made], [_laplacian(picture) for picture in real]
    distances = []
    for level in range(len(pyramids[0][0])):
        side = len(pyramids[0][0][level])
        corners = rng.integers(0, side - _SIDE + 1, (len(made), _PATCHES, 2))
        directions = rng.standard_normal((_SIDE * _SIDE * 3, _DIRECTIONS), np.float32)
        directions /= np.linalg.norm(directions, axis=0)
        one, other = (
            np.sort(_patches([each[level] for each in pyramid], corners) @ directions, axis=0)
            for pyramid in pyramids
        )
        distances.append(1000 * float(np.abs(one - other).mean()))
    return float(np.mean(distances))


def _laplacian(picture: Bytes) -> list[FloatArray]:
    """Levels from fine to coarse; the last is what is left of the picture itself."""
    levels = []
    left = picture.astype(np.float32)
    while len(left) > _SMALLEST:
        smaller = cv2.pyrDown(left)
        levels.append(np.asarray(left - cv2.pyrUp(smaller), np.float32))
        left = np.asarray(smaller, np.float32)
    return [*levels, left]


def _patches(pictures: Sequence[FloatArray], corners: NDArray[np.int64]) -> FloatArray:
    """(n * patches, 147) patches with a mean of 0 and a deviation of 1 in each colour."""
    rows, columns = corners[..., 0], corners[..., 1]
    cut = np.stack(
        [
            np.lib.stride_tricks.sliding_window_view(picture, (_SIDE, _SIDE), (0, 1))[down, across]
            for picture, down, across in zip(pictures, rows, columns, strict=True)
        ]
    ).reshape(-1, 3, _SIDE * _SIDE)
    cut = cut - cut.mean(axis=(0, 2), keepdims=True)
    cut /= cut.std(axis=(0, 2), keepdims=True) + 1e-8
    return np.ascontiguousarray(cut.reshape(len(cut), -1))
