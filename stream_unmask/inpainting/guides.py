"""What guides the generator: the face of nobody that a track wears, laid on its head as each frame shows it.

Which one is chosen once, by the first frames that show the masked head, and held while the track lives. One
frame alone would choose badly, for a mesh needs some to settle; where frames can wait, those of a new head
do. Where it cannot be laid on (the head is turned too far, its mesh is lost on the mask) it fades out and the
generator paints alone; there is never a mixture of two faces but in that fade.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from stream_unmask.faces.alignment import mean_face, roomy_to_usual
from stream_unmask.faces.laying import Points, fit_rigid, fitting_weights, mask_edge, to_crop, to_frame
from stream_unmask.faces.laying_limits import is_lost
from stream_unmask.faces.mesh import FaceMesh
from stream_unmask.inpainting.face import FaceView, Picture, Worn
from stream_unmask.inpainting.laid import LaidFace
from stream_unmask.inpainting.stand_ins.bank import Bank
from stream_unmask.inpainting.stand_ins.beneath import mesh_beneath
from stream_unmask.inpainting.stand_ins.choosing import Observation, choose, observe, scores
from stream_unmask.inpainting.stand_ins.describing import UpperFace
from stream_unmask.inpainting.stand_ins.wearing import WornStandIn

_log = logging.getLogger(__name__)

Wish = int | Literal["none"]
"""A stand-in by its number in the bank, from 1, or none."""

FADE = 0.2
"""Seconds in which a laid face comes and goes where it may be laid on, or may no longer."""

LOOKS, LEAST_LOOKS = 6, 3
"""Looks at a head before its stand-in is chosen for good: where frames can wait, and where each is shown at
once and the first ones wear what fits the first look."""

_TRY_AGAIN = 0.5
"""Seconds after which a head is looked at again for which no stand-in was found."""

_GONE = 1.0
"""Seconds after which a stand-in that nobody wears may be worn by somebody else."""

_AS_BEFORE = 0.8
"""How much worse than the best one a stand-in may fit that was worn before: after a cut the same head is to
wear the same face."""

_SHOWN = 8
"""Stand-ins that are told to fit a face best."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A masked head in one frame.

    Attributes:
        view: where and how it is seen.
        crop: gives the (3, S, S) RGB crop in [-1, 1], for which one may have to wait.
        painted: gives the crop likewise as the generator paints it without a guide.
        mask: (S, S) soft mask of the crop.
        time: of the frame, in seconds.
        elapsed: seconds since the head was last inpainted, above 0.
    """

    view: FaceView
    crop: Callable[[], Picture]
    painted: Callable[[], Picture]
    mask: Picture
    time: float
    elapsed: float


class StandIns:
    """The stand-ins that the faces of one stream wear. Not for two threads at once."""

    def __init__(
        self,
        bank: Bank,
        describer: UpperFace,
        mesh: FaceMesh,
        lock: AbstractContextManager[object],
        wishes: Mapping[int, Wish] | None = None,
        least_looks: int = 1,
    ) -> None:
        """Begin a stream.

        Args:
            bank: to choose from.
            describer: of upper faces.
            mesh: fits meshes.
            lock: what is to be entered while one of these networks is used.
            wishes: what the user wants faces to wear, by their numbers; 0 for all others.
            least_looks: looks at a head before what it wears is chosen for good.
        """
        self._bank, self._describer, self._mesh, self._lock = bank, describer, mesh, lock
        self._wishes, self._least_looks = wishes or {}, least_looks
        self._worn_at: dict[int, float] = {}

    def look(self, seen: Seen) -> None:
        """Look at a masked head, for when a stand-in is to be chosen for it."""
        worn = _worn(seen)
        if self.looks_for(seen.view) and self._may_choose(worn, seen):
            with self._lock:
                worn.observed.append(self._observe(seen))

    def looks_for(self, view: FaceView) -> bool:
        """Whether a stand-in is still to be chosen for a head, or for good."""
        worn, own = view.state.worn, view.state.recalled
        if own is not None and (own.believed or own.used):
            return False
        return worn is None or (not worn.settled and len(worn.observed) < LOOKS)

    def undecided(self, view: FaceView) -> bool:
        """Whether further looks at a head would help to choose: frames that can wait should."""
        worn = view.state.worn
        return worn is not None and bool(worn.observed) and self.looks_for(view) and self._wish(view) is None

    def guide(self, seen: Seen) -> LaidFace | None:
        """Lay a face on a head.

        Args:
            seen: the head, with a mask on.

        Returns:
            The laid face at the crop's side; None where the generator is to paint alone.
        """
        worn = _worn(seen)
        if not (worn.settled or worn.observed):
            self.look(seen)
        with self._lock:
            if not worn.settled and self._may_choose(worn, seen):
                self._put_on(worn, seen)
            if worn.stand_in is None:
                return None
            laid = self._lay(worn, seen)
        return None if laid is None else self._drawn(worn, laid, seen)

    def leave(self, seen: Seen) -> LaidFace | None:
        """Fade out the face that a head wears: its own one is known by now."""
        worn = seen.view.state.worn
        if worn is None or worn.points is None:
            return None
        worn.shown = max(worn.shown - seen.elapsed / FADE, 0.0)
        return self._drawn(worn, worn.points, seen) if worn.shown > 0 else None

    def _drawn(self, worn: Worn, laid: Points, seen: Seen) -> LaidFace:
        assert worn.stand_in is not None
        return worn.stand_in.draw(laid, seen.view.alignment.size).faded(worn.shown)

    def _put_on(self, worn: Worn, seen: Seen) -> None:
        """Choose a stand-in, the first time and once more after enough looks: then it is worn for good."""
        enough = len(worn.observed) >= self._least_looks
        if worn.stand_in is not None and not enough:
            return
        self._worn_at.pop(worn.index, None)
        index = self._choose(worn, seen)
        if enough:
            worn.observed.clear()
        if index is None:
            worn.stand_in, worn.index, worn.points, worn.shown = None, -1, None, 0.0
            worn.refusal = "no stand-in fits"
            if enough:
                worn.try_again = seen.time + _TRY_AGAIN
            return
        worn.settled = enough
        if index != worn.index:
            worn.stand_in, worn.points = WornStandIn(self._bank[index], self._mesh), None
            worn.index, worn.refusal = index, None
        if enough:
            _log.info("Face %d wears stand-in %d", seen.view.number, index + 1)

    def _choose(self, worn: Worn, seen: Seen) -> int | None:
        observed = worn.observed
        fits = scores(observed, self._bank)
        worn.fitting = tuple(np.argsort(fits, kind="stable")[:_SHOWN].tolist())
        wish = self._wish(seen.view)
        if wish == "none":
            return None
        if wish is not None:
            return wish - 1
        taken = [index for index, time in self._worn_at.items() if seen.time - time < _GONE]
        best = choose(observed, self._bank, taken)
        if best is None:
            return None
        before = [index for index in self._worn_at if index not in taken]
        again = min(before, key=lambda index: (fits[index], index), default=best)
        return again if fits[again] <= fits[best] + _AS_BEFORE else best

    def _may_choose(self, worn: Worn, seen: Seen) -> bool:
        return seen.time >= worn.try_again and not seen.view.coasting

    def _wish(self, view: FaceView) -> Wish | None:
        return self._wishes.get(view.number, self._wishes.get(0))

    def _observe(self, seen: Seen) -> Observation:
        head, _ = self._head(seen)
        crop, mask = seen.crop(), seen.mask
        if seen.view.alignment.roomy:
            head, crop, mask = _as_usual(head, crop, mask)
        weights = fitting_weights(head, mask)
        average = mean_face().astype(np.float64)
        edge = mask_edge(mask, fit_rigid(average, head, weights)(average))
        return observe(self._describer, crop, head, mask, edge)

    def _lay(self, worn: Worn, seen: Seen) -> Points | None:
        """Where it lies in the crop, faded in or out by now; None where nothing of it shows."""
        assert worn.stand_in is not None
        self._worn_at[worn.index] = seen.time
        alignment, first = seen.view.alignment, worn.points is None
        head, beneath = self._head(seen)
        points = to_frame(head, alignment) if beneath else seen.view.points
        laid = worn.stand_in.lay(points, alignment, seen.crop, seen.mask, seen.elapsed, beneath=beneath)
        if isinstance(laid, str):
            worn.refusal = laid
            worn.shown = max(worn.shown - seen.elapsed / FADE, 0.0)
        else:
            worn.refusal, worn.points = None, laid
            worn.shown = 1.0 if first else min(worn.shown + seen.elapsed / FADE, 1.0)
        return worn.points if worn.shown > 0 else None

    def _head(self, seen: Seen) -> tuple[Points, bool]:
        """(468, 3) a head's mesh in crop pixels, and whether it had to be found beneath the mask."""
        head = to_crop(seen.view.points, seen.view.alignment)
        if not is_lost(head, seen.mask):
            return head, False
        found = mesh_beneath(self._mesh, seen.crop(), seen.painted(), seen.mask, head)
        return (head, False) if found is None else (found, True)


def _worn(seen: Seen) -> Worn:
    """What a head wears, from now on if it wore nothing."""
    state = seen.view.state
    if state.worn is None:
        state.worn = Worn()
    return state.worn


def _as_usual(head: Points, crop: Picture, mask: Picture) -> tuple[Points, Picture, Picture]:
    """A head in the usual crop, which those of the bank lie in, of one with more room below."""
    size = len(mask)
    to_usual = roomy_to_usual(size)
    planes = [
        cv2.warpAffine(plane, to_usual, (size, size), borderMode=cv2.BORDER_REPLICATE)
        for plane in (*crop, mask)
    ]
    moved = head * to_usual[0, 0]
    moved[:, :2] += to_usual[:, 2]
    return moved, np.stack(planes[:3]), np.asarray(planes[3], np.float32)
