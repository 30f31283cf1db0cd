"""``stream-unmask sheet``: a picture of what was done to the faces of a video or of a folder."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import click

from stream_unmask import sheets
from stream_unmask.api import Unmasker
from stream_unmask.bundled import weights_option
from stream_unmask.errors import UnmaskError
from stream_unmask.settings import Settings
from stream_unmask.video.images import write_image


@click.command()
@click.argument("source", metavar="INPUT", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("sheet.png"), show_default=True)
@click.option("--faces", type=click.IntRange(1), default=24, show_default=True, help="Most faces to show.")
@click.option(
    "--every",
    type=click.IntRange(1),
    default=15,
    show_default=True,
    help="Frames of a video between two shown.",
)
@click.option("--columns", type=click.IntRange(1), default=3, show_default=True, help="Faces in a row.")
@click.option(
    "--side", type=click.IntRange(32), default=160, show_default=True, help="Pixels of each picture."
)
@weights_option
@click.option("--overwrite", is_flag=True, help="Replace OUTPUT if it exists.")
def sheet(
    source: Path,
    output: Path,
    faces: int,
    every: int,
    columns: int,
    side: int,
    weights: Path,
    overwrite: bool,
) -> None:
    """Draw input, map and output of the masked faces in INPUT beside each other.

    INPUT is a video, a picture, or a folder of either.
    """
    unmasker = Unmasker(Settings(weights=weights))
    triples = list(islice(sheets.collect(unmasker, source, every=every, side=side), faces))
    if not triples:
        raise UnmaskError(f"No masked face was found in {source}.")
    write_image(output, sheets.draw(triples, columns=columns), overwrite=overwrite)
    click.echo(f"Wrote {output}: {len(triples)} faces; each is input, map, output.")
