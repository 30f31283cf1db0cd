"""The work on the faces of a frame, queued on a GPU, all faces at once.

Nothing waits for it but the scores and :meth:`GpuOps.finish`. While a frame is inpainted, the next one is
followed by the host, copied in and segmented, and the last one is copied out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stream_unmask.faces.alignment import Alignment
from stream_unmask.inpainting.face import FaceView, Picture
from stream_unmask.inpainting.gpu.blending import blend, faded
from stream_unmask.inpainting.gpu.coarse import from_coarse, to_coarse
from stream_unmask.inpainting.gpu.colour import Estimate, match
from stream_unmask.inpainting.gpu.compositing import composite
from stream_unmask.inpainting.gpu.detail import put_back_detail
from stream_unmask.inpainting.gpu.device import CudaEvent, CudaStreams
from stream_unmask.inpainting.gpu.networks import GpuNetworks
from stream_unmask.inpainting.gpu.pictures import resized
from stream_unmask.inpainting.gpu.sampling import sample_crop
from stream_unmask.inpainting.gpu.segmenting import (
    fill_holes,
    greyed,
    mask_scores,
    settled,
    widths_below,
    with_faint,
)
from stream_unmask.inpainting.gpu.slots import Slot
from stream_unmask.inpainting.gpu.smoothing import Steadied, smooth
from stream_unmask.inpainting.gpu.warping import moves
from stream_unmask.inpainting.gpu.wearing import opaque
from stream_unmask.inpainting.laid import LaidFace
from stream_unmask.inpainting.ops import Faces, Layer, Scored
from stream_unmask.inpainting.parameters import CELL, Blend, ColourSettings, SmoothingSettings
from stream_unmask.marks.writing import MarkPicture
from stream_unmask.pixels.geometry import Box
from stream_unmask.pixels.grain import Grain
from stream_unmask.pixels.sampling import plan_readings
from stream_unmask.report import Stages
from stream_unmask.video.frame import Frame

_IN_FLIGHT = 3
"""Frames that are under way at the same time: one copied in and segmented, one inpainted, one copied out."""


class GpuDevice:
    """Computes with PyTorch; see :class:`stream_unmask.inpainting.ops.Device`.

    It has CUDA streams of its own: several may work at the same time, each in a thread.
    """

    ahead = 1

    def __init__(self, networks: GpuNetworks) -> None:
        self.networks = networks
        self.streams = CudaStreams(networks.device)
        self.free = [Slot(self.streams) for _ in range(_IN_FLIGHT)]

    def open(self, frame: Frame, alignments: Sequence[Alignment], stages: Stages) -> GpuOps:
        return GpuOps(self, frame, alignments, stages)


class GpuOps:
    """One frame's faces; see :class:`stream_unmask.inpainting.ops.FrameOps`."""

    @torch.inference_mode()
    def __init__(
        self, device: GpuDevice, frame: Frame, alignments: Sequence[Alignment], stages: Stages
    ) -> None:
        self._device, self._frame, self._stages = device, frame, stages
        self._networks, self._stream = device.networks, device.streams.compute
        self._slot = device.free.pop()
        self._size = alignments[0].size
        self._matrices = [each.matrix for each in alignments]
        self._composited: _Composited | None = None
        self._brought = 0
        with stages("upload"):
            planes = frame.planes()
            self._readings = [plan_readings(planes, each.matrix, self._size) for each in alignments]
            luma, chroma = (_around([each[k].box for each in self._readings]) for k in range(2))
            self._planes = self._slot.upload(planes, luma, chroma)

    @contextmanager
    def queue(self) -> Iterator[None]:
        with torch.inference_mode(), self._stream:
            yield

    def sample(self) -> Tensor:
        return torch.stack([sample_crop(self._planes, each, self._size) for each in self._readings])

    def select(self, batch: Tensor, rows: Sequence[int]) -> Tensor:
        if list(rows) == list(range(len(batch))):
            return batch
        # A list as an index would make the host wait.
        return torch.stack([batch[row] for row in rows])

    def segment(
        self,
        crops: Tensor,
        views: Sequence[FaceView],
        elapsed: Sequence[float],
        known: Sequence[tuple[None, None]],
    ) -> tuple[Tensor, Sequence[None]]:
        planes = self._frame.planes()
        shown = greyed(crops, self._matrices, planes.width, planes.height)
        masks = with_faint(fill_holes(self._networks.segment(shown, self._stream)))
        return masks, [found for found, _ in known]

    def settle(self, masks: Tensor) -> Tensor:
        return settled(masks)

    def score(self, masks: Tensor) -> Callable[[], list[Scored]]:
        found = torch.stack([mask_scores(masks), widths_below(masks)], dim=1)
        scores = self._slot.results("scores", found)
        self._outlines = self._slot.results("outlines", to_coarse(masks)[:, 0].contiguous())
        scored = self._stream.record()

        def wait() -> list[Scored]:
            with self._stages("wait"):
                scored.wait()
            return [Scored(*each) for each in scores.tolist()]

        return wait

    def generate(
        self,
        faces: Faces[Tensor],
        masks: Tensor,
        guides: Sequence[LaidFace | None],
        known: Sequence[None],
        *,
        still: bool,
    ) -> tuple[Tensor, Sequence[None]]:
        side, size = self._networks.side, faces.crops.shape[-1]
        small = [None if each is None else each.shrunk(side) for each in guides]
        given = self._brought_up(small, side)
        guide, trust = given[:, :3], given[:, 3:]
        made = self._networks.generate(faces.crops, masks, guide, trust, self._stream, still=still)
        plain = resized(made, size).clamp_(-1, 1)
        if all(each is None for each in guides):
            return plain, known
        laid = self._brought_up(guides, size)
        detailed = put_back_detail(made, guide, trust, laid[:, :3] * 0.5 + 0.5, laid[:, 3:])
        guided = self._slot.numbers("guided", [[float(each is not None)] for each in guides])
        return torch.where(guided[:, :, None, None] > 0, detailed, plain), known

    def _brought_up(self, guides: Sequence[LaidFace | None], side: int) -> Tensor:
        """(N, 4, side, side) pictures in [-1, 1] and trust of laid faces; 0 where there is none."""
        if all(each is None for each in guides):
            return torch.zeros((len(guides), 4, side, side), device=self._networks.device)
        rows = np.zeros((len(guides), 4, side, side), np.float32)
        for row, guide in zip(rows, guides, strict=True):
            if guide is not None:
                row[:3], row[3] = guide.as_inputs()
        return self.from_host(list(rows))

    def dress(self, crops: Tensor, styles: Sequence[Picture]) -> tuple[Tensor, Tensor]:
        chosen = self._slot.numbers("styles", [style.ravel().tolist() for style in styles])
        return self._networks.dress(crops, chosen[:, :, None, None], self._stream)

    def smooth(
        self, faces: Faces[Tensor], masks: Tensor, pictures: Tensor, known: Sequence[Steadied | None]
    ) -> tuple[Tensor, Tensor, list[Steadied]]:
        alignments = [view.alignment for view in faces.views]
        steps = [
            [*moves(last and last.alignment, now), elapsed]
            for last, now, elapsed in zip(known, alignments, faces.elapsed, strict=True)
        ]
        there = self._slot.numbers("steps", steps)
        return smooth(faces.crops, masks, pictures, known, alignments, there, SmoothingSettings())

    def match(
        self, faces: Faces[Tensor], masks: Tensor, pictures: Tensor, known: Sequence[Estimate | None]
    ) -> tuple[Tensor, list[Estimate]]:
        nothing = Estimate.nothing(faces.crops.device)
        before = Estimate.of_all([nothing if each is None else each for each in known])
        elapsed = self._slot.numbers("elapsed", [[each] for each in faces.elapsed])[:, 0]
        matched, learnt = match(faces.crops, masks, pictures, before, elapsed, ColourSettings())
        return matched, [learnt.of_one(row) for row in range(len(known))]

    def blend(
        self, faces: Faces[Tensor], masks: Tensor, pictures: Tensor, kind: Blend
    ) -> tuple[Tensor, Tensor]:
        return blend(kind, faces.crops, pictures, masks, faces.strengths)

    def cover(self, alphas: Tensor, strengths: Sequence[float]) -> Tensor:
        return faded(opaque(alphas), strengths)

    def to_coarse(self, batch: Tensor) -> Tensor:
        return to_coarse(batch)

    def from_coarse(self, batch: Tensor) -> Tensor:
        return from_coarse(batch, CELL * batch.shape[-1])

    def to_host(self, batch: Tensor) -> list[Picture]:
        arrays: NDArray[np.float32] = batch.cpu().numpy()
        return list(arrays[:, 0] if arrays.shape[1] == 1 else arrays)

    def from_host(self, batch: Sequence[Picture]) -> Tensor:
        arrays = np.stack(batch)
        # What was brought up before may still be on its way: each has memory of its own.
        self._brought += 1
        return self._slot.numbers(f"brought {self._brought}", arrays if arrays.ndim == 4 else arrays[:, None])

    def outlines(self, faces: Faces[Tensor], masks: Tensor) -> list[Picture]:
        return [self._outlines[row] for row in faces.rows]

    def composite(
        self,
        faces: Faces[Tensor],
        layer: Layer[Tensor],
        grains: Sequence[Grain],
        marks: Sequence[MarkPicture] | None,
    ) -> None:
        with self._stages("composite"):
            boxes = []
            there = None if marks is None else self._slot.numbers("marks", np.stack(marks))
            for row, (view, grain) in enumerate(zip(faces.views, grains, strict=True)):
                picture, alpha = layer.pictures[row], layer.alphas[row, 0]
                mark = None if there is None else there[row]
                box = composite(self._planes, view.alignment.matrix, picture, alpha, grain, mark)
                boxes += [] if box is None else [box]
            shown = torch.cat([layer.masks, layer.alphas], dim=1)
            copy_out, touched = self._device.streams.copy_out, _around(boxes) if boxes else None
            copy_out.after(self._stream.record())
            with copy_out:
                if touched is not None:
                    self._slot.download(self._planes, touched)
                results = self._slot.results("shown", shown)
            self._composited = _Composited(touched, results, copy_out.record(), shown)

    def finish(self) -> list[tuple[Picture, Picture]]:
        shown: list[tuple[Picture, Picture]] = []
        done = self._composited
        if done is not None:
            with self._stages("wait"):
                done.copied.wait()
            with self._stages("copy back"):
                if done.touched is not None:
                    self._slot.write_back(self._planes, done.touched, self._frame.writable_planes())
                shown = [(mask.copy(), alpha.copy()) for mask, alpha in done.shown]
        self._device.free.append(self._slot)
        return shown


@dataclass(frozen=True, slots=True)
class _Composited:
    """What is on its way back to the host.

    Attributes:
        touched: the frame pixels that may have changed.
        shown: (N, 2, S, S) where masks and alphas will be.
        copied: when all is there.
        source: what ``shown`` is copied from, to be kept until then.
    """

    touched: Box | None
    shown: NDArray[np.float32]
    copied: CudaEvent
    source: Tensor


def _around(boxes: Sequence[Box]) -> Box:
    """The smallest box around all."""
    return reduce(lambda a, b: Box(min(a.x0, b.x0), min(a.y0, b.y0), max(a.x1, b.x1), max(a.y1, b.y1)), boxes)
