"""A comparison as a picture."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.comparison import AXES, Axis, Comparison, Measured, name
from benchmarks.networks import NetworkTimes
from benchmarks.tables import label
from stream_unmask.whole import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANEL = (4.6, 3.6)
"""Width and height of one panel in inches."""

_DPI = 120
_PERCENTILES = ("p50", "p95", "p99")
_THREADS = ("wait", "compute")
"""Stages that are made of the others, or hold them up."""


def plot(comparison: Comparison, path: Path) -> None:
    """Draw speed, latency and stages of the backends, a row for each axis along which was measured, and one
    for the networks alone.

    Args:
        comparison: what was measured.
        path: the PNG file to write, replaced if it is there.
    """
    from matplotlib.figure import Figure

    axes = [axis for axis in AXES if comparison.scaling(axis)]
    rows = 1 + len(axes) + bool(comparison.networks)
    figure = Figure((3 * _PANEL[0], rows * _PANEL[1]), layout="constrained")
    figure.suptitle(f"{comparison.machine.cpu}, {comparison.machine.cores} cores; {name(comparison.base)}")
    grid = figure.subplots(rows, 3, squeeze=False)
    contenders = comparison.contenders()
    _speed(grid[0][0], contenders, comparison.floor)
    _latency(grid[0][1], contenders)
    _stages(grid[0][2], contenders)
    for row, axis in zip(grid[1 : 1 + len(axes)], axes, strict=True):
        _scaling(row, comparison, axis)
    if comparison.networks:
        _networks(grid[-1], comparison.networks)
    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=_DPI)
    write_whole(path, drawn.getvalue())


def _speed(panel: Axes, contenders: list[Measured], floor: Measured) -> None:
    speeds = [each.measurement.throughput.fps for each in contenders]
    fps = floor.measurement.throughput.fps
    panel.bar([each.name for each in contenders], speeds)
    panel.axhline(fps, color="black", linestyle="--", label="decode + encode alone")
    panel.set(title="Throughput", ylabel="frames a second")
    _legend(panel)


def _latency(panel: Axes, contenders: list[Measured]) -> None:
    width = 0.8 / len(_PERCENTILES)
    for index, percentile in enumerate(_PERCENTILES):
        places = [position + (index - 1) * width for position in range(len(contenders))]
        spreads = [each.measurement.live.latency for each in contenders]
        heights = [0.0 if each is None else getattr(each, percentile) for each in spreads]
        panel.bar(places, heights, width, label=percentile)
    panel.set_xticks(range(len(contenders)), [each.name for each in contenders])
    panel.set(title="Latency from a camera", ylabel="ms from capture to packet")
    _legend(panel)


def _stages(panel: Axes, contenders: list[Measured]) -> None:
    names = [each.name for each in contenders]
    below = [0.0] * len(contenders)
    every = dict.fromkeys(stage for each in contenders for stage in each.measurement.throughput.stages)
    for stage in every:
        if stage in _THREADS:
            continue
        heights = [_milliseconds(each, stage) for each in contenders]
        panel.bar(names, heights, bottom=below, label=stage)
        below = [low + height for low, height in zip(below, heights, strict=True)]
    panel.set(title="Stages, which overlap", ylabel="ms a frame")
    _legend(panel)


def _legend(panel: Axes) -> None:
    """Explain the colours below the panel, where nothing is covered."""
    panel.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=3, fontsize="small", frameon=False)


def _milliseconds(result: Measured, stage: str) -> float:
    throughput = result.measurement.throughput
    return throughput.stages[stage].total / throughput.frames if stage in throughput.stages else 0.0


def _scaling(row: list[Axes], comparison: Comparison, axis: Axis) -> None:
    results = comparison.scaling(axis)
    labels = [label(each.point, axis) for each in results]
    measured = [each.measurement for each in results]
    speed, latency, dropped = row
    speed.plot(labels, [each.throughput.fps for each in measured], "o-", label="frames a second")
    speed.plot(labels, [each.throughput.faces_per_second for each in measured], "s-", label="faces a second")
    speed.set(title=f"Throughput of {results[0].name}", xlabel=axis)
    speed.set_ylim(bottom=0)
    _legend(speed)
    for percentile in _PERCENTILES:
        spreads = [each.live.latency for each in measured]
        heights = [float("nan") if each is None else getattr(each, percentile) for each in spreads]
        latency.plot(labels, heights, "o-", label=percentile)
    latency.set(title="Latency from a camera", xlabel=axis, ylabel="ms from capture to packet")
    latency.set_ylim(bottom=0)
    _legend(latency)
    dropped.plot(labels, [100 * each.live.dropped / each.live.offered for each in measured], "o-")
    dropped.set(title="Dropped frames", xlabel=axis, ylabel="% of the camera's", ylim=(-5, 105))


def _networks(row: list[Axes], networks: dict[str, NetworkTimes]) -> None:
    speed, latency, arithmetic = row
    for contender, measured in networks.items():
        batches = [each.batch for each in measured.times]
        speed.plot(batches, [each.faces_per_second for each in measured.times], "o-", label=contender)
        for percentile, line in (("p50", "o-"), ("p95", "s--")):
            heights = [getattr(each.both, percentile) for each in measured.times]
            latency.plot(batches, heights, line, label=f"{contender}, {percentile}")
        arithmetic.plot(batches, [each.gflops for each in measured.times], "o-", label=contender)
    speed.set(title="The networks alone", ylabel="faces a second")
    latency.set(title="Segmenting and generating", ylabel="ms a batch")
    arithmetic.set(title="Arithmetic", ylabel="GFLOP/s")
    sizes = {each.batch for measured in networks.values() for each in measured.times}
    for panel in row:
        panel.set(xlabel="faces in a batch", xticks=sorted(sizes))
        panel.set_ylim(bottom=0)
        _legend(panel)
