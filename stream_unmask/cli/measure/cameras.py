"""Of cameras: how they hold, come back, die and are late."""

from __future__ import annotations

import os
from pathlib import Path

import click

from stream_unmask.cli.measure.common import command_line, json_option, tell


@click.command()
@click.option("--minutes", type=click.FloatRange(1), default=60.0, show_default=True)
@click.option(
    "--every", type=click.FloatRange(10), default=60.0, show_default=True, help="Seconds between two faults."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of what goes wrong when.")
@click.option(
    "--picture",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also draw the figures over time into this file.",
)
@json_option
def soak(minutes: float, every: float, seed: int, picture: Path | None, target: Path | None) -> None:
    """Leave two cameras alone, let one of them do wrong every minute, and tell what the program holds."""
    from benchmarks.soak import as_result, draw
    from benchmarks.soak import measure as run

    found = run(minutes, every, seed, lambda sentence: click.echo(sentence, err=True))
    tell(as_result(found, command_line(), os.getloadavg()[0]), target)
    if picture is not None:
        draw(found, picture)


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=2, show_default=True)
@click.option("--cameras", type=click.IntRange(1), default=4, show_default=True, help="At the same time.")
@json_option
def recovery(rounds: int, cameras: int, target: Path | None) -> None:
    """Tell how long a camera's pictures stay away after each kind of fault."""
    from benchmarks.cameras import recovery as run

    tell(run(rounds, cameras, command_line(), lambda sentence: click.echo(sentence, err=True)), target)


@click.command()
@json_option
def deaths(target: Path | None) -> None:
    """Tell what recordings lack when the program that writes them dies."""
    from benchmarks.cameras import deaths as run

    tell(run(command_line(), lambda sentence: click.echo(sentence, err=True)), target)


@click.command()
@click.option("--seconds", type=click.FloatRange(1), default=30.0, show_default=True, help="Of watching.")
@click.option("--rate", type=click.IntRange(1), default=15, show_default=True, help="Frames a second.")
@json_option
def delays(seconds: float, rate: int, target: Path | None) -> None:
    """Tell how late a camera's outputs are, one and four of them, and what each further one costs."""
    from benchmarks.cameras import delays as run

    tell(run(seconds, rate, command_line(), lambda sentence: click.echo(sentence, err=True)), target)
