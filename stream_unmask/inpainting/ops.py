"""The arithmetic on the faces of a frame, as CPU and GPU both have it.

A batch holds one value for each of N faces: a list of arrays on the CPU, a tensor on a GPU. There and here a
picture is (3, S, S) RGB in [-1, 1]; a mask or an alpha is in 0..1, (S, S) on the CPU and (1, S, S) on a GPU.
Nothing is remembered by the ops: what a face carries from frame to frame goes in and comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

from stream_unmask.faces.alignment import Alignment
from stream_unmask.inpainting.face import FaceView, Picture
from stream_unmask.inpainting.laid import LaidFace
from stream_unmask.inpainting.parameters import Blend
from stream_unmask.marks.writing import MarkPicture
from stream_unmask.pixels.grain import Grain
from stream_unmask.report import Stages
from stream_unmask.video.frame import Frame


class Batch(Protocol):
    """One value for each face."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> Self: ...


B = TypeVar("B", bound=Batch)


@dataclass(frozen=True, slots=True)
class Faces(Generic[B]):
    """The N faces of one frame that are inpainted, side by side.

    Attributes:
        views: where and how each is seen.
        rows: their places among all faces of the frame.
        crops: pictures.
        masks: where face masks are.
        strengths: how much of each inpainted crop shows, above 0, at most 1.
        elapsed: seconds since each was last inpainted, above 0.
        time: of the frame, in seconds.
    """

    views: Sequence[FaceView]
    rows: Sequence[int]
    crops: B
    masks: B
    strengths: Sequence[float]
    elapsed: Sequence[float]
    time: float

    def one(self, row: int) -> Faces[B]:
        """One of them alone."""
        here = slice(row, row + 1)
        views, rows, crops, masks = self.views[here], self.rows[here], self.crops[here], self.masks[here]
        return Faces(views, rows, crops, masks, self.strengths[here], self.elapsed[here], self.time)


@dataclass(frozen=True, slots=True)
class Layer(Generic[B]):
    """What is to be laid over a frame, of N faces.

    Attributes:
        pictures: inpainted crops, as they are to be seen where alpha is 1.
        masks: where face masks are.
        alphas: how opaquely the pictures lie over the frame; exactly 0 where it must stay as it is.
        outlines: (S / 4, S / 4) a mask of each face on the coarse grid, on the host: its grain is measured
            around that.
    """

    pictures: B
    masks: B
    alphas: B
    outlines: Sequence[Picture]


@dataclass(frozen=True, slots=True)
class Scored:
    """What a mask tells of a face.

    Attributes:
        sure: how sure it is of a face mask, 0..1.
        below: how wide it still is near the crop's lower edge, in crop sides.
    """

    sure: float
    below: float


