"""Face masks for bare faces, made by the wearer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engines.engine import Engine
from stream_unmask.inpainting.cpu.generating import resize
from stream_unmask.inpainting.parameters import FAINT, FULL


class Wearer:
    """Asks the wearer network for a face mask on a face.

    The network may work on smaller pictures than the crops; resizing them here is faster than inside it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        side = engine.inputs[0].shape[-1]
        self._crop = np.empty((1, 3, side, side), np.float32)

    def dress(
        self, crop: NDArray[np.float32], style: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Make a face mask.

        Args:
            crop: (3, S, S) RGB in [-1, 1], C-contiguous.
            style: (1, 8, 1, 1) which face mask, normally distributed.

        Returns:
            worn: (3, S, S) RGB in [-1, 1].
            alpha: (S, S) in 0..1 how opaquely that lies over the crop.
        """
        resize(crop, self._crop[0])
        pictures, alphas = self._engine.run(self._crop, style)
        worn, alpha = np.empty(crop.shape, np.float32), np.empty((1, *crop.shape[1:]), np.float32)
        resize(pictures[0], worn)
        resize(alphas[0], alpha)
        return np.clip(worn, -1, 1, out=worn), np.clip(alpha[0], 0, 1, out=alpha[0])


def opaque(alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """An alpha without its doubts, same shape: exactly 0 where it is faint, 1 where it is sure."""
    share = np.clip((alpha - np.float32(FAINT)) * np.float32(1 / (FULL - FAINT)), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)
