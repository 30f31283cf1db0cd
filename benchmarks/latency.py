"""One measurement: a clip unmasked as fast as can be, and again at the pace of a camera.

Runs in a process of its own (:mod:`benchmarks.comparison` sees to that), so that nothing which was measured
before it has warmed, filled or slowed anything.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import av
import cv2

from benchmarks.excerpts import ClipCamera, Excerpt, LiveOutput
from benchmarks.spread import Laps, Spread, spreads
from benchmarks.usage import Usage, metered, peak_memory_mib
from stream_unmask.api import Unmasker
from stream_unmask.output.encoder import VideoEncoder
from stream_unmask.output.sink import EncoderSettings, FileSink
from stream_unmask.output.timeline import Timeline
from stream_unmask.pipeline import Stream
from stream_unmask.report import Stages
from stream_unmask.running import run
from stream_unmask.settings import Settings
from stream_unmask.video.frame import Frame
from stream_unmask.video.info import main_video
from stream_unmask.video.source import open_source

T = TypeVar("T")

_WARM_UP_FRAMES = 12
"""Enough for the detector to run again, and for every function that is compiled when first called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What is measured.

    Attributes:
        clip: the video; every stream reads it for itself.
        frames: how many of its first frames.
        streams: how many streams at the same time, in one process with one set of networks.
        settings: how it is unmasked; None for the floor: decoding and encoding, and nothing else.
    """

    clip: Path
    frames: int
    streams: int = 1
    settings: Settings | None = None

    def __str__(self) -> str:
        return "the floor" if self.settings is None else self.settings.backend


@dataclass(frozen=True, slots=True)
class Throughput:
    """All frames, one after the other, as fast as can be, into a file for each stream.

    Attributes:
        frames: written, by all streams together.
        faces: masked faces in them that were unmasked.
        fps: frames a second, of all streams together.
        faces_per_second: faces unmasked a second.
        usage: time, processor and GPU.
        stages: each stage's runs; a stage of a face runs once a face. Empty for the floor.
        batches: faces in a run of each network, on average over all streams. Empty where the networks do not
            take several at once.
    """

    frames: int
    faces: int
    fps: float
    faces_per_second: float
    usage: Usage
    stages: dict[str, Spread]
    batches: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Live:
    """The clip at its own pace, as if from a camera.

    Attributes:
        rate: frames a second that each camera gives.
        offered: frames that the cameras gave.
        written: frames that came out.
        dropped: frames that did not, since a newer one was there before they could be taken.
        latency: from a frame's capture until its packet was encoded; None if no frame came out.
        usage: time, processor and GPU.
    """

    rate: float
    offered: int
    written: int
    dropped: int
    latency: Spread | None
    usage: Usage


@dataclass(frozen=True, slots=True)
class Measurement:
    """What came of one workload.

    Attributes:
        engine: what ran the networks, None for the floor.
        load_seconds: from nothing to the first frames done: compiling the networks and warming up.
        throughput: as fast as can be.
        live: at the pace of a camera.
        peak_memory_mib: the most memory the process had.
    """

    engine: str | None
    load_seconds: float
    throughput: Throughput
    live: Live
    peak_memory_mib: float


def measure(workload: Workload) -> Measurement:
    """Warm up, then measure.

    Raises:
        UnmaskError: the clip cannot be read, or not be encoded.
        EngineError: the backend cannot run here.
    """
    cv2.setNumThreads(1)  # as the command line does
    started = time.perf_counter()
    unmasker = None if workload.settings is None else Unmasker(workload.settings)
    if unmasker is not None:
        _warm_up(unmasker, workload)
    load_seconds = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder:
        throughput = _flat_out(unmasker, workload, Path(folder))
    live = _at_pace(unmasker, workload)
    engine = None if unmasker is None else unmasker.networks.engine
    return Measurement(engine, load_seconds, throughput, live, peak_memory_mib())


def _warm_up(unmasker: Unmasker, workload: Workload) -> None:
    with open_source(workload.clip, threads=unmasker.settings.threads) as source:
        stream = unmasker.stream(rotation=source.info.rotation)
        for frame in islice((item for item in source if isinstance(item, Frame)), _WARM_UP_FRAMES):
            stream.process(frame)
    gpu = unmasker.networks.gpu
    if gpu is not None and workload.streams > 1:
        gpu.prepare(workload.streams * max(1, len(stream.faces)))


def _flat_out(unmasker: Unmasker | None, workload: Workload, folder: Path) -> Throughput:
    if unmasker is None:
        work: Callable[[int], _Done] = partial(_copy_file, workload, folder)
    else:
        work = partial(_unmask_file, unmasker, workload, folder)
    before = _batched(unmasker)
    with metered() as usage:
        done = _at_once(workload.streams, work)
    batches = _mean_batches(before, _batched(unmasker))
    frames, faces = sum(each.frames for each in done), sum(each.faces for each in done)
    stages = spreads(each.laps for each in done)
    rates = frames / usage.seconds, faces / usage.seconds
    return Throughput(frames, faces, *rates, usage, stages, batches)


_Batched = dict[str, tuple[int, int]]
"""Runs of each network so far, and faces in them."""


def _batched(unmasker: Unmasker | None) -> _Batched:
    gpu = None if unmasker is None else unmasker.networks.gpu
    return {} if gpu is None else {name: (each.runs, each.faces) for name, each in gpu.networks.items()}


def _mean_batches(before: _Batched, after: _Batched) -> dict[str, float]:
    since = {name: (runs - before[name][0], faces - before[name][1]) for name, (runs, faces) in after.items()}
    return {name: faces / runs for name, (runs, faces) in since.items() if runs}


def _at_pace(unmasker: Unmasker | None, workload: Workload) -> Live:
    with metered() as usage:
        streams = _at_once(workload.streams, partial(_watch_camera, unmasker, workload))
    cameras, latencies = zip(*streams, strict=True)
    offered, written = sum(camera.offered for camera in cameras), sum(map(len, latencies))
    pooled = [latency for each in latencies for latency in each]
    return Live(cameras[0].rate, offered, written, offered - written, Spread.of(pooled), usage)


@dataclass(frozen=True, slots=True)
class _Done:
    """One stream's part of the throughput."""

    frames: int
    faces: int
    laps: Laps


