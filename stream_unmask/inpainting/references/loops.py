"""Ear loops that lie on a bare cheek, taken out of its picture: who holds a mask has them before the face."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.laying import Points
from stream_unmask.faces.warping import OVAL

_THIN = 11
"""Width in crop pixels of 256 up to which something is thin."""

_BRIGHT = 28
"""How much brighter (Lab, L in 0..255) than what is beside it and than the cheeks: shine is less."""

_WHITE = 0.6
"""How colourful it may be, as a share of the cheeks: the light sides of wrinkles are skin still."""

_LONG = 12
"""Length in the same pixels from which it is no spot."""

_RIM, _KEPT_OFF = 5, 9
"""Widths by which what was found is made larger, and what is left as it is at the rim and the mouth."""

_UNDER_EYES = (117, 346)
_NOSE_AND_MOUTH = (61, 291, 0, 17, 37, 267, 84, 314, 40, 270, 91, 321, 1, 98, 327, 4, 168, 49, 279)


def without_loops(picture: NDArray[np.uint8], points: Points) -> NDArray[np.uint8]:
    """The same picture, skin where a bright cord crosses the cheeks.

    Args:
        picture: (S, S, 3) RGB crop.
        points: (468, 3) its mesh in the crop's pixels.
    """
    size, (light, red, yellow) = len(picture), cv2.split(cv2.cvtColor(picture, cv2.COLOR_RGB2LAB))
    thin = cv2.morphologyEx(light, cv2.MORPH_TOPHAT, _disc(_THIN, size))
    cheeks = _cheeks(points, size) > 0
    if not cheeks.any():
        return picture
    colour = np.hypot(red.astype(np.float32) - 128, yellow.astype(np.float32) - 128)
    white = colour < _WHITE * np.median(colour[cheeks])
    bright = (thin > _BRIGHT) & (light > np.median(light[cheeks]) + _BRIGHT)
    found = (bright & white & cheeks).astype(np.uint8)
    count, parts, figures, _ = cv2.connectedComponentsWithStats(found)
    long = [part for part in range(1, count) if max(figures[part, 2:4]) > _LONG * size / 256]
    if not long:
        return picture
    hidden = cv2.dilate(np.isin(parts, long).astype(np.uint8), _disc(_RIM, size))
    # Telea, "An Image Inpainting Technique Based on the Fast Marching Method", 2004.
    return np.asarray(cv2.inpaint(picture, hidden, 3, cv2.INPAINT_TELEA), np.uint8)


def _cheeks(points: Points, size: int) -> NDArray[np.uint8]:
    """(S, S) above 0 where the face is below the eyes, nose and mouth left out."""
    places = np.rint(points[:, :2]).astype(np.int32)
    area, kept = np.zeros((2, size, size), np.uint8)
    cv2.fillPoly(area, [places[OVAL]], 1)
    area = np.asarray(cv2.erode(area, _disc(_KEPT_OFF, size)), np.uint8)
    area[: max(int(places[list(_UNDER_EYES), 1].mean()), 0)] = 0
    cv2.fillConvexPoly(kept, cv2.convexHull(places[list(_NOSE_AND_MOUTH)]), 1)
    area[cv2.dilate(kept, _disc(_KEPT_OFF, size)) > 0] = 0
    return area


def _disc(width: float, size: int) -> NDArray[np.uint8]:
    side = max(1, round(width * size / 256)) | 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
