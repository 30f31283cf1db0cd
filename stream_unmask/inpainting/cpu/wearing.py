"""Putting masks on bare faces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engines.contract import WEARER
from engines.engine import Engine
from stream_unmask.faces.alignment import Alignment
from stream_unmask.inpainting.cpu.blending import window
from stream_unmask.inpainting.cpu.coarse import to_cells
from stream_unmask.inpainting.cpu.generating import resize
from stream_unmask.inpainting.cpu.graining import GrainMeter
from stream_unmask.inpainting.cpu.segmenting import Segmenter
from stream_unmask.inpainting.cpu.smoothing import PatchSmoother
from stream_unmask.inpainting.retouching import CpuRetouch, Drawn, Look, Picture, UnmaskedFace
from stream_unmask.inpainting.timing import since
from stream_unmask.report import Stages
from stream_unmask.video.frame import Frame

FAINT = 0.15
"""Alpha up to which nothing is drawn: what the network is so unsure of would be a haze on the face."""

FULL = 0.85
"""Alpha from which a mask is drawn in full: no mouth shall shine through it."""

_STYLE_SEED = 2


class Wearer:
    """Asks the wearer network for a mask on a face.

    The network may work on smaller pictures than the crops; resizing them here is faster than inside it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        side = engine.inputs[0].shape[-1]
        self._crop = np.empty((1, 3, side, side), np.float32)

    def wear(
        self, crop: NDArray[np.float32], style: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Draw a mask.

        Args:
            crop: (3, S, S) RGB in [-1, 1], C-contiguous.
            style: (1, 8, 1, 1) which mask, normally distributed.

        Returns:
            worn: (3, S, S) RGB in [-1, 1].
            alpha: (S, S) in 0..1 how opaquely that lies over the crop.
        """
        resize(crop, self._crop[0])
        pictures, alphas = self._engine.run(self._crop, style)
        worn, alpha = np.empty(crop.shape, np.float32), np.empty((1, *crop.shape[1:]), np.float32)
        resize(pictures[0], worn)
        resize(alphas[0], alpha)
        return np.clip(worn, -1, 1, out=worn), np.clip(alpha[0], 0, 1, out=alpha[0])


@dataclass(slots=True)
class DressedFace:
    """What one face carries from frame to frame while it is given a mask.

    Attributes:
        style: which mask; the face keeps it for good.
        smoother: steadies the mask and its alpha.
        grain: of the face around it.
        outline: (S / 4, S / 4) cells of its first alpha, around which grain is measured. A crop goes with its
            face: it holds for all that come.
        time: of the last frame that it was drawn on, in seconds.
    """

    style: Picture
    smoother: PatchSmoother = field(default_factory=PatchSmoother)
    grain: GrainMeter = field(default_factory=GrainMeter)
    outline: Picture | None = None
    time: float | None = None

    def forget(self) -> None:
        self.outline = self.time = None
        self.smoother.reset()
        self.grain.reset()


class WearingRetoucher:
    """Puts masks on; see :class:`stream_unmask.inpainting.retouching.Retoucher`."""

    ahead = 0

    def __init__(self, segmenter: Segmenter, wearer: Wearer, *, smooth: bool) -> None:
        self._segmenter, self._wearer, self._smooth = segmenter, wearer, smooth
        self._styles = styles()

    def new_face(self) -> DressedFace:
        return DressedFace(next(self._styles))

    def begin(
        self, frame: Frame, faces: Sequence[tuple[DressedFace, Alignment]], clock: Stages
    ) -> CpuRetouch[DressedFace]:
        return CpuRetouch(frame, faces, self._segmenter, self._draw, clock)

    def _draw(self, look: Look[DressedFace], strength: float, clock: Stages) -> Drawn:
        face, alignment = look.face, look.alignment
        elapsed, face.time = since(face.time, look.frame.time), look.frame.time
        with clock("generate"):
            worn, alpha = self._wearer.wear(look.crop, face.style)
        with clock("smooth"):
            if self._smooth:
                alpha, worn = face.smoother.smooth(look.crop, alpha, worn, alignment, elapsed)
        with clock("blend"):
            cover = opaque(alpha) * (window(alignment.size) * np.float32(strength))
            if face.outline is None:
                face.outline = to_cells(alpha)
            grain = face.grain.measure(look.frame.planes(), alignment, face.outline, elapsed)
        return Drawn(UnmaskedFace(alignment, alpha, cover, look.score), worn, grain)


def styles() -> Iterator[Picture]:
    """Which masks a stream's faces get, (1, 8, 1, 1) each, as they appear; the same in every run."""
    chance = np.random.default_rng(_STYLE_SEED)
    while True:
        yield chance.standard_normal((1, WEARER.inputs["style"], 1, 1), np.float32)


def opaque(alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """An alpha without its doubts, same shape: exactly 0 where it is faint, 1 where it is sure."""
    share = np.clip((alpha - np.float32(FAINT)) * np.float32(1 / (FULL - FAINT)), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)
