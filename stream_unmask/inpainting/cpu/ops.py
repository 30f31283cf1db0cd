"""The work on the faces of a frame on a CPU, one face after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from stream_unmask.faces.alignment import Alignment
from stream_unmask.inpainting.cpu.blending import blend, faded
from stream_unmask.inpainting.cpu.carrying import Found, Moment, Painted, find
from stream_unmask.inpainting.cpu.coarse import from_coarse, to_coarse
from stream_unmask.inpainting.cpu.colour import Estimate, match
from stream_unmask.inpainting.cpu.compositing import composite
from stream_unmask.inpainting.cpu.networks import CpuNetworks
from stream_unmask.inpainting.cpu.segmenting import (
    fill_holes,
    greyed,
    mask_score,
    settled,
    width_below,
    with_faint,
)
from stream_unmask.inpainting.cpu.smoothing import Steadied, smooth
from stream_unmask.inpainting.cpu.wearing import opaque
from stream_unmask.inpainting.face import FaceView, Picture
from stream_unmask.inpainting.laid import LaidFace
from stream_unmask.inpainting.ops import Faces, Layer, Scored
from stream_unmask.inpainting.parameters import CELL, Blend, ColourSettings, SmoothingSettings
from stream_unmask.marks.writing import MarkPicture
from stream_unmask.pixels.geometry import Affine
from stream_unmask.pixels.grain import Grain
from stream_unmask.pixels.sampling import sample_crop
from stream_unmask.report import Stages
from stream_unmask.video.frame import Frame

Pictures = list[Picture]


class CpuDevice:
    """Computes with NumPy, OpenCV and numba; see :class:`stream_unmask.inpainting.ops.Device`."""

    ahead = 0

    def __init__(self, networks: CpuNetworks) -> None:
        self._networks = networks

    def open(self, frame: Frame, alignments: Sequence[Alignment], stages: Stages) -> CpuOps:
        return CpuOps(self._networks, frame, alignments, stages)


class CpuOps:
    """One frame's faces; see :class:`stream_unmask.inpainting.ops.FrameOps`."""

    def __init__(
        self, networks: CpuNetworks, frame: Frame, alignments: Sequence[Alignment], stages: Stages
    ) -> None:
        self._networks, self._frame, self._alignments, self._stages = networks, frame, alignments, stages
        self._moments: list[Moment] = []
        self._layers: list[tuple[Affine, Picture, Picture, Picture, Grain, MarkPicture | None]] = []

    def queue(self) -> AbstractContextManager[object]:
        return nullcontext()

    def sample(self) -> Pictures:
        planes = self._frame.planes()
        crops = [sample_crop(planes, each.matrix, each.size) for each in self._alignments]
        self._moments = [
            Moment.of(crop, each.matrix) for crop, each in zip(crops, self._alignments, strict=True)
        ]
        return crops

    def select(self, batch: Pictures, rows: Sequence[int]) -> Pictures:
        return [batch[row] for row in rows]

    def segment(
        self,
        crops: Pictures,
        views: Sequence[FaceView],
        elapsed: Sequence[float],
        known: Sequence[tuple[Found | None, Painted | None]],
    ) -> tuple[Pictures, Sequence[Found]]:
        found = [
            find(partial(self._mended, crop, view), now, view, since, *before)
            for crop, now, view, since, before in zip(
                crops, self._moments, views, elapsed, known, strict=True
            )
        ]
        return [mask for mask, _ in found], [kept for _, kept in found]

    def _mended(self, crop: Picture, view: FaceView) -> Picture:
        planes = self._frame.planes()
        shown = greyed(crop, view.alignment.matrix, planes.width, planes.height)
        return with_faint(fill_holes(self._networks.segment(shown)))

    def settle(self, masks: Pictures) -> Pictures:
        return [settled(mask) for mask in masks]

    def score(self, masks: Pictures) -> Callable[[], list[Scored]]:
        scores = [Scored(mask_score(mask), width_below(mask)) for mask in masks]
        return lambda: scores

    def generate(
        self,
        faces: Faces[Pictures],
        masks: Pictures,
        guides: Sequence[LaidFace | None],
        known: Sequence[Painted | None],
        *,
        still: bool,
    ) -> tuple[Pictures, Sequence[Painted | None]]:
        if still:
            return self._networks.generate_still(faces.crops, masks, guides), [None] * len(guides)
        moments = [self._moments[row] for row in faces.rows]
        return self._networks.generate(faces, masks, guides, moments, known)

    def dress(self, crops: Pictures, styles: Sequence[Picture]) -> tuple[Pictures, Pictures]:
        return self._networks.dress(crops, styles)

    def smooth(
        self, faces: Faces[Pictures], masks: Pictures, pictures: Pictures, known: Sequence[Steadied | None]
    ) -> tuple[Pictures, Pictures, list[Steadied]]:
        settings = SmoothingSettings()
        steadied = [
            smooth(crop, mask, picture, last, view.alignment, elapsed, settings)
            for crop, mask, picture, last, view, elapsed in zip(
                faces.crops, masks, pictures, known, faces.views, faces.elapsed, strict=True
            )
        ]
        return [each.mask for each in steadied], [each.inpainted for each in steadied], steadied

    def match(
        self, faces: Faces[Pictures], masks: Pictures, pictures: Pictures, known: Sequence[Estimate | None]
    ) -> tuple[Pictures, list[Estimate]]:
        settings, nothing = ColourSettings(), Estimate()
        matched = [
            match(crop, mask, picture, before or nothing, elapsed, settings)
            for crop, mask, picture, before, elapsed in zip(
                faces.crops, masks, pictures, known, faces.elapsed, strict=True
            )
        ]
        return [picture for picture, _ in matched], [learnt for _, learnt in matched]

    def blend(
        self, faces: Faces[Pictures], masks: Pictures, pictures: Pictures, kind: Blend
    ) -> tuple[Pictures, Pictures]:
        blended = [
            blend(kind, crop, picture, mask, strength)
            for crop, picture, mask, strength in zip(
                faces.crops, pictures, masks, faces.strengths, strict=True
            )
        ]
        return [picture for picture, _ in blended], [alpha for _, alpha in blended]

    def cover(self, alphas: Pictures, strengths: Sequence[float]) -> Pictures:
        return [faded(opaque(alpha), strength) for alpha, strength in zip(alphas, strengths, strict=True)]

    def to_coarse(self, batch: Pictures) -> Pictures:
        return [to_coarse(each) for each in batch]

    def from_coarse(self, batch: Pictures) -> Pictures:
        return [from_coarse(each, CELL * each.shape[-1]) for each in batch]

    def to_host(self, batch: Pictures) -> Pictures:
        return batch

    def from_host(self, batch: Sequence[Picture]) -> Pictures:
        return list(batch)

    def outlines(self, faces: Faces[Pictures], masks: Pictures) -> Pictures:
        return self.to_coarse(masks)

    def composite(
        self,
        faces: Faces[Pictures],
        layer: Layer[Pictures],
        grains: Sequence[Grain],
        marks: Sequence[MarkPicture] | None,
    ) -> None:
        matrices = [view.alignment.matrix for view in faces.views]
        each_mark = [None] * len(matrices) if marks is None else marks
        layers = zip(matrices, layer.pictures, layer.masks, layer.alphas, grains, each_mark, strict=True)
        self._layers = list(layers)

    def finish(self) -> list[tuple[Picture, Picture]]:
        for matrix, picture, _, alpha, grain, mark in self._layers:
            with self._stages("composite"):
                composite(self._frame.writable_planes(), matrix, picture, alpha, grain, mark)
        return [(mask, alpha) for _, _, mask, alpha, _, _ in self._layers]
