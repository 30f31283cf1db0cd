"""Drawing what a mask hides."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.engine import Engine


class Generator:
    """Asks the generator network for the face beneath a mask.

    The network may work on smaller pictures than the crops; resizing them here is faster than inside it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        side = engine.inputs[0].shape[-1]
        self._crop = np.empty((1, 3, side, side), np.float32)
        self._map = np.empty((1, 1, side, side), np.float32)

    def generate(self, crop: NDArray[np.float32], map: NDArray[np.float32]) -> NDArray[np.float32]:
        """Draw the face without its mask.

        Args:
            crop: (3, S, S) RGB in [-1, 1], C-contiguous.
            map: (S, S) where the mask is, 0..1, C-contiguous.

        Returns:
            (3, S, S) patch, RGB in [-1, 1].
        """
        resize(crop, self._crop[0])
        resize(map[None], self._map[0])
        (patches,) = self._engine.run(self._crop, self._map)
        # A new array, for the engine may reuse its buffer while the track still keeps the patch.
        patch = np.empty(crop.shape, np.float32)
        resize(patches[0], patch)
        return np.asarray(np.clip(patch, -1.0, 1.0, out=patch), np.float32)

    def generate_still(self, crop: NDArray[np.float32], map: NDArray[np.float32]) -> NDArray[np.float32]:
        """Draw the face of a single picture without its mask.

        The mean of what the network draws for the crop and for the crop in a mirror has fewer of its
        inventions. It is smoother, too: before a video's further frames one would see that.

        Args:
            crop: (3, S, S) RGB in [-1, 1], C-contiguous.
            map: (S, S) where the mask is, 0..1, C-contiguous.

        Returns:
            (3, S, S) patch, RGB in [-1, 1], C-contiguous.
        """
        patch = self.generate(crop, map)
        mirrored = self.generate(np.ascontiguousarray(crop[:, :, ::-1]), np.ascontiguousarray(map[:, ::-1]))
        patch += mirrored[:, :, ::-1]
        patch *= 0.5
        return patch


def resize(planes: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """(C, S, S) pictures brought to the side of ``out`` (C, T, T), bilinearly."""
    if planes.shape == out.shape:
        out[:] = planes
        return
    for plane, resized in zip(planes, out, strict=True):
        cv2.resize(plane, resized.shape[::-1], dst=resized, interpolation=cv2.INTER_LINEAR)
