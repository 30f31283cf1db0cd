"""One face on its way through the pipeline: what it carries, where it is seen, what was done to it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import Alignment
from stream_unmask.inpainting.graining import GrainEstimate, noise_source

if TYPE_CHECKING:
    from stream_unmask.inpainting.references.bank import ReferenceBank
    from stream_unmask.inpainting.references.wearing import WornReference
    from stream_unmask.inpainting.stand_ins.choosing import Observation
    from stream_unmask.inpainting.stand_ins.wearing import WornStandIn

Picture = NDArray[np.float32]


@dataclass(slots=True)
class Worn:
    """The stand-in that a track wears.

    Attributes:
        stand_in: laid on the track's head; None before one was found.
        index: its place in the bank.
        points: (468, 3) its mesh in crop pixels as it was laid last; None before it was.
        shown: 0..1, how far it has faded in.
        refusal: why the last frame was not guided by it, if it was not.
        fitting: the places of those that fit the track best, the best first.
        settled: it is worn for good.
        observed: what was seen of the head so far; nothing once that is so.
        try_again: the time from which on a head is looked at again for which none was found.
    """

    stand_in: WornStandIn | None = None
    index: int = -1
    points: NDArray[np.float64] | None = None
    shown: float = 0.0
    refusal: str | None = None
    fitting: tuple[int, ...] = ()
    settled: bool = False
    observed: list[Observation] = field(default_factory=list)
    try_again: float = -math.inf


@dataclass(slots=True)
class Recalled:
    """The own face of the person whom a track follows.

    Attributes:
        person: the track's person for whom this holds; see :attr:`FaceView.person`.
        bank: their bare faces.
        given: the user gave them, so that they must first be shown to be of this person.
        looked: when a bare face was looked for last, in seconds.
        masked: when a mask was found last, in seconds.
        worn: those of the bank laid on the track's head; None before there was a mask.
        shown: 0..1, how far it has faded in.
        believed: it fits what is visible.
        used: it was shown once: from then on nobody else's face is.
        refusal: why it was not believed in the last frame, if it was not.
        refusals: how often a given one was found not to be of this person.
        try_again: the time from which on it is tried again.
    """

    person: int
    bank: ReferenceBank
    given: bool = False
    looked: float = -math.inf
    masked: float = -math.inf
    worn: WornReference | None = None
    shown: float = 0.0
    believed: bool = False
    used: bool = False
    refusal: str | None = None
    refusals: int = 0
    try_again: float = -math.inf

    def take_off(self) -> None:
        """Start afresh with the next masked frame."""
        self.worn = self.refusal = None
        self.shown, self.believed = 0.0, False


@dataclass(slots=True)
class FaceState:
    """What one face carries from frame to frame while it is inpainted; lives in its track.

    Attributes:
        time: of the last frame that it was inpainted in, in seconds; None since its mask appeared.
        found: what of the last look for its mask the next one may take; known to the ops alone.
        painted: what of that frame's inpainted crop the next one may take; known to the ops alone.
        steadied: what the smoothing keeps of that frame; known to the ops alone that made it.
        colours: what the matching has learnt of its colours; known to the ops alone that made it.
        grain: what has been learnt of its grain.
        noise: shifts its noise from frame to frame; never forgotten, so that no noise comes twice.
        style: (1, 8, 1, 1) which face mask it is given, for good, where face masks are put on.
        worn: its stand-in, for good, once there is one.
        recalled: the person's own face, as far as it is known.
        outline: (S / 4, S / 4) that face mask's first alpha on the coarse grid, around which grain is
            measured. A crop goes with its face: it holds for all that come.
    """

    time: float | None = None
    found: Any = None
    painted: Any = None
    steadied: Any = None
    colours: Any = None
    grain: GrainEstimate = field(default_factory=GrainEstimate)
    noise: np.random.Generator = field(default_factory=noise_source)
    style: Picture | None = None
    worn: Worn | None = None
    recalled: Recalled | None = None
    outline: Picture | None = None

    def forget(self) -> None:
        """Start afresh with the next frame, as after a while without a face mask."""
        self.time = self.found = self.painted = self.steadied = self.colours = self.outline = None
        if self.worn is not None:
            self.worn.points, self.worn.shown = None, 0.0
            self.worn.observed.clear()
        if self.recalled is not None:
            self.recalled.take_off()
        self.grain = GrainEstimate()


@dataclass(frozen=True, slots=True)
class FaceView:
    """One face as a frame shows it.

    Attributes:
        state: what it carries from frame to frame.
        alignment: where its crop lies.
        points: (468, 3) its mesh, x and y in frame pixels and z in the same unit. Not smoothed, as the
            alignment is.
        box: x0, y0, x1, y1 around it in frame pixels; may reach beyond the frame.
        coasting: it is not seen at the moment. Alignment and box are carried on, the points are those of
            the frame that it was last seen in.
        unseen: how old the points are, in seconds; 0 where it is seen.
        number: its report's, from 1; 0 where it has none.
        person: counts up where what is followed may be another head than before.
        presence: the mesh's belief that there is a face, 0..1.
    """

    state: FaceState
    alignment: Alignment
    points: NDArray[np.float64]
    box: tuple[float, float, float, float]
    coasting: bool = False
    unseen: float = 0.0
    number: int = 0
    person: int = 0
    presence: float = 1.0


@dataclass(frozen=True, slots=True)
class UnmaskedFace:
    """What was done to one face in one frame.

    Attributes:
        number: which face; its :class:`~stream_unmask.report.FaceReport` has the same.
        box: x0, y0, x1, y1 around it in frame pixels; may reach beyond the frame.
        alignment: where its crop lies.
        mask: (S, S) how surely each pixel of the crop shows the face mask, 0..1.
        alpha: (S, S) how opaquely the inpainted crop was laid over it, 0..1.
        score: certainty that a face mask was worn, 0..1.
    """

    number: int
    box: tuple[float, float, float, float]
    alignment: Alignment
    mask: Picture
    alpha: Picture
    score: float
