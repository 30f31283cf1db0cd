"""Whether a face wears a face mask, decided with hysteresis."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HysteresisSettings:
    """When a face counts as masked.

    Attributes:
        puts_on: score from which a face that was bare counts as masked.
        takes_off: score below which a face that was masked counts as bare.
        puts_on_after: seconds that the score must stay up; two frames at 24 to 33 a second.
        takes_off_after: seconds that the score must stay down; five frames at 25 to 30 a second.
        fade: seconds that an inpainted crop takes to come or to go; four frames at 23 to 30 a second.
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
class Decision:
    """What is decided about the face mask on a face in one frame.

    Attributes:
        wears: the face wears a mask.
        score: how sure this frame is of a mask, 0..1.
        strength: how much of the inpainted crop shows, 0..1; above 0 for some frames after ``wears`` has
            ended.
    """

    wears: bool
    score: float
    strength: float


class MaskHysteresis:
    """Decides for one track, frame by frame, whether it wears a mask.

    Two thresholds and a moment of patience keep a doubtful mask from switching the inpainted crop on and off.
    A track's first frame decides at once, without a fade: a video that begins with a masked face, or a
    single picture, must not show the mask first.
    """

    def __init__(self, settings: HysteresisSettings | None = None) -> None:
        self._settings = settings or HysteresisSettings()
        self._wears: bool | None = None
        self._seconds_against = 0.0
        self._strength = 0.0
        self._time = 0.0

    def update(self, score: float, time: float) -> Decision:
        """Take in one frame's score, 0..1; ``time`` is the frame's, in seconds."""
        settings = self._settings
        # Clocks of live sources may jump back.
        elapsed = max(time - self._time, 0.0)
        self._time = time
        if self._wears is None:
            self._wears = score >= settings.puts_on
            self._strength = float(self._wears)
            return Decision(self._wears, score, self._strength)
        against = score < settings.takes_off if self._wears else score >= settings.puts_on
        self._seconds_against = self._seconds_against + elapsed if against else 0.0
        patience = settings.takes_off_after if self._wears else settings.puts_on_after
        if self._seconds_against >= patience:
            self._wears = not self._wears
            self._seconds_against = 0.0
        step = elapsed / settings.fade
        change = step if self._wears else -step
        self._strength = min(max(self._strength + change, 0.0), 1.0)
        return Decision(self._wears, score, self._strength)

    def pass_over(self, time: float) -> None:
        """Go on to a frame, at ``time`` in seconds, of which there is no score: it speaks for nothing."""
        self._time = time
