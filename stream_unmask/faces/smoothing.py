"""Steady poses: what is still stays still, what moves is not held back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import Pose


@dataclass(frozen=True, slots=True)
class OneEuroSettings:
    """How strongly one quantity is smoothed.

    Attributes:
        still_cutoff: cut-off frequency in Hz while the quantity rests; lower is steadier.
        speed_gain: rise of the cut-off in Hz for each unit per second of speed; higher lags less.
        speed_cutoff: cut-off frequency in Hz of the speed's own estimate.
    """

    still_cutoff: float
    speed_gain: float
    speed_cutoff: float = 1.5


class OneEuro:
    """A low pass whose cut-off follows the speed of its input: the One-Euro filter (Casiez et al., 2012).

    Works on vectors: the cut-off follows the length of the speed, so that no direction is special.
    """

    def __init__(self, settings: OneEuroSettings) -> None:
        self._settings = settings
        self._value: NDArray[np.float64] | None = None
        self._speed = np.zeros(())

    def update(self, value: NDArray[np.float64], elapsed: float, unit: float = 1.0) -> NDArray[np.float64]:
        """Take the next value.

        Args:
            value: (n,) what was measured.
            elapsed: seconds since the last value, above 0 but for the first one.
            unit: the length that speeds are measured by, in the unit of the values.

        Returns:
            (n,) the smoothed value.
        """
        if self._value is None:
            self._value, self._speed = value, np.zeros_like(value)
            return value
        speed = (value - self._value) / (elapsed * unit)
        self._speed = self._speed + _weight(self._settings.speed_cutoff, elapsed) * (speed - self._speed)
        cutoff = self._settings.still_cutoff + self._settings.speed_gain * float(np.linalg.norm(self._speed))
        self._value = self._value + _weight(cutoff, elapsed) * (value - self._value)
        return self._value


def _weight(cutoff: float, elapsed: float) -> float:
    """How much of a step an exponential low pass follows within ``elapsed`` seconds."""
    return 1.0 - float(np.exp(-2.0 * np.pi * cutoff * elapsed))


_PLACE = OneEuroSettings(still_cutoff=0.4, speed_gain=6.0)
"""Unit: the face's eye distance."""

_SHAPE = OneEuroSettings(still_cutoff=0.3, speed_gain=6.0)
"""Roll in radians and the logarithm of the scale: both move a crop's rim by their own size."""

_YAW = OneEuroSettings(still_cutoff=0.4, speed_gain=0.1)
"""Degrees."""


class PoseFilter:
    """Smooths the poses of one face over time, however large it is and however uneven the frames come."""

    def __init__(self) -> None:
        self._place = OneEuro(_PLACE)
        self._shape = OneEuro(_SHAPE)
        self._yaw = OneEuro(_YAW)
        self._roll = 0.0

    def update(self, pose: Pose, elapsed: float) -> Pose:
        """Take the pose of the next frame, ``elapsed`` seconds after the last, and give the smoothed one."""
        # Unwound against the last roll, so that a face upside down does not spin through zero.
        self._roll += float(np.remainder(pose.roll - self._roll + np.pi, 2 * np.pi) - np.pi)
        x, y = self._place.update(np.array([pose.x, pose.y]), elapsed, pose.scale)
        roll, size = self._shape.update(np.array([self._roll, np.log(pose.scale)]), elapsed)
        (yaw,) = self._yaw.update(np.array([pose.yaw]), elapsed)
        return Pose(float(x), float(y), float(roll), float(np.exp(size)), float(yaw))
