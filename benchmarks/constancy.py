"""Whether a face stays one person over a clip: its light and its looks, from frame to frame.

In the finished frames the mesh is fitted anew. How bright chin and upper lip are beside the cheeks hardly
changes while a bare face talks; where it does, what was inpainted breathes. And a face must not strike one as
a woman's in one frame and as a man's in the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.results import Result
from engines.backends.openvino_cpu import OpenVINOEngine
from stream_unmask.api import Unmasker
from stream_unmask.bundled import BUNDLED_WEIGHTS
from stream_unmask.faces import weights
from stream_unmask.faces.detection import INPUT_SHAPE, CenterFace
from stream_unmask.faces.mesh import FaceMesh, Region
from stream_unmask.inpainting.stand_ins.bundled import bundled_stand_ins
from stream_unmask.inpainting.stand_ins.describing import UpperFace
from stream_unmask.inpainting.stand_ins.impressions import SURE
from stream_unmask.inpainting.stand_ins.measuring import SIDE
from stream_unmask.inpainting.stand_ins.portraits import SURE_FACE, SURE_MESH, PortraitReader
from stream_unmask.settings import Settings
from stream_unmask.video.frame import Frame
from stream_unmask.video.source import open_source
from stream_unmask.video.thumbnail import Thumbnailer
from trainer.evaluation.constancy import light_below, spread

_FEWEST = 12
"""Frames below which a face is not judged."""

_NEAR = 0.4
"""How far, in sides of its place, a face may be found from where it was unmasked."""


@dataclass(frozen=True, slots=True)
class Constancy:
    """How constant one face is.

    Attributes:
        name: of the clip, and the number of the face.
        frames: that were looked at.
        spread: of how bright chin and upper lip are against the cheeks; see
            :func:`~trainer.evaluation.constancy.spread`.
        contrary: share of the frames in which the face strikes one surely as of another sex than in most.
    """

    name: str
    frames: int
    spread: float
    contrary: float

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.frames} frames, chin and lip against cheeks spread by {self.spread:.2f}, "
            f"{self.contrary:.1%} of them read as of the other sex"
        )


@dataclass(frozen=True, slots=True)
class Looks:
    """One finished face in one frame.

    Attributes:
        light: see :func:`~trainer.evaluation.constancy.light_below`.
        woman: how it strikes one; see :class:`~stream_unmask.inpainting.stand_ins.impressions.Impressions`.
    """

    light: float
    woman: float


class Judge:
    """Reads finished faces."""

    def __init__(self) -> None:
        """Compile the networks that find faces."""
        self._detector = CenterFace(OpenVINOEngine(weights.centerface(), 1, [INPUT_SHAPE]))
        mesh = FaceMesh(OpenVINOEngine(weights.face_landmark(), 1))
        self._reader = PortraitReader(self._detector, mesh, SIDE)
        self._thumbnailer = Thumbnailer()
        self._describer = UpperFace(1)
        self._read = bundled_stand_ins(BUNDLED_WEIGHTS).impressions.whole

    def look(self, frame: Frame, places: Sequence[tuple[float, float, float, float]]) -> list[Looks | None]:
        """Read the faces of one frame.

        Args:
            frame: finished.
            places: x0, y0, x1, y1 around each face that is wanted; with none, the largest face is.

        Returns:
            One for each place, None where no face is found; of the largest face, where there are no places.
        """
        found = self._detector.detect(self._thumbnailer.shrink(frame))
        sure = np.flatnonzero(found.scores >= SURE_FACE)
        if not len(sure):
            return [None] * max(len(places), 1)
        boxes, fives = found.boxes[sure], found.five[sure]
        looks: list[Looks | None] = []
        for place in places or [max(boxes.tolist(), key=_area)]:
            apart = np.linalg.norm(_centres(boxes) - _centres(np.array([place])), axis=1)
            nearest = int(np.argmin(apart))
            near = apart[nearest] < _NEAR * np.sqrt(_area(place))
            looks.append(self._one(frame, boxes[nearest], fives[nearest]) if near else None)
        return looks

    def _one(self, frame: Frame, box: NDArray[np.float64], five: NDArray[np.float64]) -> Looks | None:
        mesh = self._reader.fit(frame, Region.of_detection(box, five))
        if mesh.presence < SURE_MESH:
            return None
        portrait = self._reader.cut("", frame.planes(), mesh)
        woman = self._read(self._describer.describe_whole(portrait.picture))
        return Looks(light_below(portrait.picture, portrait.points), float(woman))


def measure(clip: Path, settings: Settings, judge: Judge, *, bare: bool = False) -> list[Constancy]:
    """Unmask a clip and look at its faces.

    Args:
        clip: the video.
        settings: of the run.
        judge: of finished faces.
        bare: look at the largest face of each frame instead, with nothing unmasked: what bare faces are like.
    """
    seen: dict[int, list[Looks]] = {}
    for number, looks in _read(clip, settings, judge, bare):
        seen.setdefault(number, []).append(looks)
    return [
        judged(f"{clip.stem} {number}", looks)
        for number, looks in sorted(seen.items())
        if len(looks) >= _FEWEST
    ]


def _read(clip: Path, settings: Settings, judge: Judge, bare: bool) -> Iterator[tuple[int, Looks]]:
    stream = Unmasker(settings).stream()
    with open_source(clip) as source:
        for frame in source:
            if not isinstance(frame, Frame):
                continue
            faces = [] if bare else stream.process(frame)
            if not faces and not bare:
                continue
            found = judge.look(frame, [face.box for face in faces])
            numbers = [face.number for face in faces] or [1]
            for number, looks in zip(numbers, found, strict=True):
                if looks is not None:
                    yield number, looks


def judged(name: str, looks: Sequence[Looks]) -> Constancy:
    """How constant a face is that was seen so in at least one frame."""
    strikes = np.array([each.woman for each in looks])
    usual = np.sign(np.median(strikes))
    contrary = (np.abs(strikes) > SURE) & (np.sign(strikes) != usual)
    return Constancy(name, len(looks), spread([each.light for each in looks]), float(contrary.mean()))


def as_result(found: Sequence[Constancy], command: str) -> Result:
    """As a table; ``command`` measured it."""
    columns = ("face", "frames", "chin and lip against cheeks, spread", "read as of the other sex")
    rows = [(each.name, str(each.frames), f"{each.spread:.2f}", f"{each.contrary:.1%}") for each in found]
    return Result.now("whether a face stays one person over a clip", command, columns, rows)


def _centres(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 2) middles of (n, 4) boxes."""
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def _area(box: Sequence[float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
