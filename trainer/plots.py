"""Curves of runs: losses, accuracies and speed, from their logs."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from stream_unmask.errors import UnmaskError
from stream_unmask.whole import write_whole
from trainer.log import read_log

_COLUMNS = 3
_POINTS = 200
"""Points of a curve: each is the mean of as many steps as it takes."""

_NOT_DRAWN = ("step", "progress", "skipped")
_TITLES = {
    "held_out": "held-out quality (higher is better)",
    "seconds": "seconds a step",
    "waited": "seconds a step waited for data",
    "held_out_psnr": "held-out PSNR inside the mask, dB",
    "held_out_sharpness": "held-out sharpness (the truth's: 1)",
    "psnr": "PSNR inside the mask, dB",
    "iou": "IoU",
}


def plot_runs(runs: Sequence[Path], output: Path) -> None:
    """Draw a panel for each figure that the runs log, with a curve for each run.

    Args:
        runs: folders of runs.
        output: a PNG; written whole or not at all.

    Raises:
        UnmaskError: a run has no log, or the picture cannot be written.
    """
    alike = len({run.name for run in runs}) < len(runs)
    logs = {str(run) if alike else run.name: read_log(run) for run in runs}
    names = [name for log in logs.values() for line in log for name in line if name not in _NOT_DRAWN]
    panels = list(dict.fromkeys(names))
    if not panels:
        raise UnmaskError("The runs have not logged a step yet.")
    rows = math.ceil(len(panels) / _COLUMNS)
    figure = Figure((5 * _COLUMNS, 3.2 * rows), layout="constrained")
    for place, name in enumerate(panels):
        axes = figure.add_subplot(rows, _COLUMNS, place + 1)
        axes.set_title(_TITLES.get(name, name))
        axes.set_xlabel("step")
        axes.grid(alpha=0.3)
        for run, log in logs.items():
            steps, values = _curve([(line["step"], line[name]) for line in log if line.get(name) is not None])
            axes.plot(steps, values, label=run, marker="." if len(steps) < 3 else "")
        if len(logs) > 1:
            axes.legend()
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=90)
    write_whole(output, drawn.getvalue())


def _curve(points: list[tuple[float, float]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Steps and values, thinned to means of equal stretches."""
    if not points:
        return np.zeros(0), np.zeros(0)
    table = np.array(points, np.float64)
    parts = np.array_split(table, min(len(table), _POINTS))
    means = np.array([part.mean(axis=0) for part in parts])
    return means[:, 0], means[:, 1]
