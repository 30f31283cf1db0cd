"""The work on the pixels of a frame's faces, queued on a GPU.

Nothing waits for it but :meth:`GpuRetouch.scores` and :meth:`GpuRetouch.finish`. While a frame is drawn on,
the next one is followed by the host, copied in and segmented, and the last one is copied out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Generic

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stream_unmask.faces.alignment import Alignment
from stream_unmask.inpainting.gpu.blending import filled
from stream_unmask.inpainting.gpu.compositing import paste
from stream_unmask.inpainting.gpu.device import Device, Mark
from stream_unmask.inpainting.gpu.networks import GpuNetworks
from stream_unmask.inpainting.gpu.painting import F, Look, Painted, Painter
from stream_unmask.inpainting.gpu.pictures import to_cells
from stream_unmask.inpainting.gpu.presence import mask_scores
from stream_unmask.inpainting.gpu.sampling import sample_crop
from stream_unmask.inpainting.gpu.slots import Slot
from stream_unmask.inpainting.gpu.warping import moves
from stream_unmask.inpainting.retouching import UnmaskedFace
from stream_unmask.inpainting.timing import since
from stream_unmask.pixels.geometry import Box
from stream_unmask.pixels.sampling import plan_readings
from stream_unmask.report import Stages
from stream_unmask.video.frame import Frame

_IN_FLIGHT = 3
"""Frames that are under way at the same time: one copied in and segmented, one drawn on, one copied out."""


class GpuRetoucher(Generic[F]):
    """Works on the faces of one stream; see :class:`stream_unmask.inpainting.retouching.Retoucher`.

    It has lanes of its own: several may work at the same time, each in a thread.
    """

    ahead = 1

    def __init__(self, networks: GpuNetworks, painter: Painter[F]) -> None:
        self.networks, self.painter = networks, painter
        self.device = Device(networks.device)
        self.free = [Slot(self.device) for _ in range(_IN_FLIGHT)]

    def new_face(self) -> F:
        return self.painter.new_face()

    def begin(self, frame: Frame, faces: Sequence[tuple[F, Alignment]], clock: Stages) -> GpuRetouch[F]:
        return GpuRetouch(self, frame, faces, clock)


class GpuRetouch(Generic[F]):
    """One frame's faces on a GPU; see :class:`stream_unmask.inpainting.retouching.Retouch`."""

    @torch.inference_mode()
    def __init__(
        self,
        retoucher: GpuRetoucher[F],
        frame: Frame,
        faces: Sequence[tuple[F, Alignment]],
        clock: Stages,
    ) -> None:
        self._retoucher, self._frame, self._faces, self._clock = retoucher, frame, faces, clock
        self._device = retoucher.device
        self._drawn: _Drawn | None = None
        if not faces:
            return
        self._slot = retoucher.free.pop()
        size, lane = faces[0][1].size, self._device.compute
        with clock("upload"):
            readings = [plan_readings(frame.planes(), each.matrix, size) for _, each in faces]
            luma, chroma = (_around([each[k].box for each in readings]) for k in range(2))
            self._planes = self._slot.upload(frame.planes(), luma, chroma)
        with lane:
            with clock("sample"):
                self._crops = torch.stack([sample_crop(self._planes, each, size) for each in readings])
            with clock("segment"):
                self._maps = filled(retoucher.networks.segment(self._crops, lane))
                self._scores = self._slot.results("scores", mask_scores(self._maps))
                self._cells = self._slot.results("cells", to_cells(self._maps)[:, 0].contiguous())
        self._looked = lane.mark()

    def scores(self) -> list[float]:
        if not self._faces:
            return []
        with self._clock("wait"):
            self._looked.wait()
        return [float(score) for score in self._scores]

    @torch.inference_mode()
    def draw(self, strengths: Sequence[float]) -> None:
        chosen = [k for k, strength in enumerate(strengths) if strength > 0]
        if not chosen:
            return
        with self._device.compute as lane:
            crops, maps = (_chosen(each, chosen) for each in (self._crops, self._maps))
            faces, cells = [self._faces[k] for k in chosen], [self._cells[k] for k in chosen]
            elapsed = [since(face.time, self._frame.time) for face, _ in faces]
            moved = [moves(face.alignment, now) for face, now in faces]
            steps = self._slot.numbers([[*move, time] for move, time in zip(moved, elapsed, strict=True)])
            painted = self._retoucher.painter.paint(Look(faces, crops, maps, cells, steps, lane), self._clock)
            with self._clock("paste"):
                each = [painted.alphas[row : row + 1] * strengths[k] for row, k in enumerate(chosen)]
                self._drawn = self._paste(chosen, painted, torch.cat(each), elapsed)
            for face, _ in faces:
                face.time = self._frame.time

    def finish(self) -> list[UnmaskedFace]:
        if not self._faces:
            return []
        faces = []
        if self._drawn is not None:
            with self._clock("wait"):
                self._drawn.copied.wait()
            with self._clock("copy back"):
                if self._drawn.touched is not None:
                    self._slot.write_back(self._planes, self._drawn.touched, self._frame.writable_planes())
                for k, (map_, alpha) in zip(self._drawn.chosen, self._drawn.shown, strict=True):
                    alignment, score = self._faces[k][1], float(self._scores[k])
                    faces.append(UnmaskedFace(alignment, map_.copy(), alpha.copy(), score))
        self._retoucher.free.append(self._slot)
        return faces

    def _paste(self, chosen: list[int], painted: Painted, alphas: Tensor, elapsed: Sequence[float]) -> _Drawn:
        boxes = []
        for row, k in enumerate(chosen):
            face, alignment = self._faces[k]
            grain = face.grain.measure(self._frame.planes(), alignment, painted.outlines[row], elapsed[row])
            box = paste(self._planes, alignment.matrix, painted.pictures[row], alphas[row, 0], grain)
            boxes += [] if box is None else [box]
        shown = torch.cat([painted.maps, alphas], dim=1)
        lane, touched = self._device.copy_out, _around(boxes) if boxes else None
        lane.after(self._device.compute.mark())
        with lane:
            if touched is not None:
                self._slot.download(self._planes, touched)
            there = self._slot.results("shown", shown)
        return _Drawn(chosen, touched, there, lane.mark(), shown)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What is on its way back to the host.

    Attributes:
        chosen: the faces that were drawn, by their place in the frame.
        touched: the frame pixels that may have changed.
        shown: (n, 2, S, S) where their maps and alphas will be.
        copied: when all is there.
        source: what ``shown`` is copied from, to be kept until then.
    """

    chosen: list[int]
    touched: Box | None
    shown: NDArray[np.float32]
    copied: Mark
    source: Tensor


def _around(boxes: Sequence[Box]) -> Box:
    """The smallest box around all."""
    return reduce(lambda a, b: Box(min(a.x0, b.x0), min(a.y0, b.y0), max(a.x1, b.x1), max(a.y1, b.y1)), boxes)


def _chosen(rows: Tensor, chosen: list[int]) -> Tensor:
    """Those rows; a list as an index would make the host wait."""
    return rows if len(chosen) == len(rows) else torch.stack([rows[k] for k in chosen])
