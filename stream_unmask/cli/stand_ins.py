"""``stream-unmask data stand-ins`` and ``impressions``: a bank of faces, and what they are chosen by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import click

from engines.backends.openvino_cpu import OpenVINOEngine
from stream_unmask.bundled import BUNDLED_SETS
from stream_unmask.cli.progress import bar
from stream_unmask.errors import UnmaskError
from stream_unmask.faces import weights
from stream_unmask.faces.detection import INPUT_SHAPE, CenterFace
from stream_unmask.faces.mesh import FaceMesh
from stream_unmask.inpainting.stand_ins.bank import load_bank, save_bank
from stream_unmask.inpainting.stand_ins.bundled import bundled_stand_ins
from stream_unmask.inpainting.stand_ins.describing import UpperFace
from stream_unmask.inpainting.stand_ins.impressions import (
    Impressions,
    load_impressions,
    save_impressions,
)
from stream_unmask.inpainting.stand_ins.making import joined, make_bank
from stream_unmask.inpainting.stand_ins.portraits import PortraitReader, read_pictures
from stream_unmask.output.parts import PartFile
from stream_unmask.video.files import check_output


@click.command("stand-ins")
@click.argument("portraits", metavar="FOLDER|TAR", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The bank's file, .npz.")
@click.option(
    "--size", type=click.IntRange(128, 1024), default=384, show_default=True, help="Pixels of a face's side."
)
@click.option("--licence", required=True, help="Under which the portraits may be used.")
@click.option("--source", required=True, help="Where they are from, or what made them.")
@click.option(
    "--nobodys-faces",
    is_flag=True,
    help="Confirm that no portrait shows a real person, or that all who are shown agreed to this use.",
)
@click.option(
    "--leave-out",
    type=click.Path(path_type=Path),
    help="A text file of names, one a line, of portraits that are not to be taken.",
)
@click.option(
    "--with", "also", type=click.Path(path_type=Path), help="A bank whose faces it shall have, too."
)
@click.option(
    "--impressions",
    type=click.Path(path_type=Path),
    help="How faces are read; see 'data impressions'.  [default: as the bundled open bank does]",
)
@click.option("--overwrite", is_flag=True, help="Replace the output if it exists.")
def stand_ins(
    portraits: Path,
    output: Path,
    size: int,
    licence: str,
    source: str,
    nobodys_faces: bool,
    leave_out: Path | None,
    also: Path | None,
    impressions: Path | None,
    overwrite: bool,
) -> None:
    """Make a bank of stand-ins out of the portraits in a folder or a tar.

    A stand-in is worn by people whose own face is not known. Each portrait must show one bare face, calm, its
    mouth closed, without glasses; what does not is left out. Hard light is taken out.
    """
    if not nobodys_faces:
        raise UnmaskError(
            "Stand-ins are worn by strangers: add --nobodys-faces if no portrait shows a real person, "
            "or all who are shown agreed to this use."
        )
    check_output(output, portraits, overwrite=overwrite)
    known = None if also is None else load_bank(also)
    read_by = _bundled_impressions() if impressions is None else load_impressions(impressions)
    describer = UpperFace()
    bank, judged = make_bank(
        read_pictures(portraits),
        _reader(size),
        describer,
        licence=licence,
        source=source,
        leave_out=_names(leave_out),
        impressions=read_by,
    )
    if known is not None:
        bank = joined(known, bank, describer)
    _save(output, lambda path: save_bank(path, bank))
    click.echo(f"Wrote {output}: {bank.count} stand-ins, {output.stat().st_size / 1e6:.1f} MB.")
    flaws = Counter(each.flaw for each in judged if each.flaw is not None)
    if flaws:
        click.echo("Left out: " + ", ".join(f"{flaw} {count}" for flaw, count in flaws.most_common()) + ".")


@click.command("impressions")
@click.argument("shards", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option(
    "--labels",
    required=True,
    type=click.Path(path_type=Path),
    help="Text file of lines 'KEY woman', 'KEY man' or 'KEY child', and the age in years where it is known; "
    "KEY is the photo's SET/NAME, or its name.",
)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The file, .npz.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the masks that are drawn.")
@click.option("--overwrite", is_flag=True, help="Replace the output if it exists.")
def learn(shards: Path, labels: Path, output: Path, seed: int, overwrite: bool) -> None:
    """Learn from labelled photos in SHARDS how faces strike one, for choosing stand-ins.

    Photos of held-out sets are not learnt from; of these, the share that is read right is told.
    """
    from trainer.data import held_out_sets, read_photos, training_sets
    from trainer.impressions import learn_impressions, read_labels

    check_output(output, labels, overwrite=overwrite)
    known = read_labels(labels)
    photos = read_photos(shards, [*training_sets(shards), *held_out_sets(shards)])
    with bar("Faces") as progress:
        learnt = learn_impressions(photos, known, seed, progress)
    _save(output, lambda path: save_impressions(path, learnt.impressions))
    told = ", ".join(f"{name} {share:.1%}" for name, share in learnt.right.items())
    off = ", ".join(f"{name} {each:.1f}" for name, each in learnt.off.items())
    click.echo(f"Wrote {output}. Of held-out faces are read right: {told}. Ages are off by years: {off}.")
    click.echo(f"Of what tells faces apart, {learnt.expected:.0%} is read off their upper halves.")


def _save(output: Path, write: Callable[[Path], None]) -> None:
    """Write a file under a name of its own, and give it its name once it is whole."""
    part = PartFile.claim(output)
    try:
        write(part.path)
        part.publish(overwrite=True)
    except OSError as error:
        raise UnmaskError(f"{output} cannot be written: {error.strerror}.", path=output) from error
    finally:
        part.discard()


def _bundled_impressions() -> Impressions:
    return bundled_stand_ins(BUNDLED_SETS["open"].folder).impressions


def _reader(size: int) -> PortraitReader:
    detector = CenterFace(OpenVINOEngine(weights.centerface(), 0, [INPUT_SHAPE]))
    return PortraitReader(detector, FaceMesh(OpenVINOEngine(weights.face_landmark(), 0)), size)


def _names(path: Path | None) -> frozenset[str]:
    if path is None:
        return frozenset()
    try:
        return frozenset(path.read_text(encoding="utf-8").split())
    except (OSError, UnicodeDecodeError) as error:
        raise UnmaskError(f"The list {path} cannot be read.", path=path) from error
