"""How fast a video is unmasked, beside the floor (decode and encode alone) and beside ``deface``.

Every program runs as a process of its own, one after the other and several rounds of it, so that a noisy
machine is noisy for all.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import av

from benchmarks.results import Result

_BARE = """
import sys, av
source, target, preset, crf = sys.argv[1:]
with av.open(source) as read, av.open(target, "w") as write:
    video = read.streams.video[0]
    video.thread_type = "AUTO"
    out = write.add_stream("libx264", video.average_rate)
    out.width, out.height, out.pix_fmt = video.width, video.height, video.pix_fmt
    out.time_base = video.time_base
    out.options = {"preset": preset, "crf": crf}
    for frame in read.decode(video):
        frame.pict_type = 0
        write.mux(out.encode(frame))
    write.mux(out.encode(None))
"""
"""The floor: the barest decode and encode that PyAV can do, with the same codec settings."""


@dataclass(slots=True)
class TimedProgram:
    """One program over all rounds.

    Attributes:
        name: of the program.
        seconds: wall time of each round, from the process's start to its end.
        inside: wall time of each round without starting up, where the program tells.
        stages: milliseconds a frame in each stage, where the program tells.
    """

    name: str
    seconds: list[float] = field(default_factory=list)
    inside: list[float] = field(default_factory=list)
    stages: dict[str, float] = field(default_factory=dict)


def measure(
    video: Path, work: Path, *, rounds: int, preset: str, quality: int, deface: Path | None, command: str
) -> Result:
    """Time everything.

    Args:
        video: what is unmasked.
        work: folder for what is written.
        rounds: how often each program runs.
        preset: of libx264.
        quality: CRF of libx264.
        deface: its executable, None to leave it out.
        command: that measures this.
    """
    ours, bare, peer = (
        TimedProgram("stream-unmask"),
        TimedProgram("bare decode + encode"),
        TimedProgram("deface"),
    )
    small = TimedProgram("deface --scale 640x360")
    report = work / "report.json"
    codec = ["--codec", "libx264", "--preset", preset, "--quality", str(quality)]
    parameters = ["-preset", preset, "-crf", str(quality)]
    encoder = json.dumps({"codec": "libx264", "quality": None, "ffmpeg_params": parameters})
    for _ in range(rounds):
        _run(bare, [sys.executable, "-c", _BARE, video, work / "bare.mp4", preset, str(quality)])
        paths = [video, "-o", work / "unmasked.mp4", "--overwrite", "--report", report]
        _run(ours, [sys.executable, "-m", "stream_unmask", *paths, "--quiet", *codec])
        (told,) = json.loads(report.read_text())
        ours.inside.append(told["seconds"])
        ours.stages = told["stages"]
        if deface is not None:
            blur = [deface, video, "-o", work / "blurred.mp4", "--ffmpeg-config", encoder]
            _run(peer, blur)
            _run(small, [*blur, "--scale", "640x360"])
    return _result(video, [bare, ours, peer, small], f"libx264 {preset} crf {quality}", command)


def _run(timed: TimedProgram, command: Sequence[object]) -> None:
    start = time.perf_counter()
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{timed.name} failed: {done.stderr.strip()[-500:]}")
    timed.seconds.append(time.perf_counter() - start)


def _result(video: Path, programs: list[TimedProgram], encoder: str, command: str) -> Result:
    with av.open(video) as container:
        stream = container.streams.video[0]
        frames = sum(1 for _ in container.decode(stream))
        shape = f"{stream.width}x{stream.height}"
    bare, ours, *peers = programs
    floor = median(bare.seconds)
    timed = [
        (bare.name, floor),
        (f"{ours.name}, once started up", median(ours.inside)),
        (f"{ours.name}, with starting up", median(ours.seconds)),
        *((peer.name, median(peer.seconds)) for peer in peers if peer.seconds),
    ]
    stages = ", ".join(f"{stage} {spent:.1f}" for stage, spent in ours.stages.items())
    return Result.now(
        f"{video.name}, {frames} frames of {shape}, {encoder}, medians of {len(bare.seconds)} rounds",
        command,
        ("program", "wall s", "fps", "times the floor"),
        [(name, f"{wall:.2f}", f"{frames / wall:.1f}", f"{wall / floor:.2f}") for name, wall in timed],
        f"Milliseconds a frame in each stage: {stages}.",
    )
