"""The same face over time: what a track knows, and which detection belongs to which track."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.boxes import closeness, overlaps
from stream_unmask.faces.detection import Detections
from stream_unmask.faces.mesh import Mesh, Region
from stream_unmask.faces.motion import BoxMotion
from stream_unmask.faces.smoothing import PoseFilter

M = TypeVar("M")

SURE = 0.5
"""Score from which a detection is taken as it is; below, it needs a track or a mesh to agree."""

PRESENT = 0.5
"""Presence from which a mesh is believed."""

_MESH_NOISE = 0.01
"""Standard deviation of a mesh's box in box sides, as measured on still faces."""

_DOUBTFUL_NOISE = 0.05
_DOUBTFUL_SECONDS = 0.09
"""The same of a mesh that is not believed, and the seconds in which it is followed where it lies about as
expected: it trembles several times as much."""

_NEAR_SURE = -0.3
_NEAR_UNSURE = 0.3
"""How close (see :func:`closeness`) a detection must be to a track; an unsure one must overlap it."""

_FOLLOW_REGION = 0.3
"""How much of a mesh's own region is taken over. The mesh wobbles with its region, and the region with the
mesh: followed at once, the two swing even on a picture that stands still."""

_LEAP = 0.3
_GROWTH = 1.25
"""What a doubtful mesh may differ by from the expected one: eye distances between the eyes' places, and the
ratio of their sizes."""


_SAME_HEAD = 0.4
"""How far the boxes of a face that was followed and of what is found in its place must overlap (intersection
over union). One that has slid onto its own mask does, one that has slid onto a neighbour does not."""


class Track(Generic[M]):
    """One face from the frame it appears in to the one it is lost in.

    Attributes:
        number: counts the tracks of a stream from 1.
        memory: what the work on this face keeps from frame to frame; not touched here.
        pose: where the face is in the present frame, smoothed.
        mesh: the latest that was found, not smoothed; ``unseen`` says how old it is.
        box: (4,) x0, y0, x1, y1 around the face in frame pixels; may reach beyond the frame.
        score: the latest detection's confidence, 0..1.
        presence: the latest mesh's belief that there is a face, 0..1. Masks lower it.
        coasting: the face is not seen at the moment; pose and box are carried on.
        frames: how many frames the face was seen in.
        unseen: seconds since it was seen.
        undetected: seconds since the detector found it.
        person: counts how often the face was found elsewhere than it was followed to: each time it may be
            another head.
    """

    def __init__(self, number: int, memory: M, mesh: Mesh, score: float) -> None:
        """Start with the first mesh."""
        self.number = number
        self.memory = memory
        self.score = score
        self.frames = 0
        self.coasting = False
        self.unseen = 0.0
        self.undetected = 0.0
        self.person = 0
        self._filter = PoseFilter()
        self._motion = BoxMotion(mesh.box, _MESH_NOISE)
        self._region = mesh.region()
        self._seen = mesh.pose
        self._since_settled = 0.0
        self._take(mesh)
        self.pose = self._seen

    @property
    def box(self) -> NDArray[np.float64]:
        return self._motion.box

    @property
    def region(self) -> Region:
        """Where to look for the mesh in the present frame."""
        return self._region

    def predict(self, elapsed: float) -> None:
        """Go on to the next frame, ``elapsed`` seconds later, expecting the face to move as it did."""
        before, side = self._motion.box, self._motion.side
        self._motion.predict(elapsed)
        after = self._motion.box
        dx, dy = (after[:2] + after[2:] - before[:2] - before[2:]) / 2
        grown = self._motion.side / side
        region, seen = self._region, self._seen
        self._region = replace(region, x=region.x + dx, y=region.y + dy, side=region.side * grown)
        self._seen = replace(seen, x=seen.x + dx, y=seen.y + dy, scale=seen.scale * grown)
        self._since_settled += elapsed
        self.coasting = True
        self.unseen += elapsed
        self.undetected += elapsed

    def expects(self, mesh: Mesh) -> bool:
        """Whether a mesh lies where this face is expected, for a mesh that is no proof by itself."""
        pose = mesh.pose
        growth = max(pose.scale / self._seen.scale, self._seen.scale / pose.scale)
        leap = np.hypot(pose.x - self._seen.x, pose.y - self._seen.y) / self._seen.scale
        return bool(leap < _LEAP and growth < _GROWTH)

    def see(self, mesh: Mesh) -> None:
        """Take the mesh that was found in this track's region of the present frame."""
        self._take(mesh)
        self._region = self._region.toward(mesh.region(), _FOLLOW_REGION)

    def found(self, mesh: Mesh, score: float) -> None:
        """Take the mesh of a detection in the present frame, which starts the face's search anew."""
        self.person += bool(overlaps(self.box[None], mesh.box[None]).item() < _SAME_HEAD)
        self._take(mesh)
        self._region = mesh.region()
        self.confirm(score)

    def confirm(self, score: float) -> None:
        """Note that the detector sees this face too."""
        self.score = score
        self.undetected = 0.0

    def astray(self, five: NDArray[np.float64]) -> float:
        """How far the mesh's eyes are from where the detector sees them ((5, 2) points), in eye distances."""
        return eyes_apart(self.mesh, five)

    def settle(self) -> None:
        """Smooth the pose, once all that is known of the present frame has been taken."""
        self.pose = self._filter.update(self._seen, self._since_settled)
        self._since_settled = 0.0
        self.frames += not self.coasting

    def _take(self, mesh: Mesh) -> None:
        self.mesh = mesh
        if mesh.presence < PRESENT and self.expects(mesh):
            share = 1.0 - float(np.exp(-self._since_settled / _DOUBTFUL_SECONDS))
            self._seen = self._seen.toward(mesh.pose, share)
            self._motion.correct(mesh.box, _DOUBTFUL_NOISE)
        else:
            self._seen = mesh.pose
            self._motion.correct(mesh.box, _MESH_NOISE)
        self.presence = mesh.presence
        self.coasting = False
        self.unseen = 0.0


