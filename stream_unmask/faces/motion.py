"""Where a face will be: a Kalman filter on its box."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ACCELERATION = 8.0
"""Standard deviation of a head's acceleration, in box sides per second squared."""

_RELAXATION = 0.4
"""Seconds in which an unseen face loses most of its speed: heads swing, they do not fly off."""


class BoxMotion:
    """Centre and sides of a box moving at a slowly changing velocity.

    The four numbers share one covariance, in units of the box's side, because they are measured and moved
    alike; that makes the filter a 2x2 one. The velocity decays while nothing is measured (an integrated
    Ornstein-Uhlenbeck process), so that a coasting box comes to rest.
    """

    def __init__(self, box: NDArray[np.float64], noise: float) -> None:
        """Start at rest.

        Args:
            box: (4,) x0, y0, x1, y1 in frame pixels.
            noise: standard deviation of the measurement in box sides.
        """
        self._state = np.stack([_centred(box), np.zeros(4)])
        self._covariance = np.diag([noise**2, 1.0])

    @property
    def box(self) -> NDArray[np.float64]:
        """(4,) x0, y0, x1, y1 in frame pixels as of the last prediction or measurement."""
        middle, sides = self._state[0, :2], np.maximum(self._state[0, 2:], 1.0)
        return np.concatenate([middle - sides / 2, middle + sides / 2])

    @property
    def side(self) -> float:
        """Geometric mean of the box's sides in frame pixels."""
        return float(np.sqrt(np.prod(np.maximum(self._state[0, 2:], 1.0))))

    def predict(self, elapsed: float) -> None:
        """Move on by ``elapsed`` seconds."""
        kept = np.exp(-elapsed / _RELAXATION)
        step = np.array([[1.0, _RELAXATION * (1.0 - kept)], [0.0, kept]])
        push = np.array([elapsed**2 / 2, elapsed]) * _ACCELERATION
        self._state = step @ self._state
        self._covariance = step @ self._covariance @ step.T + np.outer(push, push)

    def correct(self, box: NDArray[np.float64], noise: float) -> None:
        """Take a measurement of the present moment; arguments as for the constructor."""
        gain = self._covariance[:, 0] / (self._covariance[0, 0] + noise**2)
        self._state = self._state + np.outer(gain, _centred(box) - self._state[0])
        self._covariance = self._covariance - np.outer(gain, self._covariance[0])


def _centred(box: NDArray[np.float64]) -> NDArray[np.float64]:
    """x, y, width, height of a box's centre and sides."""
    return np.concatenate([(box[:2] + box[2:]) / 2, box[2:] - box[:2]])
