"""``stream-unmask sheet``: a picture of what was done to the faces of a video or of a folder."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import click

from stream_unmask.api import Unmasker
from stream_unmask.cli.ledger import Ledger, ledger_of
from stream_unmask.cli.options import weights_option
from stream_unmask.errors import InputError
from stream_unmask.output.pictures import check_picture_name, write_image
from stream_unmask.output.sheets import Triple, draw, triples
from stream_unmask.settings import Settings
from stream_unmask.video.files import check_output, is_image, list_media
from stream_unmask.video.frame import Frame
from stream_unmask.video.images import as_frame, read_image
from stream_unmask.video.source import open_source


@click.command()
@click.argument("source", metavar="INPUT", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("sheet.png"),
    show_default=True,
    help="The picture.",
)
@click.option(
    "--faces", type=click.IntRange(1), default=24, show_default=True, help="Show at most this many faces."
)
@click.option(
    "--every",
    type=click.IntRange(1),
    default=15,
    show_default=True,
    help="Show every so many frames of a video.",
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
    """Draw input, mask and output of the masked faces in INPUT side by side.

    INPUT is a video, a picture, or a folder of either.
    """
    if not source.exists():
        raise InputError(f"{source} does not exist.", path=source)
    check_output(output, source, overwrite=overwrite)
    check_picture_name(output)
    unmasker = Unmasker(Settings(weights=weights))
    ledger = ledger_of(click.get_current_context())
    shown = list(islice(_collect(unmasker, source, ledger, every=every, side=side), faces))
    if not shown:
        raise InputError(f"No masked face was found in {source}.", path=source)
    write_image(output, draw(shown, columns=columns), overwrite=overwrite)
    click.echo(f"Wrote {output}: {len(shown)} faces; each is input, mask, output.")


def _collect(unmasker: Unmasker, source: Path, ledger: Ledger, *, every: int, side: int) -> Iterator[Triple]:
    """Unmask a file, or all files of a folder, and show their faces.

    Args:
        unmasker: the networks.
        source: a video, a picture, or a folder of either.
        ledger: learns which file is read.
        every: of a video, only every so many frames are shown; all are processed.
        side: of each picture of a triple, in pixels.

    Raises:
        InputError: the source cannot be read.
    """
    for path in list_media(source) if source.is_dir() else [source]:
        ledger.begin(path)
        if is_image(path):
            frame = as_frame(read_image(path))
            yield from triples(frame, unmasker.stream(still=True).process(frame), side)
            continue
        with open_source(path) as opened:
            stream = unmasker.stream(rotation=opened.info.rotation)
            for item in opened:
                if isinstance(item, Frame):
                    faces = stream.process(item)
                    if item.index % every == 0:
                        yield from triples(item, faces, side)
