"""A laid face that lies still on a still head."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.laying import Bend, Points, Rigid, eye_distance
from stream_unmask.faces.smoothing import OneEuro, OneEuroSettings

_PLACE = OneEuroSettings(still_cutoff=0.6, speed_gain=6.0)
"""Unit: the face's eye distance."""

_SIZE = OneEuroSettings(still_cutoff=0.3, speed_gain=6.0)
"""The logarithm of the scale."""

_TURN = OneEuroSettings(still_cutoff=0.5, speed_gain=4.0)
"""Radians."""

_BEND = OneEuroSettings(still_cutoff=0.15, speed_gain=0.5)
"""Factors of width and chin: a head's bones do not change, only what is known of them."""

_RESIDUALS = OneEuroSettings(still_cutoff=0.5, speed_gain=1.0)
"""Eye distances."""


class LayingFilter:
    """Smooths over time how one face is laid on one head."""

    def __init__(self, own: Points) -> None:
        """Start before the first frame.

        Args:
            own: (468, 3) the face's own mesh; places are filtered where its middle lies.
        """
        self._middle = own.mean(axis=0)
        self._unit = eye_distance(own)
        self._place, self._size, self._turn = OneEuro(_PLACE), OneEuro(_SIZE), OneEuro(_TURN)
        self._factors, self._residuals = OneEuro(_BEND), OneEuro(_RESIDUALS)
        self._start: NDArray[np.float64] | None = None

    def update(self, rigid: Rigid, bend: Bend, elapsed: float) -> tuple[Rigid, Bend]:
        """Take how the face is laid in the next frame.

        Args:
            rigid: takes the face's own mesh to frame pixels.
            bend: see there.
            elapsed: seconds since the last frame, above 0 but for the first one.

        Returns:
            The smoothed ones.
        """
        width, chin = self._factors.update(np.array([bend.width, bend.chin]), elapsed)
        residuals = self._residuals.update(bend.residuals.ravel(), elapsed)
        return self.move(rigid, elapsed), Bend(float(width), float(chin), residuals.reshape(-1, 2))

    def move(self, rigid: Rigid, elapsed: float) -> Rigid:
        """The same for a face that is not bent."""
        if self._start is None:
            self._start = rigid.rotation
        # Turns are counted from the first one, where a rotation vector is far from its wrap at half a turn.
        vector = np.asarray(cv2.Rodrigues(rigid.rotation @ self._start.T)[0][:, 0], np.float64)
        turn = cv2.Rodrigues(self._turn.update(vector, elapsed))[0] @ self._start
        place = self._place.update(rigid(self._middle[None])[0], elapsed, rigid.scale * self._unit)
        scale = float(np.exp(self._size.update(np.array([np.log(rigid.scale)]), elapsed)[0]))
        return Rigid(scale, turn, place - scale * turn @ self._middle)
