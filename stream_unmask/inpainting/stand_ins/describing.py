"""What the upper half of a face looks like, in numbers that compare: what a mask leaves visible.

The inner layers of the face detector serve as features (a perceptual network that is there anyway). Nothing
below the nose bridge is read, so that a masked face and a bare one are described alike. The numbers choose a
face that fits; they are too coarse to recognise anyone, and those of a person are never kept.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.backends.openvino_cpu import OpenVINOEngine
from stream_unmask.faces import weights

SIDE = 256
"""Side in pixels of the crop that the network reads."""

_LAYERS = ("416", "477")
"""The last activations of CenterFace's backbone at strides 8 and 16: (192, 32, 32) and (576, 16, 16)."""

_CUT, _SOFT = 104, 6
"""The first row (of 256) of which nothing is seen, in the middle of an edge ``2 * _SOFT`` rows wide."""

_GREY = 128.0

_ROWS, _COLUMNS = slice(1, 7), slice(2, 14)
"""Cells of the 16 x 16 grid that are read: forehead, brows, eyes and temples."""

_ALL_ROWS = slice(1, 15)
"""The same of a whole face."""

_BROWS_AND_EYES = slice(3, 7), _COLUMNS
_NOSE_TO_CHIN = slice(7, 13), slice(5, 11)
"""The same of the parts by which faces are told apart: less forehead, hair and background."""

_LESS = 0.6
"""What brows and eyes count for, against what a mask hides: they are alike by sight, the others by guess, and
would outweigh them."""

_POOL = (2, 3)
"""Cells that are averaged, down and along a row."""


class UpperFace:
    """Describes the visible half of a face; and a whole one, where a stand-in is made of it."""

    def __init__(self, threads: int = 1) -> None:
        """Compile the face detector's first layers.

        Raises:
            UnmaskError: the detector's file is missing.
        """
        self._engine = OpenVINOEngine(
            weights.centerface(), threads, [(1, 3, SIDE, SIDE)], layers=_LAYERS, precision="fp32"
        )
        rows = np.arange(SIDE, dtype=np.float32)
        self._seen = np.clip((_CUT + _SOFT - rows) / (2 * _SOFT), 0, 1)[:, None, None]

    def describe(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Describe the upper half of one face.

        Args:
            picture: (S, S, 3) RGB crop, aligned as every crop is.

        Returns:
            (D,) numbers, each cell's of length about 1.
        """
        small = _small(picture)
        seen = np.asarray(small * self._seen + _GREY * (1 - self._seen), np.float32)
        return self._read(seen, (_ROWS, _COLUMNS))

    def describe_whole(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """As :meth:`describe`, of the whole of a bare face: more numbers, of the same kind."""
        return self._read(_small(picture), (_ALL_ROWS, _COLUMNS))

    def describe_features(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """As :meth:`describe`, of what tells bare faces apart: brows and eyes, nose, mouth and chin."""
        upper, lower = self._read_each(_small(picture), _BROWS_AND_EYES, _NOSE_TO_CHIN)
        return np.concatenate([np.float32(_LESS) * upper, lower])

    def _read(self, seen: NDArray[np.float32], region: tuple[slice, slice]) -> NDArray[np.float32]:
        return self._read_each(seen, region)[0]

    def _read_each(
        self, seen: NDArray[np.float32], *regions: tuple[slice, slice]
    ) -> list[NDArray[np.float32]]:
        fine, coarse = self._engine.run(np.ascontiguousarray(seen.transpose(2, 0, 1))[None])
        cells = ((_unit(fine[0]), 2), (_unit(coarse[0]), 1))
        return [np.concatenate([_pooled(each, *where, step) for each, step in cells]) for where in regions]


def _small(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    return cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)


def _unit(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """(C, h, w) features, each place's made one long."""
    return np.asarray(features / np.sqrt((features**2).sum(axis=0) + 1e-6))


def _pooled(features: NDArray[np.float32], rows: slice, columns: slice, step: int) -> NDArray[np.float32]:
    """Means over blocks of cells, flat; ``step`` places of (C, h, w) features make a cell's side."""
    down, along = (slice(each.start * step, each.stop * step) for each in (rows, columns))
    read = features[:, down, along]
    high, wide = _POOL[0] * step, _POOL[1] * step
    blocks = read.reshape(len(read), read.shape[1] // high, high, read.shape[2] // wide, wide)
    return np.asarray(blocks.mean(axis=(2, 4)).ravel(), np.float32)
