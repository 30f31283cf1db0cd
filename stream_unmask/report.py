"""What was done, for people and for programs: per face, per stage, per file."""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from stream_unmask.whole import write_whole

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class FaceReport:
    """One followed face.

    Attributes:
        number: the track's number, from 1.
        first: when it was first seen, in seconds of the video.
        last: when it was last seen.
        frames: frames in which it was followed.
        masked_frames: frames in which its mask was replaced; with ``Settings.wear``, in which one was drawn.
        score: mean certainty 0..1 that it wears a mask, over all frames looked at.
        looked_at: frames in which a mask was looked for.
        left_alone: frames in which the face was beyond what the networks can do, by reason.
        reference: where the own face that it wears is from; None where none was found or given.
        reference_frames: frames whose face is its own.
        reference_refused: frames in which its own face was known and did not fit, by reason.
        stand_in: number of the stand-in that it wears, from 1; None where the generator painted alone.
        fitting: the stand-ins that fit it best, the best first.
        guided_frames: frames whose face is that of the stand-in.
        unguided: frames that the generator painted alone, by reason.
    """

    number: int
    first: float
    last: float
    frames: int = 0
    masked_frames: int = 0
    score: float = 0.0
    looked_at: int = 0
    left_alone: dict[str, int] = field(default_factory=dict)
    reference: str | None = None
    reference_frames: int = 0
    reference_refused: dict[str, int] = field(default_factory=dict)
    stand_in: int | None = None
    fitting: list[int] = field(default_factory=list)
    guided_frames: int = 0
    unguided: dict[str, int] = field(default_factory=dict)

    @property
    def sources(self) -> dict[str, float]:
        """Where what is shown of it came from, as shares of the frames in which its mask was replaced."""
        alone = sum(self.unguided.values())
        counts = {"reference": self.reference_frames, "stand-in": self.guided_frames, "generator": alone}
        return {source: count / max(sum(counts.values()), 1) for source, count in counts.items() if count}

    def leave_alone(self, reason: str) -> None:
        """Count a frame in which the face was left as it was."""
        if reason not in self.left_alone:
            _log.info("Face %d is left alone at %.2f s: %s", self.number, self.last, reason)
        self.left_alone[reason] = self.left_alone.get(reason, 0) + 1

    def add_score(self, score: float) -> None:
        self.looked_at += 1
        self.score += (score - self.score) / self.looked_at


@dataclass(slots=True)
class EarlierFaces:
    """Faces that a camera saw long ago.

    Attributes:
        faces: how many there were.
        masked: how many of them were unmasked in at least one frame.
    """

    faces: int = 0
    masked: int = 0

    def add(self, reports: list[FaceReport]) -> None:
        """Count what is told of no longer."""
        self.faces += len(reports)
        self.masked += sum(report.masked_frames > 0 for report in reports)


class Stages:
    """Wall time spent in each stage of the way of a frame; one thread a stage."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.runs: Counter[str] = Counter()

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, time.perf_counter() - start)

    def add(self, stage: str, seconds: float) -> None:
        """Count one run of a stage."""
        self.seconds[stage] += seconds
        self.runs[stage] += 1


@dataclass(slots=True)
class Report:
    """One video or picture from start to end.

    Attributes:
        source: what was read, without secrets.
        output: the file that was written.
        engine: what ran the networks.
        passed_over: why no faster backend ran them.
        frames: pictures written.
        copied: those of them that nothing changed, and that were copied without being encoded.
        dropped: frames of a camera that were left out, since a newer one was there before they could be done.
        reconnects: how often a camera was lost and came back.
        given_up: a camera was lost for good.
        seconds: wall time from the first frame read to the file in its place.
        interrupted: the user stopped it before the end; a camera, which has none, is never stopped early.
        faces: every face followed, in order of appearance; of a camera the newest.
        earlier: those of a camera before them.
        unfollowed: searches for faces that came upon one which cannot be followed: turned far away, or
            covered by more than a mask. Such a face is left as it was.
        stages: milliseconds a frame spent in each stage. Stages overlap: they add up to more than the
            wall time.
        outputs: what became of each output of a camera, as plain values.
        warnings: what went wrong on the way and was mended or left out, a sentence each.
    """

    source: str
    output: str
    engine: str
    passed_over: tuple[str, ...]
    frames: int = 0
    copied: int = 0
    dropped: int = 0
    reconnects: int = 0
    given_up: bool = False
    seconds: float = 0.0
    interrupted: bool = False
    faces: list[FaceReport] = field(default_factory=list)
    earlier: EarlierFaces = field(default_factory=EarlierFaces)
    unfollowed: int = 0
    stages: dict[str, float] = field(default_factory=dict)
    outputs: list[dict[str, object]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def fps(self) -> float:
        return self.frames / self.seconds if self.seconds else 0.0

    @property
    def masked_faces(self) -> int:
        """Faces of which at least one frame was unmasked."""
        return self.earlier.masked + sum(face.masked_frames > 0 for face in self.faces)

    def summary(self, done: str) -> str:
        """What came of it in one sentence; ``done`` is what was done to faces."""
        if not self.output:
            return "Stopped before the first frame was done; nothing was kept."
        what = f"{self.masked_faces} of {self.earlier.faces + len(self.faces)} faces {done}"
        kept = "Stopped; what was done is in" if self.interrupted else "Wrote"
        dropped = f" ({self.dropped} more came too fast and were dropped)" if self.dropped else ""
        copied = f" ({self.copied} copied)" if self.copied else ""
        return f"{kept} {self.output}: {self.frames} frames{copied}{dropped} at {self.fps:.1f} fps, {what}."

    def as_dict(self) -> dict[str, object]:
        faces = [{**dataclasses.asdict(face), "sources": face.sources} for face in self.faces]
        return {**dataclasses.asdict(self), "faces": faces, "fps": round(self.fps, 2)}


def write_reports(path: Path, reports: list[Report]) -> None:
    """Write reports as JSON: always a list, with one object for each file.

    Raises:
        OutputError: it cannot be written; what lay there before is as it was.
    """
    content = [report.as_dict() for report in reports]
    write_whole(path, (json.dumps(content, indent=2) + "\n").encode())
