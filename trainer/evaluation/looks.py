"""How faces strike one, finished against true ones: as a woman's or a man's, and how old.

The judge is the readings that stand-ins are chosen by, but of whole faces, where the choice saw upper halves:
see :class:`~stream_unmask.inpainting.stand_ins.impressions.Impressions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from stream_unmask.bundled import BUNDLED_WEIGHTS
from stream_unmask.inpainting.stand_ins.bundled import bundled_stand_ins
from stream_unmask.inpainting.stand_ins.describing import UpperFace
from stream_unmask.inpainting.stand_ins.impressions import SURE, years

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Shift:
    """How looks changed.

    Attributes:
        struck: how many true faces strike one surely as a woman's or a man's.
        contrary: how many of those came out as the other.
        older: by how many years the finished ones look older, on average.
        years_off: by how many they differ, in the root mean square.
    """

    struck: int
    contrary: int
    older: float
    years_off: float

    def __str__(self) -> str:
        return (
            f"{self.contrary} of {self.struck} read as of the other sex, {self.older:+.1f} years older, "
            f"{self.years_off:.1f} off"
        )


def shift(made: Sequence[Bytes], truths: Sequence[Bytes]) -> Shift:
    """How the looks of finished faces, (H, W, 3) RGB crops, differ from those of the true ones."""
    readings, describer = bundled_stand_ins(BUNDLED_WEIGHTS).impressions, _describer()
    came, struck = (np.stack([describer.describe_whole(face) for face in faces]) for faces in (made, truths))
    was = readings.whole(struck)
    sure = np.abs(was) > SURE
    contrary = sure & (was * readings.whole(came) < 0)
    older = years(readings.whole_age(came)) - years(readings.whole_age(struck))
    return Shift(int(sure.sum()), int(contrary.sum()), float(older.mean()), float(np.sqrt((older**2).mean())))


@cache
def _describer() -> UpperFace:
    return UpperFace()
