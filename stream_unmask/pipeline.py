"""The way of a frame, top to bottom:

    read -> follow -> align -> segment -> fill -> smooth -> composite -> write

:class:`Stream` takes the frames of one video in order and draws into them. Reading, writing and the threads
around it are in :mod:`stream_unmask.running`. What is decided about a face is decided here; the work on its
pixels, from segmenting on, is in order in :mod:`stream_unmask.inpainting.inpainter`.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from stream_unmask.faces.alignment import Alignment
from stream_unmask.faces.following import FaceFollower, FollowSettings, Patience
from stream_unmask.faces.mesh import Mesh
from stream_unmask.faces.tracking import Track
from stream_unmask.inpainting.face import FaceView, UnmaskedFace
from stream_unmask.inpainting.guides import LOOKS
from stream_unmask.inpainting.inpainter import Inpainter, Inpainting
from stream_unmask.inpainting.limits import Reason, reason
from stream_unmask.inpainting.ops import Scored
from stream_unmask.inpainting.parameters import LOW_WIDTH
from stream_unmask.inpainting.references.guiding import Banks
from stream_unmask.inpainting.references.reference import Reference
from stream_unmask.inpainting.sources import Sources
from stream_unmask.inpainting.tasks import Task, Unmask, Wear
from stream_unmask.marks.code import Message
from stream_unmask.marks.writing import Marker
from stream_unmask.memory import FaceMemory, tell_of
from stream_unmask.networks import Networks
from stream_unmask.report import EarlierFaces, FaceReport, Stages
from stream_unmask.settings import Settings
from stream_unmask.video.frame import Frame
from stream_unmask.video.thumbnail import Thumbnailer

_log = logging.getLogger(__name__)

_BOX_SHARE, _MOST_BOX = 0.625, 20.0
"""Side of the smallest box that is followed, as a share of the narrowest face that is unmasked, and the most
that it is in pixels: what is followed but not unmasked is reported as too small."""

_SURE_MASK = 0.95
"""Score from which a face mask proves that it is worn on a face."""

_LIKELY_MASK = 0.5
"""Score from which a face is looked at for a stand-in, and given a crop with more room if its mask reaches
below the usual one."""


@dataclass(frozen=True, slots=True)
class UnmaskedFrame:
    """A frame that is done.

    Attributes:
        frame: as it came where no face mask was worn, else drawn into.
        faces: those that were changed.
    """

    frame: Frame
    faces: list[UnmaskedFace]


@dataclass(frozen=True, slots=True)
class _Sighting:
    """One face in one frame.

    Attributes:
        memory: what it carries.
        report: what is told about it.
        view: how the frame shows it.
        beyond: why it is left alone, if it is, whether or not it was unmasked before.
        doubtful: that hangs on an earlier frame that is not decided on yet.
        passed_over: nothing has changed since the last look at it, and it shall stay as it is.
    """

    memory: FaceMemory
    report: FaceReport
    view: FaceView
    beyond: Reason | None
    doubtful: bool
    passed_over: bool

    @property
    def looked_at(self) -> bool:
        """Whether a face mask is looked for on it."""
        return self.beyond is None and not self.passed_over


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A frame between two steps, and those of its faces that are worked on."""

    frame: Frame
    sightings: list[_Sighting]
    inpainting: Inpainting[Any]

    def scored(self) -> Iterator[tuple[_Sighting, Scored | None]]:
        """Each face with what its mask tells; None where none was looked for."""
        scores = iter(self.inpainting.scores())
        for seen in self.sightings:
            yield seen, next(scores) if seen.looked_at else None


