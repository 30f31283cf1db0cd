"""Finding the mask worn on a face."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.engine import Engine
from stream_unmask.inpainting.cpu.coarse import from_cells, to_cells

SURE = 0.35
"""Map value from which a pixel counts as mask in full; thin ear loops seldom reach more."""

DOUBT = 0.12
"""Map value up to which a pixel counts as bare face."""

AROUND = 0.15
"""How far, in crop sides, a place is looked around to tell whether it lies inside the mask."""

MOSTLY = 0.6
SURELY = 0.7
"""Share of that square that is mask: above what it is along a mask's outline and at its corners."""


class Segmenter:
    """Asks the segmenter network where a mask is."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def segment(self, crop: NDArray[np.float32]) -> NDArray[np.float32]:
        """Find the mask in a crop.

        Args:
            crop: (3, S, S) RGB in [-1, 1], C-contiguous.

        Returns:
            (S, S) map: the probability, 0..1, that a pixel shows the mask.
        """
        (maps,) = self._engine.run(crop[None])
        # A copy, for the engine may reuse its buffer while the track still keeps the map.
        return np.asarray(np.clip(maps[0, 0], 0.0, 1.0), np.float32)


def settled(map: NDArray[np.float32]) -> NDArray[np.float32]:
    """A map without its doubts, same shape: a pixel that may well be mask is drawn over in full."""
    return np.asarray(np.clip((map - DOUBT) * (1 / (SURE - DOUBT)), 0, 1), np.float32)


def filled(map: NDArray[np.float32]) -> NDArray[np.float32]:
    """A map without holes: what mask surrounds is mask, be it a print, a badge or a deep shadow.

    Args:
        map: (S, S) in 0..1.

    Returns:
        (S, S), a new array, nowhere lower than ``map``.
    """
    cells = settled(to_cells(map))
    side = 2 * round(AROUND * len(cells)) + 1
    share = cv2.blur(cells, (side, side))
    inside = np.clip((share - MOSTLY) * (1 / (SURELY - MOSTLY)), 0, 1).astype(np.float32)
    return np.maximum(map, from_cells(inside, map.shape[0]))
