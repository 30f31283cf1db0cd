"""Of many machines."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from stream_unmask.cli.measure.common import command_line, json_option, tell


@click.command()
@click.option("--files", type=click.IntRange(2), default=60, show_default=True, help="Short files.")
@click.option("--frames", type=click.IntRange(2), default=50, show_default=True, help="Of each.")
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True, help="At the same time.")
@click.option("--rounds", type=click.IntRange(1), default=2, show_default=True, help="Of those two.")
@click.option("--kills", type=click.IntRange(0), default=10, show_default=True, help="Nodes that are lost.")
@json_option
def fleet(target: Path | None, **values: int) -> None:
    """Time Ray beside plain processes, a long file in spans beside one go, and what lost nodes cost."""
    from benchmarks.fleet import Plan
    from benchmarks.fleet import measure as run

    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), Plan(**values), command_line())
    tell(found, target)


@click.command()
@click.option("--cameras", type=click.IntRange(1), default=10_000, show_default=True)
@click.option("--nodes", type=click.IntRange(2), default=500, show_default=True)
@click.option("--cores", type=click.IntRange(1), default=16, show_default=True, help="Of a node.")
@click.option("--cost", type=float, default=0.65, show_default=True, help="Cores that a camera needs.")
@click.option("--days", type=float, default=30.0, show_default=True)
@click.option("--between-failures", type=float, default=60.0, show_default=True, help="Days, for each node.")
@click.option("--seed", type=int, default=1, show_default=True)
@json_option
def fleet_simulation(target: Path | None, **values: float) -> None:
    """Simulate a large wall of cameras whose nodes fail."""
    from benchmarks.fleet_simulation import Plan
    from benchmarks.fleet_simulation import measure as run

    tell(run(Plan(**values), command_line()), target)  # type: ignore[arg-type]