class Stream:
    """Unmasks the frames of one video, in order. Not for two threads at once.

    Attributes:
        faces: a report on every face followed so far.
        earlier: those whose reports were let go.
        stages: time spent in each stage so far.
    """

    def __init__(
        self,
        networks: Networks,
        settings: Settings,
        *,
        rotation: int = 0,
        still: bool = False,
        task: Task | None = None,
        references: Mapping[int, Reference] | None = None,
        banks: Banks | None = None,
    ) -> None:
        """Start on a video.

        Args:
            networks: may serve other streams too, of other threads.
            settings: how to follow and unmask.
            rotation: degrees clockwise by which the frames must be turned to be upright.
            still: there will be one frame alone, a single picture, whose faces are worth more time.
            task: what is done to the faces, where that is nothing that the settings can say.
            references: people's own bare faces, by the people's numbers in the report; 0 for all others.
            banks: what a :class:`~stream_unmask.survey.Survey` of the same video found.
        """
        self.faces: list[FaceReport] = []
        self.earlier = EarlierFaces()
        self.stages = Stages()
        self._size = networks.size
        self._min_face = settings.min_face
        self._lock = networks.lock
        self._sources = Sources()
        if task is None:
            self._sources = networks.sources(settings, references or {}, banks, still=still)
        self._task = task or _task(self._sources, settings, still=still)
        marker = Marker(Message(worn=settings.wear), still=still) if settings.mark else None
        self._inpainter: Inpainter[Any] = networks.inpainter(self._task, marker)
        self._ahead = self._inpainter.device.ahead
        self._at_once = still or self._ahead == 0
        self._connection = 0
        self._segmented: deque[_UnderWay] = deque()
        self._inpainted: deque[_UnderWay] = deque()
        self._follower = FaceFollower(
            networks.detector,
            networks.mesh,
            Thumbnailer(rotation=rotation),
            FollowSettings(
                detect_every=settings.detect_every, min_box=min(_BOX_SHARE * settings.min_face, _MOST_BOX)
            ),
            self._new_memory,
            Patience(settings.min_face, self._wears_one_for_sure) if still else None,
        )

    @property
    def task(self) -> Task:
        """What is done to the faces; may be changed between two frames, when none is under way."""
        return self._task

    @task.setter
    def task(self, task: Task) -> None:
        self._task = task
        self._inpainter = Inpainter(self._inpainter.device, task)

    def process(self, frame: Frame) -> list[UnmaskedFace]:
        """Take the face masks off one frame and wait until it is done.

        Args:
            frame: the next frame. It is drawn into where a face mask is worn, else left as it came.

        Returns:
            The faces that were changed.
        """
        if self._segmented or self._inpainted:
            raise RuntimeError("frames that were submitted must be drained before one is processed")
        (done,) = [*self.submit(frame), *self.drain()]
        return done.faces

    def submit(self, frame: Frame) -> list[UnmaskedFrame]:
        """Begin to take the face masks off the next frame.

        On a GPU up to three frames are under way at the same time, and this does not wait for ``frame``. On a
        CPU some are while a stand-in is to be chosen for a face: they wait for the next looks at it.

        Args:
            frame: the next frame; not to be touched before it is returned.

        Returns:
            Frames that are done by now, in order.
        """
        sightings = [self._align(frame, track) for track in self._follow(frame)]
        self._segmented.append(self._segment(frame, sightings))
        return self._advance()

    def drain(self) -> list[UnmaskedFrame]:
        """Wait for all frames that are under way.

        Returns:
            The frames, in order.
        """
        return self._advance(drained=True)

    @property
    def refused(self) -> list[str]:
        """A sentence for each reference that was given and was not used so far."""
        return [] if self._sources.references is None else self._sources.references.refused

    @property
    def unfollowed(self) -> int:
        """Searches for faces so far that came upon one which cannot be followed."""
        return self._follower.unfollowed

    def _advance(self, *, drained: bool = False) -> list[UnmaskedFrame]:
        """Go on until no more frames wait to be inpainted and to be finished than may."""
        ahead = 0 if drained else self._ahead
        while len(self._segmented) > ahead and (drained or not self._looks_on()):
            under_way = self._segmented.popleft()
            self._inpaint(under_way)
            self._inpainted.append(under_way)
        done = []
        while len(self._inpainted) > ahead:
            under_way = self._inpainted.popleft()
            done.append(UnmaskedFrame(under_way.frame, under_way.inpainting.finish()))
        return done

    def _looks_on(self) -> bool:
        """Whether the next frame should wait for further looks at one of its faces, which may not come."""
        stand_ins, waiting = self._sources.stand_ins, self._segmented
        if stand_ins is None or not self._at_once or len(waiting) >= LOOKS:
            return False
        return any(seen.looked_at and stand_ins.undecided(seen.view) for seen in waiting[0].sightings)

    def _new_memory(self) -> FaceMemory:
        return FaceMemory(self._task.new_state())

    def _follow(self, frame: Frame) -> list[Track[FaceMemory]]:
        with self._locked(), self.stages("follow"):
            if frame.connection != self._connection:
                self._connection = frame.connection
                self._follower.end_tracks()
            return self._follower.follow(frame)

    def _align(self, frame: Frame, track: Track[FaceMemory]) -> _Sighting:
        """Where a face's crop lies, and whether that is within what the networks can do."""
        memory = track.memory
        doubtful = memory.undecided > 0
        memory.undecided += 1
        report = self._report(frame, memory)
        alignment = track.pose.alignment(self._size)
        view = FaceView(
            memory.state,
            alignment.with_room() if memory.roomy else alignment,
            track.mesh.points,
            _corners(track.box),
            track.coasting,
            track.unseen,
            report.number,
            track.person,
            track.presence,
        )
        beyond = self._reason(frame, view.alignment, unmasked_before=memory.unmasked or doubtful)
        # What is not decided on yet may have shown a mask.
        rests = beyond is None and not doubtful and memory.rest.passes_over(frame.planes(), view, frame.time)
        return _Sighting(memory, report, view, beyond, doubtful, rests)

    def _segment(self, frame: Frame, sightings: list[_Sighting]) -> _UnderWay:
        """Look for face masks."""
        with self._working():
            begun = self._begin(frame, sightings)
            if self._at_once and any([_takes_room(*each) for each in begun.scored()]):
                begun.inpainting.finish()
                begun = self._begin(frame, [_with_room(seen) for seen in sightings])
            if self._at_once:
                self._look(begun)
            return begun

    def _begin(self, frame: Frame, sightings: list[_Sighting]) -> _UnderWay:
        views = [seen.view for seen in sightings if seen.looked_at]
        return _UnderWay(frame, sightings, self._inpainter.begin(frame, views, self.stages))

    def _inpaint(self, under_way: _UnderWay) -> None:
        """Fill, smooth and composite what is decided to show."""
        if not self._at_once:
            self._look(under_way)
        strengths = []
        for seen, found in under_way.scored():
            strength = self._decide(under_way.frame, seen, None if found is None else found.sure)
            if found is not None:
                _takes_room(seen, found)
                strengths.append(strength)
                self._remember(under_way.frame, seen.view, found.sure)
        with self._working():
            under_way.inpainting.inpaint(strengths)
        shown = (seen for seen in under_way.sightings if seen.looked_at)
        for seen, strength in zip(shown, strengths, strict=True):
            if strength > 0:
                tell_of(seen.memory.state, seen.report)

    def _look(self, under_way: _UnderWay) -> None:
        """Look at those masked heads that have no stand-in yet."""
        stand_ins = self._sources.stand_ins
        if stand_ins is None:
            return
        looked_at = [each for each in under_way.scored() if each[1] is not None]
        rows = [
            row
            for row, (seen, found) in enumerate(looked_at)
            if found is not None and found.sure >= _LIKELY_MASK and stand_ins.looks_for(seen.view)
        ]
        if rows:
            with self.stages("choose"):
                for head in under_way.inpainting.heads(rows):
                    stand_ins.look(head)

    def _remember(self, frame: Frame, view: FaceView, score: float) -> None:
        """Take the picture of a bare face, for when it wears a mask."""
        if self._sources.references is not None:
            with self.stages("remember"):
                self._sources.references.look(frame, view, score)

    def _decide(self, frame: Frame, seen: _Sighting, score: float | None) -> float:
        """How much of what is inpainted shows; ``score`` is None where no face mask was looked for."""
        memory, report = seen.memory, seen.report
        memory.undecided -= 1
        beyond = seen.beyond
        if seen.doubtful:
            beyond = self._reason(frame, seen.view.alignment, unmasked_before=memory.unmasked)
        if beyond is not None:
            report.leave_alone(beyond)
            memory.forget_inpainted()
            return 0.0
        if seen.passed_over:
            memory.hysteresis.pass_over(frame.time)
            return 0.0
        assert score is not None  # the limits of a face that may have been unmasked before are the wider ones
        wanted = self._task.wanted(score)
        decision = memory.hysteresis.update(wanted, frame.time)
        memory.rest.learn(wanted, decision.strength, frame.time)
        report.add_score(score)
        if decision.strength == 0:
            memory.forget_inpainted()
            return 0.0
        report.masked_frames += 1
        memory.unmasked = True
        return decision.strength

    def _wears_one_for_sure(self, frame: Frame, mesh: Mesh) -> bool:
        """Whether what may be no face wears a face mask; the lock is held by who asks."""
        alignment = mesh.pose.alignment(self._size)
        view = FaceView(self._task.new_state(), alignment, mesh.points, _corners(mesh.box))
        inpainting = self._inpainter.begin(frame, [view], self.stages)
        (score,) = inpainting.scores()
        inpainting.finish()
        return score.sure >= _SURE_MASK

    def _reason(self, frame: Frame, alignment: Alignment, *, unmasked_before: bool) -> Reason | None:
        picture = frame.picture
        return reason(
            alignment, picture.width, picture.height, self._min_face, unmasked_before=unmasked_before
        )

    def forget_faces(self, most: int) -> None:
        """Of the oldest reports keep only the count, where there are more than ``most``: cameras see many."""
        if len(self.faces) > most:
            half = len(self.faces) // 2
            self.earlier.add(self.faces[:half])
            del self.faces[:half]

    def _report(self, frame: Frame, memory: FaceMemory) -> FaceReport:
        report = memory.report
        if report is None:
            report = memory.report = FaceReport(
                self.earlier.faces + len(self.faces) + 1, frame.time, frame.time
            )
            self.faces.append(report)
            _log.info("Face %d appears at %.2f s", report.number, report.first)
        report.last = frame.time
        report.frames += 1
        return report

    def _working(self) -> AbstractContextManager[None]:
        """What does not wait for its results is not done by networks on the CPU."""
        return nullcontext() if self._ahead else self._locked()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Networks on the CPU serve the streams of all threads, one at a time."""
        if not self._lock.acquire(blocking=False):
            with self.stages("wait"):
                self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()


def _task(sources: Sources, settings: Settings, *, still: bool) -> Task:
    if settings.wear:
        return Wear(settings.smooth)
    return Unmask(settings.blend, settings.smooth, still, sources)


def _takes_room(seen: _Sighting, found: Scored | None) -> bool:
    """Whether a mask turns out to reach below its crop: the face has a roomier one from the next look on."""
    if found is None or seen.memory.roomy or found.sure < _LIKELY_MASK or found.below < LOW_WIDTH:
        return False
    seen.memory.roomy = True
    return True


def _with_room(seen: _Sighting) -> _Sighting:
    """A face in the crop that it has by now."""
    if not seen.memory.roomy:
        return seen
    return replace(seen, view=replace(seen.view, alignment=seen.view.alignment.with_room()))


def _corners(box: NDArray[Any]) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = box.tolist()
    return x0, y0, x1, y1
