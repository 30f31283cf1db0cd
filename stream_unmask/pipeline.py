"""The way of a frame: detect or propagate, track, align, segment, generate, smooth, blend.

:class:`Stream` takes the frames of one video in order and draws into them. What is decided about a face is
decided here; the work on its pixels is in :mod:`stream_unmask.inpainting.retouching`, reading and writing
frames and the threads around it in :mod:`stream_unmask.running`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from stream_unmask.faces.alignment import Alignment, Pose
from stream_unmask.faces.following import FaceFollower, FollowSettings, Patience
from stream_unmask.faces.tracking import Track
from stream_unmask.inpainting.limits import Reason, reason
from stream_unmask.inpainting.presence import MaskPresence
from stream_unmask.inpainting.retouching import FacePixels, Retouch, Retoucher, UnmaskedFace
from stream_unmask.report import FaceReport, Stages
from stream_unmask.settings import Settings
from stream_unmask.toolkit import Toolkit
from stream_unmask.video.frame import Frame
from stream_unmask.video.thumbnail import Thumbnailer

_SURE_MASK = 0.95
"""Score from which a mask proves that it is worn on a face."""


@dataclass(slots=True)
class FaceMemory:
    """What one followed face carries from frame to frame.

    Attributes:
        pixels: the part of it that the work on its pixels needs.
        presence: whether it wears a mask.
        unmasked: it was unmasked in the last frame that was decided on.
        undecided: frames with it that are not decided on yet.
        report: what is told about it.
    """

    pixels: FacePixels
    presence: MaskPresence = field(default_factory=MaskPresence)
    unmasked: bool = False
    undecided: int = 0
    report: FaceReport | None = None

    def forget_patch(self) -> None:
        """No mask now: the next patch starts afresh."""
        if self.unmasked:
            self.unmasked = False
            self.pixels.forget()


@dataclass(frozen=True, slots=True)
class UnmaskedFrame:
    """A frame that is done.

    Attributes:
        frame: as it came where no mask was worn, else drawn into.
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
        alignment: where its crop lies.
        beyond: why it is left alone, if it is, whether or not it was unmasked before.
        doubtful: that hangs on an earlier frame that is not decided on yet.
    """

    memory: FaceMemory
    report: FaceReport
    alignment: Alignment
    beyond: Reason | None
    doubtful: bool


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A frame between two steps, and those of its faces that are worked on."""

    frame: Frame
    sightings: list[_Sighting]
    retouch: Retouch


