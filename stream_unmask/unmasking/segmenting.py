"""Finding the mask worn on a face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engines.engine import Engine

SURE = 0.35
"""Map value from which a pixel counts as mask in full; thin ear loops seldom reach more."""

DOUBT = 0.12
"""Map value up to which a pixel counts as bare face."""


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
