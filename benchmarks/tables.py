"""A comparison as tables on a terminal and as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from datetime import date

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.comparison import AXES, Axis, Comparison, Measured, Point, name
from benchmarks.excerpts import LIVE_ENCODER
from benchmarks.machine import PROGRAM, MeasuredMachine
from benchmarks.networks import NetworkTimes
from stream_unmask.errors import UnmaskError

SCHEMA = 1
"""Version of the JSON; counts up when the meaning of a field changes."""

_DISTURBED = 0.2
"""Cores taken by other programs from which on a user is told."""

_COLUMNS = (
    ("fps", "slower", "faces/s"),
    ("p50", "p95", "p99", "dropped"),
    ("cores", "MiB", "start"),
)
"""Of the throughput, of the camera, and of the process."""

_GPU_COLUMNS = ("GPU MiB", "J/frame")


def as_json(comparison: Comparison) -> str:
    """Everything that was measured, times in milliseconds unless their name says seconds."""
    content = {"schema": SCHEMA, "live_encoder": LIVE_ENCODER}
    return json.dumps({**content, **dataclasses.asdict(comparison)}, indent=2) + "\n"


def show(comparison: Comparison, console: Console) -> None:
    """Print the machine, the backends, their stages and how the first of them scales."""
    console.print(_header(comparison))
    rows = [(each.name, each) for each in (comparison.floor, *comparison.contenders())]
    console.print(_figures(f"Backends: {name(comparison.base)}", "", rows, comparison))
    for what, reason in comparison.not_run.items():
        console.print(f"{what} was not measured: {reason}")
    for result in comparison.contenders():
        console.print(_stages(result))
    for contender, times in comparison.networks.items():
        show_networks(contender, times, console)
    for axis in AXES:
        along = comparison.scaling(axis)
        if along:
            rows = [(label(each.point, axis), each) for each in along]
            console.print(_figures(f"Scaling of {along[0].name} by {axis}", axis, rows, comparison))
    for result in comparison.results:
        if result.point.streams > 1 and result.measurement.throughput.batches:
            console.print(_batches(result))
    others = comparison.others()
    if others > _DISTURBED:
        console.print(
            f"Other programs kept up to {others:.1f} of {comparison.machine.cores} cores busy meanwhile: the"
            " figures are worse than they could be."
        )


def share(comparison: Comparison) -> str:
    """One row for the table of machines in the documentation, of the fastest that was measured.

    Raises:
        UnmaskError: nothing but the floor could be measured.
    """
    best = max(comparison.contenders(), key=lambda each: each.measurement.throughput.fps, default=None)
    if best is None:
        raise UnmaskError(f"There is nothing to share: {' '.join(comparison.not_run.values())}")
    machine, measured, point = comparison.machine, best.measurement, best.point
    size = "x".join(map(str, point.size))
    faces = "" if point.faces is None else f", {point.faces} face{'s' * (point.faces != 1)}"
    streams = f", {point.streams} streams" if point.streams > 1 else ""
    floor = comparison.floor.measurement.throughput
    late = measured.live.latency
    cells = (
        f"{machine.cores} cores of {machine.cpu}",
        ", ".join(machine.gpus) or "none",
        measured.engine or best.name,
        size + faces + streams,
        f"{measured.throughput.fps:.1f}",
        f"{floor.fps / measured.throughput.fps:.2f}",
        "" if late is None else f"{late.p95:.0f}",
        f"{comparison.others():.1f}",
        f"{machine.versions[PROGRAM]}, {date.today().isoformat()}",
    )
    return f"| {' | '.join(cells)} |"


def label(point: Point, axis: Axis) -> str:
    """Where a point lies on an axis."""
    return "x".join(map(str, point.size)) if axis == "size" else str(getattr(point, axis))


def _header(comparison: Comparison) -> Table:
    machine: MeasuredMachine = comparison.machine
    floor = comparison.floor.measurement
    table = Table.grid(padding=(0, 2))
    table.add_row("System", machine.system)
    table.add_row("CPU", f"{machine.cpu}, {machine.cores} cores, {machine.memory_gib:.0f} GiB memory")
    table.add_row("NVIDIA GPU", ", ".join(machine.gpus) or "none found")
    table.add_row("Versions", ", ".join(f"{key} {value}" for key, value in machine.versions.items()))
    table.add_row("Networks", ", ".join(f"{key} {value[:12]}" for key, value in machine.networks.items()))
    table.add_row(
        "Clip", f"{comparison.clip}; {floor.throughput.frames} frames, {floor.live.rate:g} a second"
    )
    table.add_row("fps, faces/s", "as fast as can be, into files encoded as by default")
    table.add_row("stages", "ms a run, and ms a frame on average; they overlap")
    table.add_row("slower", "times as long as decoding and encoding alone, the floor")
    table.add_row(
        "p50, p95, p99",
        "ms from a frame's capture until its packet is encoded, frames coming at their own pace"
        f" ({', '.join(LIVE_ENCODER.values())})",
    )
    table.add_row("dropped", "frames of that camera which came too fast")
    table.add_row(
        "cores, MiB, start", "busy on average; peak memory; seconds until the first frames are done"
    )
    return table


def _table(title: str, first: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(first, no_wrap=True)
    return table


def _figures(title: str, first: str, rows: Iterable[tuple[str, Measured]], comparison: Comparison) -> Table:
    gpu = any(each.measurement.throughput.usage.gpu for each in comparison.results)
    table = _table(title, first)
    for group in (*_COLUMNS, *((_GPU_COLUMNS,) if gpu else ())):
        for column in group:
            table.add_column(column, justify="right", no_wrap=True)
    for row, result in rows:
        table.add_row(row, *_cells(result, comparison), *(_gpu_cells(result) if gpu else ()))
    return table


def _cells(result: Measured, comparison: Comparison) -> Iterator[str]:
    throughput, live = result.measurement.throughput, result.measurement.live
    yield f"{throughput.fps:.1f}"
    floor = comparison.floor_of(result.point)
    yield "" if floor is None else f"{floor.measurement.throughput.fps / throughput.fps:.2f}"
    yield f"{throughput.faces_per_second:.1f}" if throughput.faces else ""
    if live.latency is None:
        yield from ("", "", "")
    else:
        yield from (f"{value:.0f}" for value in (live.latency.p50, live.latency.p95, live.latency.p99))
    yield f"{live.dropped}/{live.offered}"
    yield f"{throughput.usage.cores:.2f}"
    yield f"{result.measurement.peak_memory_mib:.0f}"
    yield f"{result.measurement.load_seconds:.1f}" if result.contender else ""


def _gpu_cells(result: Measured) -> tuple[str, str]:
    throughput = result.measurement.throughput
    gpu = throughput.usage.gpu
    if gpu is None:
        return "", ""
    energy = "" if gpu.joules is None else f"{gpu.joules / throughput.frames:.2f}"
    return f"{gpu.peak_memory_mib:.0f}", energy


def _stages(result: Measured) -> Table:
    throughput = result.measurement.throughput
    table = _table(f"Stages with {result.measurement.engine}", "stage")
    for column in ("p50", "p95", "p99", "runs a frame", "ms a frame"):
        table.add_column(column, justify="right")
    for stage, spread in throughput.stages.items():
        times = (f"{value:.2f}" for value in (spread.p50, spread.p95, spread.p99))
        each = (spread.runs / throughput.frames, spread.total / throughput.frames)
        table.add_row(stage, *times, *(f"{value:.2f}" for value in each))
    return table


def _batches(result: Measured) -> str:
    means = result.measurement.throughput.batches.items()
    shares = ", ".join(f"{mean:.1f} a run of the {network}" for network, mean in means)
    return f"Faces of all streams in a batch, {result.name}, {name(result.point)}: {shares}."


def show_networks(contender: str, times: NetworkTimes, console: Console) -> None:
    """Print how long the networks alone take for each size of batch."""
    table = _table(f"The networks alone, {contender}; ms a run", "batch")
    for column in ("segment p50", "generate p50", "both p50", "both p95", "faces/s", "GFLOP/s"):
        table.add_column(column, justify="right", no_wrap=True)
    for each in times.times:
        spreads = (each.segment.p50, each.generate.p50, each.both.p50, each.both.p95)
        rates = (f"{each.faces_per_second:.1f}", f"{each.gflops:.0f}")
        table.add_row(str(each.batch), *(f"{value:.2f}" for value in spreads), *rates)
    console.print(table)
    gmacs = " and ".join(f"{network} {gmac:.3f}" for network, gmac in times.gmacs.items())
    console.print(
        f"{contender} takes {times.max_batch} face{'s' * (times.max_batch > 1)} a run at most."
        f" GMAC a face: {gmacs}. A multiply-add is 2 FLOP.\n"
    )
