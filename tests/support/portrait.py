"""A photographed face and where it lies: public domain, its mesh points fitted by hand."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.data import astronaut

from stream_unmask.faces.alignment import mean_face

_EYES = (115.5, 91.5)
_EYE_DISTANCE = 80.0


def portrait() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """(256, 256, 3) RGB picture of a face and its (468, 2) mesh points, roughly."""
    corner, side = (160, 50), 144
    photo: NDArray[np.uint8] = astronaut()
    cut = photo[corner[1] : corner[1] + side, corner[0] : corner[0] + side]
    picture = np.asarray(cv2.resize(cut, (256, 256), interpolation=cv2.INTER_CUBIC), np.uint8)
    points = mean_face()[:, :2] * _EYE_DISTANCE + _EYES
    return picture, points.astype(np.float32)
