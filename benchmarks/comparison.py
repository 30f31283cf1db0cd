"""Which workloads a comparison is made of, each measured in a process of its own."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from benchmarks.clips import ClipOptions, make_clip
from benchmarks.latency import Measurement, Workload, measure
from benchmarks.machine import Machine
from engines import BACKENDS, select_backend
from engines.engine import EngineError
from stream_unmask.settings import Settings
from stream_unmask.video.source import open_source

Axis = Literal["faces", "streams", "size"]
AXES: tuple[Axis, ...] = ("faces", "streams", "size")


@dataclass(frozen=True, slots=True)
class Point:
    """What is worked on, apart from the backend that does it.

    Attributes:
        size: width and height of the frames in pixels.
        faces: in a frame; None where the clip is the user's.
        streams: at the same time.
    """

    size: tuple[int, int]
    faces: int | None = 1
    streams: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to compare.

    Attributes:
        points: the first is the base, on which every backend is measured; each further one differs from it
            in one respect.
        video: the clip; None for made ones.
        backends: those to measure, which then must run; none for all that can.
        frames: of each clip.
        threads: CPU threads for each network, 0 for all.
    """

    points: tuple[Point, ...]
    video: Path | None = None
    backends: tuple[str, ...] = ()
    frames: int = 100
    threads: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """One measurement and what it is of. ``backend`` is None for the floor."""

    point: Point
    backend: str | None
    measurement: Measurement


@dataclass(slots=True)
class Comparison:
    """All that was measured.

    Attributes:
        machine: what it ran on.
        clip: what was unmasked, for people.
        results: in the order in which they were measured; the first is the floor of the base.
        not_run: why something was not measured, by its name.
    """

    machine: Machine
    clip: str
    results: list[Result] = field(default_factory=list)
    not_run: dict[str, str] = field(default_factory=dict)

    @property
    def base(self) -> Point:
        return self.results[0].point

    @property
    def floor(self) -> Result:
        return self.results[0]

    def floor_of(self, point: Point) -> Result | None:
        """The floor for frames of this size and as many streams, None if it was not measured."""
        floors = (each for each in self.results if each.backend is None)
        return next((each for each in floors if _work(each.point) == _work(point)), None)

    def backends(self) -> list[Result]:
        """Every backend at the base."""
        return [each for each in self.results if each.point == self.base and each.backend is not None]

    def others(self) -> float:
        """The most cores that other programs kept busy during a measurement."""
        measured = [each.measurement for each in self.results]
        return max(each.others for one in measured for each in (one.throughput.usage, one.live.usage))

    def scaling(self, axis: Axis) -> list[Result]:
        """The first backend along one axis, from the base on; empty if only the base was measured."""
        along = [
            each
            for each in self.results
            if each.backend == self.backends()[0].backend
            and replace(each.point, **{axis: getattr(self.base, axis)}) == self.base
        ]
        return along if len(along) > 1 else []


Progress = Callable[[str], None]
"""Told what is measured next."""


def base_point(video: Path | None, made: Point) -> Point:
    """Where a comparison starts: ``made`` for made clips, else the user's clip as it is.

    Raises:
        UnmaskError: the clip cannot be read.
    """
    if video is None:
        return made
    with open_source(video) as source:
        return Point((source.info.width, source.info.height), None, made.streams)


def points_along(
    base: Point,
    faces: Iterable[int] = (),
    sizes: Iterable[tuple[int, int]] = (),
    streams: Iterable[int] = (),
) -> tuple[Point, ...]:
    """A point and those that differ from it in one respect."""
    return (
        base,
        *(replace(base, faces=count) for count in faces),
        *(replace(base, size=size) for size in sizes),
        *(replace(base, streams=count) for count in streams),
    )


def compare(plan: Plan, progress: Progress) -> Comparison:
    """Measure all of it.

    Raises:
        UnmaskError: the clip cannot be read or not be encoded.
        EngineError: a backend that was asked for by name cannot run, or none can.
    """
    base, *further = plan.points
    comparison = Comparison(Machine.here(), _describe(plan))
    with tempfile.TemporaryDirectory() as folder:
        clips = _Clips(plan, Path(folder), progress)

        def add(point: Point, backend: str | None) -> None:
            if backend is not None:
                select_backend(backend)  # quicker to say no than a process of its own
            clip = clips.of(point)
            progress(f"{backend or 'floor'}, {name(point)}")
            comparison.results.append(Result(point, backend, _measure(plan, clip, point, backend)))

        add(base, None)
        for backend in plan.backends or BACKENDS[1:]:
            try:
                add(base, backend)
            except EngineError as error:
                if plan.backends:
                    raise
                comparison.not_run[backend] = str(error)
        if not comparison.backends():
            raise EngineError(f"No engine can run here: {' '.join(comparison.not_run.values())}")
        first = comparison.backends()[0].backend
        for point in further:
            try:
                if comparison.floor_of(point) is None:
                    add(point, None)
                add(point, first)
            except EngineError as error:
                comparison.not_run[f"{first} with {name(point)}"] = str(error)
    return comparison


def name(point: Point) -> str:
    """A point, for people."""
    faces = "" if point.faces is None else f", {point.faces} face{'s' * (point.faces > 1)}"
    return f"{point.size[0]}x{point.size[1]}{faces}, {point.streams} stream{'s' * (point.streams > 1)}"


def _work(point: Point) -> tuple[object, ...]:
    """What decides how much decoding and encoding there is."""
    return point.size, point.streams


class _Clips:
    """The clip for each point, made when it is first needed."""

    def __init__(self, plan: Plan, folder: Path, progress: Progress) -> None:
        self._plan, self._folder, self._progress = plan, folder, progress

    def of(self, point: Point) -> Path:
        if self._plan.video is not None:
            return self._plan.video
        assert point.faces is not None
        (width, height), frames = point.size, self._plan.frames
        path = self._folder / f"{width}x{height}-{point.faces}.mp4"
        if not path.exists():
            self._progress(f"making a clip, {name(point)}")
            options = ClipOptions(width=width, height=height, faces=point.faces, frames=frames, sound=False)
            make_clip(path, options)
        return path


def _describe(plan: Plan) -> str:
    return plan.video.name if plan.video is not None else "made: faces of one photograph, masks drawn"


def _measure(plan: Plan, clip: Path, point: Point, backend: str | None) -> Measurement:
    settings = None if backend is None else Settings(backend=backend, threads=plan.threads)
    workload = Workload(clip=clip, frames=plan.frames, streams=point.streams, settings=settings)
    return alone(measure, workload)


def alone(function: Callable[[Workload], Measurement], workload: Workload) -> Measurement:
    """Call a function in a fresh process, which ends with it.

    Raises:
        EngineError: the process died of it.
    """
    try:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            return pool.submit(function, workload).result()
    except BrokenProcessPool as error:
        what = "the floor" if workload.settings is None else workload.settings.backend
        raise EngineError(f"The process that measured {what} died.") from error
