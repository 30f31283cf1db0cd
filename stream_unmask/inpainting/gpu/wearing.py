"""Putting masks on bare faces; see :mod:`stream_unmask.inpainting.cpu.wearing`."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stream_unmask.inpainting.cpu.wearing import FAINT, FULL, styles
from stream_unmask.inpainting.gpu.blending import window
from stream_unmask.inpainting.gpu.networks import GpuNetworks
from stream_unmask.inpainting.gpu.painting import GpuFace, Look, Painted, steadied
from stream_unmask.inpainting.gpu.pictures import to_cells
from stream_unmask.report import Stages


@dataclass(slots=True)
class DressedFace(GpuFace):
    """What one face carries from frame to frame while it is given a mask.

    Attributes:
        style: (8, 1, 1) which mask; the face keeps it for good.
        outline: see :class:`stream_unmask.inpainting.cpu.wearing.DressedFace`.
    """

    style: Tensor = field(kw_only=True)
    outline: NDArray[np.float32] | None = None

    def forget(self) -> None:
        GpuFace.forget(self)
        self.outline = None


class WearingPainter:
    """Puts masks on; see :class:`stream_unmask.inpainting.cpu.wearing.WearingRetoucher`."""

    def __init__(self, networks: GpuNetworks, *, smooth: bool) -> None:
        self._networks, self._smooth = networks, smooth
        self._styles = styles()

    def new_face(self) -> DressedFace:
        return DressedFace(style=torch.from_numpy(next(self._styles)[0]).to(self._networks.device))

    def paint(self, look: Look[DressedFace], clock: Stages) -> Painted:
        with clock("generate"):
            chosen = torch.stack([face.style for face, _ in look.faces])
            worn, alphas = self._networks.wear(look.crops, chosen, look.lane)
        with clock("smooth"):
            worn, alphas = steadied(look, worn, alphas, smoothly=self._smooth)
        with clock("blend"):
            covers = opaque(alphas) * window(alphas.shape[-1], alphas.device)
            outlines = [_outline(face, alpha) for (face, _), alpha in zip(look.faces, alphas, strict=True)]
        return Painted(worn, alphas, covers, outlines)


def opaque(alphas: Tensor) -> Tensor:
    """Alphas without their doubts; see :func:`stream_unmask.inpainting.cpu.wearing.opaque`."""
    share = ((alphas - FAINT) * (1 / (FULL - FAINT))).clamp(0, 1)
    return share * share * (3 - 2 * share)


def _outline(face: DressedFace, alpha: Tensor) -> NDArray[np.float32]:
    """Where the mask of a face is, of its (1, S, S) alpha; the host waits for that of a new face."""
    if face.outline is None:
        face.outline = np.asarray(to_cells(alpha)[0].cpu().numpy(), np.float32)
    return face.outline
