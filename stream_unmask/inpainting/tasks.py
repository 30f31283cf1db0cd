"""What is done to a face: its face mask is taken off, or it is given one.

A task says in which order; see ``docs/extending.md`` for one of your own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Protocol

import numpy as np

from engines.contract import WEARER
from stream_unmask.inpainting.face import FaceState, Picture
from stream_unmask.inpainting.guides import Seen
from stream_unmask.inpainting.laid import LaidFace
from stream_unmask.inpainting.ops import B, Faces, FrameOps, Layer
from stream_unmask.inpainting.parameters import BLENDS, Blend
from stream_unmask.inpainting.sources import Sources
from stream_unmask.report import Stages

_STYLE_SEED = 2


class Task(Protocol):
    """What is done to the faces of a stream."""

    def new_state(self) -> FaceState:
        """What a face that appears will carry from frame to frame."""
        ...

    def wanted(self, score: float) -> float:
        """How sure it is, 0..1, that a face is one for this task, of how surely it wears a face mask."""
        ...

    def inpaint(self, ops: FrameOps[B], faces: Faces[B], stages: Stages) -> Layer[B]:
        """Make what is to be laid over a frame.

        Args:
            ops: what computes.
            faces: at least one.
            stages: where the time is added up.
        """
        ...


@dataclass(frozen=True, slots=True)
class Unmask:
    """Takes face masks off.

    Attributes:
        blend: how what is inpainted is joined to the face around it.
        smooth: damp what flickers from frame to frame.
        still: this is for a single picture, which is worth more time.
        sources: of what guides the generator; None to have it paint alone.
    """

    blend: Blend
    smooth: bool
    still: bool = False
    sources: Sources | None = None

    def __post_init__(self) -> None:
        if self.blend not in BLENDS:
            raise ValueError(f"blend must be one of {', '.join(BLENDS)}, got {self.blend!r}")

    def new_state(self) -> FaceState:
        return FaceState()

    def wanted(self, score: float) -> float:
        return score

    def inpaint(self, ops: FrameOps[B], faces: Faces[B], stages: Stages) -> Layer[B]:
        masks, pictures = faces.masks, self._fill(ops, faces, stages)
        if self.smooth:
            masks, pictures = _steadied(ops, faces, masks, pictures, stages)
        with stages("blend"):
            pictures = _matched(ops, faces, masks, pictures)
            pictures, alphas = ops.blend(faces, masks, pictures, self.blend)
            return Layer(pictures, masks, alphas, ops.outlines(faces, masks))

    def _fill(self, ops: FrameOps[B], faces: Faces[B], stages: Stages) -> B:
        """Pictures of the faces beneath their face masks."""
        with stages("lay"):
            guides = self._guides(ops, faces)
        with stages("generate"):
            known = [view.state.painted for view in faces.views]
            settled = ops.settle(faces.masks)
            pictures, painted = ops.generate(faces, settled, guides, known, still=self.still)
            for view, each in zip(faces.views, painted, strict=True):
                view.state.painted = each
            return pictures

    def _guides(self, ops: FrameOps[B], faces: Faces[B]) -> list[LaidFace | None]:
        """What is laid on the faces."""
        if self.sources is None:
            return [None] * len(faces.views)
        return self.sources.guides(heads(ops, faces))


@dataclass(frozen=True, slots=True)
class Scout(Unmask):
    """Decides all that :class:`Unmask` would decide, and inpaints nothing.

    Faces are followed, masks looked for, references taken and stand-ins chosen: what a stream carries
    afterwards is what it would carry, but for what smoothing remembers of a second or two. The frames are of
    no use.
    """

    @classmethod
    def of(cls, task: Unmask) -> Scout:
        """The scout of a task, with the same sources."""
        return cls(task.blend, task.smooth, task.still, task.sources)

    def inpaint(self, ops: FrameOps[B], faces: Faces[B], stages: Stages) -> Layer[B]:
        with stages("lay"):
            self._guides(ops, faces)
        return Layer(faces.crops, faces.masks, faces.masks, ops.outlines(faces, faces.masks))


@dataclass(frozen=True, slots=True)
class Wear:
    """Puts face masks on bare faces, each face one of its own.

    Attributes:
        smooth: damp what flickers from frame to frame.
        styles: which face masks the faces get as they appear; see :func:`styles`.
    """

    smooth: bool
    styles: Iterator[Picture] = field(default_factory=lambda: styles())

    def new_state(self) -> FaceState:
        return FaceState(style=next(self.styles))

    def wanted(self, score: float) -> float:
        return 1 - score

    def inpaint(self, ops: FrameOps[B], faces: Faces[B], stages: Stages) -> Layer[B]:
        with stages("generate"):
            chosen = [view.state.style for view in faces.views]
            pictures, alphas = ops.dress(faces.crops, [style for style in chosen if style is not None])
        if self.smooth:
            alphas, pictures = _steadied(ops, faces, alphas, pictures, stages)
        with stages("blend"):
            covers = ops.cover(alphas, faces.strengths)
            return Layer(pictures, alphas, covers, _first_outlines(ops, faces, alphas))


def heads(ops: FrameOps[B], faces: Faces[B]) -> list[Seen]:
    """Masked faces as a frame shows them, on the host."""

    def crop(row: int) -> Picture:
        return ops.to_host(faces.crops[row : row + 1])[0]

    def painted(row: int) -> Picture:
        alone = faces.one(row)
        made, _ = ops.generate(alone, ops.settle(alone.masks), [None], [None], still=False)
        return ops.to_host(made)[0]

    # Asked for twice of a head that is met for the first time: painted once.
    rows = zip(faces.views, ops.to_host(faces.masks), faces.elapsed, strict=True)
    return [
        Seen(view, partial(crop, row), cache(partial(painted, row)), mask, faces.time, elapsed)
        for row, (view, mask, elapsed) in enumerate(rows)
    ]


def styles() -> Iterator[Picture]:
    """Which face masks a stream's faces get, (1, 8, 1, 1) each, as they appear; the same in every run."""
    chance = np.random.default_rng(_STYLE_SEED)
    while True:
        yield chance.standard_normal((1, WEARER.inputs["style"], 1, 1), np.float32)


def _steadied(ops: FrameOps[B], faces: Faces[B], masks: B, pictures: B, stages: Stages) -> tuple[B, B]:
    """Masks and pictures that do not flicker; the faces remember them."""
    with stages("smooth"):
        known = [view.state.steadied for view in faces.views]
        masks, pictures, learnt = ops.smooth(faces, masks, pictures, known)
        for view, each in zip(faces.views, learnt, strict=True):
            view.state.steadied = each
    return masks, pictures


def _matched(ops: FrameOps[B], faces: Faces[B], masks: B, pictures: B) -> B:
    """Pictures in the colours of the faces; the faces remember those."""
    known = [view.state.colours for view in faces.views]
    pictures, learnt = ops.match(faces, masks, pictures, known)
    for view, each in zip(faces.views, learnt, strict=True):
        view.state.colours = each
    return pictures


def _first_outlines(ops: FrameOps[B], faces: Faces[B], alphas: B) -> list[Picture]:
    """Where each face's first face mask lay; those of faces that have just appeared are waited for."""
    outlines = []
    for row, view in enumerate(faces.views):
        state = view.state
        if state.outline is None:
            (state.outline,) = ops.to_host(ops.to_coarse(alphas[row : row + 1]))
        outlines.append(state.outline)
    return outlines