def eyes_apart(mesh: Mesh, five: NDArray[np.float64]) -> float:
    """Largest distance between a mesh's eyes and a detection's ((5, 2) points), in eye distances."""
    apart = np.linalg.norm(mesh.eyes - five[:2], axis=1).max()
    # The pose's scale, because a turned face's eyes are close together in the picture.
    return float(apart / mesh.pose.scale)


@dataclass(frozen=True, slots=True)
class Matches:
    """Which detection shows which track, by index.

    Attributes:
        pairs: (track, detection), each at most once.
        new: detections that show no track, best first.
    """

    pairs: list[tuple[int, int]]
    new: list[int]


def match(boxes: NDArray[np.float64], detections: Detections) -> Matches:
    """Tell which detection shows which track.

    First the sure detections are matched, then the rest with what is left: an unsure detection may keep
    a track alive that it lies upon ("ByteTrack: Multi-Object Tracking by Associating Every Detection Box",
    Zhang et al., 2022). The closest pair goes first; faces are few and compact, so that this matches like
    the optimal assignment.

    Args:
        boxes: (n, 4) where each track is expected, in frame pixels.
        detections: what was found.
    """
    near = closeness(boxes, detections.boxes)
    sure = detections.scores >= SURE
    pairs: list[tuple[int, int]] = []
    for stage, least in ((sure, _NEAR_SURE), (~sure, _NEAR_UNSURE)):
        left = np.where(stage, near, -np.inf)
        left[[track for track, _ in pairs]] = -np.inf
        while left.size and left.max() > least:
            track, found = divmod(int(left.argmax()), left.shape[1])
            pairs.append((track, found))
            left[track], left[:, found] = -np.inf, -np.inf
    matched = {found for _, found in pairs}
    return Matches(pairs, [index for index in range(len(detections)) if index not in matched])
