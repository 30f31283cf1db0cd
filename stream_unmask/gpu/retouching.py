"""The work on the pixels of a frame's faces, queued on a GPU.

Nothing waits for it but :meth:`GpuRetouch.scores` and :meth:`GpuRetouch.finish`. While a frame is generated
the next one is followed by the host, copied in and segmented, and the last one is copied out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stream_unmask.faces.alignment import Alignment
from stream_unmask.gpu.blending import blend, settled
from stream_unmask.gpu.carrying import carry, moves
from stream_unmask.gpu.colour import Estimate, match
from stream_unmask.gpu.device import Mark
from stream_unmask.gpu.networks import GpuNetworks
from stream_unmask.gpu.pasting import paste
from stream_unmask.gpu.pictures import to_cells
from stream_unmask.gpu.presence import mask_scores
from stream_unmask.gpu.sampling import sample_crop
from stream_unmask.gpu.slots import Slot
from stream_unmask.gpu.smoothing import smooth
from stream_unmask.pixels.geometry import Box
from stream_unmask.pixels.sampling import plan_readings
from stream_unmask.report import Stages
from stream_unmask.unmasking.blending import Blend
from stream_unmask.unmasking.colour import ColourSettings
from stream_unmask.unmasking.graining import GrainMeter
from stream_unmask.unmasking.retouching import UnmaskedFace
from stream_unmask.unmasking.smoothing import SmoothingSettings
from stream_unmask.video.frame import Frame

_IN_FLIGHT = 3
"""Frames that are under way at the same time: one copied in and segmented, one generated, one copied out."""


@dataclass(slots=True)
class GpuFace:
    """What one face's pixels carry from frame to frame.

    Attributes:
        grain: measured by the host, which has the frame.
        last: (4, S, S) the last patch and map, steadied.
        cells: (3, S / 4, S / 4) of the last crop.
        alignment: of that.
        estimate: of the face's colours.
    """

    grain: GrainMeter = field(default_factory=GrainMeter)
    last: Tensor | None = None
    cells: Tensor | None = None
    alignment: Alignment | None = None
    estimate: Estimate | None = None

    def forget(self) -> None:
        self.last = self.cells = self.alignment = self.estimate = None
        self.grain.reset()


class GpuRetoucher:
    """Works on the faces of one stream; see :class:`stream_unmask.unmasking.retouching.Retoucher`."""

    ahead = 1

    def __init__(self, networks: GpuNetworks, kind: Blend, *, smooth: bool) -> None:
        self.networks, self.kind, self.smooth = networks, kind, smooth
        self.free = [Slot(networks.device) for _ in range(_IN_FLIGHT)]

    def new_face(self) -> GpuFace:
        return GpuFace()

    def begin(self, frame: Frame, faces: Sequence[tuple[GpuFace, Alignment]], clock: Stages) -> GpuRetouch:
        return GpuRetouch(self, frame, faces, clock)


class GpuRetouch:
    """One frame's faces on a GPU; see :class:`stream_unmask.unmasking.retouching.Retouch`."""

    @torch.inference_mode()
    def __init__(
        self,
        retoucher: GpuRetoucher,
        frame: Frame,
        faces: Sequence[tuple[GpuFace, Alignment]],
        clock: Stages,
    ) -> None:
        self._retoucher, self._frame, self._faces, self._clock = retoucher, frame, faces, clock
        self._networks, self._device = retoucher.networks, retoucher.networks.device
        self._drawn: _Drawn | None = None
        if not faces:
            return
        self._slot = retoucher.free.pop()
        size = faces[0][1].size
        with clock("upload"):
            readings = [plan_readings(frame.planes(), each.matrix, size) for _, each in faces]
            luma, chroma = (_around([each[k].box for each in readings]) for k in range(2))
            self._planes = self._slot.upload(frame.planes(), luma, chroma)
        with self._device.compute:
            with clock("sample"):
                self._crops = torch.stack([sample_crop(self._planes, each, size) for each in readings])
            with clock("segment"):
                self._maps = self._networks.segment(self._crops)
                self._scores = self._slot.results("scores", mask_scores(self._maps))
                self._cells = self._slot.results("cells", to_cells(self._maps)[:, 0].contiguous())
        self._looked = self._device.compute.mark()

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
        with self._device.compute:
            crops, maps = (_chosen(each, chosen) for each in (self._crops, self._maps))
            faces = [self._faces[k] for k in chosen]
            patches, maps, estimates = self._make(faces, crops, maps)
            with self._clock("blend"):
                settings = ColourSettings()
                matched, estimates = match(crops, maps, patches, estimates, settings)
                pictures, alphas = blend(self._retoucher.kind, crops, matched, maps)
                for k, (face, _) in enumerate(faces):
                    face.estimate = estimates.of_one(k)
                alphas = torch.cat([alphas[row : row + 1] * strengths[k] for row, k in enumerate(chosen)])
            with self._clock("paste"):
                self._drawn = self._paste(chosen, pictures, maps, alphas)

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

    def _make(
        self, faces: Sequence[tuple[GpuFace, Alignment]], crops: Tensor, maps: Tensor
    ) -> tuple[Tensor, Tensor, Estimate]:
        """Patches and maps, steady, and what was known of the faces' colours before."""
        with self._clock("generate"):
            fresh = [k for k, (face, _) in enumerate(faces) if face.last is None]
            patches = self._networks.generate(crops, settled(maps), fresh)
        with self._clock("smooth"):
            cells = to_cells(crops)
            steady = torch.cat([patches, maps], dim=1)
            if self._retoucher.smooth:
                steps = self._slot.numbers([moves(face.alignment, now) for face, now in faces])
                last = torch.stack([_or(face.last, steady[k]) for k, (face, _) in enumerate(faces)])
                carried = carry(last, steps[:, :6])
                before = torch.stack([_or(face.cells, cells[k]) for k, (face, _) in enumerate(faces)])
                before, shifts = carry(before, steps[:, 6:12]), steps[:, 12, None, None, None]
                steady = smooth(maps, patches, carried, cells, before, shifts, SmoothingSettings())
            estimates = [_or(face.estimate, Estimate.nothing(crops.device)) for face, _ in faces]
            for k, (face, alignment) in enumerate(faces):
                face.last, face.cells, face.alignment = steady[k], cells[k], alignment
        return steady[:, :3], steady[:, 3:], Estimate.of_all(estimates)

    def _paste(self, chosen: list[int], pictures: Tensor, maps: Tensor, alphas: Tensor) -> _Drawn:
        boxes = []
        for row, k in enumerate(chosen):
            face, alignment = self._faces[k]
            # By the map as it was found, which the host has; the steadied one is still in the making.
            grain = face.grain.measure(self._frame.planes(), alignment, self._cells[k])
            box = paste(self._planes, alignment.matrix, pictures[row], alphas[row, 0], grain)
            boxes += [] if box is None else [box]
        shown = torch.cat([maps, alphas], dim=1)
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


T = TypeVar("T")


def _or(value: T | None, other: T) -> T:
    return other if value is None else value
