"""Whether a face is bare, by its skin: also where cloth that nobody wears is held before it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.laying import Points

# fmt: off
_UPPER_SKIN = (168, 6, 197, 118, 347, 151, 108, 337, 9)
_LOWER_FACE = (50, 280, 205, 425, 187, 411, 135, 364, 199, 200, 175, 214, 434, 192, 416, 2, 4)
# fmt: on
_CHROMA, _LIGHTNESS = 14.0, 38.0
"""How far skin may be off its median in Lab."""

SURELY_BARE = 0.6
"""Share of skin (see :func:`skin_share`) from which a face is taken to be bare. A face mask that is held
before the face has up to 0.47; nine of ten bare faces have more than 0.6, most of them 0.8 to 1."""

MAYBE_BARE = 0.15
"""Share from which a face may be bare for which somebody vouches. Face masks that are worn have less, but for
those in the colour of the skin."""


def skin_share(picture: NDArray[np.uint8], points: Points) -> float:
    """How much of a face's lower half looks like the skin of its upper half, and is no cloth.

    Args:
        picture: (S, S, 3) RGB crop.
        points: (468, 3) its mesh in the crop's pixels.

    Returns:
        0..1.
    """
    size, numbers = len(picture), list(_UPPER_SKIN + _LOWER_FACE)
    columns, rows = np.clip(np.rint(points[numbers, :2]), 2, size - 3).astype(int).T
    patches = np.stack([picture[y - 2 : y + 3, x - 2 : x + 3] for x, y in zip(columns, rows, strict=True)])
    means = patches.mean(axis=(1, 2), dtype=np.float32)[None] / np.float32(255)
    lab = cv2.cvtColor(means, cv2.COLOR_RGB2LAB)[0]
    off = lab[len(_UPPER_SKIN) :] - np.median(lab[: len(_UPPER_SKIN)], axis=0)
    alike = (np.hypot(off[:, 1], off[:, 2]) < _CHROMA) & (np.abs(off[:, 0]) < _LIGHTNESS)
    return float(alike.mean())
