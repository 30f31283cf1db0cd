"""What a person's own face is worth: masks drawn on bare talking faces, so that the truth is known.

The first frames of a clip stay as they are; from one frame on the face wears a drawn mask. The product then
takes it off three times: painting alone, with a stand-in, and with the references that it found by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.deep import SIDE, deep_distance
from benchmarks.results import Result
from stream_unmask.api import Unmasker
from stream_unmask.faces.alignment import Alignment
from stream_unmask.faces.following import FaceFollower, FollowSettings
from stream_unmask.pipeline import Stream
from stream_unmask.pixels.sampling import sample_crop
from stream_unmask.settings import Settings
from stream_unmask.synth.photos import draw_mask
from stream_unmask.synth.style import MaskStyle
from stream_unmask.video.frame import Frame
from stream_unmask.video.source import open_source
from stream_unmask.video.thumbnail import Thumbnailer
from trainer.evaluation.measures import psnr, slope

Bytes = NDArray[np.uint8]

_SETTLED = 8
"""Frames after the mask has come on of which nothing is measured: it fades in."""

_EVERY = 3
"""Of so many frames the first two are measured: the change from one to the next counts, too."""

_LEAST_MASK = 400
_KINDS = ("surgical", "kn95", "cloth", "n95")


@dataclass(frozen=True, slots=True)
class Known:
    """A frame whose truth is known.

    Attributes:
        index: of the frame.
        time: in seconds.
        truth: (H, W, 3) RGB as it was.
        worn: (H, W, 3) with the mask on.
        mask: (SIDE, SIDE) where the mask is, in the crop.
        alignment: of the crop; None where no face was found.
    """

    index: int
    time: float
    truth: Bytes
    worn: Bytes
    mask: NDArray[np.bool_]
    alignment: Alignment | None


@dataclass(slots=True)
class Figures:
    """Figures of one way on one clip, inside the mask.

    Attributes:
        psnr: to the truth, dB.
        deep: distance of features to those of the truth; see :func:`benchmarks.deep.deep_distance`.
        sharpness: slope over that of the truth.
        change: change from frame to frame over that of the truth.
        own: share of frames whose face is the person's own.
    """

    psnr: list[float] = field(default_factory=list)
    deep: list[float] = field(default_factory=list)
    sharpness: list[float] = field(default_factory=list)
    change: list[float] = field(default_factory=list)
    own: float = 0.0

    def __str__(self) -> str:
        told = "{:.2f} dB, deep {:.3f}, sharpness {:.2f}, change {:.2f}, own face in {:.0%}"
        return told.format(*self.means(), self.own)

    def means(self) -> list[float]:
        """Of the four."""
        return [float(np.mean(each)) for each in (self.psnr, self.deep, self.sharpness, self.change)]


WAYS = {
    "generator alone": Settings(reference="none", stand_in="none"),
    "stand-in": Settings(reference="none"),
    "own face": Settings(),
}


def measure(clip: Path, *, start: int, frames: int, seed: int) -> dict[str, Figures]:
    """Measure one clip in each of :data:`WAYS`.

    Args:
        clip: a video of one bare face.
        start: frame from which it wears a mask.
        frames: to be read.
        seed: of the mask.
    """
    streams = {way: Unmasker(settings).stream() for way, settings in WAYS.items()}
    found = {way: Figures() for way in WAYS}
    before: tuple[Bytes, dict[str, Bytes]] | None = None
    for known in masked(clip, start=start, frames=frames, seed=seed):
        made = {way: _through(stream, known) for way, stream in streams.items()}
        place = (known.index - start - _SETTLED) % _EVERY
        if known.index < start + _SETTLED or place > 1 or known.mask.sum() < _LEAST_MASK:
            before = None
            continue
        assert known.alignment is not None
        truth = _crop(known.truth, known.alignment)
        for way, crop in made.items():
            earlier = None if before is None else (before[0], before[1][way])
            _add(found[way], crop, truth, known.mask, earlier)
        before = truth, made
    for way, stream in streams.items():
        own = sum(face.reference_frames for face in stream.faces)
        found[way].own = own / max(sum(face.masked_frames for face in stream.faces), 1)
    return found


def as_result(found: Sequence[dict[str, Figures]], command: str) -> Result:
    """Several clips as a table of means; ``command`` measured them."""
    header = ("", "PSNR, dB", "deep distance", "sharpness", "change")
    rows = []
    for way in WAYS:
        clips = np.array([each[way].means() for each in found]).mean(axis=0)
        psnr_, deep, sharpness, change = clips.tolist()
        rows.append((way, f"{psnr_:.1f}", f"{deep:.3f}", f"{sharpness:.2f}", f"{change:.2f}"))
    what = f"the face beneath a drawn mask against the true one, means of {len(found)} clips"
    return Result.now(what, command, header, rows)


def masked(clip: Path, *, start: int, frames: int, seed: int) -> Iterator[Known]:
    """The frames of a clip, with a mask on the largest face from one on."""
    networks = Unmasker(Settings(reference="none", stand_in="none")).networks
    style = MaskStyle(worn="right", kind=_KINDS[seed % len(_KINDS)])
    with open_source(clip) as source:
        thumbnailer = Thumbnailer(rotation=source.info.rotation)
        follower = FaceFollower(networks.detector, networks.mesh, thumbnailer, FollowSettings(), int)
        for frame in source:
            if not isinstance(frame, Frame):
                continue
            if frame.index >= frames:
                return
            tracks = follower.follow(frame)
            truth = frame.to_ndarray()
            worn, mask, alignment = truth, np.zeros((SIDE, SIDE), np.bool_), None
            if tracks:
                track = max(tracks, key=lambda each: each.pose.scale)
                alignment = track.pose.alignment(SIDE)
                if frame.index >= start:
                    worn, drawn = draw_mask(truth, track.mesh.points, np.random.default_rng(seed), style)
                    mask = cv2.warpAffine(drawn, alignment.matrix, (SIDE, SIDE), flags=cv2.INTER_AREA) > 100
            yield Known(frame.index, frame.time, truth, worn, mask, alignment)


def _through(stream: Stream, known: Known) -> Bytes:
    """The face as the product leaves it, (SIDE, SIDE, 3)."""
    frame = Frame.from_ndarray(known.worn, known.time)
    stream.process(frame)
    if known.alignment is None:
        return np.zeros((SIDE, SIDE, 3), np.uint8)
    return _crop(frame.to_ndarray(), known.alignment)


def _crop(picture: Bytes, alignment: Alignment) -> Bytes:
    crop = sample_crop(Frame.from_ndarray(picture, 0).planes(), alignment.matrix, SIDE)
    return np.asarray(np.clip(crop.transpose(1, 2, 0) * 127.5 + 128, 0, 255), np.uint8)


def _add(
    figures: Figures, made: Bytes, truth: Bytes, mask: NDArray[np.bool_], before: Sequence[Bytes] | None
) -> None:
    """Measure a frame; ``before`` are the last one's truth and what was made then, where there is one."""
    figures.psnr.append(psnr(made, truth, mask))
    figures.deep.append(deep_distance(made, truth, mask))
    figures.sharpness.append(slope(made, mask) / max(slope(truth, mask), 1e-3))
    if before is not None:
        change = [
            np.abs(now.astype(np.float32) - then)[mask].mean()
            for now, then in zip((truth, made), before, strict=True)
        ]
        figures.change.append(float(change[1] / max(change[0], 1e-3)))
