"""Noticing that a frame shows nothing that was not searched for faces before."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.pixels.planes import Planes

_COLUMNS, _ROWS = 80, 45
"""Cells across a frame: the smallest face that the detector's thumbnail shows fills two."""

_CHANGED = 0.02
"""Change of a cell's mean luma, in shares of the sample range, that may be a face's; a sensor's noise and a
codec's make 0.01 of it."""

_ROOM = 0.25
"""How far around its box a followed face is taken to move its surroundings, in sides of the box."""


class Novelty:
    """Compares frames with the one that was searched last."""

    def __init__(self) -> None:
        self._searched: NDArray[Any] | None = None

    def search(self, planes: Planes) -> None:
        """Take a frame for the one that is searched."""
        self._searched = _cells(planes)

    def is_there(self, planes: Planes, known: NDArray[np.float64]) -> bool:
        """Whether anything has changed since the last search.

        Args:
            planes: a frame.
            known: (n, 4) x0, y0, x1, y1 around the faces that are followed; what changes there is theirs.
        """
        cells = _cells(planes)
        if self._searched is None or self._searched.shape != cells.shape:
            return True
        most = _CHANGED * (2**planes.depth - 1)
        changed = cv2.absdiff(cells, self._searched) > most
        high, wide = cells.shape
        grid = np.array([wide / planes.width, high / planes.height] * 2)
        for box in known:
            room = _ROOM * (box[2:] - box[:2])
            x0, y0, x1, y1 = np.concatenate([box[:2] - room, box[2:] + room]) * grid
            changed[max(0, int(y0)) : max(0, int(y1) + 1), max(0, int(x0)) : max(0, int(x1) + 1)] = False
        return bool(changed.any())


def _cells(planes: Planes) -> NDArray[Any]:
    """Mean luma of each cell, in sample values."""
    size = (min(_COLUMNS, planes.width), min(_ROWS, planes.height))
    return cv2.resize(planes.y, size, interpolation=cv2.INTER_AREA)
