"""The face beneath a face mask, made by the generator."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.engine import Engine


class Generator:
    """Asks the generator network for the face beneath a face mask.

    The network may work on smaller pictures than the crops; resizing them here is faster than inside it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        side = engine.inputs[0].shape[-1]
        self._crop = np.empty((1, 3, side, side), np.float32)
        self._mask = np.empty((1, 1, side, side), np.float32)

    def generate(self, crop: NDArray[np.float32], mask: NDArray[np.float32]) -> NDArray[np.float32]:
        """Make the face without its face mask.

        Args:
            crop: (3, S, S) RGB in [-1, 1], C-contiguous.
            mask: (S, S) where the face mask is, 0..1, C-contiguous.

        Returns:
            (3, S, S) inpainted crop, RGB in [-1, 1].
        """
        resize(crop, self._crop[0])
        resize(mask[None], self._mask[0])
        (made,) = self._engine.run(self._crop, self._mask)
        # A new array, for the engine may reuse its buffer while the track still keeps what it made.
        inpainted = np.empty(crop.shape, np.float32)
        resize(made[0], inpainted)
        return np.asarray(np.clip(inpainted, -1.0, 1.0, out=inpainted), np.float32)

    def generate_still(self, crop: NDArray[np.float32], mask: NDArray[np.float32]) -> NDArray[np.float32]:
        """Make the face of a single picture without its face mask.

        The mean of what the network makes of the crop and of the crop in a mirror has fewer of its
        inventions. It is smoother, too: before a video's further frames one would see that.

        Args:
            crop: (3, S, S) RGB in [-1, 1], C-contiguous.
            mask: (S, S) where the face mask is, 0..1, C-contiguous.

        Returns:
            (3, S, S) inpainted crop, RGB in [-1, 1], C-contiguous.
        """
        inpainted = self.generate(crop, mask)
        mirrored = self.generate(np.ascontiguousarray(crop[:, :, ::-1]), np.ascontiguousarray(mask[:, ::-1]))
        inpainted += mirrored[:, :, ::-1]
        inpainted *= 0.5
        return inpainted


def resize(planes: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """(C, S, S) pictures brought to the side of ``out`` (C, T, T), bilinearly."""
    if planes.shape == out.shape:
        out[:] = planes
        return
    for plane, resized in zip(planes, out, strict=True):
        cv2.resize(plane, resized.shape[::-1], dst=resized, interpolation=cv2.INTER_LINEAR)
