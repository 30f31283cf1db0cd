"""``stream-unmask data stand-ins``: make a bank of stand-ins out of portraits."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from engines.backends.openvino_cpu import OpenVINOEngine
from stream_unmask.errors import UnmaskError
from stream_unmask.faces import weights
from stream_unmask.faces.detection import INPUT_SHAPE, CenterFace
from stream_unmask.faces.mesh import FaceMesh
from stream_unmask.inpainting.stand_ins.bank import load_bank, save_bank
from stream_unmask.inpainting.stand_ins.describing import UpperFace
from stream_unmask.inpainting.stand_ins.making import make_bank
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
@click.option("--like", type=click.Path(path_type=Path), help="A bank that the new one shall be used with.")
@click.option("--overwrite", is_flag=True, help="Replace the output if it exists.")
def stand_ins(
    portraits: Path,
    output: Path,
    size: int,
    licence: str,
    source: str,
    nobodys_faces: bool,
    leave_out: Path | None,
    like: Path | None,
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
    bank, judged = make_bank(
        read_pictures(portraits),
        _reader(size),
        UpperFace(),
        licence=licence,
        source=source,
        leave_out=_names(leave_out),
        projection=None if like is None else load_bank([like]).projection,
    )
    part = PartFile.claim(output)
    try:
        save_bank(part.path, bank)
        part.publish(overwrite=True)
    except OSError as error:
        raise UnmaskError(f"{output} cannot be written: {error.strerror}.") from error
    finally:
        part.discard()
    click.echo(f"Wrote {output}: {bank.count} stand-ins, {output.stat().st_size / 1e6:.1f} MB.")
    flaws = Counter(each.flaw for each in judged if each.flaw is not None)
    if flaws:
        click.echo("Left out: " + ", ".join(f"{flaw} {count}" for flaw, count in flaws.most_common()) + ".")


def _reader(size: int) -> PortraitReader:
    detector = CenterFace(OpenVINOEngine(weights.centerface(), 0, [INPUT_SHAPE]))
    return PortraitReader(detector, FaceMesh(OpenVINOEngine(weights.face_landmark(), 0)), size)


def _names(path: Path | None) -> frozenset[str]:
    if path is None:
        return frozenset()
    try:
        return frozenset(path.read_text(encoding="utf-8").split())
    except (OSError, UnicodeDecodeError) as error:
        raise UnmaskError(f"The list {path} cannot be read.") from error
