"""``stream-unmask data``: photos to shards, shards to paired pictures, photos to masked photos."""

from __future__ import annotations

import os
import re
from pathlib import Path

import click

from stream_unmask.cli.progress import bar
from stream_unmask.cli.stand_ins import learn, stand_ins
from stream_unmask.synth.style import KINDS, WORN, MaskStyle
from trainer.data import HELD_OUT, read_photos, training_sets

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group()
def data() -> None:
    """Draw masks on photos; turn photos into training data, portraits into stand-ins."""


data.add_command(stand_ins)
data.add_command(learn)


def _set_name(_context: click.Context, _option: click.Parameter, name: str) -> str:
    """A name that can be that of a set to train on."""
    if name.startswith(HELD_OUT) or not re.fullmatch(r"\w[\w.-]*", name):
        raise click.BadParameter(
            f"use letters, digits, _, - and '.'; names that begin with {HELD_OUT} are for held-out sets."
        )
    return name


@data.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("-o", "--output", type=_FOLDER, required=True, help="Folder for the shards.")
@click.option(
    "--name",
    default="faces",
    show_default=True,
    callback=_set_name,
    help="Name of the set; held-out people go to val_NAME.",
)
@click.option(
    "--ids",
    type=click.Path(path_type=Path),
    help="Who is who: a text or CSV file of 'file id' lines, or 'folders' if each sub-folder is one person.",
)
@click.option(
    "--held-out",
    type=click.FloatRange(0, 1),
    default=0.05,
    show_default=True,
    help="Share of people to hold out.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed that decides who is held out.")
@click.option(
    "--size", type=click.IntRange(64), default=256, show_default=True, help="Side of the crops in pixels."
)
@click.option(
    "--least-eyes",
    type=float,
    default=30.0,
    show_default=True,
    help="Leave out faces with fewer pixels between the eyes.",
)
@click.option(
    "--most-yaw",
    type=float,
    default=70.0,
    show_default=True,
    help="Leave out heads that are turned further, in degrees.",
)
@click.option(
    "--workers", type=click.IntRange(1), default=os.cpu_count() or 1, show_default=True, help="Processes."
)
def pack(
    folder: Path,
    output: Path,
    name: str,
    ids: Path | None,
    held_out: float,
    seed: int,
    size: int,
    least_eyes: float,
    most_yaw: float,
    workers: int,
) -> None:
    """Turn the photos in FOLDER into shards of aligned faces.

    Broken photos and photos without a usable face are counted and listed; duplicates are dropped. If it was
    interrupted, run the same command again: it goes on where it stopped.
    """
    from trainer.packing.pack import PackSettings
    from trainer.packing.pack import pack as pack_photos
    from trainer.packing.portrait import Wishes

    wishes = Wishes(size, least_eyes, most_yaw)
    settings = PackSettings(name, ids, held_out, seed, workers, wishes=wishes)
    with bar("Photos") as progress:
        packed = pack_photos(folder, output, settings, progress)
    for set_, faces in packed.faces.items():
        lacking = "; more --held-out puts some there" if set_.startswith(HELD_OUT) and not faces else ""
        click.echo(f"{set_}: {faces} faces of {packed.people[set_]} people{lacking}")
    for reason, count in packed.left_out.most_common():
        click.echo(f"left out: {count} ({reason})")
    if packed.left_out:
        click.echo(f"{output / name}-left-out.txt names them.")


@data.command()
@click.argument("shards", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("-o", "--output", type=_FOLDER, required=True, help="Folder for the pictures.")
@click.option("--count", type=click.IntRange(1), required=True, help="Number of pairs.")
@click.option(
    "--only",
    multiple=True,
    metavar="SET",
    help="Use this set of photos; may be repeated.  [default: all that are not held out]",
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--size", type=click.IntRange(64), default=256, show_default=True, help="Side of the pictures in pixels."
)
@click.option(
    "--masked",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    help="Share of pictures with a mask.",
)
@click.option(
    "--damage",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Amount of blur, noise and compression.",
)
@click.option("--varied/--plain", default=True, help="Vary light and alignment, or only the mask.")
@click.option("--jpeg", is_flag=True, help="Write pictures as JPEG; masks stay PNG.")
def pairs(
    shards: Path,
    output: Path,
    count: int,
    only: tuple[str, ...],
    seed: int,
    size: int,
    masked: float,
    damage: float,
    varied: bool,
    jpeg: bool,
) -> None:
    """Put masks on the faces in SHARDS.

    Writes masked/, unmasked/ and mask/ (where the mask is), pictures of the same names.
    """
    from stream_unmask.synth.pairs import PairSettings
    from trainer.packing.paired import write_pairs

    photos = read_photos(shards, only or training_sets(shards))
    settings = PairSettings(size, masked, 0.45 if masked < 1 else 0.0, damage, varied)
    suffix = ".jpg" if jpeg else ".png"
    with bar("Pairs") as progress:
        made = write_pairs(photos, output, settings, count, seed=seed, suffix=suffix, progress=progress)
    click.echo(f"{output}: {count} pairs, {made} of them new")


@data.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("-o", "--output", type=_FOLDER, required=True, help="Folder for the pictures.")
@click.option(
    "--count", type=click.IntRange(1), default=1, show_default=True, help="Pictures to make of each photo."
)
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed draws the same masks.")
@click.option("--kind", type=click.Choice(KINDS), help="Kind of all masks.  [default: by chance]")
@click.option("--worn", type=click.Choice(WORN), help="How all masks are worn.  [default: by chance]")
@click.option("--jpeg", is_flag=True, help="Write pictures as JPEG; masks stay PNG.")
def synthesise(
    folder: Path, output: Path, count: int, seed: int, kind: str | None, worn: str | None, jpeg: bool
) -> None:
    """Draw face masks on the photos in FOLDER.

    Each gives NAME-0.png, NAME-0.mask.png (where the mask is) and NAME-0.json (what was drawn), and so on.
    """
    from trainer.packing.masked import mask_photos

    try:
        style = MaskStyle(kind=kind, worn=worn)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    suffix = ".jpg" if jpeg else ".png"
    with bar("Photos") as progress:
        done = mask_photos(
            folder, output, count=count, seed=seed, style=style, suffix=suffix, progress=progress
        )
    click.echo(f"{output}: {done.made} masked pictures, and {done.kept} that were there already")
    for name in done.left_out:
        click.echo(f"left out: {name} (no face found in it)")


@data.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("gallery.jpg"),
    show_default=True,
    help="Picture to write.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed draws the same masks.")
@click.option("--overwrite", is_flag=True, help="Replace the picture if it exists.")
def gallery(output: Path, seed: int, overwrite: bool) -> None:
    """Draw one face in two dozen synthetic masks."""
    from benchmarks.clips import find_mesh, portrait
    from stream_unmask.output.pictures import write_image
    from stream_unmask.synth.gallery import draw_gallery

    photo = portrait()
    write_image(output, draw_gallery(photo, find_mesh(photo), seed), overwrite=overwrite)
    click.echo(output)
