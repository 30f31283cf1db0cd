"""A person's own bare face on the same person's masked head, frame after frame."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import Alignment
from stream_unmask.faces.laying import (
    Angles,
    Points,
    Rigid,
    carried,
    fit_rigid,
    fitting_weights,
    head_angles,
    to_crop,
)
from stream_unmask.faces.laying_limits import Refusal, refusal
from stream_unmask.faces.laying_smoothing import LayingFilter
from stream_unmask.faces.masked_mesh import MeshAsWorn
from stream_unmask.faces.matching import SIDE, Looseness, Match, Scene, at_side, lay
from stream_unmask.faces.mesh import FaceMesh
from stream_unmask.inpainting.laid import Drawable, LaidFace
from stream_unmask.inpainting.references.bank import ReferenceBank
from stream_unmask.inpainting.references.reference import Reference
from stream_unmask.pixels.geometry import Affine, Box, invert

_FROM_AFAR = (0, 0, 0, 1, 1, 1, 2, 2, 2, 2)
_FROM_NEAR = (2, 2, 2)
"""Blurs of the steps in which a face is laid on that was nowhere, and one that was there a frame ago."""

_UNSURE = Looseness(turn=(0.1, 0.1, 0.06), growth=0.06, shift=5.0)
_SURE = Looseness(turn=(math.radians(1.5), math.radians(1.5), math.radians(3)), growth=0.02, shift=3.0)
"""How far pixels may move a face from where the mesh has it: with the mask's error in it, and without."""

_LOST = 0.08
"""By how much the correlation may fall before the face is laid on anew from where the mesh has it."""

_TRIED = 3
_GOOD = 0.88
_TURNED = 12.0
_CHOICE_EVERY = 0.35
"""References that are tried; correlation below which, or degrees of yaw off beyond which, that is done again;
and seconds between."""

_OPEN_COSTS = 0.1
_KEPT = 0.03
"""By what the correlation of a mouth that is open by an eye distance is lowered, and that of what is worn
already raised, in choosing."""

_FADE = 0.2
"""Seconds in which the next reference takes the place of the last."""

_SLOWLY = 0.005
"""Share of the best correlation so far that is forgotten in a frame."""


@dataclass(frozen=True)
class _Head:
    """A masked head in one frame.

    Attributes:
        in_crop: (468, 3) its mesh in crop pixels.
        points: the same in pixels of the crop at :data:`SIDE`, as all that is matched.
        weights: (468,) how far each counts.
        angles: how it is turned.
        to_frame: (2, 3) from the crop at :data:`SIDE` to the frame.
        crop: gives the (3, S, S) RGB crop in [-1, 1].
        mask: (S, S) soft mask of the crop.
    """

    in_crop: Points
    points: Points
    weights: NDArray[np.float64]
    angles: Angles
    to_frame: Affine
    crop: Callable[[], NDArray[np.float32]]
    mask: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        points: Points,
        alignment: Alignment,
        crop: Callable[[], NDArray[np.float32]],
        mask: NDArray[np.float32],
    ) -> _Head:
        """See :meth:`WornReference.lay`."""
        in_crop = to_crop(points, alignment)
        weights = fitting_weights(in_crop, mask)
        zoom = SIDE / alignment.size
        shrunk = zoom * alignment.matrix
        shrunk[:, 2] += (zoom - 1) / 2
        angles = head_angles(in_crop, weights)
        return cls(in_crop, at_side(in_crop, alignment.size), weights, angles, invert(shrunk), crop, mask)

    @cached_property
    def scene(self) -> Scene:
        """What its pixels are compared by."""
        return Scene(self.crop(), self.mask)


class _Laid:
    """One reference on the head, from the frame on in which it was put there.

    Attributes:
        reference: which.
        last: takes its mesh, at :data:`SIDE`, to the last frame's pixels, not smoothed; None at first.
        best: the best correlation so far, slowly forgotten.
        points: (468, 3) its mesh in the last frame's crop, smoothed.
    """

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self.last: Rigid | None = None
        self.best = 0.0
        self._own = at_side(reference.points, len(reference.picture))
        self._filter = LayingFilter(self._own)
        self._drawable: Drawable | None = None
        self.points: Points = reference.points

    def move(self, match: Match, head: _Head, alignment: Alignment, elapsed: float) -> None:
        """Take where it lies in the next frame."""
        self.best = max(match.correlation, self.best * (1 - _SLOWLY))
        self.last = carried(match.rigid, head.to_frame)
        self.points = to_crop(self._filter.move(self.last, elapsed)(self._own), alignment)

    def draw(self, size: int) -> LaidFace:
        """Draw it in a crop of a size."""
        if self._drawable is None or self._drawable.size != size:
            self._drawable = Drawable.of(self.reference, size)
        return self._drawable.draw(self.points)


