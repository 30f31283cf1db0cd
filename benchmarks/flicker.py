"""Whether what is generated is as steady as the skin around it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.results import CLAIM, Result
from stream_unmask.api import Unmasker
from stream_unmask.pixels.sampling import sample_crop
from stream_unmask.settings import Settings
from stream_unmask.video.frame import Frame
from stream_unmask.video.source import open_source


@dataclass(frozen=True, slots=True)
class Flicker:
    """Mean absolute change from frame to frame in 8-bit steps, in crops that hold still.

    Attributes:
        inpainted: where the mask was.
        skin: in a ring around it.
        source: where the mask was, but in the input.
    """

    inpainted: float
    skin: float
    source: float

    def __str__(self) -> str:
        return (
            f"change from frame to frame: {self.inpainted:.2f} where the mask was, {self.skin:.2f} around it "
            f"(ratio {self.ratio:.2f}), {self.source:.2f} in the input's mask"
        )

    @property
    def ratio(self) -> float:
        """Change where the mask was, against the skin around it."""
        return self.inpainted / self.skin


def as_result(plain: Flicker, marked: Flicker, command: str) -> Result:
    """As rows of claims, without the mark and with it; ``command`` measured them."""
    claim = "change from frame to frame where a mask was, against the skin around it, still face"
    rows = [
        (claim, f"{plain.ratio:.2f} times"),
        ("the same with the mark, which swells and fades", f"{marked.ratio:.2f} times"),
    ]
    return Result.now("flicker on a still face", command, CLAIM, rows)


def measure(clip: Path, settings: Settings, *, skip: int = 10) -> Flicker:
    """Unmask a clip of a still face and look at what changes.

    Args:
        clip: a masked face that does not move.
        settings: of the run.
        skip: frames at the start that are not counted.
    """
    stream = Unmasker(settings).stream()
    before: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None
    changes: list[tuple[float, float, float]] = []
    matrix: NDArray[np.float64] | None = None
    inside = ring = np.zeros(0, bool)
    with open_source(clip) as source:
        for frame in source:
            if not isinstance(frame, Frame):
                continue
            faces = stream.process(frame)
            if frame.index < skip or not faces:
                continue
            if matrix is None:
                matrix, (inside, ring) = faces[0].alignment.matrix, _regions(faces[0].mask)
            size = inside.shape[0]
            crops = (
                sample_crop(frame.planes(), matrix, size).copy(),
                sample_crop(frame.decoded_planes(), matrix, size).copy(),
            )
            if before is not None:
                made, given = (
                    np.abs(new - old).mean(axis=0) * 127.5 for new, old in zip(crops, before, strict=True)
                )
                changes.append(
                    (float(made[inside].mean()), float(given[ring].mean()), float(given[inside].mean()))
                )
            before = crops
    return Flicker(*np.mean(changes, axis=0).tolist())


def _regions(soft: NDArray[np.float32]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Well inside the mask, and a ring of skin above and beside it."""
    mask = (soft > 0.5).astype(np.uint8)
    unit = mask.shape[0] // 32
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * unit + 1, 2 * unit + 1))
    core = cv2.erode(mask, kernel)
    near, far = cv2.dilate(mask, kernel), cv2.dilate(mask, kernel, iterations=2)
    return core > 0, (far > 0) & (near == 0)
