"""When a face is not laid on a head, and why."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.laying import Points, values_at

Refusal = Literal["lost", "turned", "unmasked"]
"""Why no face can be laid on: the mesh lies on the mask, the head is turned too far from how the face was
seen, or too little mask is found where the mouth is."""

MOST_TURNED = 30.0
"""Degrees of yaw by which a face may be turned off its own: beyond, it has sides that were never seen."""

MOST_TURNED_HELD = 34.0
"""The same for a face that is laid on already, so that it does not come and go."""

_ON_MASK = 0.3
_LOST = 0.07
"""Soft mask from which a point lies on the mask, and the share of the eyes' and brows' points that may: a
mesh that has slid down takes a mask's folds for eyes."""

_LOST_BENEATH = 0.35
"""The same share of a mesh that was fitted beneath the mask: it lies on a mask that truly hides eyes, too."""

_LEAST_COVERED = 0.5
"""Share of the lower face's points that the mask must cover: else it hangs at the chin, or is no mask."""

# fmt: off
_EYES_AND_BROWS = np.array([
    33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246,
    263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466,
    70, 63, 105, 66, 107, 55, 65, 52, 53, 46, 300, 293, 334, 296, 336, 285, 295, 282, 283, 276,
])
_LOWER_FACE = np.array([
    2, 164, 0, 13, 14, 17, 18, 200, 199, 61, 291, 57, 287, 98, 327, 92, 322, 186, 410, 43, 273, 204, 424,
])
# fmt: on


def is_lost(points: Points, mask: NDArray[np.float32], *, beneath: bool = False) -> bool:
    """Whether a mesh has slid onto the mask.

    Args:
        points: (468, 3) in crop pixels.
        mask: (S, S) soft mask of the crop.
        beneath: it was fitted to the face as painted beneath the mask.
    """
    on_mask = (values_at(mask, points[_EYES_AND_BROWS]) > _ON_MASK).mean()
    return bool(on_mask > (_LOST_BENEATH if beneath else _LOST))


def refusal(
    points: Points,
    mask: NDArray[np.float32],
    yaw_off: float,
    *,
    held: bool = False,
    beneath: bool = False,
) -> Refusal | None:
    """Whether a face should not be laid on a masked head.

    Args:
        points: the head's mesh in crop pixels.
        mask: (S, S) soft mask of the crop.
        yaw_off: degrees between the head's turn and that at which the other face was seen.
        held: the face lies on the head already.
        beneath: see :func:`is_lost`.

    Returns:
        Why, None where it may.
    """
    if is_lost(points, mask, beneath=beneath):
        return "lost"
    if abs(yaw_off) > (MOST_TURNED_HELD if held else MOST_TURNED):
        return "turned"
    if (values_at(mask, points[_LOWER_FACE]) > _ON_MASK).mean() < _LEAST_COVERED:
        return "unmasked"
    return None
