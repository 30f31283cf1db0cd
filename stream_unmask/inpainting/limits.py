"""Which faces are beyond what the networks can do."""

from __future__ import annotations

from typing import Literal

import numpy as np

from stream_unmask.faces.alignment import Alignment
from stream_unmask.pixels.geometry import invert

Reason = Literal["too small", "turned away", "cut off"]

FACE_SHARE = 0.65
"""Width of a face seen from the front, as a share of its crop's side."""

MOST_YAW = 60.0
"""Furthest turn of the head, in degrees, at which a mouth can still be drawn."""

MOST_OUTSIDE = 0.6
"""Largest share of the crop that may lie outside the frame."""

_SLACK = 1.15
"""Factor by which a face that is being unmasked may exceed each limit, lest it come and go there."""

_GRID = 16
"""Points per side of the grid over the crop that are looked up in the frame."""


def reason(
    alignment: Alignment, width: int, height: int, min_face: float, *, unmasked_before: bool = False
) -> Reason | None:
    """Say why a face must be left as it is.

    Args:
        alignment: where the face's crop lies.
        width: of the frame in pixels.
        height: of the frame in pixels.
        min_face: width, in frame pixels, of the narrowest face to be unmasked.
        unmasked_before: the face was unmasked in the last frame.

    Returns:
        The first limit that the face exceeds, or None.
    """
    slack = _SLACK if unmasked_before else 1.0
    if face_width(alignment) < min_face / slack:
        return "too small"
    if abs(alignment.yaw) > MOST_YAW * slack:
        return "turned away"
    if outside_share(alignment, width, height) > MOST_OUTSIDE * slack:
        return "cut off"
    return None


def face_width(alignment: Alignment) -> float:
    """Width of a face in frame pixels, as if seen from the front."""
    return alignment.size / alignment.scale * FACE_SHARE


def outside_share(alignment: Alignment, width: int, height: int) -> float:
    """Share of a crop, 0..1, that lies outside its frame."""
    middles = (np.arange(_GRID) + 0.5) * alignment.size / _GRID - 0.5
    x, y = np.meshgrid(middles, middles)
    to_frame = invert(alignment.matrix)
    seen = to_frame[:, :2] @ np.stack([x.ravel(), y.ravel()]) + to_frame[:, 2:]
    far = np.array([[width - 0.5], [height - 0.5]])
    return float(1 - ((seen >= -0.5) & (seen < far)).all(axis=0).mean())
