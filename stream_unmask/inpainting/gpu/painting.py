"""What is drawn on the faces of a frame, all at once, and what the faces remember for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stream_unmask.faces.alignment import Alignment
from stream_unmask.inpainting.cpu.blending import Blend
from stream_unmask.inpainting.cpu.colour import ColourSettings
from stream_unmask.inpainting.cpu.graining import GrainMeter
from stream_unmask.inpainting.cpu.smoothing import SmoothingSettings
from stream_unmask.inpainting.gpu.blending import blend, settled
from stream_unmask.inpainting.gpu.colour import Estimate, match
from stream_unmask.inpainting.gpu.device import Lane
from stream_unmask.inpainting.gpu.networks import GpuNetworks
from stream_unmask.inpainting.gpu.pictures import to_cells
from stream_unmask.inpainting.gpu.smoothing import smooth
from stream_unmask.inpainting.gpu.warping import carry
from stream_unmask.report import Stages


@dataclass(slots=True)
class GpuFace:
    """What one face's pixels carry from frame to frame.

    Attributes:
        grain: measured by the host, which has the frame.
        last: (4, S, S) the last picture and map, steadied.
        cells: (3, S / 4, S / 4) of the last crop.
        alignment: of that.
        time: of the last frame, in seconds.
    """

    grain: GrainMeter = field(default_factory=GrainMeter)
    last: Tensor | None = None
    cells: Tensor | None = None
    alignment: Alignment | None = None
    time: float | None = None

    def forget(self) -> None:
        self.last = self.cells = self.alignment = self.time = None
        self.grain.reset()


F = TypeVar("F", bound=GpuFace)


@dataclass(frozen=True, slots=True)
class Look(Generic[F]):
    """The faces of one frame that are drawn on; see :class:`stream_unmask.inpainting.retouching.Look`.

    Attributes:
        faces: what each carries, and where its crop lies.
        crops: (N, 3, S, S) RGB in [-1, 1].
        maps: (N, 1, S, S) in 0..1.
        cells: (S / 4, S / 4) of each map, on the host.
        steps: (N, 14) how each crop has moved, see :func:`~stream_unmask.inpainting.gpu.warping.moves`, and
            the seconds since its face's last frame, above 0.
        lane: that all this is used in.
    """

    faces: Sequence[tuple[F, Alignment]]
    crops: Tensor
    maps: Tensor
    cells: Sequence[NDArray[np.float32]]
    steps: Tensor
    lane: Lane


@dataclass(frozen=True, slots=True)
class Painted:
    """What is to be put into a frame.

    Attributes:
        pictures: (N, 3, S, S) RGB in [-1, 1].
        maps: (N, 1, S, S) where masks are, 0..1.
        alphas: (N, 1, S, S) how opaquely the pictures are drawn, 0..1.
        outlines: (S / 4, S / 4) cells of a map of each face, on the host: its grain is measured around it.
    """

    pictures: Tensor
    maps: Tensor
    alphas: Tensor
    outlines: Sequence[NDArray[np.float32]]


class Painter(Protocol[F]):
    """Draws on the faces of one stream."""

    def new_face(self) -> F:
        """What a face that appears will carry from frame to frame."""
        ...

    def paint(self, look: Look[F], clock: Stages) -> Painted:
        """Draw on a frame's faces; queued in the lane of the context.

        Args:
            look: the faces.
            clock: where the time is added up.
        """
        ...


@dataclass(slots=True)
class MaskedFace(GpuFace):
    """What a face carries while its mask is taken off.

    Attributes:
        estimate: of its colours.
    """

    estimate: Estimate | None = None

    def forget(self) -> None:
        GpuFace.forget(self)
        self.estimate = None


class UnmaskingPainter:
    """Draws what masks hide; see :class:`stream_unmask.inpainting.retouching.CpuRetoucher`."""

    def __init__(self, networks: GpuNetworks, kind: Blend, *, smooth: bool, still: bool) -> None:
        self._networks, self._kind, self._smooth, self._still = networks, kind, smooth, still

    def new_face(self) -> MaskedFace:
        return MaskedFace()

    def paint(self, look: Look[MaskedFace], clock: Stages) -> Painted:
        crops = look.crops
        with clock("generate"):
            patches = self._networks.generate(crops, settled(look.maps), look.lane, still=self._still)
        with clock("smooth"):
            patches, maps = steadied(look, patches, look.maps, smoothly=self._smooth)
        with clock("blend"):
            nothing = Estimate.nothing(crops.device)
            known = Estimate.of_all([_or(face.estimate, nothing) for face, _ in look.faces])
            matched, known = match(crops, maps, patches, known, look.steps[:, 13], ColourSettings())
            for k, (face, _) in enumerate(look.faces):
                face.estimate = known.of_one(k)
            pictures, alphas = blend(self._kind, crops, matched, maps)
        return Painted(pictures, maps, alphas, look.cells)


def steadied(look: Look[F], pictures: Tensor, maps: Tensor, *, smoothly: bool) -> tuple[Tensor, Tensor]:
    """Pictures (N, 3, S, S) and maps (N, 1, S, S), steady where that is wanted; the faces remember them."""
    cells, steady = to_cells(look.crops), torch.cat([pictures, maps], dim=1)
    if smoothly:
        steps = look.steps
        last = torch.stack([_or(face.last, steady[k]) for k, (face, _) in enumerate(look.faces)])
        before = torch.stack([_or(face.cells, cells[k]) for k, (face, _) in enumerate(look.faces)])
        carried, before = carry(last, steps[:, :6]), carry(before, steps[:, 6:12])
        shifts, elapsed = steps[:, 12:, None, None, None].unbind(1)
        steady = smooth(maps, pictures, carried, cells, before, shifts, elapsed, SmoothingSettings())
    for k, (face, alignment) in enumerate(look.faces):
        face.last, face.cells, face.alignment = steady[k], cells[k], alignment
    return steady[:, :3], steady[:, 3:]


T = TypeVar("T")


def _or(value: T | None, other: T) -> T:
    return other if value is None else value