def _copy_file(workload: Workload, folder: Path, number: int) -> _Done:
    """The floor: the barest decode and encode that PyAV can do, with the encoder set as ours is."""
    with open_source(workload.clip) as source:
        info = source.info
    with av.open(workload.clip) as read, av.open(folder / f"{number}.mp4", "w") as write:
        video = main_video(read)
        assert video is not None  # open_source would have complained
        video.thread_type = "AUTO"
        stream = VideoEncoder(write, info, EncoderSettings(), Timeline()).stream
        frames = 0
        for frame in islice(read.decode(video), workload.frames):
            frame.pict_type = 0
            write.mux(stream.encode(frame))
            frames += 1
        write.mux(stream.encode(None))
    return _Done(frames, 0, Laps())


def _unmask_file(unmasker: Unmasker, workload: Workload, folder: Path, number: int) -> _Done:
    with open_source(workload.clip, threads=unmasker.settings.threads) as source:
        excerpt = Excerpt(source, workload.frames)
        stream = unmasker.stream(rotation=source.info.rotation)
        laps = stream.stages = Laps()
        sink = FileSink(folder / f"{number}.mp4", excerpt)
        try:
            submit, drain = partial(_submit, stream), partial(_drain, stream)
            run(excerpt, sink, submit, laps, threading.Event(), drain)
            sink.close()
        finally:
            sink.discard()
    return _Done(sink.frames_written, sum(face.masked_frames for face in stream.faces), laps)


def _watch_camera(
    unmasker: Unmasker | None, workload: Workload, _number: int
) -> tuple[ClipCamera, list[float]]:
    threads = 0 if unmasker is None else unmasker.settings.threads
    with open_source(workload.clip, threads=threads) as source:
        camera = ClipCamera(source, workload.frames)
        output = LiveOutput(camera)
        stream = None if unmasker is None else unmasker.stream(rotation=source.info.rotation)
        process = _leave if stream is None else partial(_process, stream)
        run(camera, output, process, Stages() if stream is None else stream.stages, threading.Event())
        output.close()
    return camera, output.latencies


def _process(stream: Stream, frame: Frame) -> list[Frame]:
    return [*_submit(stream, frame), *_drain(stream)]


def _submit(stream: Stream, frame: Frame) -> list[Frame]:
    return [done.frame for done in stream.submit(frame)]


def _drain(stream: Stream) -> list[Frame]:
    return [done.frame for done in stream.drain()]


def _leave(frame: Frame) -> list[Frame]:
    return [frame]


def _at_once(count: int, work: Callable[[int], T]) -> list[T]:
    """Do the same several times at the same time, and wait for all."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))
