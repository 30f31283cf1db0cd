"""Arithmetic on arrays of boxes: (n, 4) x0, y0, x1, y1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]


def overlaps(one: Boxes, other: Boxes) -> NDArray[np.float64]:
    """(n, m) intersection over union, 0..1, of every box with every other."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    common = np.prod(np.maximum(high - low, 0.0), axis=2)
    area = np.prod(one[:, 2:] - one[:, :2], axis=1)[:, None] + np.prod(other[:, 2:] - other[:, :2], axis=1)
    return np.asarray(common / np.maximum(area - common, 1e-9))


def closeness(one: Boxes, other: Boxes) -> NDArray[np.float64]:
    """(n, m) overlap less the distance of the centres: 1 for the same box, down to -1 for far ones.

    Unlike the overlap alone it still tells near from far where boxes do not touch, as with small faces
    that move fast (distance-IoU: Zheng et al., "Distance-IoU Loss", 2020).
    """
    low = np.minimum(one[:, None, :2], other[None, :, :2])
    high = np.maximum(one[:, None, 2:], other[None, :, 2:])
    centres = (one[:, None, :2] + one[:, None, 2:] - other[None, :, :2] - other[None, :, 2:]) / 2
    apart = np.square(centres).sum(axis=2) / np.maximum(np.square(high - low).sum(axis=2), 1e-9)
    return np.asarray(overlaps(one, other) - apart)
