"""``stream-unmask export``: trained networks to ONNX."""

from __future__ import annotations

from pathlib import Path

import click

from engines.contract import SEGMENTER, has_weights
from stream_unmask.bundled import weights_folder
from trainer.about import BUNDLED
from trainer.export import copy_segmenter, export_generator, export_segmenter, export_wearer


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder of photo shards.")
@click.option("--segmenter", type=click.Path(path_type=Path), help="Run of the segmenter, or 'bundled'.")
@click.option("--generator", type=click.Path(path_type=Path), help="Run of a generator or of cyclegan.")
@click.option("--wearer", type=click.Path(path_type=Path), help="Run of the recipe wearer or cyclegan.")
@click.option(
    "--weights",
    type=weights_folder,
    metavar="NAME|FOLDER",
    required=True,
    help="Folder to write to, or a bundled set.",
)
@click.option("--inner", type=int, help="Side of the generator's crops.  [default: that of its training]")
@click.option("--note", default="", help="What the manifest says of the runs.")
def export(
    data: Path,
    segmenter: Path | None,
    generator: Path | None,
    wearer: Path | None,
    weights: Path,
    inner: int | None,
    note: str,
) -> None:
    """Export trained networks to ONNX, check them against PyTorch, and put them in place."""
    if segmenter is None and generator is None and wearer is None:
        raise click.UsageError("Name the run of a --segmenter, a --generator or a --wearer.")
    if wearer is not None:
        click.echo(f"wearer: {export_wearer(data, wearer, weights, note)}")
    if segmenter == BUNDLED:
        copy_segmenter(weights)
        click.echo("segmenter: the bundled one, as it is")
    elif segmenter is not None:
        click.echo(f"segmenter: {export_segmenter(data, segmenter, weights, note)}")
    if generator is not None:
        click.echo(f"generator: {export_generator(data, generator, weights, note, inner)}")
        if not has_weights(weights, SEGMENTER, "fp32"):
            click.echo(f"{weights} has no segmenter yet: export one, or say --segmenter {BUNDLED}.")
