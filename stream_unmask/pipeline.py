"""The way of a frame: detect or propagate, track, align, segment, generate, smooth, blend.

:class:`Stream` takes the frames of one video in order and draws into them. Reading and writing them, and
the threads around it, are in :mod:`stream_unmask.running`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import Alignment
from stream_unmask.faces.following import FaceFollower, FollowSettings
from stream_unmask.faces.tracking import Track
from stream_unmask.pixels.grain import Grain
from stream_unmask.pixels.pasting import paste
from stream_unmask.pixels.sampling import sample_crop
from stream_unmask.report import FaceReport, Stages
from stream_unmask.settings import Settings
from stream_unmask.toolkit import Toolkit
from stream_unmask.unmasking.blending import Blender
from stream_unmask.unmasking.colour import ColourMatcher
from stream_unmask.unmasking.graining import GrainMeter
from stream_unmask.unmasking.limits import reason
from stream_unmask.unmasking.presence import MaskPresence, mask_score
from stream_unmask.unmasking.segmenting import settled
from stream_unmask.unmasking.smoothing import PatchSmoother
from stream_unmask.video.frame import Frame
from stream_unmask.video.thumbnail import Thumbnailer

Picture = NDArray[np.float32]


@dataclass(slots=True)
class FaceMemory:
    """What one followed face carries from frame to frame."""

    presence: MaskPresence = field(default_factory=MaskPresence)
    smoother: PatchSmoother = field(default_factory=PatchSmoother)
    matcher: ColourMatcher = field(default_factory=ColourMatcher)
    grain: GrainMeter = field(default_factory=GrainMeter)
    patch: Picture | None = None
    alignment: Alignment | None = None
    report: FaceReport | None = None

    def forget_patch(self) -> None:
        """No mask now: the next patch starts afresh."""
        if self.patch is not None:
            self.patch = self.alignment = None
            self.smoother.reset()
            self.matcher.reset()
            self.grain.reset()


@dataclass(frozen=True, slots=True)
class UnmaskedFace:
    """What was done to one face in one frame.

    Attributes:
        alignment: where its crop lies.
        map: (S, S) where its mask was, 0..1.
        picture: (3, S, S) what was drawn, RGB in [-1, 1].
        alpha: (S, S) how opaquely, 0..1.
        grain: the noise that was added to it.
        score: certainty that a mask was worn, 0..1.
    """

    alignment: Alignment
    map: Picture
    picture: Picture
    alpha: Picture
    grain: Grain
    score: float


class Stream:
    """Unmasks the frames of one video, in order. Not for two threads at once.

    Attributes:
        faces: a report on every face followed so far.
        stages: time spent in each stage so far.
    """

    def __init__(self, toolkit: Toolkit, settings: Settings, *, rotation: int = 0) -> None:
        """Start on a video.

        Args:
            toolkit: the networks; may serve other streams too, one at a time.
            settings: how to follow and unmask.
            rotation: degrees clockwise by which the frames must be turned to be upright.
        """
        self.faces: list[FaceReport] = []
        self.stages = Stages()
        self._toolkit = toolkit
        self._settings = settings
        self._blender = Blender(settings.blend)
        self._follower = FaceFollower(
            toolkit.detector,
            toolkit.mesh,
            Thumbnailer(rotation=rotation),
            FollowSettings(detect_every=settings.detect_every),
            FaceMemory,
        )

    def process(self, frame: Frame) -> list[UnmaskedFace]:
        """Take the masks off one frame.

        Args:
            frame: the next frame. It is drawn into where a mask is worn, else left as it came.

        Returns:
            The faces that were changed.
        """
        with self.stages("follow"):
            tracks = self._follower.follow(frame)
        found = [face for track in tracks if (face := self._unmask(frame, track)) is not None]
        # All crops are taken before the first patch is drawn, so that neighbours never see a patch.
        for face in found:
            with self.stages("paste"):
                paste(frame.writable_planes(), face.alignment.matrix, face.picture, face.alpha, face.grain)
        return found

    @property
    def unfollowed(self) -> int:
        """Searches for faces so far that came upon one which cannot be followed."""
        return self._follower.unfollowed

    def _unmask(self, frame: Frame, track: Track[FaceMemory]) -> UnmaskedFace | None:
        memory, clock = track.memory, self.stages
        report = self._report(frame, track)
        alignment = track.pose.alignment(self._toolkit.size)
        width, height = frame.picture.width, frame.picture.height
        unmasked_before = memory.patch is not None
        beyond = reason(alignment, width, height, self._settings.min_face, unmasked_before=unmasked_before)
        if beyond is not None:
            report.leave_alone(beyond)
            memory.forget_patch()
            return None
        with clock("sample"):
            crop = sample_crop(frame.planes(), alignment.matrix, alignment.size)
        with clock("segment"):
            map_ = self._toolkit.segmenter.segment(crop)
        presence = memory.presence.update(mask_score(map_), frame.time)
        report.add_score(presence.score)
        if presence.strength == 0:
            memory.forget_patch()
            return None
        report.masked_frames += 1
        with clock("generate"):
            generator = self._toolkit.generator
            carried = generator.carry(memory.patch, memory.alignment, alignment)
            hidden = settled(map_)
            if memory.patch is None:
                patch = generator.begin(crop, hidden)
            else:
                patch = generator.generate(crop, hidden, carried)
        with clock("smooth"):
            if self._settings.smooth:
                map_, patch = memory.smoother.smooth(crop, map_, patch, carried, alignment)
        memory.patch, memory.alignment = patch, alignment
        with clock("blend"):
            matched = memory.matcher.match(crop, map_, patch)
            picture, alpha = self._blender.blend(crop, matched, map_, presence.strength)
            grain = memory.grain.measure(frame.planes(), alignment, map_)
        return UnmaskedFace(alignment, map_, picture, alpha, grain, presence.score)

    def _report(self, frame: Frame, track: Track[FaceMemory]) -> FaceReport:
        report = track.memory.report
        if report is None:
            report = track.memory.report = FaceReport(len(self.faces) + 1, frame.time, frame.time)
            self.faces.append(report)
        report.last = frame.time
        report.frames += 1
        return report
