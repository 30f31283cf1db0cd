"""The own faces of the people of one stream: looked for while they are bare, laid on while they are masked.

What is known of a face lives with its track and ends with it; nothing tells who somebody is, and no face is
ever searched for among others. A reference is shown where it fits what is visible of the head, all of it or
nothing, with a fade in between.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from stream_unmask.faces.mesh import FaceMesh
from stream_unmask.inpainting.face import FaceView, Recalled
from stream_unmask.inpainting.guides import FADE, Seen
from stream_unmask.inpainting.laid import LaidFace
from stream_unmask.inpainting.references.bank import ReferenceBank
from stream_unmask.inpainting.references.bareness import SURELY_BARE, skin_share
from stream_unmask.inpainting.references.reference import Reference, pictured
from stream_unmask.inpainting.references.wearing import WornReference
from stream_unmask.video.frame import Frame

_log = logging.getLogger(__name__)

BARE_SCORE, _PRESENT = 0.15, 0.5
"""Score of a face mask below which a face may be bare, and presence from which its mesh is believed."""

Banks = dict[tuple[int, int], ReferenceBank]
"""Bare faces by the number of the face and of the person followed; see :attr:`FaceView.person`."""

_LOOK_EVERY = 0.1
"""Seconds between two looks for a bare face."""

_SHARPEN_EVERY = 0.5
"""The same where there is one of this kind, which could only be sharper."""

_DOUBTED = 0.4
"""Seconds before a mask appears in which hands and cloth may already be before the face."""

_SURELY_OFF = 0.5
"""Seconds for which no mask must have been found on a face that wore one: now and then one is overlooked."""

_ON, _OFF = 0.7, 0.55
"""Correlation from which a reference of the same track is believed, and below which no longer. That of
somebody else's face is 0.36 to 0.74 in nine of ten pairs, that of one's own 0.73 to 0.99."""

_GIVEN_ON = 0.87
_GIVEN_TRIES = 3
"""The same for a face that the user gave, when it is first laid on, and how often that is tried: of 203 pairs
of different people in videos none reached 0.85."""

_TRY_AGAIN = 0.5
"""Seconds after which a reference is tried again that did not fit."""


class References:
    """The own faces of the people of one stream. Not for two threads at once."""

    def __init__(
        self,
        mesh: FaceMesh,
        lock: AbstractContextManager[object],
        *,
        given: Mapping[int, Reference],
        search: bool,
        known: Banks | None = None,
    ) -> None:
        """Begin a stream.

        Args:
            mesh: fits meshes.
            lock: what is to be entered while it is used.
            given: faces that the user says are those of the people of these numbers; 0 for all others.
            search: look for bare faces of the others.
            known: what was found of them before: then there is nothing more to be found.
        """
        self._mesh, self._lock, self._given = mesh, lock, given
        self._known, self._search = known or {}, search and not known
        self._tried: set[int] = set()
        self._used: set[int] = set()
        self._ambiguous = ""

    @property
    def refused(self) -> list[str]:
        """A sentence for each given reference that was not used so far."""
        sentences = [self._ambiguous] if self._ambiguous else []
        for number in self._given.keys() - self._used - ({0} if self._ambiguous else set()):
            origin, who = self._given[number].origin, f"face {number}" if number else "the masked face"
            if number in self._tried:
                sentences.append(f"The face of {origin} looks too little like {who} to be used for it.")
            else:
                sentences.append(f"{origin} was not used: {who} was never masked, or turned too far away.")
        return sentences

    def meet(self, numbers: Sequence[int]) -> None:
        """Take note of which people are masked in a frame, before they are guided."""
        unnamed = [number for number in numbers if number not in self._given]
        if len(unnamed) > 1 and 0 in self._given and not self._ambiguous:
            origin, people = self._given[0].origin, ", ".join(map(str, sorted(unnamed)))
            self._ambiguous = (
                f"Faces {people} wear masks at the same time, so that {origin} is not used: "
                f"say whose face it shows, as in {unnamed[0]}={origin}."
            )

    def look(self, frame: Frame, view: FaceView, score: float) -> None:
        """Take a bare face's picture.

        Args:
            frame: as it came.
            view: one of its faces.
            score: how surely it wears a face mask, 0..1.
        """
        recalled = self._recalled(view)
        if recalled.given or not self._search:
            return
        if score >= BARE_SCORE:
            if recalled.looked > recalled.masked:
                recalled.bank.doubt_since(frame.time - _DOUBTED)
            recalled.masked = frame.time
            return
        if 0 <= frame.time - recalled.masked < _SURELY_OFF:
            return
        since = abs(frame.time - recalled.looked)
        if view.coasting or view.presence < _PRESENT or since < _LOOK_EVERY:
            return
        if since < _SHARPEN_EVERY and not recalled.bank.lacks(view.points):
            return
        recalled.looked = frame.time
        found = pictured(frame.planes(), view.points, view.alignment, f"frame {frame.index}", frame.time)
        if skin_share(found.picture, found.points) >= SURELY_BARE:
            recalled.bank.offer(found)

    def guide(self, seen: Seen, *, wait: bool) -> LaidFace | None:
        """Lay a person's own face on their head.

        Args:
            seen: the head, with a mask on.
            wait: do not show it yet: another face is still there.

        Returns:
            The laid face at the crop's side; None where it is not to be shown.
        """
        recalled = self._recalled(seen.view)
        if not len(recalled.bank) or (not recalled.shown and seen.time < recalled.try_again):
            return None
        if recalled.worn is None:
            recalled.worn = WornReference(recalled.bank, self._mesh)
        first = seen.view.state.time is None and not wait
        with self._lock:
            self._lay(recalled, recalled.worn, seen)
        step = seen.elapsed / FADE
        if recalled.believed and not wait:
            recalled.shown = 1.0 if first else min(recalled.shown + step, 1.0)
            recalled.used = True
        else:
            recalled.shown = max(recalled.shown - step, 0.0)
        if recalled.shown == 0:
            return None
        return recalled.worn.draw(seen.view.alignment.size).faded(recalled.shown)

    def _lay(self, recalled: Recalled, worn: WornReference, seen: Seen) -> None:
        """Lay it on, and decide whether it is believed."""
        view = seen.view
        recalled.refusal = worn.lay(view.points, view.alignment, seen.crop, seen.mask, seen.elapsed)
        if recalled.refusal is not None:
            recalled.believed = False
            return
        before, new = recalled.believed, not recalled.used
        least = _OFF if before else _GIVEN_ON if recalled.given and new else _ON
        recalled.believed = worn.correlation >= least
        recalled.refusal = None if recalled.believed else "unlike"
        if recalled.believed and new and worn.reference is not None:
            _log.info("Face %d wears its own face of %s", view.number, worn.reference.origin)
        if not recalled.believed and recalled.shown == 0:
            recalled.try_again = seen.time + _TRY_AGAIN
        if recalled.given and new:
            self._count(recalled, view.number if view.number in self._given else 0)

    def _count(self, recalled: Recalled, given: int) -> None:
        """A given face was tried: if it does not fit a few times, it is let go."""
        (self._used if recalled.believed else self._tried).add(given)
        recalled.refusals += not recalled.believed
        if recalled.refusals >= _GIVEN_TRIES and not recalled.believed:
            recalled.bank, recalled.given, recalled.worn = ReferenceBank(), False, None
            recalled.refusal = "not this person"

    def _recalled(self, view: FaceView) -> Recalled:
        """What is known of a face; nothing any more where it may be another head."""
        recalled = view.state.recalled
        unclear = self._ambiguous and recalled is not None and recalled.given
        if recalled is None or recalled.person != view.person or (unclear and view.number not in self._given):
            given = self._given.get(view.number) if view.person == 0 else None
            if given is None and not self._ambiguous:
                given = self._given.get(0)
            bank = ReferenceBank([given]) if given else self._known.get((view.number, view.person))
            bank = ReferenceBank() if bank is None else bank
            recalled = view.state.recalled = Recalled(view.person, bank, given is not None)
        return recalled
