"""The work on the pixels of a frame's faces: what is asked of it, and how a CPU does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import Alignment
from stream_unmask.inpainting.cpu.blending import Blender
from stream_unmask.inpainting.cpu.coarse import to_cells
from stream_unmask.inpainting.cpu.colour import ColourMatcher
from stream_unmask.inpainting.cpu.compositing import paste
from stream_unmask.inpainting.cpu.generating import Generator
from stream_unmask.inpainting.cpu.graining import GrainMeter
from stream_unmask.inpainting.cpu.segmenting import Segmenter, filled, settled
from stream_unmask.inpainting.cpu.smoothing import PatchSmoother
from stream_unmask.inpainting.presence import mask_score
from stream_unmask.inpainting.timing import since
from stream_unmask.pixels.grain import Grain
from stream_unmask.pixels.sampling import sample_crop
from stream_unmask.report import Stages
from stream_unmask.video.frame import Frame

Picture = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class UnmaskedFace:
    """What was done to one face in one frame.

    Attributes:
        alignment: where its crop lies.
        map: (S, S) where its mask was, 0..1.
        alpha: (S, S) how opaquely its patch was drawn, 0..1.
        score: certainty that a mask was worn, 0..1.
    """

    alignment: Alignment
    map: Picture
    alpha: Picture
    score: float


class FacePixels(Protocol):
    """What the work on one face's pixels carries from frame to frame: its filters."""

    def forget(self) -> None:
        """No mask now: the next patch starts afresh."""
        ...


F = TypeVar("F", bound=FacePixels)


class Retouch(Protocol):
    """The faces of one frame on their way. Each method is called once, in the order they stand here."""

    def scores(self) -> list[float]:
        """How sure each map is of a mask; see :func:`~stream_unmask.inpainting.presence.mask_score`."""
        ...

    def draw(self, strengths: Sequence[float]) -> None:
        """Make the patches.

        Args:
            strengths: for each face how much of its patch shows, 0..1; with 0 the face stays as it is.
        """
        ...

    def finish(self) -> list[UnmaskedFace]:
        """Put the patches into the frame; until then it is as it came.

        Returns:
            The faces that were changed.
        """
        ...


class Retoucher(Protocol[F]):
    """Works on the faces of one stream, frame by frame.

    Attributes:
        ahead: how many frames should be begun before the last one is drawn, and drawn before the last one is
            finished: 0 where each call waits for its result, 1 where it does not.
    """

    ahead: int

    def new_face(self) -> F:
        """What a face that appears will carry from frame to frame."""
        ...

    def begin(self, frame: Frame, faces: Sequence[tuple[F, Alignment]], clock: Stages) -> Retouch:
        """Take the crops of a frame's faces and look for masks on them.

        Args:
            frame: the next frame; only read before ``finish``.
            faces: what each face carries, and where its crop lies.
            clock: where the time is added up.
        """
        ...


@dataclass(frozen=True, slots=True)
class Look(Generic[F]):
    """One face in one frame, as a mask was looked for on it.

    Attributes:
        frame: as it came.
        face: what the face carries from frame to frame.
        alignment: where its crop lies.
        crop: (3, S, S) RGB in [-1, 1].
        map: (S, S) in 0..1.
        score: how sure the map is of a mask, 0..1.
    """

    frame: Frame
    face: F
    alignment: Alignment
    crop: Picture
    map: Picture
    score: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is to be put into a frame: a (3, S, S) picture in [-1, 1] and its grain, at a face."""

    face: UnmaskedFace
    picture: Picture
    grain: Grain


Draw = Callable[[Look[F], float, Stages], Drawn]
"""Makes a face's patch, which shows with a strength in 0..1; the time is added up in stages."""


class CpuRetouch(Generic[F]):
    """One frame's faces on a CPU, one after the other; see :class:`Retouch`."""

    def __init__(
        self,
        frame: Frame,
        faces: Sequence[tuple[F, Alignment]],
        segmenter: Segmenter,
        draw: Draw[F],
        clock: Stages,
    ) -> None:
        self._frame, self._make, self._clock = frame, draw, clock
        self._looks = [self._look(face, alignment, segmenter) for face, alignment in faces]
        self._drawn: list[Drawn] = []

    def scores(self) -> list[float]:
        return [look.score for look in self._looks]

    def draw(self, strengths: Sequence[float]) -> None:
        looks = zip(self._looks, strengths, strict=True)
        self._drawn = [self._make(look, strength, self._clock) for look, strength in looks if strength > 0]

    def finish(self) -> list[UnmaskedFace]:
        # All crops are taken before the first patch is drawn, so that neighbours never see a patch.
        for drawn in self._drawn:
            with self._clock("paste"):
                planes, matrix = self._frame.writable_planes(), drawn.face.alignment.matrix
                paste(planes, matrix, drawn.picture, drawn.face.alpha, drawn.grain)
        return [drawn.face for drawn in self._drawn]

    def _look(self, face: F, alignment: Alignment, segmenter: Segmenter) -> Look[F]:
        with self._clock("sample"):
            crop = sample_crop(self._frame.planes(), alignment.matrix, alignment.size)
        with self._clock("segment"):
            map_ = filled(segmenter.segment(crop))
            return Look(self._frame, face, alignment, crop, map_, mask_score(map_))


@dataclass(slots=True)
class CpuFace:
    """What one face's pixels carry from frame to frame on a CPU.

    Attributes:
        smoother: steadies map and patch.
        matcher: matches the patch's colours to the face.
        grain: of the face around the mask.
        time: of the last frame that it had a patch in, in seconds; None since its mask appeared.
    """

    smoother: PatchSmoother = field(default_factory=PatchSmoother)
    matcher: ColourMatcher = field(default_factory=ColourMatcher)
    grain: GrainMeter = field(default_factory=GrainMeter)
    time: float | None = None

    def forget(self) -> None:
        self.time = None
        self.smoother.reset()
        self.matcher.reset()
        self.grain.reset()


class CpuRetoucher:
    """Works with NumPy; see :class:`Retoucher`."""

    ahead = 0

    def __init__(
        self, segmenter: Segmenter, generator: Generator, blender: Blender, *, smooth: bool, still: bool
    ) -> None:
        self._segmenter, self._blender, self._smooth = segmenter, blender, smooth
        self._generate = generator.generate_still if still else generator.generate

    def new_face(self) -> CpuFace:
        return CpuFace()

    def begin(
        self, frame: Frame, faces: Sequence[tuple[CpuFace, Alignment]], clock: Stages
    ) -> CpuRetouch[CpuFace]:
        return CpuRetouch(frame, faces, self._segmenter, self._draw, clock)

    def _draw(self, look: Look[CpuFace], strength: float, clock: Stages) -> Drawn:
        face, alignment, crop, map_ = look.face, look.alignment, look.crop, look.map
        elapsed = since(face.time, look.frame.time)
        with clock("generate"):
            patch, face.time = self._generate(crop, settled(map_)), look.frame.time
        with clock("smooth"):
            if self._smooth:
                map_, patch = face.smoother.smooth(crop, map_, patch, alignment, elapsed)
        with clock("blend"):
            matched = face.matcher.match(crop, map_, patch, elapsed)
            picture, alpha = self._blender.blend(crop, matched, map_, strength)
            grain = face.grain.measure(look.frame.planes(), alignment, to_cells(map_), elapsed)
        return Drawn(UnmaskedFace(alignment, map_, alpha, look.score), picture, grain)
