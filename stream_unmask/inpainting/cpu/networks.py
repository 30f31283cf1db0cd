"""The networks, fed from and leaving their results in the host's memory, one face after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engines.contract import NetworkName
from engines.engine import Engine
from stream_unmask.inpainting.cpu.carrying import Moment, Painted, paint
from stream_unmask.inpainting.cpu.generating import Generator
from stream_unmask.inpainting.cpu.segmenting import Segmenter
from stream_unmask.inpainting.cpu.wearing import Wearer
from stream_unmask.inpainting.face import Picture
from stream_unmask.inpainting.laid import LaidFace
from stream_unmask.inpainting.ops import Faces


class CpuNetworks:
    """Networks that are handed arrays, whatever they run on. Not for two threads at once."""

    def __init__(self, engines: Mapping[NetworkName, Engine]) -> None:
        """Take over a segmenter, and a generator or a wearer."""
        self._segmenter = Segmenter(engines["segmenter"])
        self._generator = Generator(engines["generator"]) if "generator" in engines else None
        self._wearer = Wearer(engines["wearer"]) if "wearer" in engines else None

    def segment(self, crop: Picture) -> Picture:
        """Where a face mask is; see :class:`~stream_unmask.inpainting.cpu.segmenting.Segmenter`."""
        return self._segmenter.segment(crop)

    def generate(
        self,
        faces: Faces[list[Picture]],
        masks: Sequence[Picture],
        guides: Sequence[LaidFace | None],
        moments: Sequence[Moment],
        known: Sequence[Painted | None],
    ) -> tuple[list[Picture], list[Painted | None]]:
        """What face masks hide; see :func:`~stream_unmask.inpainting.cpu.carrying.paint`."""
        assert self._generator is not None
        each = zip(faces.crops, masks, guides, moments, faces.views, faces.elapsed, known, strict=True)
        painted = [paint(self._generator, *row) for row in each]
        return [picture for picture, _ in painted], [kept for _, kept in painted]

    def generate_still(
        self, crops: Sequence[Picture], masks: Sequence[Picture], guides: Sequence[LaidFace | None]
    ) -> list[Picture]:
        """The same for single pictures; see :class:`~stream_unmask.inpainting.cpu.generating.Generator`."""
        assert self._generator is not None
        return [
            self._generator.make(crop, mask, guide, still=True).finished(crop.shape[-1], guide)
            for crop, mask, guide in zip(crops, masks, guides, strict=True)
        ]

    def dress(
        self, crops: Sequence[Picture], styles: Sequence[Picture]
    ) -> tuple[list[Picture], list[Picture]]:
        """Face masks for bare faces; see :class:`~stream_unmask.inpainting.cpu.wearing.Wearer`."""
        assert self._wearer is not None
        made = [self._wearer.dress(crop, style) for crop, style in zip(crops, styles, strict=True)]
        return [worn for worn, _ in made], [alpha for _, alpha in made]