class Stream:
    """Unmasks the frames of one video, in order. Not for two threads at once.

    Attributes:
        faces: a report on every face followed so far.
        stages: time spent in each stage so far.
    """

    def __init__(
        self, toolkit: Toolkit, settings: Settings, *, rotation: int = 0, still: bool = False
    ) -> None:
        """Start on a video.

        Args:
            toolkit: the networks; may serve other streams too, of other threads.
            settings: how to follow and unmask.
            rotation: degrees clockwise by which the frames must be turned to be upright.
            still: there will be one frame alone, a single picture, whose faces are worth more time.
        """
        self.faces: list[FaceReport] = []
        self.stages = Stages()
        self._size = toolkit.size
        self._min_face = settings.min_face
        self._wear = settings.wear
        self._toolkit = toolkit
        self._retoucher: Retoucher[Any] = toolkit.retoucher(settings, still=still)
        # What does not wait for its results is not done by networks on the CPU.
        self._retouching = nullcontext if self._retoucher.ahead else self._turn
        self._connection = 0
        self._looked: deque[_UnderWay] = deque()
        self._drawn: deque[_UnderWay] = deque()
        self._follower = FaceFollower(
            toolkit.detector,
            toolkit.mesh,
            Thumbnailer(rotation=rotation),
            FollowSettings(detect_every=settings.detect_every),
            lambda: FaceMemory(self._retoucher.new_face()),
            Patience(settings.min_face, self._wears_one_for_sure) if still else None,
        )

    def process(self, frame: Frame) -> list[UnmaskedFace]:
        """Take the masks off one frame and wait until it is done.

        Args:
            frame: the next frame. It is drawn into where a mask is worn, else left as it came.

        Returns:
            The faces that were changed.
        """
        if self._looked or self._drawn:
            raise RuntimeError("frames that were submitted must be drained before one is processed")
        (done,) = [*self.submit(frame), *self.drain()]
        return done.faces

    def submit(self, frame: Frame) -> list[UnmaskedFrame]:
        """Begin to take the masks off the next frame.

        On a GPU up to three frames are under way at the same time, and this does not wait for ``frame``.

        Args:
            frame: the next frame; not to be touched before it is returned.

        Returns:
            Frames that are done by now, in order.
        """
        self._looked.append(self._look(frame))
        return self._advance(self._retoucher.ahead)

    def drain(self) -> list[UnmaskedFrame]:
        """Wait for all frames that are under way.

        Returns:
            The frames, in order.
        """
        return self._advance(0)

    @property
    def unfollowed(self) -> int:
        """Searches for faces so far that came upon one which cannot be followed."""
        return self._follower.unfollowed

    def _advance(self, ahead: int) -> list[UnmaskedFrame]:
        """Go on until no more than ``ahead`` frames wait to be drawn, and as many to be finished."""
        while len(self._looked) > ahead:
            self._drawn.append(self._draw(self._looked.popleft()))
        done = []
        while len(self._drawn) > ahead:
            under_way = self._drawn.popleft()
            done.append(UnmaskedFrame(under_way.frame, under_way.retouch.finish()))
        return done

    def _look(self, frame: Frame) -> _UnderWay:
        with self._turn(), self.stages("follow"):
            if frame.connection != self._connection:
                self._connection = frame.connection
                self._follower.end_tracks()
            tracks = self._follower.follow(frame)
        sightings = [self._see(frame, track) for track in tracks]
        faces = [(seen.memory.pixels, seen.alignment) for seen in sightings if seen.beyond is None]
        with self._retouching():
            return _UnderWay(frame, sightings, self._retoucher.begin(frame, faces, self.stages))

    def _wears_one_for_sure(self, frame: Frame, pose: Pose) -> bool:
        """Whether what may be no face wears a mask; the networks' turn is taken by who asks."""
        face = self._retoucher.new_face(), pose.alignment(self._size)
        retouch = self._retoucher.begin(frame, [face], self.stages)
        (score,) = retouch.scores()
        retouch.draw([0.0])
        retouch.finish()
        return score >= _SURE_MASK

    def _see(self, frame: Frame, track: Track[FaceMemory]) -> _Sighting:
        memory = track.memory
        alignment = track.pose.alignment(self._size)
        doubtful = memory.undecided > 0
        memory.undecided += 1
        beyond = self._reason(frame, alignment, unmasked_before=memory.unmasked or doubtful)
        return _Sighting(memory, self._report(frame, memory), alignment, beyond, doubtful)

    def _draw(self, under_way: _UnderWay) -> _UnderWay:
        scores = iter(under_way.retouch.scores())
        strengths = []
        for seen in under_way.sightings:
            score = next(scores) if seen.beyond is None else None
            strength = self._decide(under_way.frame, seen, score)
            if score is not None:
                strengths.append(strength)
        with self._retouching():
            under_way.retouch.draw(strengths)
        return under_way

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Networks on the CPU serve the streams of all threads, one at a time."""
        if not self._toolkit.turn.acquire(blocking=False):
            with self.stages("wait"):
                self._toolkit.turn.acquire()
        try:
            yield
        finally:
            self._toolkit.turn.release()

    def _decide(self, frame: Frame, seen: _Sighting, score: float | None) -> float:
        """How much of a face's patch shows; ``score`` is None where no mask was looked for."""
        memory, report = seen.memory, seen.report
        memory.undecided -= 1
        beyond = seen.beyond
        if seen.doubtful:
            beyond = self._reason(frame, seen.alignment, unmasked_before=memory.unmasked)
        if beyond is not None:
            report.leave_alone(beyond)
            memory.forget_patch()
            return 0.0
        assert score is not None  # the limits of a face that may have been unmasked before are the wider ones
        # To wear a mask is for bare faces: presence then follows how sure it is that there is none.
        presence = memory.presence.update(1 - score if self._wear else score, frame.time)
        report.add_score(score)
        if presence.strength == 0:
            memory.forget_patch()
            return 0.0
        report.masked_frames += 1
        memory.unmasked = True
        return presence.strength

    def _reason(self, frame: Frame, alignment: Alignment, *, unmasked_before: bool) -> Reason | None:
        picture = frame.picture
        return reason(
            alignment, picture.width, picture.height, self._min_face, unmasked_before=unmasked_before
        )

    def _report(self, frame: Frame, memory: FaceMemory) -> FaceReport:
        report = memory.report
        if report is None:
            report = memory.report = FaceReport(len(self.faces) + 1, frame.time, frame.time)
            self.faces.append(report)
        report.last = frame.time
        report.frames += 1
        return report
