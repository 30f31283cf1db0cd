"""What one followed face carries from frame to frame, and what is told of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from stream_unmask.inpainting.face import FaceState, Worn
from stream_unmask.inpainting.hysteresis import MaskHysteresis
from stream_unmask.inpainting.resting import Rest
from stream_unmask.report import FaceReport


@dataclass(slots=True)
class FaceMemory:
    """What one followed face carries from frame to frame.

    Attributes:
        state: the part of it that the work on its pixels needs.
        hysteresis: whether it wears a face mask.
        rest: which frames need no look at it.
        unmasked: it was unmasked in the last frame that was decided on.
        undecided: frames with it that are not decided on yet.
        roomy: its mask reaches below the usual crop.
        report: what is told about it.
    """

    state: FaceState
    hysteresis: MaskHysteresis = field(default_factory=MaskHysteresis)
    rest: Rest = field(default_factory=Rest)
    unmasked: bool = False
    undecided: int = 0
    roomy: bool = False
    report: FaceReport | None = None

    def forget_inpainted(self) -> None:
        """Nothing is inpainted now: the next time starts afresh."""
        if self.unmasked:
            self.unmasked = self.roomy = False
            self.state.forget()


def tell_of(state: FaceState, report: FaceReport) -> None:
    """Note in a face's report where what is shown of it in a frame comes from."""
    own, worn = state.recalled, state.worn or Worn()
    report.fitting = [index + 1 for index in worn.fitting]
    if worn.stand_in is not None:
        report.stand_in = worn.index + 1
    if own is not None and own.refusal is not None:
        report.reference_refused[own.refusal] = report.reference_refused.get(own.refusal, 0) + 1
    if own is not None and own.worn is not None and own.worn.reference is not None and own.shown > 0:
        report.reference = own.worn.reference.origin
        report.reference_frames += 1
    elif worn.shown > 0:
        report.guided_frames += 1
    else:
        why = own.refusal if own is not None and own.used else worn.refusal
        report.unguided[why or "none wanted"] = report.unguided.get(why or "none wanted", 0) + 1
