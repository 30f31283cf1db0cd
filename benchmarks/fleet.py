"""What Ray costs beside plain processes, and what cutting a file costs beside doing it in one go."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from benchmarks.clips import ClipOptions, make_clip
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


def measure(work: Path, *, files: int, frames: int, workers: int, command: str) -> Result:
    """Do the same short files by plain processes and by Ray, and a long one in one go and in spans.

    Args:
        work: folder to work in.
        files: how many short ones.
        frames: of each; the long one has ten times as many, at least of 30 seconds.
        workers: at the same time, of one core each.
        command: that does it again.
    """
    short, long = work / "short", work / "long"
    short.mkdir()
    long.mkdir()
    clip = make_clip(work / "clip.mp4", ClipOptions(width=640, height=360, frames=frames))
    for number in range(files):
        shutil.copy(clip, short / f"{number:03}.mp4")
    _with_keyframes(work, long / "long.mp4", max(10 * frames, 750))
    how, cut = (How.on(1, Settings(), OutputOptions(), sheets=False, span=span) for span in (None, _SPAN))
    plain = _plain(plan([str(short)], str(work / "plain")), how, workers)
    with cluster.connected(None):
        _by_ray(short, work / "warm", how)  # Ray's own processes and the networks are up from here on
        by_ray = _by_ray(short, work / "ray", how)
        whole = _by_ray(long, work / "whole", how)
        spans = _by_ray(long, work / "spans", cut)
    rows = [
        [f"{files} files, {workers} plain processes", f"{plain:.1f} s"],
        [f"{files} files, Ray with its workers up", f"{by_ray:.1f} s"],
        ["Ray beside plain processes", f"{100 * (by_ray / plain - 1):+.1f} %"],
        ["a long file in one go", f"{whole:.1f} s"],
        [f"the same in spans of {_SPAN:.0f} s on {workers} cores", f"{spans:.1f} s"],
    ]
    note = (
        f"Videos of {frames} frames at 640x360; the machine's load was {os.getloadavg()[0]:.0f} at the end."
    )
    return Result.now(
        "short files and a long one, on one machine", command, ["what", "wall time"], rows, note
    )


def _with_keyframes(work: Path, path: Path, frames: int) -> None:
    plain = make_clip(work / "plain.mp4", ClipOptions(width=640, height=360, frames=frames))
    with open_source(plain) as source:
        sink = FileSink(path, source, EncoderSettings(gop=1.0))
        for each in source:
            sink.write(each)
        sink.close()


def _plain(items: list[Item], how: How, workers: int) -> float:
    """Seconds that processes take for all files once their networks are loaded."""
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        warm = [Item(each.name, each.source, f"{each.output}.warm.mp4") for each in items[: 2 * workers]]
        _all_done(pool.map(do_file, warm, [how] * len(warm)))
        started = time.perf_counter()
        _all_done(pool.map(do_file, items, [how] * len(items)))
        return time.perf_counter() - started


def _by_ray(source: Path, output: Path, how: How) -> float:
    started = time.perf_counter()
    items = plan([str(source)], str(output))
    _all_done(Archive(items, str(output), how, Share(), lambda standing: None).run(threading.Event()))
    return time.perf_counter() - started


def _all_done(records: Iterable[Record]) -> None:
    for record in records:
        if record.state != "done":
            raise UnmaskError(f"{record.name} is {record.state}: {record.why}")
