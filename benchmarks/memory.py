"""Whether memory stays flat over a long video."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from benchmarks.results import CLAIM, Result
from stream_unmask.api import Unmasker
from stream_unmask.output.sink import EncoderSettings
from stream_unmask.output.writing import OutputOptions, Progress


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Resident memory in MiB after an early and after a late frame."""

    early_frame: int
    early: float
    late_frame: int
    late: float

    def __str__(self) -> str:
        growth = 100 * (self.late / self.early - 1)
        return (
            f"{self.early:.0f} MiB after {self.early_frame} frames, {self.late:.0f} MiB after "
            f"{self.late_frame} frames: {growth:+.1f} %"
        )

    def result(self, command: str) -> Result:
        """As a row of claims; ``command`` measured it."""
        claim = f"memory after {self.early_frame:,} and after {self.late_frame:,} frames (720p, one face)"
        measured = f"{self.early:.0f} MiB, {self.late:.0f} MiB"
        return Result.now("memory over a long video", command, CLAIM, [(claim, measured)])


def lengthen(clip: Path, path: Path, frames: int) -> Path:
    """Repeat a clip's packets until it has so many frames."""
    with av.open(clip) as source, av.open(path, "w") as target:
        video = source.streams.video[0]
        out = target.add_stream_from_template(video)
        packets = [packet for packet in source.demux(video) if packet.dts is not None]
        step = Fraction(1) / (video.average_rate or 25) / (video.time_base or Fraction(1, 25))
        written = 0
        while written < frames:
            start = int(written * step)
            for packet in packets[: frames - written]:
                copy = av.Packet(bytes(packet))
                copy.pts, copy.dts = (packet.pts or 0) + start, (packet.dts or 0) + start
                copy.time_base, copy.is_keyframe, copy.stream = packet.time_base, packet.is_keyframe, out
                target.mux(copy)
            written += len(packets)
    return path


def measure(clip: Path, work: Path, *, early: int, late: int) -> MemoryUse:
    """Unmask a clip that is repeated to ``late`` frames.

    Args:
        clip: one that begins with a key frame.
        work: folder for what is written.
        early: frame after which memory is first looked at.
        late: frame after which it is looked at again.
    """
    long = lengthen(clip, work / "long.mp4", late)
    seen: dict[int, float] = {}

    def look(progress: Progress) -> None:
        if progress.frames in (early, late):
            seen[progress.frames] = _resident_mib()

    options = OutputOptions(encoder=EncoderSettings(codec="libx264", preset="ultrafast"))
    Unmasker().video(long, work / "unmasked.mp4", options, progress=look)
    return MemoryUse(early, seen[early], late, seen[late])


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
