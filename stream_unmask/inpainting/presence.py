"""Whether a face wears a mask."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

CELLS = 64
"""Side of the small map that is scored."""

SHARE = 0.04
"""The smallest mask that counts in full, as a share of the crop; a smaller one scores less."""


@dataclass(frozen=True, slots=True)
class PresenceSettings:
    """When a face counts as masked.

    Attributes:
        puts_on: score from which a face that was bare counts as masked.
        takes_off: score below which a face that was masked counts as bare.
        puts_on_after: seconds that the score must stay up; two frames at 24 to 33 a second.
        takes_off_after: seconds that the score must stay down; five frames at 25 to 30 a second.
        fade: seconds that a patch takes to come or to go; four frames at 23 to 30 a second.
    """

    puts_on: float = 0.75
    takes_off: float = 0.35
    puts_on_after: float = 0.06
    takes_off_after: float = 0.165
    fade: float = 0.133

    def __post_init__(self) -> None:
        if not 0 <= self.takes_off <= self.puts_on <= 1:
            raise ValueError(f"need 0 <= takes_off <= puts_on <= 1, got {self.takes_off} and {self.puts_on}")
        if min(self.puts_on_after, self.takes_off_after, self.fade) <= 0:
            raise ValueError("puts_on_after, takes_off_after and fade are seconds, above 0")


@dataclass(frozen=True, slots=True)
class Presence:
    """What one frame says about the mask on a face.

    Attributes:
        wears: the face wears a mask.
        score: how sure this frame is of a mask, 0..1.
        strength: how much of the patch shows, 0..1; above 0 for some frames after ``wears`` has ended.
    """

    wears: bool
    score: float
    strength: float


class MaskPresence:
    """Decides for one track, frame by frame, whether it wears a mask.

    Two thresholds and a moment of patience keep a doubtful map from switching the patch on and off.
    A track's first frame decides at once, without a fade: a video that begins with a masked face, or a
    single picture, must not show the mask first.
    """

    def __init__(self, settings: PresenceSettings | None = None) -> None:
        self._settings = settings or PresenceSettings()
        self._wears: bool | None = None
        self._seconds_against = 0.0
        self._strength = 0.0
        self._time = 0.0

    def update(self, score: float, time: float) -> Presence:
        """Take in one frame's :func:`mask_score`; ``time`` is the frame's, in seconds."""
        settings = self._settings
        # Clocks of live sources may jump back.
        elapsed = max(time - self._time, 0.0)
        self._time = time
        if self._wears is None:
            self._wears = score >= settings.puts_on
            self._strength = float(self._wears)
            return Presence(self._wears, score, self._strength)
        against = score < settings.takes_off if self._wears else score >= settings.puts_on
        self._seconds_against = self._seconds_against + elapsed if against else 0.0
        patience = settings.takes_off_after if self._wears else settings.puts_on_after
        if self._seconds_against >= patience:
            self._wears = not self._wears
            self._seconds_against = 0.0
        step = elapsed / settings.fade
        change = step if self._wears else -step
        self._strength = min(max(self._strength + change, 0.0), 1.0)
        return Presence(self._wears, score, self._strength)


def mask_score(map: NDArray[np.float32]) -> float:
    """How sure a map, (S, S) in 0..1, is of a mask: the mean of its surest pixels, 0..1."""
    small = cv2.resize(map, (CELLS, CELLS), interpolation=cv2.INTER_AREA).ravel()
    count = round(SHARE * small.size)
    return float(np.partition(small, small.size - count)[-count:].mean())
