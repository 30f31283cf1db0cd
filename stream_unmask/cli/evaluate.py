"""``stream-unmask evaluate`` and ``crops``: networks on held-out photos, in figures and as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.progress import Progress, track

from stream_unmask.bundled import BUNDLED_SETS, BUNDLED_WEIGHTS
from stream_unmask.cli.options import weights_that_are_there
from stream_unmask.errors import UnmaskError
from trainer.data import Photo, held_out_sets, read_photos, training_sets
from trainer.evaluation.contestants import Contestant, MeanFace, NetworksContestant, Telea
from trainer.evaluation.heldout import HeldOut, held_out, native_sides
from trainer.evaluation.identity import Recogniser
from trainer.evaluation.real import read_real, score_real
from trainer.evaluation.report import Evaluation, sheet, show, write_json, write_picture
from trainer.evaluation.runs import trained
from trainer.evaluation.score import score
from trainer.evaluation.steadiness import steadiness

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)
_weights = click.option(
    "--weights",
    type=weights_that_are_there,
    metavar="NAME|FOLDER",
    multiple=True,
    help="Exported or bundled networks; repeat to compare.",
)
_runs = click.option(
    "--run",
    "runs",
    type=_FOLDER,
    multiple=True,
    help="A training run that was not exported; may be repeated.",
)
_STEADY_FACES = 3
_MEAN_OF = 300
_TABLE_WIDTH = 160


@click.command()
@click.option("--data", type=_FOLDER, required=True, help="Folder of photo shards.")
@_weights
@_runs
@click.option(
    "--set", "sets", multiple=True, help="Measure on this set; may be repeated.  [default: all held-out sets]"
)
@click.option("--limit", type=click.IntRange(1), help="Use only this many photos of each set.")
@click.option(
    "--frames",
    type=click.IntRange(0),
    default=40,
    show_default=True,
    help="Frames over which steadiness is measured; 0 leaves it out.",
)
@click.option(
    "--baselines/--no-baselines", default=True, help="Also measure the mean face and Telea's inpainting."
)
@click.option(
    "--real",
    type=click.Path(path_type=Path, exists=True),
    help="Folder or tar of photos of really masked people.",
)
@click.option(
    "--identity",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A face recogniser of yours (ONNX, 112 px, aligned as ArcFace) that tells how alike faces stay.",
)
@click.option(
    "--groups", is_flag=True, help="Also show results by skin tone, turn of the head, size and mask."
)
@click.option(
    "--threads", type=click.IntRange(1), default=2, show_default=True, help="Threads of ONNX Runtime."
)
@click.option("--json", "as_json", type=_FILE, help="Write all figures to this file.")
@click.option("--picture", type=_FILE, help="Draw a few faces (and the real ones) into this file.")
def evaluate(
    data: Path,
    weights: tuple[Path, ...],
    runs: tuple[Path, ...],
    sets: tuple[str, ...],
    limit: int | None,
    frames: int,
    baselines: bool,
    real: Path | None,
    identity: Path | None,
    groups: bool,
    threads: int,
    as_json: Path | None,
    picture: Path | None,
) -> None:
    """Measure networks on held-out photos: the bundled ones, unless others are named."""
    sets = sets or _held_out_in(data)
    folders = weights or (() if runs else (BUNDLED_WEIGHTS,))
    networks = [NetworksContestant.exported(folder, threads) for folder in folders]
    recogniser = None if identity is None else Recogniser(identity, threads)
    contestants: list[Contestant] = [*networks, *(trained(run, threads) for run in runs)]
    if baselines:
        usual = _usual(data)
        contestants += [*([MeanFace(usual)] if usual else []), Telea()]
    names = _names(contestants, [*folders, *runs])
    results = {name: Evaluation() for name in names}
    console = Console(width=max(Console().width, _TABLE_WIDTH))
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("measuring", total=len(sets) * len(names))
        for set_name in sets:
            faces = list(held_out(read_photos(data, [set_name])[:limit], native_sides(data, set_name)))
            for name, contestant in zip(names, contestants, strict=True):
                _tell(progress, f"{name} on {len(faces)} faces of {set_name} ...")
                results[name].sets[set_name] = score(contestant, faces, recogniser)
                if frames > 1 and set_name == sets[0] and contestant.finds:
                    results[name].steadiness = steadiness(contestant, faces[:_STEADY_FACES], frames)
                progress.advance(task)
    if real is not None:
        _real(real, dict(zip(names, folders, strict=False)), results, limit, picture)
    show(results, console, groups=groups)
    if as_json is not None:
        write_json(results, as_json)
    if picture is not None:
        painters = [each for each in contestants if each.finds]
        write_picture(sheet(painters, _spread_faces(data, sets[0], 8)), picture)


@click.command()
@click.option("--data", type=_FOLDER, required=True, help="Folder of photo shards.")
@_weights
@_runs
@click.option("--set", "name", help="Set to draw from.  [default: the first held-out set]")
@click.option("--count", type=click.IntRange(1), default=8, show_default=True, help="Number of photos.")
@click.option("--bare", is_flag=True, help="Draw the faces without masks.")
@click.option("-o", "--output", type=_FILE, required=True, help="PNG file to write.")
def crops(
    data: Path,
    weights: tuple[Path, ...],
    runs: tuple[Path, ...],
    name: str | None,
    count: int,
    bare: bool,
    output: Path,
) -> None:
    """Draw a row for each photo: crop; mask, inpainted crop and result of each network; truth."""
    folders = weights or (() if runs else (BUNDLED_WEIGHTS,))
    contestants = [
        *(NetworksContestant.exported(folder) for folder in folders),
        *(trained(run) for run in runs),
    ]
    faces = _spread_faces(data, name or _held_out_in(data)[0], count, bare=bare)
    write_picture(sheet(contestants, faces), output)
    click.echo(f"Drew {output}.")


def _tell(progress: Progress, what: str) -> None:
    """Say what begins: on a terminal beside the bar, else as a line, as there is no bar."""
    if progress.console.is_terminal:
        progress.update(progress.task_ids[0], description=what)
    else:
        click.echo(what, err=True)


def _held_out_in(data: Path) -> tuple[str, ...]:
    """The sets to measure on."""
    if names := held_out_sets(data):
        return tuple(names)
    raise UnmaskError(
        f"There is nothing to measure on: no set in {data} is held out (val_NAME-000.tar).", path=data
    )


def _usual(data: Path) -> list[Photo]:
    """The first photos that are trained on."""
    photos: list[Photo] = []
    for name in training_sets(data):
        photos += read_photos(data, [name])
        if len(photos) >= _MEAN_OF:
            break
    return photos[:_MEAN_OF]


def _spread_faces(data: Path, name: str, count: int, *, bare: bool = False) -> list[HeldOut]:
    """Some faces from all over a set, with the masks that the evaluation puts on them, or without."""
    photos = read_photos(data, [name])
    chosen = set(range(0, len(photos), max(1, len(photos) // count))[:count])
    faces = [face for number, face in enumerate(held_out(photos)) if number in chosen]
    if bare:
        return [replace(face, crop=face.truth, mask=np.zeros_like(face.mask)) for face in faces]
    return faces


def _names(contestants: Sequence[Contestant], folders: Sequence[Path]) -> list[str]:
    """A name for each: a bundled set's, or that of its folder, or as much of the path as tells them apart."""
    bundled = {each.folder: f"bundled {name}" for name, each in BUNDLED_SETS.items()}
    own = [bundled.get(folder) for folder in folders]
    names = [name or folder.name for name, folder in zip(own, folders, strict=True)]
    if len(set(names)) < len(names):
        names = [name or str(folder) for name, folder in zip(own, folders, strict=True)]
    if len(set(names)) < len(names):
        raise UnmaskError("The same folder is named twice.")
    return [*names, *(contestant.name for contestant in contestants[len(names) :])]


def _real(
    source: Path,
    weights: dict[str, Path],
    results: dict[str, Evaluation],
    limit: int | None,
    picture: Path | None,
) -> None:
    """Measure exported weights on real masks; others the product cannot run."""
    photos = read_real(source, limit)
    for name, folder in weights.items():
        watched = track(photos, "real masks", console=Console(stderr=True), transient=True)
        results[name].real, shown = score_real(folder, watched)
        if picture is not None:
            write_picture(shown, picture.with_stem(f"{picture.stem}-real-{name}".replace("/", "_")))
