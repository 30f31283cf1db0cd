"""How real the product's faces look as a crowd, with stand-ins and without.

Held-out faces with drawn masks go through the whole product as single pictures. Where a stand-in is worn the
truth is no measure, for it is another face that comes out: what counts is the distance of the crowd to other
people's true faces, and whether the picture is as sharp as a photo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.api import Unmasker
from stream_unmask.settings import Settings
from stream_unmask.video.images import as_frame
from trainer.evaluation import realism
from trainer.evaluation.heldout import HeldOut
from trainer.evaluation.looks import Shift, shift
from trainer.evaluation.measures import psnr, slope

Bytes = NDArray[np.uint8]

_MARGIN = 64
"""Pixels put around a crop by repeating its rim: the detector wants to see a head with air around."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Figures of one way on one set of faces.

    Attributes:
        faces: how many were unmasked.
        guided: how many of them wear a stand-in.
        kernel: kernel distance to other people's true faces, x1000; None without the network that judges
            or of fewer than four.
        sharpness: mean slope inside the mask over that of the truth; 1 is as sharp as the photo.
        inside: PSNR to the truth inside the mask, dB.
        shift: how their looks changed.
    """

    faces: int
    guided: int
    kernel: float | None
    sharpness: float
    inside: float
    shift: Shift

    def __str__(self) -> str:
        kernel = "not measured" if self.kernel is None else f"{self.kernel:.0f}"
        return (
            f"{self.faces} faces, {self.guided} with a stand-in: kernel distance {kernel}, "
            f"sharpness {self.sharpness:.2f}, {self.inside:.1f} dB inside the mask, "
            f"{self.shift}"
        )


def measure(settings: Settings, faces: Sequence[HeldOut]) -> Crowd:
    """Unmask held-out faces.

    Args:
        settings: among them whether stand-ins are worn.
        faces: with masks on.
    """
    unmasker = Unmasker(settings)
    made: list[Bytes] = []
    truths: list[Bytes] = []
    rows, guided = [], 0
    for face in faces:
        finished, worn = _unmasked(unmasker, face.crop)
        core = cv2.erode(face.mask, np.ones((5, 5), np.uint8)) > 127
        if finished is None or not core.any():
            continue
        guided += worn
        made.append(finished)
        truths.append(face.truth)
        sharpness = slope(finished, core) / max(slope(face.truth, core), 1e-3)
        rows.append((sharpness, psnr(finished, face.truth, face.inside)))
    enough = realism.is_there() and len(made) >= realism.LEAST
    kernel = realism.kernel_distance(made, truths) if enough else None
    sharp, inside = np.mean(rows, axis=0).tolist()
    return Crowd(len(made), guided, kernel, sharp, inside, shift(made, truths))


def _unmasked(unmasker: Unmasker, crop: Bytes) -> tuple[Bytes | None, bool]:
    """A crop as the product leaves it, None where it found no mask; and whether a stand-in is worn."""
    around = np.pad(crop, ((_MARGIN, _MARGIN), (_MARGIN, _MARGIN), (0, 0)), "edge")
    frame, stream = as_frame(around), unmasker.stream(still=True)
    if not stream.process(frame):
        return None, False
    finished = frame.to_ndarray("rgb24")[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    return finished, any(face.guided_frames for face in stream.faces)