class FrameOps(Protocol[B]):
    """The work on the faces of one frame, on one device.

    Each device computes in its own way; in which order is the business of
    :mod:`~stream_unmask.inpainting.inpainter` and :mod:`~stream_unmask.inpainting.tasks`. Only what
    :meth:`score` returns, :meth:`to_host`, :meth:`finish` and a :meth:`blend` without feather wait for a GPU.
    """

    def queue(self) -> AbstractContextManager[object]:
        """All other methods but :meth:`finish` are called within this context."""
        ...

    def sample(self) -> B:
        """The crops of all faces."""
        ...

    def select(self, batch: B, rows: Sequence[int]) -> B:
        """Those rows of a batch, in this order."""
        ...

    def segment(
        self,
        crops: B,
        views: Sequence[FaceView],
        elapsed: Sequence[float],
        known: Sequence[tuple[Any, Any]],
    ) -> tuple[B, Sequence[Any]]:
        """Find masks, or take those of the last frame where they still serve.

        They come without holes, and with what is faint beside them: both belong to a mask.

        Args:
            crops: of the faces.
            views: how the frame shows them.
            elapsed: seconds since each was last inpainted, above 0.
            known: what this method and :meth:`generate` returned for each face's last frame, or None.

        Returns:
            The masks, and what the next frame may take of them.
        """
        ...

    def settle(self, masks: B) -> B:
        """Masks without their doubts: a pixel that may well be masked is painted over in full."""
        ...

    def score(self, masks: B) -> Callable[[], list[Scored]]:
        """Score the masks of all faces.

        Returns:
            What waits for the scores, to be called once.
        """
        ...

    def generate(
        self,
        faces: Faces[B],
        masks: B,
        guides: Sequence[LaidFace | None],
        known: Sequence[Any],
        *,
        still: bool,
    ) -> tuple[B, Sequence[Any]]:
        """Make inpainted crops, or take what was made for a face's last frame where that still serves.

        Args:
            faces: whose they are to be.
            masks: in them, settled.
            guides: a face laid on at the crop's side for each; None where there is none.
            known: what this method returned for each face's last frame, or None.
            still: make them from both sides of the mirror, as for a single picture.

        Returns:
            The inpainted crops, with the detail of their guides, and what the next frame may take of them.
        """
        ...

    def dress(self, crops: B, styles: Sequence[Picture]) -> tuple[B, B]:
        """Face masks in styles (1, 8, 1, 1): their pictures, and their alphas."""
        ...

    def smooth(
        self, faces: Faces[B], masks: B, pictures: B, known: Sequence[Any]
    ) -> tuple[B, B, Sequence[Any]]:
        """Steady masks and pictures.

        Args:
            faces: whose they are.
            masks: in them.
            pictures: of them.
            known: what this method returned for each face's last frame, or None.

        Returns:
            Masks and pictures, steadied, and what the next frame needs of them.
        """
        ...

    def match(self, faces: Faces[B], masks: B, pictures: B, known: Sequence[Any]) -> tuple[B, Sequence[Any]]:
        """Match pictures to the colours and the sharpness of the faces around the masks.

        Args:
            faces: whose they are.
            masks: in them.
            pictures: of them.
            known: what this method returned for each face's last frame, or None.

        Returns:
            The pictures, matched, and what is known of each face now.
        """
        ...

    def blend(self, faces: Faces[B], masks: B, pictures: B, kind: Blend) -> tuple[B, B]:
        """What is to be seen where alpha is 1, and the alphas: over the masks and a rim around them."""
        ...

    def cover(self, alphas: B, strengths: Sequence[float]) -> B:
        """Alphas without their doubts, of these strengths, that end before their crops do."""
        ...

    def to_coarse(self, batch: B) -> B:
        """A quarter as large: means over the cells of the coarse grid."""
        ...

    def from_coarse(self, batch: B) -> B:
        """Four times as large, bilinearly."""
        ...

    def to_host(self, batch: B) -> list[Picture]:
        """Wait for a batch and bring it to the host: (3, H, W) pictures or (H, W) masks."""
        ...

    def from_host(self, batch: Sequence[Picture]) -> B:
        """Bring (3, H, W) pictures or (H, W) masks to where the work is done."""
        ...

    def outlines(self, faces: Faces[B], masks: B) -> Sequence[Picture]:
        """Masks on the coarse grid, on the host.

        May be those that the segmenter found, which were sent ahead, instead of ``masks``, for which one
        would have to wait.
        """
        ...

    def composite(
        self, faces: Faces[B], layer: Layer[B], grains: Sequence[Grain], marks: Sequence[MarkPicture] | None
    ) -> None:
        """Lay what was made over the frame, with each face's grain and mark; not seen before
        :meth:`finish`."""
        ...

    def finish(self) -> list[tuple[Picture, Picture]]:
        """Write into the frame what was composited, if anything was.

        Returns:
            The layer's masks and alphas, (S, S) each.
        """
        ...


class Device(Protocol[B]):
    """Where the work on the faces of one stream is done.

    Attributes:
        ahead: how many frames should be begun before the last one is inpainted, and inpainted before the last
            one is finished: 0 where each call waits for its result, 1 where it does not.
    """

    @property
    def ahead(self) -> int: ...

    def open(self, frame: Frame, alignments: Sequence[Alignment], stages: Stages) -> FrameOps[B]:
        """Begin the work on a frame.

        Args:
            frame: the next one; only read before it is finished.
            alignments: where the crops of its faces lie; at least one.
            stages: where time is added up that the ops know of alone.
        """
        ...
