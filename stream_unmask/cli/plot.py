"""``stream-unmask plot``: the curves of training runs."""

from __future__ import annotations

from pathlib import Path

import click

from trainer.plots import plot_runs


@click.command()
@click.argument("runs", type=click.Path(path_type=Path, file_okay=False), nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="PNG file to write.  [default: plots.png in the first run's folder]",
)
def plot(runs: tuple[Path, ...], output: Path | None) -> None:
    """Draw the curves of RUNS; several runs share the panels."""
    output = output or runs[0] / "plots.png"
    plot_runs(runs, output)
    click.echo(f"Drew {output}.")
