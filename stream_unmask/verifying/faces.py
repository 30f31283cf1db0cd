"""Looking for marks in the faces of a video or picture."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engines.backends.openvino_cpu import OpenVINOEngine
from stream_unmask.faces import weights
from stream_unmask.faces.detection import INPUT_SHAPE, CenterFace
from stream_unmask.faces.following import FaceFollower, FollowSettings, Patience
from stream_unmask.faces.mesh import FaceMesh
from stream_unmask.faces.tracking import Track
from stream_unmask.marks.carriers import MOVING, STILL, Plan, to_grid
from stream_unmask.marks.reading import Reading, Responses, read, respond
from stream_unmask.pixels.sampling import sample_crop
from stream_unmask.verifying.findings import MOST_FALSE_ALARMS, MarkedFace
from stream_unmask.video.frame import Frame
from stream_unmask.video.thumbnail import Thumbnailer

_SIDE = 256
"""Pixels along a crop's sides."""

_WIDTH = 2.2
"""Width of a face seen from the front, in eye distances."""

_SMALLEST = 40.0
"""Width in pixels of the smallest face that is looked at: in smaller ones no mark outlives an encoder."""

_MOST_RATE = 15.0
"""Frames a second that are looked at: twice the fastest that a mark swells and fades, and some more."""

_WINDOW, _FEWEST = 4.0, 24
"""Seconds and frames that are read together."""

_LEAST_SECONDS, _LEAST_FRAMES = 1.0, 12
"""Less than this of a face, in seconds and in frames, is not read."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was read of a face in some seconds.

    Attributes:
        first: when it begins, in seconds.
        last: when it ends.
        width: of the face in pixels, as if seen from the front.
        reading: what was read.
    """

    first: float
    last: float
    width: float
    reading: Reading


@dataclass(slots=True)
class SeenFace:
    """A face on its way through a video.

    Attributes:
        number: in the order of appearance, from 1.
        box: around it, where it was seen first.
        stretches: what was read of it, one after the other.
        whole: what was read of all of them together; None where there are fewer than two.
    """

    number: int = 0
    box: tuple[int, int, int, int] = (0, 0, 0, 0)
    stretches: list[Stretch] = field(default_factory=list)
    whole: Reading | None = None
    _widths: list[float] = field(default_factory=list)
    _times: list[float] = field(default_factory=list)
    _grids: list[NDArray[np.float32]] = field(default_factory=list)
    _total: list[Responses] | None = None

    def see(self, time: float, width: float, grid: NDArray[np.float32]) -> None:
        """Take a crop of a face so many pixels wide; what is complete is read."""
        self._widths.append(width)
        self._times.append(time)
        self._grids.append(grid)
        if time - self._times[0] >= _WINDOW and len(self._times) >= _FEWEST:
            self._read()

    def end(self) -> None:
        """Read what is left."""
        enough = len(self._times) >= _LEAST_FRAMES and self._times[-1] - self._times[0] >= _LEAST_SECONDS
        if enough:
            self._read()
        if self._total is not None and len(self.stretches) > 1:
            self.whole = read(MOVING, self._total)
        self._widths, self._times, self._grids, self._total = [], [], [], None

    def see_still(self, width: float, grid: NDArray[np.float32], plans: Sequence[Plan]) -> None:
        """Read a single picture."""
        for plan in plans:
            responses = respond(plan, np.zeros(1), grid[None])
            self.stretches.append(Stretch(0.0, 0.0, width, read(plan, responses)))

    def _read(self) -> None:
        responses = respond(MOVING, np.array(self._times), np.stack(self._grids))
        width, found = float(np.mean(self._widths)), read(MOVING, responses)
        self.stretches.append(Stretch(self._times[0], self._times[-1], width, found))
        if self._total is None:
            self._total = responses
        else:
            self._total = [a + b for a, b in zip(self._total, responses, strict=True)]
        self._widths, self._times, self._grids = [], [], []


class FaceReader:
    """Follows the faces of a video, or finds those of pictures, and reads their marks.

    Attributes:
        frames: that were looked at.
        faces: in the order of appearance.
    """

    def __init__(self, *, rotation: int = 0, still: bool = False, threads: int = 0) -> None:
        """Load the networks that find faces.

        Args:
            rotation: degrees clockwise by which the frames must be turned to be upright.
            still: there will be one frame alone.
            threads: of the networks, 0 for as many as there are cores.
        """
        self.frames = 0
        self.faces: list[SeenFace] = []
        self._still = still
        self._last = -math.inf
        self._follower: FaceFollower[SeenFace] = FaceFollower(
            CenterFace(OpenVINOEngine(weights.centerface(), threads, [INPUT_SHAPE])),
            FaceMesh(OpenVINOEngine(weights.face_landmark(), threads)),
            Thumbnailer(rotation=rotation),
            FollowSettings(detect_every=4, min_box=_SMALLEST / 2),
            SeenFace,
            Patience(_SMALLEST, lambda frame, mesh: False) if still else None,
        )

    def see(self, frame: Frame) -> None:
        """Take the next frame. Of a fast video not all are looked at."""
        if 0 <= frame.time - self._last < 1 / _MOST_RATE - 1e-3:
            return
        self._last = frame.time
        self.frames += 1
        for track in self._follower.follow(frame):
            alignment = track.pose.alignment(_SIDE)
            width = _WIDTH * alignment.eye_distance
            if width < _SMALLEST or track.coasting:
                continue
            self._count(track)
            grid = to_grid(sample_crop(frame.planes(), alignment.matrix, _SIDE))
            if self._still:
                track.memory.see_still(width, grid, (STILL, MOVING))
            else:
                track.memory.see(frame.time, width, grid)

    def end(self) -> list[MarkedFace]:
        """Faces with a mark; call it once, after the last frame."""
        for face in self.faces:
            face.end()
        readings = sum(len(face.stretches) + (face.whole is not None) for face in self.faces)
        added = math.log(max(readings, 1))
        return [each for face in self.faces if (each := _marked(face, added)) is not None]

    def _count(self, track: Track[SeenFace]) -> None:
        face = track.memory
        if not face.number:
            x0, y0, x1, y1 = np.rint(track.box).astype(int).tolist()
            face.number, face.box = len(self.faces) + 1, (x0, y0, x1, y1)
            self.faces.append(face)


def is_sure(reading: Reading, added: float) -> bool:
    """Whether a reading is a mark's; ``added`` is the logarithm of how many there were in the file."""
    return reading.chance + added <= math.log(MOST_FALSE_ALARMS)


def _marked(face: SeenFace, added: float) -> MarkedFace | None:
    """A face as one with a mark, if it has one; ``added`` counts all that was read in the file."""
    sure = [each for each in face.stretches if is_sure(each.reading, added)]
    readings = [each.reading for each in sure]
    seconds = _joined((each.first, each.last) for each in sure)
    if face.whole is not None and is_sure(face.whole, added):
        readings.append(face.whole)
        if not sure:
            seconds = ((face.stretches[0].first, face.stretches[-1].last),)
    if not readings:
        return None
    best = min(readings, key=lambda reading: reading.chance)
    message, chance = best.message, (best.chance + added) / math.log(10)
    return MarkedFace(face.number, seconds, face.box, message.worn, message.version, chance)


def _joined(stretches: Iterable[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Stretches of seconds, those joined that follow each other closely."""
    joined: list[tuple[float, float]] = []
    for first, last in stretches:
        if joined and first - joined[-1][1] < 0.5:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return tuple(joined)
