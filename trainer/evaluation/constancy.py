"""Whether a face keeps its light: how bright what was painted is beside what is seen, from frame to frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.laying import Points
from stream_unmask.inpainting.stand_ins.measuring import CHIN, UPPER_LIP, Patches

_CHEEKS = (50, 101, 117, 118, 280, 330, 346, 347)
"""Mesh points of the upper cheeks, which most masks leave bare."""


def light_below(picture: NDArray[np.uint8], points: Points) -> float:
    """Logarithm of how bright (CIE L) chin and upper lip are against the cheeks.

    It hardly changes while a bare face talks; where it does, what was inpainted breathes.

    Args:
        picture: (S, S, 3) RGB crop.
        points: (468, 2) or (468, 3) the face's mesh in its pixels.
    """
    patches = Patches(picture, points)
    low, high = (float(np.median(patches.lab(each)[:, 0])) + 1.0 for each in (CHIN + UPPER_LIP, _CHEEKS))
    return float(np.log(low / high))


def spread(lights: Sequence[float]) -> float:
    """90th less 10th percentile of a clip's :func:`light_below`; bare talking faces have 0.03 to 0.13."""
    low, high = np.quantile(lights, (0.1, 0.9))
    return float(high - low)
