"""What Ray costs beside plain processes, what cutting a file costs beside doing it in one go, and what
becomes of an archive whose nodes are lost."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import statistics
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from benchmarks.clips import ClipOptions, make_clip
from benchmarks.fleet_nodes import connected_nodes, lose_nodes
from benchmarks.processes import family_seconds
from benchmarks.results import Result
from stream_unmask.errors import UnmaskError
from stream_unmask.fleet import cluster
from stream_unmask.fleet.cluster import Share
from stream_unmask.fleet.planning import Item, plan
from stream_unmask.fleet.records import Record
from stream_unmask.fleet.running import Archive
from stream_unmask.fleet.work import How, do_file
from stream_unmask.output.codecs import EncoderSettings
from stream_unmask.output.sink import FileSink
from stream_unmask.output.writing import OutputOptions
from stream_unmask.settings import Settings
from stream_unmask.video.source import open_source

_SPAN = 10.0

_REPEATABLE = EncoderSettings(preset="ultrafast")
"""Without x264's macroblock tree, which gives other bytes from run to run."""

_NODES = ((1, 2), (2, 1), (4, 1))
"""Nodes of a cluster, and cores of each as Ray counts them; the last have more than this machine."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured.

    Attributes:
        files: short ones.
        frames: of each; the long one has ten times as many, at least of 30 seconds.
        workers: at the same time, of one core each, beside plain processes.
        rounds: of plain processes and Ray, one after the other.
        kills: nodes that are lost.
    """

    files: int
    frames: int
    workers: int
    rounds: int
    kills: int


