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
    size = len(picture)
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lab = cv2.blur(lab, (5, 5))
    places = np.clip(np.rint(points[:, :2]), 0, size - 1).astype(int)

    def at(numbers: tuple[int, ...]) -> NDArray[np.float32]:
        columns, rows = places[list(numbers)].T
        return np.asarray(lab[rows, columns], np.float32)

    off = at(_LOWER_FACE) - np.median(at(_UPPER_SKIN), axis=0)
    alike = (np.hypot(off[:, 1], off[:, 2]) < _CHROMA) & (np.abs(off[:, 0]) < _LIGHTNESS)
    return float(alike.mean())
