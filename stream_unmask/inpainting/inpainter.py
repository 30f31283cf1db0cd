"""The work on the faces of a frame, in order, for every task and on every device.

    sample -> segment -> (is it wanted?) -> inpaint -> grain -> composite -> finish

What is done to a face is in :mod:`~stream_unmask.inpainting.tasks`, how it is computed in
:mod:`stream_unmask.inpainting.cpu` and :mod:`stream_unmask.inpainting.gpu`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic

import cv2
import numpy as np

from stream_unmask.faces.alignment import roomy_to_usual
from stream_unmask.inpainting.face import FaceView, UnmaskedFace
from stream_unmask.inpainting.graining import GrainSettings, measure
from stream_unmask.inpainting.guides import Seen
from stream_unmask.inpainting.ops import B, Device, Faces, Layer, Scored
from stream_unmask.inpainting.tasks import Task, heads
from stream_unmask.inpainting.timing import since
from stream_unmask.marks.writing import Marker, MarkPicture
from stream_unmask.pixels.grain import Grain
from stream_unmask.report import Stages
from stream_unmask.video.frame import Frame


class Inpainter(Generic[B]):
    """Works on the faces of one stream, frame by frame.

    Attributes:
        device: where.
        task: what is done to them.
        marker: makes the mark in what is inpainted; None for no mark.
    """

    def __init__(self, device: Device[B], task: Task, marker: Marker | None = None) -> None:
        self.device, self.task, self.marker = device, task, marker

    def begin(self, frame: Frame, views: Sequence[FaceView], stages: Stages) -> Inpainting[B]:
        """Take the crops of a frame's faces and look for face masks in them.

        Args:
            frame: the next frame; only read before it is finished.
            views: its faces.
            stages: where the time is added up.
        """
        return Inpainting(self, frame, views, stages)


class Inpainting(Generic[B]):
    """The faces of one frame on their way. Each method is called once, in the order they stand here."""

    def __init__(
        self, inpainter: Inpainter[B], frame: Frame, views: Sequence[FaceView], stages: Stages
    ) -> None:
        self._task, self._marker = inpainter.task, inpainter.marker
        self._frame, self._views, self._stages = frame, views, stages
        self._found: list[Scored] = []
        self._rows: list[int] = []
        if not views:
            return
        # All crops are taken before anything is composited, so that neighbours never see what is inpainted.
        self._ops = ops = inpainter.device.open(frame, [view.alignment for view in views], stages)
        with ops.queue():
            with stages("sample"):
                self._crops = ops.sample()
            with stages("segment"):
                elapsed = [since(view.state.time, frame.time) for view in views]
                known = [(view.state.found, view.state.painted) for view in views]
                self._masks, found = ops.segment(self._crops, views, elapsed, known)
                for view, each in zip(views, found, strict=True):
                    view.state.found = each
                self._scores = ops.score(self._masks)

    def scores(self) -> list[Scored]:
        """What each face's mask tells."""
        if self._views and not self._found:
            self._found = self._scores()
        return self._found

    def heads(self, rows: Sequence[int]) -> list[Seen]:
        """Some of the faces, by their places among the views, as the frame shows them."""
        with self._ops.queue():
            return heads(self._ops, self._faces(rows, [1.0] * len(rows)))

    def inpaint(self, strengths: Sequence[float]) -> None:
        """Make what is laid over the faces.

        Args:
            strengths: for each face how much of it shows, 0..1; with 0 the face stays as it is.
        """
        self._rows = [row for row, strength in enumerate(strengths) if strength > 0]
        if not self._rows:
            return
        with self._ops.queue():
            faces = self._faces(self._rows, [strengths[row] for row in self._rows])
            layer = self._task.inpaint(self._ops, faces, self._stages)
            with self._stages("grain"):
                grains = self._grains(faces, layer)
            self._ops.composite(faces, layer, grains, self._marks(faces))
        for view in faces.views:
            view.state.time = self._frame.time

    def finish(self) -> list[UnmaskedFace]:
        """Write into the frame; until then it is as it came.

        Returns:
            The faces that were changed.
        """
        if not self._views:
            return []
        chosen = [(self._views[row], self._found[row]) for row in self._rows]
        return [
            UnmaskedFace(view.number, view.box, view.alignment, mask, alpha, found.sure)
            for (view, found), (mask, alpha) in zip(chosen, self._ops.finish(), strict=True)
        ]

    def _faces(self, rows: Sequence[int], strengths: Sequence[float]) -> Faces[B]:
        """Those faces that are in some rows."""
        views = [self._views[row] for row in rows]
        return Faces(
            views,
            rows,
            self._ops.select(self._crops, rows),
            self._ops.select(self._masks, rows),
            strengths,
            [since(view.state.time, self._frame.time) for view in views],
            self._frame.time,
        )

    def _marks(self, faces: Faces[B]) -> list[MarkPicture] | None:
        """The mark of each face: it lies in the usual crop, whichever one the face has."""
        if self._marker is None:
            return None
        mark = self._marker.at(self._frame.time)
        return [_lifted(mark) if view.alignment.roomy else mark for view in faces.views]

    def _grains(self, faces: Faces[B], layer: Layer[B]) -> list[Grain]:
        """The grain of each face, measured in the frame as it came; the faces remember it."""
        grains, planes, settings = [], self._frame.planes(), GrainSettings()
        for view, outline, elapsed in zip(faces.views, layer.outlines, faces.elapsed, strict=True):
            state = view.state
            grain, state.grain = measure(
                planes, view.alignment, outline, state.grain, elapsed, state.noise, settings
            )
            grains.append(grain)
        return grains


def _lifted(mark: MarkPicture) -> MarkPicture:
    """A mark of the usual crop as the crop with more room below has it."""
    cells = mark.shape[-1]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    planes = [cv2.warpAffine(plane, roomy_to_usual(cells), (cells, cells), flags=flags) for plane in mark]
    return np.stack(planes)