class WornReference:
    """Those of a person's own faces that a track wears: one, or two while the next one fades in.

    Attributes:
        correlation: how alike the one that is worn and the visible face were in the last frame.
    """

    def __init__(self, bank: ReferenceBank, network: FaceMesh) -> None:
        """Put none on yet.

        Args:
            bank: of the person, not empty.
            network: fits meshes; used when a reference is met for the first time, or the head has turned.
        """
        self.correlation = 0.0
        self._bank, self._network = bank, network
        self._since_choice = math.inf
        self._as_worn: WeakKeyDictionary[Reference, MeshAsWorn] = WeakKeyDictionary()
        self._now: _Laid | None = None
        self._before: _Laid | None = None
        self._share = 1.0
        self._anew = False

    @property
    def points(self) -> Points:
        """(468, 3) the mesh of the one that is worn, in pixels of the last frame's crop."""
        assert self._now is not None
        return self._now.points

    @property
    def reference(self) -> Reference | None:
        """The one worn in the last frame; None before there was one."""
        return None if self._now is None else self._now.reference

    def lay(
        self,
        points: Points,
        alignment: Alignment,
        crop: Callable[[], NDArray[np.float32]],
        mask: NDArray[np.float32],
        elapsed: float,
    ) -> Refusal | None:
        """Lay one on the head as the next frame shows it.

        Args:
            points: (468, 3) the masked head's mesh in frame pixels.
            alignment: of the crop.
            crop: gives the (3, S, S) RGB crop in [-1, 1].
            mask: (S, S) soft mask of the crop.
            elapsed: seconds since the last frame of this head, above 0 but for the first one.

        Returns:
            Why it must not be shown in this frame, None where it may.
        """
        head = _Head.of(points, alignment, crop, mask)
        nearest = self._bank.nearest(head.angles, _TRIED)
        held = self._now is not None and not self._anew
        why = refusal(head.in_crop, mask, head.angles.yaw - nearest[0].angles.yaw, held=held)
        if why == "turned" or (why == "lost" and not held):
            self._anew, self._before = True, None
            return why
        if self._anew and self._now is not None:
            # Nothing slides in from where it was.
            self._now = _Laid(self._now.reference)
        self._anew = False
        if why != "lost":
            self._choose(head, nearest, elapsed)
        assert self._now is not None
        match = self._follow(self._now, head, lost=why == "lost")
        self._now.move(match, head, alignment, elapsed)
        self.correlation = match.correlation
        self._leave(head, alignment, elapsed)
        return None

    def draw(self, size: int) -> LaidFace:
        """Draw what is worn where it was laid last, in a crop of a size."""
        assert self._now is not None
        face = self._now.draw(size)
        return face if self._before is None else _mixed(self._before.draw(size), face, self._share)

    def _choose(self, head: _Head, nearest: list[Reference], elapsed: float) -> None:
        """Wear another one where what is worn fits badly and another fits better."""
        worn = self.reference
        self._since_choice += elapsed
        if worn is not None:
            fits = self.correlation >= _GOOD and abs(head.angles.yaw - worn.angles.yaw) <= _TURNED
            if fits or self._since_choice < _CHOICE_EVERY:
                return
        self._since_choice = 0.0
        tried = nearest if worn is None or worn in nearest else [worn, *nearest]
        best = max(tried, key=lambda each: self._promise(head, each))
        if best is not worn:
            there = self._now is not None and self._now.last is not None
            self._before, self._share = self._now if there else None, 0.0
            self._now = _Laid(best)

    def _promise(self, head: _Head, reference: Reference) -> float:
        """How well one that is tried would do."""
        own = at_side(reference.points, len(reference.picture))
        guess = fit_rigid(own, head.points, head.weights)
        match = lay(reference.spots, head.scene, guess, guess, _UNSURE, _FROM_AFAR)
        kept = _KEPT if reference is self.reference else 0.0
        return match.correlation + kept - _OPEN_COSTS * reference.openness

    def _leave(self, head: _Head, alignment: Alignment, elapsed: float) -> None:
        """Fade the one that was worn before, which goes on with the head until it is gone."""
        self._share = min(self._share + elapsed / _FADE, 1.0)
        if self._before is not None and self._share < 1:
            match = self._follow(self._before, head, lost=True)
            self._before.move(match, head, alignment, elapsed)
        else:
            self._before = None

    def _follow(self, laid: _Laid, head: _Head, *, lost: bool) -> Match:
        """Where it lies now: from where it was, or anew; by the pixels alone where the mesh is ``lost``."""
        spots, scene = laid.reference.spots, head.scene
        start = None if laid.last is None else carried(laid.last, invert(head.to_frame))
        if start is not None and lost:
            return lay(spots, scene, start, start, _UNSURE, _FROM_AFAR)
        prior = self._prior(laid.reference, head)
        if start is None:
            return lay(spots, scene, prior, prior, _SURE, _FROM_AFAR)
        match = lay(spots, scene, start, prior, _SURE, _FROM_NEAR)
        if match.correlation >= laid.best - _LOST:
            return match
        again = lay(spots, scene, prior, prior, _SURE, _FROM_AFAR)
        return max(match, again, key=lambda each: each.correlation)

    def _prior(self, reference: Reference, head: _Head) -> Rigid:
        """Where the mesh has a reference, the mask's error cancelled."""
        if reference not in self._as_worn:
            self._as_worn[reference] = MeshAsWorn(self._network, reference.picture, reference.points)
        worn = self._as_worn[reference].on(head.in_crop, head.weights, head.angles.yaw, head.crop, head.mask)
        return fit_rigid(at_side(worn, len(reference.picture)), head.points, head.weights)


def _mixed(before: LaidFace, now: LaidFace, share: float) -> LaidFace:
    """Two views of one person, of the later one so large a share."""
    one, other = before.trust * np.float32(1 - share), now.trust * np.float32(share)
    trust = np.asarray(one + other, np.float32)
    sums = before.picture * one[:, :, None] + now.picture * other[:, :, None]
    picture = np.asarray(sums / np.maximum(trust, np.float32(1e-6))[:, :, None], np.float32)
    first, second = before.box, now.box
    if first.empty or second.empty:
        return before if second.empty else now
    low = np.minimum(first[:2], second[:2]).tolist()
    high = np.maximum(first[2:], second[2:]).tolist()
    return LaidFace(picture, trust, Box(*low, *high))
