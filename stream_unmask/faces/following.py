"""Following every face of a stream: detect now and then, track in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.boxes import overlaps
from stream_unmask.faces.cuts import CutDetector
from stream_unmask.faces.detection import CenterFace, Detections
from stream_unmask.faces.mesh import FaceMesh, Mesh, Region
from stream_unmask.faces.novelty import Novelty
from stream_unmask.faces.searching import with_small_faces
from stream_unmask.faces.tracking import PRESENT, SURE, Track, eyes_apart, match
from stream_unmask.pixels.planes import Planes
from stream_unmask.video.frame import Frame
from stream_unmask.video.thumbnail import Thumbnailer

M = TypeVar("M")

_FIRST_LOOKS = 3
"""A scene's first frames, each of which is searched for faces."""

_MISSING_EVERY = 2
"""While a face is missing, it is searched for every so many frames."""

_USUAL_RATE = 24.0
"""Frames a second for which ``detect_every`` is meant. Where they come more slowly, as from a camera of which
frames are dropped, a new face would show its mask for too long: the time counts instead."""

_NOTHING_NEW = 1.0
"""Seconds without a search at most while the frame shows nothing new."""

_ASTRAY = 0.35
"""A mesh whose eyes lie this many eye distances off a detection's has left its face."""

_TURNED = 25.0
"""A mesh whose head is turned this many degrees otherwise than a detection's points say is not its face's."""

_SLID = 0.5
"""A mesh that has left its face and overlaps the detection less than this shows something else."""

_SHORTEST_STEP = 1e-3
"""Seconds that are taken to have passed between two frames where their timestamps do not go on."""

_DUPLICATE = 0.5
"""Two tracks whose boxes overlap more than this follow one face."""


@dataclass(frozen=True, slots=True)
class FollowSettings:
    """How faces are followed.

    Attributes:
        detect_every: frames from one search for faces to the next; fewer where less than 24 come a second,
            more while nothing moves but faces that were found in the last one.
        min_box: side in frame pixels of the square as large as the smallest box that is followed.
        coast_seconds: how long a face that is not seen is carried on.
        trust_seconds: how long a mesh that is sure of its face is believed while the detector finds none.
        vouch_seconds: how long a detection vouches for a mesh that is unsure of its face.
    """

    detect_every: int = 6
    min_box: float = 20.0
    coast_seconds: float = 0.7
    trust_seconds: float = 2.0
    vouch_seconds: float = 0.6


@dataclass(frozen=True, slots=True)
class Patience:
    """What a single picture is given beyond a video's frame.

    Attributes:
        smallest: width in pixels of the smallest face that is looked for, part by part.
        vouch: whether a face that may be none, with such a mesh, wears a face mask for sure.
    """

    smallest: float
    vouch: Callable[[Frame, Mesh], bool]


