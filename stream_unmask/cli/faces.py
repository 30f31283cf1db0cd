"""``stream-unmask faces``: the stand-ins, for a person to choose from."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import click
import numpy as np

from stream_unmask.api import Unmasker
from stream_unmask.bundled import weights_folder
from stream_unmask.cli.ledger import ledger_of
from stream_unmask.cli.options import weights_option
from stream_unmask.errors import InputError
from stream_unmask.inpainting.stand_ins.bank import Pixels
from stream_unmask.inpainting.stand_ins.bundled import bundled_stand_ins
from stream_unmask.inpainting.stand_ins.showing import draw_stand_ins
from stream_unmask.output.pictures import check_picture_name, write_image
from stream_unmask.output.sheets import face_crop
from stream_unmask.settings import Settings
from stream_unmask.video.files import check_output, is_image
from stream_unmask.video.frame import Frame
from stream_unmask.video.images import as_frame, read_image
from stream_unmask.video.source import open_source

_SIDE, _GAP = 128, 4


@click.command()
@click.argument("source", metavar="[INPUT]", required=False, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("faces.png"),
    show_default=True,
    help="The picture.",
)
@click.option(
    "--frames",
    type=click.IntRange(1),
    default=250,
    show_default=True,
    help="Look at this many frames of a video.",
)
@weights_option
@click.option("--overwrite", is_flag=True, help="Replace OUTPUT if it exists.")
def faces(source: Path | None, output: Path, frames: int, weights: Path, overwrite: bool) -> None:
    """Draw the stand-ins, each with the number that `--stand-in` takes.

    With INPUT, a video or a picture, a row for each masked face: how it looks, what it looks like with the
    stand-in that was chosen, and the eight that fit it best.
    """
    check_picture_name(output)
    check_output(output, source or Path(), overwrite=overwrite)
    if source is None:
        bank = bundled_stand_ins(weights_folder(weights))
        write_image(output, draw_stand_ins(bank, range(bank.count)), overwrite=overwrite)
        click.echo(f"Wrote {output}: {bank.count} stand-ins. Further numbers are their mirror images.")
        return
    if not source.exists():
        raise InputError(f"{source} does not exist.", path=source)
    ledger_of(click.get_current_context()).begin(source)
    rows = _rows(Unmasker(Settings(weights=weights, reference="none")), source, frames)
    if not rows:
        raise InputError(f"No masked face was found in {source}.", path=source)
    write_image(output, _stacked(list(rows.values())), overwrite=overwrite)
    numbers = ", ".join(map(str, rows))
    click.echo(f"Wrote {output}: {len(rows)} faces; from the top, their numbers are {numbers}.")


def _rows(unmasker: Unmasker, source: Path, count: int) -> dict[int, Pixels]:
    """A row for each face that was unmasked in the first frames, by its number."""
    still = is_image(source)
    stream = unmasker.stream(still=still)
    bank = unmasker.networks.bank
    assert bank is not None
    shown: dict[int, Pixels] = {}
    for frame in [as_frame(read_image(source))] if still else _frames(source, count):
        for face in stream.process(frame):
            before_and_after = frame.decoded_planes(), frame.planes()
            shown[face.number] = np.hstack([face_crop(planes, face, _SIDE) for planes in before_and_after])
    rows = {}
    for report in stream.faces:
        if report.number in shown and report.fitting:
            fitting = draw_stand_ins(bank, [number - 1 for number in report.fitting], side=_SIDE)
            rows[report.number] = np.hstack([shown[report.number], fitting])
    return rows


def _stacked(rows: list[Pixels]) -> Pixels:
    """Rows below each other, on white."""
    width = max(row.shape[1] for row in rows)
    sheet = np.full((len(rows) * (_SIDE + _GAP), width, 3), 255, np.uint8)
    for place, row in enumerate(rows):
        top = place * (_SIDE + _GAP)
        sheet[top : top + _SIDE, : row.shape[1]] = row
    return sheet


def _frames(source: Path, count: int) -> list[Frame]:
    with open_source(source) as opened:
        return list(islice((item for item in opened if isinstance(item, Frame)), count))
