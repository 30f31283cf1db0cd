"""What was found and made for one frame, used in the next one, too, while a face is calm.

Where a face is laid on, it lies where it should in every frame, and pores and lashes are its own. What the
generator adds is light and colour, and what shows around it; of a calm face that is a frame later what it
was, and so is the mask in its crop. The two networks take turns: while one rests, the other runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream_unmask.inpainting.cpu.generating import Generator, Made
from stream_unmask.inpainting.face import FaceView, Picture
from stream_unmask.inpainting.geometry import displacement
from stream_unmask.inpainting.laid import LaidFace
from stream_unmask.pixels.geometry import Affine, compose, invert

_SOON = 0.05
"""Seconds in which the next frame has to come: longer, and one would see it wait."""

_CALM = 3.0
"""Crop pixels that the crop may have moved over the frame: as far what lies still behind the face is off."""

_SAME_LIGHT = 0.02
"""How far a crop's mean colour, RGB in [-1, 1], may be off: lights that are switched are followed at once."""


@dataclass(frozen=True, slots=True)
class Moment:
    """How a crop was seen.

    Attributes:
        place: frame pixels -> crop pixels.
        light: (3,) mean colour of the crop.
    """

    place: Affine
    light: NDArray[np.float32]

    @classmethod
    def of(cls, crop: Picture, place: Affine) -> Moment:
        """How a frame shows a crop (3, S, S)."""
        return cls(place, crop.mean(axis=(1, 2)))

    def serves(self, now: Moment, view: FaceView, elapsed: float) -> bool:
        """Whether what is known of this moment holds ``elapsed`` seconds later, too."""
        if elapsed > _SOON or view.coasting:
            return False
        moved = displacement(compose(now.place, invert(self.place)), view.alignment.size)
        return moved <= _CALM and float(np.abs(now.light - self.light).max()) <= _SAME_LIGHT


@dataclass(frozen=True, slots=True)
class Painted:
    """What is kept of a face's last inpainted crop.

    Attributes:
        made: for that, or for the one before.
        source: whose face was laid on.
        moment: when.
        due: the next one is to be made anew.
    """

    made: Made
    source: object
    moment: Moment
    due: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What is kept of a face's last look for its mask.

    Attributes:
        mask: (S, S) in 0..1.
        moment: when.
    """

    mask: Picture
    moment: Moment


def find(
    segment: Callable[[], Picture],
    now: Moment,
    view: FaceView,
    elapsed: float,
    found: Found | None,
    painted: Painted | None,
) -> tuple[Picture, Found]:
    """Find one frame's mask, or take that of the last frame, in which the generator rested.

    Args:
        segment: finds it.
        now: how the frame shows the crop.
        view: how the frame shows the face.
        elapsed: seconds since the face was last inpainted, above 0.
        found: what this function returned for the last frame, if it was for the same face.
        painted: likewise of :func:`paint`.

    Returns:
        (S, S) in 0..1, to be read only; and what is kept.
    """
    if found is not None and painted is not None and painted.due:
        # Else the generator rested in another frame than the one whose mask is known.
        same = found.moment is painted.moment
        if same and found.moment.serves(now, view, elapsed):
            return found.mask, found
    mask = segment()
    return mask, Found(mask, now)


def paint(
    generator: Generator,
    crop: Picture,
    mask: Picture,
    guide: LaidFace | None,
    now: Moment,
    view: FaceView,
    elapsed: float,
    before: Painted | None,
) -> tuple[Picture, Painted | None]:
    """Make one frame's inpainted crop, or take what was made for the last frame.

    Args:
        generator: to be asked.
        crop: (3, S, S) RGB in [-1, 1], C-contiguous.
        mask: (S, S) where the face mask is, 0..1, C-contiguous.
        guide: a face laid on at the crop's side, if there is one.
        now: how the frame shows the crop.
        view: how the frame shows the face.
        elapsed: seconds since the last frame, above 0.
        before: what this function returned for that, if it was for the same face.

    Returns:
        (3, S, S) RGB in [-1, 1], C-contiguous, a new array; and what is kept, None where nothing is.
    """
    size = crop.shape[-1]
    if guide is None or guide.source is None:
        return generator.make(crop, mask, guide).finished(size, guide), None
    same = before is not None and not before.due and guide.source is before.source
    if before is not None and same and before.moment.serves(now, view, elapsed):
        return before.made.finished(size, guide), Painted(before.made, before.source, now, due=True)
    made = generator.make(crop, mask, guide)
    # Of several faces one half has its turn in each frame.
    due = before is None and view.number % 2 == 1
    return made.finished(size, guide), Painted(made, guide.source, now, due)
