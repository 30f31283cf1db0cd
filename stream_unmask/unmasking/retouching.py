"""The work on the pixels of a frame's faces: what is asked of it, and how a CPU does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import Alignment
from stream_unmask.pixels.grain import Grain
from stream_unmask.pixels.pasting import paste
from stream_unmask.pixels.sampling import sample_crop
from stream_unmask.report import Stages
from stream_unmask.unmasking.blending import Blender
from stream_unmask.unmasking.cells import to_cells
from stream_unmask.unmasking.colour import ColourMatcher
from stream_unmask.unmasking.generating import Generator
from stream_unmask.unmasking.graining import GrainMeter
from stream_unmask.unmasking.presence import mask_score
from stream_unmask.unmasking.segmenting import Segmenter, settled
from stream_unmask.unmasking.smoothing import PatchSmoother
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
    """What the work on one face's pixels carries from frame to frame: its last patch, its filters."""

    def forget(self) -> None:
        """No mask now: the next patch starts afresh."""
        ...


F = TypeVar("F", bound=FacePixels)


class Retouch(Protocol):
    """The faces of one frame on their way. Each method is called once, in the order they stand here."""

    def scores(self) -> list[float]:
        """How sure each face's map is of a mask; see :func:`~stream_unmask.unmasking.presence.mask_score`."""
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


@dataclass(slots=True)
class CpuFace:
    """What one face's pixels carry from frame to frame on a CPU."""

    smoother: PatchSmoother = field(default_factory=PatchSmoother)
    matcher: ColourMatcher = field(default_factory=ColourMatcher)
    grain: GrainMeter = field(default_factory=GrainMeter)
    patch: Picture | None = None
    alignment: Alignment | None = None

    def forget(self) -> None:
        self.patch = self.alignment = None
        self.smoother.reset()
        self.matcher.reset()
        self.grain.reset()


class CpuRetoucher:
    """Works with NumPy, one face after the other; see :class:`Retoucher`."""

    ahead = 0

    def __init__(self, segmenter: Segmenter, generator: Generator, blender: Blender, *, smooth: bool) -> None:
        self.segmenter, self.generator, self.blender, self.smooth = segmenter, generator, blender, smooth

    def new_face(self) -> CpuFace:
        return CpuFace()

    def begin(self, frame: Frame, faces: Sequence[tuple[CpuFace, Alignment]], clock: Stages) -> CpuRetouch:
        return CpuRetouch(self, frame, faces, clock)


@dataclass(frozen=True, slots=True)
class _Drawn:
    face: UnmaskedFace
    picture: Picture
    grain: Grain


class CpuRetouch:
    """One frame's faces on a CPU; see :class:`Retouch`."""

    def __init__(
        self,
        retoucher: CpuRetoucher,
        frame: Frame,
        faces: Sequence[tuple[CpuFace, Alignment]],
        clock: Stages,
    ) -> None:
        self._retoucher, self._frame, self._faces, self._clock = retoucher, frame, faces, clock
        self._looks: list[tuple[Picture, Picture]] = []
        self._scores: list[float] = []
        self._drawn: list[_Drawn] = []
        for _, alignment in faces:
            with clock("sample"):
                crop = sample_crop(frame.planes(), alignment.matrix, alignment.size)
            with clock("segment"):
                self._looks.append((crop, retoucher.segmenter.segment(crop)))

    def scores(self) -> list[float]:
        self._scores = [mask_score(map_) for _, map_ in self._looks]
        return self._scores

    def draw(self, strengths: Sequence[float]) -> None:
        for index, strength in enumerate(strengths):
            if strength > 0:
                self._drawn.append(self._draw(index, strength))

    def finish(self) -> list[UnmaskedFace]:
        # All crops are taken before the first patch is drawn, so that neighbours never see a patch.
        for drawn in self._drawn:
            with self._clock("paste"):
                planes, matrix = self._frame.writable_planes(), drawn.face.alignment.matrix
                paste(planes, matrix, drawn.picture, drawn.face.alpha, drawn.grain)
        return [drawn.face for drawn in self._drawn]

    def _draw(self, index: int, strength: float) -> _Drawn:
        retoucher, clock = self._retoucher, self._clock
        face, alignment = self._faces[index]
        crop, map_ = self._looks[index]
        with clock("generate"):
            generator = retoucher.generator
            carried = generator.carry(face.patch, face.alignment, alignment)
            hidden = settled(map_)
            if face.patch is None:
                patch = generator.begin(crop, hidden)
            else:
                patch = generator.generate(crop, hidden, carried)
        with clock("smooth"):
            if retoucher.smooth:
                map_, patch = face.smoother.smooth(crop, map_, patch, carried, alignment)
        face.patch, face.alignment = patch, alignment
        with clock("blend"):
            matched = face.matcher.match(crop, map_, patch)
            picture, alpha = retoucher.blender.blend(crop, matched, map_, strength)
            grain = face.grain.measure(self._frame.planes(), alignment, to_cells(map_))
        return _Drawn(UnmaskedFace(alignment, map_, alpha, self._scores[index]), picture, grain)
