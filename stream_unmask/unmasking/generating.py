"""Drawing what a mask hides."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.engine import Engine
from stream_unmask.faces.alignment import Alignment
from stream_unmask.pixels.geometry import Affine, compose, invert

_STILL = 0.02
"""Crop pixels that a crop may move before what is carried into it is resampled."""


class Generator:
    """Asks the generator network for the face beneath a mask.

    The network may work on smaller pictures than the crops; resizing them here is faster than inside it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        side = engine.inputs[0].shape[-1]
        self._crop, self._previous = (np.empty((1, 3, side, side), np.float32) for _ in range(2))
        self._map = np.empty((1, 1, side, side), np.float32)

    def generate(
        self, crop: NDArray[np.float32], map: NDArray[np.float32], previous: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Draw the face without its mask.

        Args:
            crop: (3, S, S) RGB in [-1, 1], C-contiguous.
            map: (S, S) where the mask is, 0..1, C-contiguous.
            previous: (3, S, S) the track's last patch brought into this crop; see :meth:`carry`.

        Returns:
            (3, S, S) patch, RGB in [-1, 1].
        """
        resize(crop, self._crop[0])
        resize(map[None], self._map[0])
        resize(previous, self._previous[0])
        (patches,) = self._engine.run(self._crop, self._map, self._previous)
        # A new array, for the engine may reuse its buffer while the track still keeps the patch.
        patch = np.empty(crop.shape, np.float32)
        resize(patches[0], patch)
        return np.asarray(np.clip(patch, -1.0, 1.0, out=patch), np.float32)

    def begin(self, crop: NDArray[np.float32], map: NDArray[np.float32]) -> NDArray[np.float32]:
        """Draw a face for the first time.

        Without a last patch the network is less sure of itself. The mean of what it draws for the crop and
        for the crop in a mirror has fewer of its inventions.

        Args:
            crop: (3, S, S) RGB in [-1, 1], C-contiguous.
            map: (S, S) where the mask is, 0..1, C-contiguous.

        Returns:
            (3, S, S) patch, RGB in [-1, 1], C-contiguous.
        """
        nothing = np.zeros_like(crop)
        patch = self.generate(crop, map, nothing)
        mirrored = self.generate(
            np.ascontiguousarray(crop[:, :, ::-1]), np.ascontiguousarray(map[:, ::-1]), nothing
        )
        patch += mirrored[:, :, ::-1]
        patch *= 0.5
        return patch

    @staticmethod
    def carry(
        previous_patch: NDArray[np.float32] | None,
        previous_alignment: Alignment | None,
        alignment: Alignment,
    ) -> NDArray[np.float32]:
        """Bring the last patch of a face into this frame's crop.

        Args:
            previous_patch: (3, S, S) the track's last patch; None when there is none.
            previous_alignment: of the crop that patch was made for.
            alignment: of this crop.

        Returns:
            (3, S, S) float32, a new array: zeros when there is no last patch; beyond the last patch its
            edge goes on.
        """
        if previous_patch is None or previous_alignment is None:
            return np.zeros((3, alignment.size, alignment.size), np.float32)
        return carry_planes(previous_patch, previous_alignment.matrix, alignment.matrix)


def resize(planes: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """(C, S, S) pictures brought to the side of ``out`` (C, T, T), bilinearly."""
    if planes.shape == out.shape:
        out[:] = planes
        return
    for plane, resized in zip(planes, out, strict=True):
        cv2.resize(plane, resized.shape[::-1], dst=resized, interpolation=cv2.INTER_LINEAR)


def carry_planes(
    planes: NDArray[np.float32], previous_alignment: Affine, alignment: Affine
) -> NDArray[np.float32]:
    """Bring (C, S, S) pictures of an earlier crop into this one, bilinearly; a new array."""
    to_previous = compose(previous_alignment, invert(alignment))
    if displacement(to_previous, planes.shape[-1]) < _STILL:
        return planes.copy()
    moved = np.empty(planes.shape, np.float32)
    for plane, out in zip(planes, moved, strict=True):
        cv2.warpAffine(
            plane,
            to_previous,
            plane.shape[::-1],
            dst=out,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return moved


def displacement(affine: Affine, size: int) -> float:
    """How far, in crop pixels, ``affine`` moves the corner of a crop that it moves furthest."""
    corners = np.array([[0, size - 1, 0, size - 1], [0, 0, size - 1, size - 1], [1, 1, 1, 1]], np.float64)
    return float(np.abs(affine @ corners - corners[:2]).max())
