"""Of what faces look like: stand-ins, references, marks."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Literal

import click

from benchmarks.clips import ClipOptions, make_clip
from stream_unmask.cli.measure.common import command_line, json_option, tell
from stream_unmask.cli.options import weights_option
from stream_unmask.settings import Settings


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of photo shards."
)
@click.option(
    "--set", "sets", multiple=True, help="Measure on this set; may be repeated.  [default: all held-out sets]"
)
@click.option("--limit", type=click.IntRange(4), help="Use only this many photos of each set.")
@weights_option
def stand_ins(data: Path, sets: tuple[str, ...], limit: int | None, weights: Path) -> None:
    """Tell how real faces look as a crowd, with stand-ins and without, on held-out photos."""
    from benchmarks.stand_ins import measure as run
    from trainer.data import held_out_sets, read_photos
    from trainer.evaluation.heldout import held_out

    for name in sets or held_out_sets(data):
        faces = [face for face in held_out(read_photos(data, [name])) if face.inside.any()][:limit]
        for way in ("none", "auto"):
            click.echo(f"{name}, --stand-in {way}: {run(Settings(weights=weights, stand_in=way), faces)}")


@click.command()
@click.argument("clips", type=click.Path(exists=True, path_type=Path), nargs=-1, required=True)
@click.option(
    "--start",
    type=click.IntRange(1),
    default=45,
    show_default=True,
    help="Frame that a mask is worn from.",
)
@click.option(
    "--frames", type=click.IntRange(10), default=125, show_default=True, help="Read this many of each clip."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the first mask.")
@json_option
def references(clips: tuple[Path, ...], start: int, frames: int, seed: int, target: Path | None) -> None:
    """Tell what a person's own face is worth, on CLIPS of bare faces.

    Masks are drawn on from a frame on, so that the truth is known.
    """
    from benchmarks.references import as_result
    from benchmarks.references import measure as run

    found = []
    for number, clip in enumerate(clips):
        found.append(run(clip, start=start, frames=frames, seed=seed + number))
        click.echo("\n".join(f"{clip.name}, {way}: {figures}" for way, figures in found[-1].items()))
    tell(as_result(found, command_line()), target)


@click.command()
@click.argument("clips", type=click.Path(exists=True, path_type=Path), nargs=-1, required=True)
@click.option("--bare", is_flag=True, help="Look at bare faces as they are, to compare with.")
@click.option(
    "--stand-in",
    type=click.Choice(["auto", "none"]),
    default="auto",
    show_default=True,
    help="What guides the generator.",
)
@weights_option
@json_option
def constancy(
    clips: tuple[Path, ...],
    bare: bool,
    stand_in: Literal["auto", "none"],
    weights: Path,
    target: Path | None,
) -> None:
    """Tell whether faces stay one person over CLIPS of masked people."""
    from benchmarks.constancy import Constancy, Judge, as_result
    from benchmarks.constancy import measure as run

    judge, found = Judge(), list[Constancy]()
    for clip in clips:
        for face in run(clip, Settings(weights=weights, stand_in=stand_in), judge, bare=bare):
            found.append(face)
            click.echo(face)
    if target is not None:
        tell(as_result(found, command_line()), target)


@click.command()
@click.argument("masked", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.argument("bare", type=click.Path(path_type=Path, file_okay=False), required=False)
@json_option
def marks(masked: Path | None, bare: Path | None, target: Path | None) -> None:
    """Tell how faint marks are and what they outlive, of a made clip or of the videos of two folders.

    MASKED holds videos of masked faces, BARE such without any mark.
    """
    from benchmarks.marks import measure as run
    from stream_unmask.video.files import list_media

    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        clips = (
            [make_clip(work / "masked.mp4", ClipOptions(frames=110, sound=False))]
            if masked is None
            else list_media(masked)
        )
        others = (
            [make_clip(work / "bare.mp4", ClipOptions(frames=110, masked=False, sound=False))]
            if bare is None
            else list_media(bare)
        )
        tell(run(clips, others, work, command_line()), target)
