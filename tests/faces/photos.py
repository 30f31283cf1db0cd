"""A photograph with one face, as frames that lie or move in different ways."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from skimage import data

from stream_unmask.video.frame import Frame
from stream_unmask.video.images import as_frame

WIDTH, HEIGHT = 512, 512


@cache
def photo() -> np.ndarray:
    """(512, 512, 3) RGB."""
    return data.astronaut()


def photo_frame(rotation: int) -> tuple[Frame, np.ndarray]:
    """The photograph as a frame that must be turned clockwise to be upright, and the way into it.

    Returns:
        The frame and the (2, 3) affine from pixels of the photograph to the frame's.
    """
    quarters = rotation // 90
    frame = as_frame(np.ascontiguousarray(np.rot90(photo(), quarters)))
    edge = WIDTH - 1
    matrices = {
        0: [[1, 0, 0], [0, 1, 0]],
        1: [[0, 1, 0], [-1, 0, edge]],
        2: [[-1, 0, edge], [0, -1, edge]],
        3: [[0, -1, edge], [1, 0, 0]],
    }
    return frame, np.array(matrices[quarters], float)


def moved_frame(matrix: np.ndarray, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Frame:
    """The photograph seen through a (2, 3) affine from its pixels to the frame's."""
    return as_frame(cv2.warpAffine(photo(), matrix, size, borderMode=cv2.BORDER_REFLECT))


def turned(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(n, 2) points after a (2, 3) affine."""
    return points @ matrix[:, :2].T + matrix[:, 2]
