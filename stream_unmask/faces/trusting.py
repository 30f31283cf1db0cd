"""How far a face that is laid on is to be shown: on its bare skin, and not at its rim."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.laying import CHIN, Points, eye_distance
from stream_unmask.faces.warping import OVAL

Plane = NDArray[np.float32]

# fmt: off
_SKIN = (50, 280, 205, 425, 187, 411, 36, 266, 101, 330, 203, 423)
# fmt: on
_EYES = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249),
)
"""Mesh points along the lids of each eye."""

_MOUTH_CORNERS = (61, 291)
_JAW_CORNERS = (58, 288)

_CHROMA, _DARKER, _LIGHTER = 14.0, 24.0, 26.0
"""How far skin may be off its median in Lab (L in 0..100); hair and cloth are further."""

_NOTHING, _ALL = np.array((-0.09, -0.05)), np.array((0.145, 0.105))
"""From where to where trust grows, in eye distances inside a portrait's outline: beside the face, and below
its chin. What lies behind a portrait's face shines through at its outline."""

_LID = 2 / 128
"""Width of the line along the lids that is not trusted either, in crop sides."""

_SOFT = 128
"""Sides of a crop to the spread of the edge where a face hides a part of itself, and around eyes."""

_INNER = 0.72
"""Share of the outline's size within which nothing is hair: nostrils and shadows are dark, too."""


def bare_skin(picture: NDArray[np.uint8], points: Points) -> NDArray[np.uint8]:
    """Where a portrait shows skin, or what is of the face, and no hair, cloth or background.

    It ends softly before the outline, and only there: where the portrait is laid on a head that is turned
    further, its nose may hide the far cheek, and is sharp against what lies behind.

    Args:
        picture: (S, S, 3) RGB.
        points: (468, 3) its mesh in the picture's pixels.

    Returns:
        (S, S), 255 where it does.
    """
    size = len(picture)
    unit = size / 256
    lab = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2LAB), (0, 0), unit).astype(np.float32)
    places = np.clip(np.rint(points[list(_SKIN), :2]), 0, size - 1).astype(int)
    off = lab - np.median(lab[places[:, 1], places[:, 0]], axis=0)
    other = np.hypot(off[:, :, 1], off[:, :, 2]) > _CHROMA
    other |= (off[:, :, 0] < -_DARKER * 2.55) | (off[:, :, 0] > _LIGHTER * 2.55)
    outline = points[OVAL, :2]
    middle = outline.mean(axis=0)
    inner = np.zeros((size, size), np.uint8)
    cv2.fillPoly(inner, [np.rint(middle + (outline - middle) * _INNER).astype(np.int32)], 1)
    # A beard is no hair that lies before the face: only what is above the mouth is cut out.
    above = np.clip((points[list(_MOUTH_CORNERS), 1].mean() + 6 * unit - np.arange(size)) / (12 * unit), 0, 1)
    hair = (other & (inner == 0)).astype(np.float32) * above[:, None].astype(np.float32)
    hair = cv2.dilate(cv2.erode(hair, _disc(2 * unit)), _disc(7 * unit))
    bare = 1 - np.clip(cv2.GaussianBlur(hair, (0, 0), 2.5 * unit) * 1.2, 0, 1)
    return np.asarray(np.rint(bare * _within(points, size) * 255), np.uint8)


def _within(points: Points, size: int) -> Plane:
    """(S, S) in 0..1, growing from a face's outline inwards: slowly beside it, fast below the chin."""
    face = np.zeros((size, size), np.uint8)
    cv2.fillPoly(face, [np.rint(points[OVAL, :2]).astype(np.int32)], 1)
    inside, outside = (cv2.distanceTransform(each, cv2.DIST_L2, cv2.DIST_MASK_5) for each in (face, 1 - face))
    deep = (inside - outside) / eye_distance(points)
    jaw, chin = float(points[list(_JAW_CORNERS), 1].mean()), float(points[CHIN, 1])
    height = max(chin - jaw, 1.0)
    below = np.clip((np.arange(size) - (jaw + 0.75 * height)) / (0.2 * height), 0, 1)[:, None]
    nothing, all_of_it = (ends[0] + (ends[1] - ends[0]) * below for ends in (_NOTHING, _ALL))
    share = np.clip((deep - nothing) / (all_of_it - nothing), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def laid_trust(trust: Plane, bare: Plane, points: Points, size: int) -> Plane:
    """How far a laid face is to be believed: what the guided generator reads.

    Args:
        trust: (h, w) of the warp, 0..1; a part of the crop outside of which there is no trust.
        bare: (h, w) warped along with the picture, where it shows bare skin: 0..1, else clipped.
        points: (468, 3) the laid mesh in pixels of the same part.
        size: side of the crop.

    Returns:
        (h, w) in 0..1: 1 inside the face, 0 around its eyes, and soft towards both, but nowhere larger than
        what was given.
    """
    shown = trust * np.clip(bare, 0, 1)
    # Two eyes that do not look where the own ones do are worse than a soft lid beneath a mask's upper edge.
    eyes = [np.rint(points[list(lids), :2]).astype(np.int32) for lids in _EYES]
    cv2.fillPoly(shown, eyes, 0)
    cv2.polylines(shown, eyes, True, 0, max(1, round(_LID * size)))
    soft = cv2.GaussianBlur(shown, (0, 0), size / _SOFT, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(np.minimum(soft, shown, out=soft), np.float32)


def _disc(width: float) -> NDArray[np.uint8]:
    side = max(1, round(width)) | 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
