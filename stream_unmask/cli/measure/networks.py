"""Of the networks: what they cost, on what, and to train."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from stream_unmask.cli.options import weights_option

if TYPE_CHECKING:
    from trainer.devices import PrecisionName


@click.command()
@weights_option
@click.option("--rounds", default=3, show_default=True, help="Times that each engine is measured.")
@click.option("--seconds", default=2.0, show_default=True, help="Length of each round in seconds.")
@click.option(
    "--threads",
    type=click.IntRange(1),
    multiple=True,
    help="CPU threads; may be repeated.  [default: 1, 2, 4, 8, up to the cores]",
)
def engines(weights: Path, rounds: int, seconds: float, threads: tuple[int, ...]) -> None:
    """Compare the engines that run on a CPU.

    For each: milliseconds and CPU time per run, speed and PSNR against ONNX Runtime in fp32.
    """
    from benchmarks.engines import measure as run

    def progress(line: str) -> None:
        click.echo(line, err=True)

    found = run(weights, rounds=rounds, seconds=seconds, threads=threads, progress=progress)
    click.echo(found)


@click.command()
def networks() -> None:
    """Print the parameters and multiply-adds (MAC) of every network for one picture."""
    from trainer.networks.catalogue import CATALOGUE
    from trainer.networks.catalogue import measure as run

    click.echo(f"{'network':20}{'side':>6}{'parameters':>14}{'GMAC':>10}")
    for name, listed in CATALOGUE.items():
        for size in listed.sizes:
            cost = run(listed, size)
            click.echo(f"{name:20}{size:6}{cost.parameters:14,}{cost.multiply_adds / 1e9:10.2f}")


@click.command()
@click.argument("shards", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--set",
    "sets",
    multiple=True,
    help="Set of photos; may be repeated.  [default: the first one to train on]",
)
@click.option("--size", default=256, show_default=True, help="Side of the crops in pixels.")
@click.option("--count", type=click.IntRange(1), default=300, show_default=True, help="Samples per round.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
def pairs(shards: Path, sets: tuple[str, ...], size: int, count: int, rounds: int) -> None:
    """Time how fast one core makes training pairs and clips from the photos in SHARDS."""
    from benchmarks.pairs import measure as run

    click.echo(run(shards, sets=sets, size=size, count=count, rounds=rounds))


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Folder of photo shards.",
)
@click.option("--recipe", default="release", show_default=True)
@click.option(
    "--size", type=click.IntRange(32), default=192, show_default=True, help="Side of the crops in pixels."
)
@click.option("--batch", type=click.IntRange(2), default=16, show_default=True, help="Samples per step.")
@click.option("--seconds", type=click.FloatRange(1), default=60.0, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True, help="Threads of PyTorch.")
@click.option(
    "--workers", type=click.IntRange(0), help="Processes that make samples.  [default: all cores but one]"
)
@click.option("--precision", type=click.Choice(["auto", "32", "bf16", "16"]), default="auto")
def training(
    data: Path,
    recipe: str,
    size: int,
    batch: int,
    seconds: float,
    threads: int,
    workers: int | None,
    precision: PrecisionName,
) -> None:
    """Train for some seconds: images per second, time spent waiting for data, bound of the arithmetic."""
    from benchmarks.training import TrainingPlan
    from benchmarks.training import measure as run
    from trainer.devices import default_workers
    from trainer.recipes import RECIPES

    if recipe not in RECIPES:
        raise click.BadParameter(f"{recipe} is not one of {', '.join(RECIPES)}.", param_hint="--recipe")
    plan = TrainingPlan(
        data=data,
        recipe=recipe,
        size=size,
        batch=batch,
        seconds=seconds,
        threads=threads,
        workers=default_workers() if workers is None else workers,
        precision=precision,
    )
    click.echo(run(plan, lambda sentence: click.echo(sentence, err=True)))


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
def gpu_networks(target: Path) -> None:
    """Time every way in which PyTorch runs the networks on a GPU, into the JSON file TARGET."""
    from benchmarks.gpu_networks import measure as run

    run(target, click.echo)


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@click.argument("table", type=click.Path(path_type=Path))
def gpu_frames(target: Path, table: Path) -> None:
    """Time a GPU's work on the pixels of faces into the JSON file TARGET, kernel by kernel into TABLE."""
    from benchmarks.gpu_frames import measure as run

    run(target, table, click.echo)