class FaceFollower(Generic[M]):
    """Follows the faces of one stream; give it every frame in order.

    Attributes:
        unfollowed: searches for faces so far that came upon one which no mesh fits: turned far away, or
            covered by more than a mask. Such a face is left as it is.
    """

    def __init__(
        self,
        detector: CenterFace,
        mesh: FaceMesh,
        thumbnailer: Thumbnailer,
        settings: FollowSettings,
        memory: Callable[[], M],
        patience: Patience | None = None,
    ) -> None:
        """Start before the first frame.

        Args:
            detector: finds faces.
            mesh: fits one face.
            thumbnailer: makes the pictures for the detector; knows the stream's rotation.
            settings: see there.
            memory: makes what a new track keeps for the work on its face.
            patience: for a single picture; None for a video.
        """
        self._detector = detector
        self._mesh = mesh
        self._thumbnailer = thumbnailer
        self._settings = settings
        self._memory = memory
        self._patience = patience
        self._cuts = CutDetector()
        self._novelty = Novelty()
        self._tracks: list[Track[M]] = []
        self._count = 0
        self._looks = 0
        self._since_look = 0
        self._seconds_since_look = 0.0
        self._time: float | None = None
        self.unfollowed = 0

    def end_tracks(self) -> None:
        """Search anew in the next frame, as after a cut."""
        self._tracks = []
        self._looks = 0

    def follow(self, frame: Frame) -> list[Track[M]]:
        """Find where every face is in the next frame.

        Returns:
            The live tracks, oldest first.
        """
        # Clocks of live sources may jump back; tracks need time that goes on.
        elapsed = 0.0 if self._time is None else max(frame.time - self._time, _SHORTEST_STEP)
        self._time = frame.time
        planes = frame.planes()
        if self._cuts.is_cut(planes):
            self.end_tracks()
        for track in self._tracks:
            self._carry(track, elapsed, planes)
        self._since_look += 1
        self._seconds_since_look += elapsed
        if self._is_look_due(planes):
            self._look(frame, planes)
        self._drop(planes)
        for track in self._tracks:
            track.settle()
        return list(self._tracks)

    def _carry(self, track: Track[M], elapsed: float, planes: Planes) -> None:
        """Follow one face by its mesh alone."""
        track.predict(elapsed)
        mesh = self._mesh.fit(planes, track.region)
        vouched = track.undetected <= self._settings.vouch_seconds
        if mesh.presence >= PRESENT or (vouched and track.expects(mesh)):
            track.see(mesh)

    def _is_look_due(self, planes: Planes) -> bool:
        every, seconds = self._settings.detect_every, self._seconds_since_look
        if self._looks < _FIRST_LOOKS:
            return True
        if any(track.coasting for track in self._tracks):
            return self._since_look >= min(_MISSING_EVERY, every) or seconds >= every / _USUAL_RATE
        if self._since_look < every and seconds < every / _USUAL_RATE:
            return False
        doubted = (track.presence < PRESENT or track.undetected > seconds for track in self._tracks)
        if seconds >= _NOTHING_NEW or any(doubted):
            return True
        return self._novelty.is_there(planes, np.array([track.box for track in self._tracks]).reshape(-1, 4))

    def _look(self, frame: Frame, planes: Planes) -> None:
        """Search the frame for faces; set tracks right that have gone astray and start new ones."""
        self._looks += 1
        self._novelty.search(planes)
        self._since_look = 0
        self._seconds_since_look = 0.0
        found = self._detector.detect(self._thumbnailer.shrink(frame))
        if self._patience is not None:
            found = with_small_faces(self._detector, planes, found, self._patience.smallest)
        matches = match(np.array([track.box for track in self._tracks]).reshape(-1, 4), found)
        for number, index in matches.pairs:
            track, score = self._tracks[number], float(found.scores[index])
            if not track.coasting and track.astray(found.five[index]) < _ASTRAY:
                track.confirm(score)
                continue
            mesh = self._fit(frame, found, index)
            if mesh is not None:
                track.found(mesh, score)
        beyond = False
        for index in matches.new:
            mesh, score = self._fit(frame, found, index), float(found.scores[index])
            if mesh is not None:
                self._count += 1
                self._tracks.append(Track(self._count, self._memory(), mesh, score))
            else:
                beyond |= score >= SURE and self._is_large(found.boxes[index])
        self.unfollowed += beyond

    def _fit(self, frame: Frame, found: Detections, index: int) -> Mesh | None:
        """The mesh of a detection, None where there is none to be trusted.

        Presence alone does not tell: a mask may bring it near 0 on a face whose mesh fits well. Then a
        sure detection whose eyes are where the mesh has them is proof enough. Where they are not, as on
        turned heads and with black masks, detector and mesh look once more; and where a mesh has slid from
        a face that is half hidden onto the one before it.
        """
        box, five, score = found.boxes[index], found.five[index], float(found.scores[index])
        if not self._is_large(box):
            return None
        region = Region.of_detection(box, five)
        mesh = self._mesh.fit(frame.planes(), region)
        near = eyes_apart(mesh, five) < _ASTRAY
        own = near or overlaps(mesh.box[None], box[None]).item() >= _SLID
        if (mesh.presence >= PRESENT and own) or (score >= SURE and near):
            return mesh
        return self._fit_closer(frame, region, score)

    def _fit_closer(self, frame: Frame, region: Region, score: float) -> Mesh | None:
        """The mesh of a face that only the detector has seen: with what score, and where.

        Where a close-up shows it, too, the mesh is looked for around the mean face that the close-up's points
        give; and that face is taken itself where no mesh fits. In a single picture a mask may vouch for it.
        """
        planes = frame.planes()
        closer = self._detector.look_closer(planes, region)
        guess = Mesh.guessed(closer[1]) if closer is not None else None
        if closer is None or guess is None:
            return None
        sure = (score + closer[0]) / 2 >= SURE
        mesh = self._mesh.fit(planes, guess.region())
        near = eyes_apart(mesh, closer[1]) < _ASTRAY
        alike = near and abs(mesh.pose.yaw - guess.pose.yaw) < _TURNED
        if (mesh.presence >= PRESENT and near) or (sure and alike):
            return mesh
        if sure or (self._patience is not None and self._patience.vouch(frame, guess)):
            return guess
        return None

    def _is_large(self, box: NDArray[np.float64]) -> bool:
        return bool(np.prod(box[2:] - box[:2]) >= self._settings.min_box**2)

    def _drop(self, planes: Planes) -> None:
        """End the tracks that are lost, have left the frame, or follow an older one's face."""
        kept: list[Track[M]] = []
        for track in self._tracks:
            others = np.array([other.box for other in kept]).reshape(-1, 4)
            lost = track.unseen > self._settings.coast_seconds
            doubted = track.undetected > self._settings.trust_seconds
            twin = (overlaps(track.box[None], others) > _DUPLICATE).any()
            if not (lost or doubted or twin or _is_outside(track.box, planes)):
                kept.append(track)
        self._tracks = kept


def _is_outside(box: NDArray[np.float64], planes: Planes) -> bool:
    """Whether the middle of a box lies outside the frame."""
    x, y = (box[:2] + box[2:]) / 2
    return not (0 <= x < planes.width and 0 <= y < planes.height)