@dataclass(slots=True)
class _Took:
    """Seconds of one way to do the short files, one a round.

    Attributes:
        start: from nothing until every worker has done a file.
        wall: of all files from there on.
        cores: processor time of all processes in it.
    """

    start: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    cores: list[float] = field(default_factory=list)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Time all files."""
        wall, cores = time.perf_counter(), family_seconds(os.getpid())
        yield
        self.wall.append(time.perf_counter() - wall)
        self.cores.append(family_seconds(os.getpid()) - cores)


def measure(work: Path, wanted: Plan, command: str) -> Result:
    """Do the same short files in several ways, and a long one in one go and in spans.

    Args:
        work: folder to work in.
        wanted: what is measured.
        command: that does it again.
    """
    short, long = work / "short", work / "long"
    short.mkdir()
    long.mkdir()
    clip = make_clip(work / "clip.mp4", ClipOptions(width=640, height=360, frames=wanted.frames))
    for number in range(wanted.files):
        shutil.copy(clip, short / f"{number:03}.mp4")
    _with_keyframes(work, long / "long.mp4", max(10 * wanted.frames, 750))
    rows = [*_beside_plain(work, short, wanted), *_long(work, long, wanted), *_on_nodes(work, short, wanted)]
    note = (
        f"Videos of {wanted.frames} frames at 640x360, {wanted.rounds} rounds, medians; nodes are processes "
        f"of one machine, whose load was {os.getloadavg()[0]:.0f} at the end."
    )
    return Result.now("short files and a long one, on one machine", command, ["what", "measured"], rows, note)


def _beside_plain(work: Path, short: Path, wanted: Plan) -> list[list[str]]:
    how = _how()
    plain, by_ray = _Took(), _Took()
    for number in range(wanted.rounds):
        _plain(short, work / f"plain{number}", how, wanted.workers, plain)
        _ray(short, work / f"ray{number}", how, wanted.workers, by_ray)
    names = f"{wanted.files} files, {wanted.workers} plain processes", "the same, Ray"
    rows = []
    for name, took in zip(names, (plain, by_ray), strict=True):
        wall, cores, start = (statistics.median(each) for each in (took.wall, took.cores, took.start))
        rows.append([name, f"{wall:.1f} s ({cores:.1f} s of processor time), {start:.1f} s to start"])
    more = [
        100 * (statistics.median(theirs) / statistics.median(ours) - 1)
        for theirs, ours in ((by_ray.wall, plain.wall), (by_ray.cores, plain.cores))
    ]
    return [*rows, ["Ray beside plain processes", f"{more[0]:+.1f} % ({more[1]:+.1f} % of processor time)"]]


def _plain(short: Path, output: Path, how: How, workers: int, took: _Took) -> None:
    began = time.perf_counter()
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        _all_done(pool.map(do_file, _first(short, output, workers), [how] * workers))
        took.start.append(time.perf_counter() - began)
        items = plan([str(short)], str(output))
        with took.timed():
            _all_done(pool.map(do_file, items, [how] * len(items)))


def _ray(short: Path, output: Path, how: How, workers: int, took: _Took) -> None:
    began = time.perf_counter()
    with cluster.connected(None):
        _by_ray(_first(short, output, workers), how)
        took.start.append(time.perf_counter() - began)
        with took.timed():
            _by_ray(plan([str(short)], str(output)), how)


def _first(short: Path, output: Path, number: int) -> list[Item]:
    """Some files, to be done beforehand and elsewhere, so that networks are loaded."""
    return plan([str(short)], f"{output}-first")[:number]


def _long(work: Path, long: Path, wanted: Plan) -> list[list[str]]:
    rows = []
    with cluster.connected(None):
        _by_ray(_first(work / "short", work / "long-short", wanted.workers), _how())
        for name, span in (
            ("a long file in one go", None),
            (f"the same in spans of {_SPAN:.0f} s on {wanted.workers} cores", _SPAN),
        ):
            took = _Took()
            with took.timed():
                _by_ray(plan([str(long)], str(work / f"long{span}")), _how(span=span))
            rows.append([name, f"{took.wall[0]:.1f} s ({took.cores[0]:.1f} s of processor time)"])
    return rows


def _on_nodes(work: Path, short: Path, wanted: Plan) -> list[list[str]]:
    """The short files on one, two and four nodes, and on two that are lost again and again."""
    how = _how(_REPEATABLE)
    rows, digests = [], []
    for number, cores in _NODES:
        output = work / f"nodes{number}"
        with connected_nodes(number, cores):
            _by_ray(_first(short, output, 2 * number * cores), how)
            began = time.perf_counter()
            _by_ray(plan([str(short)], str(output)), how)
            name = (
                f"{wanted.files} files, {number} node{'s' * (number > 1)} of {cores} core{'s' * (cores > 1)}"
            )
            rows.append([name, f"{time.perf_counter() - began:.1f} s"])
        digests.append(_digests(output))
    alike = all(each == digests[0] for each in digests)
    rows.append(["their outputs, byte for byte", "the same" if alike else "different"])
    return [*rows, *_losing(work, short, wanted, digests[0])] if wanted.kills else rows


def _losing(work: Path, short: Path, wanted: Plan, unharmed: dict[str, str]) -> list[list[str]]:
    """Nodes are lost until there were enough of that, in as many runs as it takes."""
    how, chance = _how(_REPEATABLE), random.Random(1)
    felt: list[float] = []
    runs, alike = 0, True
    with connected_nodes(2, 1) as nodes:
        while len(felt) < wanted.kills:
            output = work / f"lost{runs}"
            output.mkdir()
            with ThreadPoolExecutor(1) as beside:
                done = beside.submit(_by_ray, plan([str(short)], str(output)), how)
                felt += lose_nodes(nodes, output, wanted.kills - len(felt), chance, done)
            done.result()
            runs += 1
            alike = alike and _digests(output) == unharmed
    what = f"{runs * wanted.files} files: all done" + (", outputs byte for byte as without" if alike else "")
    return [
        [f"{len(felt)} nodes lost at random moments, 2 at work", what],
        [
            "from a loss until all that was under way was done",
            f"median {statistics.median(felt):.1f} s, at most {max(felt):.1f} s",
        ],
    ]


def _how(encoder: EncoderSettings | None = None, span: float | None = None) -> How:
    options = OutputOptions() if encoder is None else OutputOptions(encoder=encoder)
    return How.on(1, Settings(), options, sheets=False, span=span)


def _by_ray(items: list[Item], how: How) -> None:
    output = items[0].output.removesuffix(items[0].name)
    _all_done(Archive(items, output, how, Share(), _untold).run(threading.Event()))


def _untold(standing: object) -> None:
    """Nobody watches."""


def _digests(output: Path) -> dict[str, str]:
    """What lies in an output's folder, hidden and half files included."""
    files = (path for path in output.iterdir() if path.is_file())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _with_keyframes(work: Path, path: Path, frames: int) -> None:
    plain = make_clip(work / "plain.mp4", ClipOptions(width=640, height=360, frames=frames))
    with open_source(plain) as source:
        sink = FileSink(path, source, EncoderSettings(gop=1.0))
        for each in source:
            sink.write(each)
        sink.close()


def _all_done(records: Iterable[Record]) -> None:
    for record in records:
        if record.state != "done":
            raise UnmaskError(f"{record.name} is {record.state}: {record.why}")
