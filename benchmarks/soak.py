"""Whether cameras can be left alone: two that do wrong in turn, and what the program holds meanwhile."""

from __future__ import annotations

import itertools
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING

import av

from benchmarks.clips import ClipOptions, make_clip
from benchmarks.faulty_camera import FAULTS, Fault, FaultyCamera
from benchmarks.processes import Holding, environment
from benchmarks.results import Result
from stream_unmask.errors import UnmaskError
from stream_unmask.whole import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_RATE = 5
_SIZE, _OTHER_SIZE = (320, 240), (256, 192)
_LOOK = 2.0
"""Seconds between two looks."""

_LASTS = 15.0
"""Seconds that a fault lasts, where it lasts: more than the program bears."""

_BEGIN_SECONDS = 600.0
_END_SECONDS = 60.0
_SHARE = 6
"""A sixth of the time is compared with another: the second with the last."""

_LATE = re.compile(r"(\d+)/(\d+) ms late")
_NAMES = ("first", "second")

_CONFIG = """
[defaults]
segment = "1m"
keep = "10m"
codec = "libx264"
preset = "ultrafast"

[cameras.first]
source = "{first}"
outputs = ["first/%H%M%S.mp4", "first-live/"]

[cameras.second]
source = "{second}"
outputs = ["second/%H%M%S.mkv", "udp://127.0.0.1:{port}"]
"""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at a moment.

    Attributes:
        seconds: since the first look.
        holding: what the process held.
    """

    seconds: float
    holding: Holding


@dataclass(frozen=True, slots=True)
class Late:
    """How late an output was in one minute: median and 95th percentile in ms, said so many seconds in."""

    seconds: float
    output: str
    p50: float
    p95: float


_Series = list[tuple[float, float]]
"""Values, each with its seconds."""


def _median(series: _Series, first: float, last: float) -> float:
    return median([value for seconds, value in series if first <= seconds <= last] or [float("nan")])


def lates_of(line: str, seconds: float) -> list[Late]:
    """How late the outputs of a camera were, by the line that it says each minute, so many seconds in.

    An output is named by its camera and its place among these, from the last: the names of recordings change.
    """
    camera, _, said = line.partition(" ")
    found = ((place, _LATE.search(part)) for place, part in enumerate(reversed(said.split(", "))))
    return [
        Late(seconds, f"{camera} {place}", float(match[1]), float(match[2]))
        for place, match in found
        if match is not None
    ]


@dataclass(slots=True)
class Soak:
    """What came of it.

    Attributes:
        looks: in the order of their times.
        lates: of all outputs, in the order of their times.
        faults: what went wrong when, in seconds, and with which camera.
        recordings: files that were kept.
        broken: those of them that do not open.
    """

    looks: list[Look] = field(default_factory=list)
    lates: list[Late] = field(default_factory=list)
    faults: list[tuple[float, str, Fault]] = field(default_factory=list)
    recordings: int = 0
    broken: list[str] = field(default_factory=list)

    def rows(self) -> list[list[str]]:
        """What is held and how late outputs are, in the second and in the last sixth of the time."""
        end = self.looks[-1].seconds
        early, late = (end / _SHARE, 2 * end / _SHARE), (end - end / _SHARE, end)
        rows = []
        for what, unit, series in self._measured():
            before, after = (fmean(_median(each, *span) for each in series) for span in (early, late))
            change = 100 * (after / before - 1)
            rows.append([what, f"{before:.0f}{unit}", f"{after:.0f}{unit}", f"{change:+.1f} %"])
        return rows

    def _measured(self) -> Iterator[tuple[str, str, list[_Series]]]:
        """What, its unit, and its series: one for each output, whose delays differ by their kinds."""
        looks = self.looks
        yield "resident memory", " MiB", [[(look.seconds, look.holding.mib) for look in looks]]
        yield "open descriptors", "", [[(look.seconds, float(look.holding.descriptors)) for look in looks]]
        yield "threads", "", [[(look.seconds, float(look.holding.threads)) for look in looks]]
        outputs: dict[str, list[Late]] = {}
        for late in self.lates:
            outputs.setdefault(late.output, []).append(late)
        for name in ("p50", "p95"):
            series = [[(late.seconds, getattr(late, name)) for late in each] for each in outputs.values()]
            yield f"delay to an output, {name}", " ms", series


def measure(minutes: float, every: float, seed: int, say: Callable[[str], None]) -> Soak:
    """Leave two cameras alone for some time, one of which does wrong every now and then.

    Args:
        minutes: how long.
        every: seconds between two faults.
        seed: of what goes wrong when.
        say: gets a line a minute.

    Raises:
        UnmaskError: the program does not begin, or ends before it should.
    """
    with tempfile.TemporaryDirectory() as name, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taker:
        folder = Path(name)
        taker.bind(("127.0.0.1", 0))  # what comes is thrown away by the system
        cameras = [FaultyCamera(*clips) for clips in [_clips(folder)] * len(_NAMES)]
        try:
            first, second = (camera.address for camera in cameras)
            port = taker.getsockname()[1]
            (folder / "cameras.toml").write_text(_CONFIG.format(first=first, second=second, port=port))
            with _Live(folder) as live:
                live.wait(cameras)
                soak = Soak()
                _watch(soak, live, cameras, _Plan(60 * minutes, every, random.Random(seed)), say)
        finally:
            for camera in cameras:
                camera.close()
        _open(soak, folder)
        return soak


def _clips(folder: Path) -> list[Path]:
    sizes = [
        ClipOptions(width=width, height=height, rate=_RATE, frames=20 * _RATE, sound=False)
        for width, height in (_SIZE, _OTHER_SIZE)
    ]
    paths = [make_clip(folder / f"{options.width}.ts", options) for options in sizes]
    return [*paths, make_clip(folder / "hevc.ts", sizes[0], codec="libx265")]


class _Live:
    """``stream-unmask live`` in a process of its own.

    Args:
        folder: that it runs in, with its ``cameras.toml``.
    """

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "stream_unmask", "live", str(folder / "cameras.toml")],
            cwd=folder,
            env=environment(),
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: list[tuple[float, str]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> _Live:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(_END_SECONDS)

    def wait(self, cameras: Sequence[FaultyCamera]) -> None:
        """Until it shows both cameras.

        Raises:
            UnmaskError: it does not in time.
        """
        until = time.monotonic() + _BEGIN_SECONDS
        while not all(camera.shows for camera in cameras):
            if self._process.poll() is not None or time.monotonic() > until:
                raise UnmaskError(f"The cameras did not begin: {self.said()}")
            time.sleep(0.1)

    def holding(self) -> Holding:
        """What it holds now.

        Raises:
            UnmaskError: it has ended.
        """
        if self._process.poll() is not None:
            raise UnmaskError(f"The program ended: {self.said()}")
        return Holding.of(self._process.pid)

    def said(self) -> str:
        """All that it said of late."""
        return " ".join(line for _, line in self._lines[-10:])

    def take(self) -> list[tuple[float, str]]:
        """What it said since this was last asked, each with its time by ``time.monotonic``."""
        taken = list(self._lines)
        del self._lines[: len(taken)]
        return taken

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._lines.append((time.monotonic(), line.strip()))


@dataclass(frozen=True, slots=True)
class _Plan:
    """How many seconds, after how many something goes wrong, and what."""

    seconds: float
    every: float
    chance: random.Random

    def faults(self) -> Iterator[Fault]:
        """Without an end, all of them before any comes again."""
        while True:
            yield from self.chance.sample(FAULTS, len(FAULTS))


def _watch(
    soak: Soak, live: _Live, cameras: Sequence[FaultyCamera], plan: _Plan, say: Callable[[str], None]
) -> None:
    began, due = time.monotonic(), plan.every / 2
    faults = plan.faults()
    while (now := time.monotonic() - began) < plan.seconds:
        soak.looks.append(Look(now, live.holding()))
        for moment, line in live.take():
            soak.lates += lates_of(line, moment - began)
        if now >= due:
            camera, fault = plan.chance.randrange(len(cameras)), next(faults)
            cameras[camera].do(fault, _LASTS)
            soak.faults.append((now, _NAMES[camera], fault))
            say(f"{now / 60:.1f} min, {soak.looks[-1].holding}, {_NAMES[camera]}: {fault}")
            due += plan.every
        time.sleep(_LOOK)


def _open(soak: Soak, folder: Path) -> None:
    """Try whether what was recorded opens."""
    files = sorted(itertools.chain.from_iterable((folder / name).iterdir() for name in _NAMES))
    soak.recordings = len(files)
    for file in files:
        try:
            with av.open(file) as container:
                next(container.decode(video=0))
        except (av.FFmpegError, StopIteration, IndexError):
            soak.broken.append(file.name)


def as_result(soak: Soak, command: str, load: float) -> Result:
    """As a table, the second sixth of the time beside the last one.

    Args:
        soak: what was measured.
        command: that measures it again.
        load: of the machine at the end.
    """
    end = soak.looks[-1].seconds / 60
    columns = ["", f"minutes {end / _SHARE:.0f} to {2 * end / _SHARE:.0f}"]
    columns += [f"minutes {end - end / _SHARE:.0f} to {end:.0f}", "change"]
    opened = f"{soak.recordings - len(soak.broken)} of the {soak.recordings} recordings that were kept open."
    note = (
        f"{len(soak.faults)} faults of {len({fault for _, _, fault in soak.faults})} kinds; {opened} "
        f"The machine's load was {load:.0f} at the end."
    )
    what = (
        f"two cameras ({_SIZE[0]}x{_SIZE[1]}, {_RATE} fps, a masked face) one of which does wrong at a time"
    )
    return Result.now(what, command, columns, soak.rows(), note)


def draw(soak: Soak, path: Path) -> None:
    """Draw what is held and how late outputs are over time, with a line where something went wrong.

    Args:
        soak: what was measured.
        path: the picture, replaced if it is there; its suffix decides the format.
    """
    from matplotlib.figure import Figure

    figure = Figure((8, 6.4), layout="constrained")
    memory, counts, delay = figure.subplots(3, 1, sharex=True)
    minutes = [look.seconds / 60 for look in soak.looks]
    memory.plot(minutes, [look.holding.mib for look in soak.looks], linewidth=1)
    memory.set(title="Resident memory", ylabel="MiB")
    counts.plot(minutes, [look.holding.threads for look in soak.looks], linewidth=1, label="threads")
    counts.plot(minutes, [look.holding.descriptors for look in soak.looks], linewidth=1, label="descriptors")
    counts.set(title="Threads and open descriptors")
    counts.legend(loc="lower right", ncols=2, fontsize="small", frameon=False)
    said = [late.seconds / 60 for late in soak.lates]
    delay.plot(said, [late.p50 for late in soak.lates], ".", markersize=3, label="p50")
    delay.plot(said, [late.p95 for late in soak.lates], ".", markersize=3, label="p95")
    delay.set(title="Delay to each output, by minute", ylabel="ms", xlabel="minutes; a line is a fault")
    delay.legend(loc="upper right", ncols=2, fontsize="small", frameon=False)
    for panel in (memory, counts, delay):
        _mark(panel, soak)
    drawn = BytesIO()
    figure.savefig(drawn, format=path.suffix.removeprefix("."), dpi=110)
    write_whole(path, drawn.getvalue())


def _mark(panel: Axes, soak: Soak) -> None:
    panel.set_ylim(bottom=0)
    for seconds, _, _ in soak.faults:
        panel.axvline(seconds / 60, color="0.85", linewidth=0.6, zorder=0)
