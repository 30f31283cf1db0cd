"""Which workloads a comparison is made of, each measured in a process of its own."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from itertools import product, starmap
from pathlib import Path
from typing import Literal, TypeVar

from benchmarks.clips import ClipOptions, make_clip
from benchmarks.latency import Measurement, Workload, measure
from benchmarks.machine import MeasuredMachine
from benchmarks.networks import Batches, NetworkTimes
from benchmarks.networks import measure as measure_networks
from engines import BACKENDS, Precision, select_backend
from engines.engine import EngineError
from stream_unmask.bundled import BUNDLED_WEIGHTS
from stream_unmask.settings import Settings
from stream_unmask.video.source import open_source

Load = TypeVar("Load")
Outcome = TypeVar("Outcome")

Axis = Literal["faces", "streams", "size"]
AXES: tuple[Axis, ...] = ("faces", "streams", "size")


@dataclass(frozen=True, slots=True)
class Point:
    """What is worked on, apart from what does it.

    Attributes:
        size: width and height of the frames in pixels.
        faces: in a frame; None where the clip is the user's.
        streams: at the same time.
    """

    size: tuple[int, int]
    faces: int | None = 1
    streams: int = 1


@dataclass(frozen=True, slots=True)
class Contender:
    """What is compared: a backend, and what it computes in."""

    backend: str
    precision: Precision = "auto"

    def __str__(self) -> str:
        return self.backend if self.precision == "auto" else f"{self.backend} {self.precision}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonPlan:
    """What to compare.

    Attributes:
        points: the first is the base, on which every contender is measured; each further one differs from it
            in one respect.
        video: the clip; None for made ones.
        backends: those to measure, which then must run; none for all that can.
        precisions: what each backend is to compute in.
        frames: of each clip.
        weights: folder of the networks.
        threads: CPU threads for each network, 0 for all.
        batches: faces in a batch for which the networks are measured alone; none not to.
    """

    points: tuple[Point, ...]
    video: Path | None = None
    backends: tuple[str, ...] = ()
    precisions: tuple[Precision, ...] = ("auto",)
    frames: int = 100
    weights: Path = BUNDLED_WEIGHTS
    threads: int = 0
    batches: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement and what it is of. ``contender`` is None for the floor."""

    point: Point
    contender: Contender | None
    measurement: Measurement

    @property
    def name(self) -> str:
        return "floor" if self.contender is None else str(self.contender)


@dataclass(slots=True)
class Comparison:
    """All that was measured.

    Attributes:
        machine: what it ran on.
        clip: what was unmasked, for people.
        results: in the order in which they were measured; the first is the floor of the base.
        not_run: why something was not measured, by its name.
        networks: alone, by the contender's name.
    """

    machine: MeasuredMachine
    clip: str
    results: list[Measured] = field(default_factory=list)
    not_run: dict[str, str] = field(default_factory=dict)
    networks: dict[str, NetworkTimes] = field(default_factory=dict)

    @property
    def base(self) -> Point:
        return self.results[0].point

    @property
    def floor(self) -> Measured:
        return self.results[0]

    def floor_of(self, point: Point) -> Measured | None:
        """The floor for frames of this size and as many streams, None if it was not measured."""
        floors = (each for each in self.results if each.contender is None)
        return next((each for each in floors if _work(each.point) == _work(point)), None)

    def contenders(self) -> list[Measured]:
        """Every backend in every precision at the base."""
        return [each for each in self.results if each.point == self.base and each.contender is not None]

    def others(self) -> float:
        """The most cores that other programs kept busy during a measurement."""
        measured = [each.measurement for each in self.results]
        return max(each.others for one in measured for each in (one.throughput.usage, one.live.usage))

    def scaling(self, axis: Axis) -> list[Measured]:
        """The first contender along one axis, in ascending order; empty if only the base was measured."""
        along = [
            each
            for each in self.results
            if each.contender == self.contenders()[0].contender
            and replace(each.point, **{axis: getattr(self.base, axis)}) == self.base
        ]
        return sorted(along, key=lambda each: getattr(each.point, axis)) if len(along) > 1 else []


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


def compare(plan: ComparisonPlan, progress: Progress) -> Comparison:
    """Measure all of it.

    Raises:
        UnmaskError: the clip cannot be read or not be encoded.
        EngineError: a backend that was asked for by name cannot run, or none can.
    """
    base, *further = plan.points
    comparison = Comparison(MeasuredMachine.here(plan.weights), _describe(plan))
    with tempfile.TemporaryDirectory() as folder:
        clips = _Clips(plan, Path(folder), progress)

        def add(point: Point, contender: Contender | None) -> None:
            if contender is not None:
                # Quicker to say no than a process of its own.
                select_backend(contender.backend, precision=contender.precision)
            clip = clips.of(point)
            progress(f"{contender or 'floor'}, {name(point)}")
            comparison.results.append(Measured(point, contender, _measure(plan, clip, point, contender)))

        add(base, None)
        for contender in starmap(Contender, product(plan.backends or BACKENDS[1:], plan.precisions)):
            try:
                add(base, contender)
                if plan.batches:
                    progress(f"{contender}, the networks alone")
                    comparison.networks[str(contender)] = _measure_networks(plan, contender)
            except EngineError as error:
                if plan.backends:
                    raise
                comparison.not_run[str(contender)] = str(error)
        if not comparison.contenders():
            raise EngineError(f"No engine can run here: {' '.join(comparison.not_run.values())}")
        first = comparison.contenders()[0].contender
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

    def __init__(self, plan: ComparisonPlan, folder: Path, progress: Progress) -> None:
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


def _describe(plan: ComparisonPlan) -> str:
    return plan.video.name if plan.video is not None else "made: faces of one photograph, masks drawn"


def _measure(plan: ComparisonPlan, clip: Path, point: Point, contender: Contender | None) -> Measurement:
    workload = Workload(clip=clip, frames=plan.frames, streams=point.streams)
    if contender is not None:
        settings = Settings(
            weights=plan.weights,
            backend=contender.backend,
            precision=contender.precision,
            threads=plan.threads,
        )
        workload = replace(workload, settings=settings)
    return alone(measure, workload)


def _measure_networks(plan: ComparisonPlan, contender: Contender) -> NetworkTimes:
    batches = Batches(
        backend=contender.backend,
        precision=contender.precision,
        threads=plan.threads,
        sizes=plan.batches,
        weights=plan.weights,
    )
    return alone(measure_networks, batches)


def alone(function: Callable[[Load], Outcome], load: Load) -> Outcome:
    """Call a function in a fresh process, which ends with it.

    Raises:
        EngineError: the process died of it.
    """
    try:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            return pool.submit(function, load).result()
    except BrokenProcessPool as error:
        raise EngineError(f"The process that measured {load} died.") from error
