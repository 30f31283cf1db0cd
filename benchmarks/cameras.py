"""Cameras that fail, programs that die, and outputs that are late: how long, how much, how late."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from benchmarks.clips import ClipOptions, make_clip
from benchmarks.faulty_camera import FAULTS, Fault, FaultyCamera
from benchmarks.processes import environment, processor_seconds, worker_of
from benchmarks.results import Result
from stream_unmask.api import Unmasker
from stream_unmask.cameras import CameraConfig, Cameras
from stream_unmask.errors import UnmaskError
from stream_unmask.output.codecs import EncoderSettings
from stream_unmask.output.writing import OutputOptions
from stream_unmask.settings import Settings
from stream_unmask.video.camera_options import CameraOptions

_LASTING: dict[Fault, float] = {"away": 7.0, "silence": 7.0, "frozen": 7.0, "burst": 2.0}
"""Seconds that a fault lasts; the others are over at once."""

_STALL = 5.0
"""Seconds of silence that the program bears."""

_APART = 32.0
"""Seconds between two faults: after half a minute the program calls anew as eagerly as at first."""

_BEGIN_SECONDS = 300.0
_GLANCE = 0.02
_SMALL = (160, 120)
_RATE = 5
_RECORDED = 12.0
"""Seconds of a recording that dies."""

_GREYS, _DARKEST, _LIGHTER = 50, 20, 4
"""Greys by which pictures are told apart: how many, the first, and how much lighter each is than the last."""

DEATHS = (signal.SIGKILL, signal.SIGHUP, signal.SIGTERM)
_SUFFIXES = (".mp4", ".mkv", ".ts")
"""Suffixes of such recordings."""

_OUTPUTS = ("udp://127.0.0.1:{port}", "out.mp4", "live/", "out.mkv")


def _percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _note() -> str:
    return f"Camera and program share the machine, whose load was {os.getloadavg()[0]:.0f} at the end."


@contextmanager
def _faulty(folder: Path, size: tuple[int, int], rate: int, count: int = 1) -> Iterator[list[FaultyCamera]]:
    """Cameras of one clip with a masked face; and of a smaller one, and one in H.265, where they change."""
    sizes = [
        ClipOptions(width=width, height=height, rate=rate, frames=10 * rate, sound=False)
        for width, height in (size, (size[0] * 3 // 4, size[1] * 3 // 4))
    ]
    paths = [make_clip(folder / f"{options.width}.ts", options) for options in sizes]
    paths.append(make_clip(folder / "hevc.ts", sizes[0], codec="libx265"))
    cameras = [FaultyCamera(*paths) for _ in range(count)]
    try:
        yield cameras
    finally:
        for camera in cameras:
            camera.close()


def recovery(rounds: int, cameras: int, command: str, say: Callable[[str], None]) -> Result:
    """How much longer than a fault itself no new picture comes.

    Args:
        rounds: how often each camera does each wrong.
        cameras: at the same time, each doing another wrong.
        command: that measures it again.
        say: gets a line for each.

    Raises:
        UnmaskError: the cameras do not begin.
    """
    found: dict[Fault, list[float]] = {fault: [] for fault in FAULTS}
    with tempfile.TemporaryDirectory() as name, _faulty(Path(name), _SMALL, _RATE, cameras) as faulty:
        folder = Path(name)
        configs = {
            str(number): CameraConfig(
                str(number),
                camera.address,
                (str(folder / f"{number}-%H%M%S.mkv"),),
                CameraOptions(stall=_STALL),
                OutputOptions(encoder=EncoderSettings(preset="ultrafast")),
            )
            for number, camera in enumerate(faulty)
        }
        working = Cameras(Unmasker(Settings(reconnect=float("inf"))), lambda sentence: None)
        working.become(configs)
        try:
            _wait(lambda: all((at := working.get(name)) and at.frames > 5 for name in configs))
            for turn in range(rounds * len(FAULTS)):
                faults = [FAULTS[(turn + number) % len(FAULTS)] for number in range(cameras)]
                for fault, pause in zip(faults, _pauses(working, faulty, faults), strict=True):
                    found[fault].append(max(0.0, pause - _LASTING.get(fault, 0.0)))
                    say(f"{fault}: {found[fault][-1]:.1f} s")
        finally:
            working.become({})
    rows = [
        [fault, f"{_percentile(found[fault], 0.5):.1f}", f"{_percentile(found[fault], 0.95):.1f}"]
        for fault in FAULTS
    ]
    columns = ["what a camera does", "p50 s", "p95 s"]
    what = "longest time without a new picture, beyond what the fault itself takes"
    note = f"Each {rounds * cameras} times, `--stall {_STALL:.0f}`, {_RATE} fps. {_note()}"
    return Result.now(what, command, columns, rows, note)


def _pauses(working: Cameras, faulty: Sequence[FaultyCamera], faults: Sequence[Fault]) -> list[float]:
    """Have each camera do wrong; the longest pause between two pictures of each, in seconds."""
    at = [working.get(str(number)) for number in range(len(faulty))]
    now = time.monotonic()
    last, longest = [now] * len(at), [0.0] * len(at)
    counts = [-1 if each is None else each.frames for each in at]
    for camera, fault in zip(faulty, faults, strict=True):
        camera.do(fault, _LASTING.get(fault, 0.0))
    until = now + _APART + max(_LASTING.values())
    while (now := time.monotonic()) < until:
        for number, each in enumerate(at):
            if each is not None and each.frames != counts[number]:
                counts[number], last[number] = each.frames, now
            longest[number] = max(longest[number], now - last[number])
        time.sleep(_GLANCE)
    return longest


def _wait(true: Callable[[], bool | None]) -> None:
    until = time.monotonic() + _BEGIN_SECONDS
    while not true():
        if time.monotonic() > until:
            raise UnmaskError("The cameras did not begin.")
        time.sleep(_GLANCE)


def deaths(command: str, say: Callable[[str], None]) -> Result:
    """How many seconds at its end a recording lacks, by how the program that wrote it died.

    Args:
        command: that measures it again.
        say: gets a line for each.

    Raises:
        UnmaskError: the program does not begin, or nothing was recorded.
    """
    rows = []
    with tempfile.TemporaryDirectory() as name:
        camera = FaultyCamera(_greys(Path(name) / "greys.ts"))
        for suffix in _SUFFIXES:
            row = [f"`{suffix}`"]
            for death in DEATHS:
                folder = Path(name) / f"{suffix[1:]}{death}"
                folder.mkdir()
                row.append(f"{_lost(camera, folder, suffix, death):.1f}")
                say(f"{suffix}, {death.name}: {row[-1]} s")
            rows.append(row)
        camera.close()
    columns = ["recording", *(f"{death.name}, s" for death in DEATHS)]
    what = f"seconds at the end of a recording of {_RECORDED:.0f} s that are lost when its program dies"
    return Result.now(what, command, columns, rows, f"{_RATE} fps. {_note()}")


def _lost(camera: FaultyCamera, folder: Path, suffix: str, death: signal.Signals) -> float:
    output = folder / f"out{suffix}"
    process = _start(camera, folder, [str(output)])
    try:
        _wait(lambda: any(path.stat().st_size for path in folder.glob(f"*out*{suffix}")))
        time.sleep(_RECORDED)
        process.send_signal(death)
        sent = camera.number
        process.wait(_BEGIN_SECONDS)
    finally:
        process.kill()
    (found,) = folder.glob(f"*out*{suffix}")
    return (sent - _last(found)) % _GREYS / _RATE


def _greys(path: Path) -> Path:
    """A clip in which every picture is of another grey."""
    width, height = _SMALL
    with av.open(path, "w") as container:
        video = container.add_stream("libx264", _RATE)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.options = {"tune": "zerolatency", "crf": "10", "g": str(_RATE)}
        for number in range(_GREYS):
            planes = np.full((height * 3 // 2, width), 128, np.uint8)
            planes[:height] = _DARKEST + _LIGHTER * number
            frame = av.VideoFrame.from_ndarray(planes, "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, _RATE)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    return path


def _last(path: Path) -> int:
    """The number of the last grey in a file, as far as it can be played."""
    last: float | None = None
    # What is cut off at its end is played up to there.
    with av.open(path) as container, suppress(av.FFmpegError):
        for frame in container.decode(video=0):
            last = float(frame.to_ndarray(format="yuv420p")[: frame.height].mean())
    if last is None:
        raise UnmaskError(f"Nothing of {path.name} can be played.")
    return round((last - _DARKEST) / _LIGHTER)


def _start(camera: FaultyCamera, folder: Path, outputs: Sequence[str], *more: str) -> subprocess.Popen[bytes]:
    named = [word for output in outputs for word in ("-o", output)]
    return subprocess.Popen(
        [sys.executable, "-m", "stream_unmask", camera.address, *named, "--quiet", *more],
        cwd=folder,
        env=environment(),
        stderr=subprocess.DEVNULL,
    )


def delays(seconds: float, rate: int, command: str, say: Callable[[str], None]) -> Result:
    """How late outputs are, and what each further one costs.

    Args:
        seconds: of watching.
        rate: frames a second of the camera.
        command: that measures it again.
        say: gets a line for each.

    Raises:
        UnmaskError: the program does not begin, or says nothing of an output.
    """
    rows = []
    for size in ((640, 360), (1280, 720)):
        costs = []
        for count in (1, len(_OUTPUTS)):
            with tempfile.TemporaryDirectory() as name, _faulty(Path(name), size, rate) as (camera,):
                p95, dropped, cost = _late(camera, Path(name), count, seconds)
            costs.append(cost)
            outputs = "1 output" if count == 1 else f"{count} outputs"
            rows.append([f"{size[0]}x{size[1]}, {outputs}", p95, dropped, f"{cost:.1f}"])
            say(", ".join(rows[-1]))
        each = (costs[1] - costs[0]) / (len(_OUTPUTS) - 1)
        rows.append([f"{size[0]}x{size[1]}, each further output", "", "", f"{each:+.1f}"])
    columns = ["a camera", "delay p95, ms, of each output", "dropped", "core-ms a frame"]
    what = "from a frame's arrival to what was written, and what it costs"
    shown = "a transport stream over UDP, then an MP4, HLS and a Matroska file beside it"
    return Result.now(what, command, columns, rows, f"{rate} fps, one masked face; {shown}. {_note()}")


def _late(camera: FaultyCamera, folder: Path, count: int, seconds: float) -> tuple[str, str, float]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taker:
        taker.bind(("127.0.0.1", 0))  # what comes is thrown away by the system
        outputs = [output.format(port=taker.getsockname()[1]) for output in _OUTPUTS[:count]]
        before = _children()
        process = _start(camera, folder, outputs, "--report", "report.json", "--preset", "veryfast")
        try:
            _wait(lambda: camera.began > 0)
            loaded = processor_seconds(worker_of(process.pid))  # for networks, which is no part of any frame
            time.sleep(seconds)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_BEGIN_SECONDS)
        spent = _children() - before - loaded
    (report,) = json.loads((folder / "report.json").read_text())
    late = [output["delay_p95"] for output in report["outputs"]]
    if None in late:
        raise UnmaskError(f"An output wrote nothing: {report['outputs']}")
    return (
        ", ".join(f"{1000 * each:.0f}" for each in late),
        f"{100 * report['dropped'] / (report['frames'] + report['dropped']):.0f} %",
        1000 * spent / report["frames"],
    )


def _children() -> float:
    """Seconds of processors that processes begun here took, those that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
