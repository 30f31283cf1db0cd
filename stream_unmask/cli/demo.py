"""``stream-unmask demo``: make a masked clip, unmask it, and say where to look."""

from __future__ import annotations

import threading
from importlib.util import find_spec
from pathlib import Path

import click

from stream_unmask.api import Unmasker
from stream_unmask.errors import MissingExtraError
from stream_unmask.output.compare import side_by_side
from stream_unmask.output.pictures import write_image
from stream_unmask.output.sheets import Triple, draw, triples
from stream_unmask.output.sink import FileSink
from stream_unmask.output.writing import OutputOptions
from stream_unmask.running import run
from stream_unmask.video.frame import Frame
from stream_unmask.video.source import open_source

_SIDE = 256
"""Pixels of each picture of the sheet."""


@click.command()
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="Folder to write to.",
)
@click.option("--frames", type=click.IntRange(1), default=150, show_default=True, help="Length of the clip.")
def demo(folder: Path, frames: int) -> None:
    """Make a clip of a masked face, without downloading anything, unmask it, and say where to look."""
    if find_spec("skimage") is None:
        raise MissingExtraError("The demo's photograph comes with scikit-image", "demo")
    from benchmarks.clips import ClipOptions, make_clip

    folder.mkdir(parents=True, exist_ok=True)
    masked = make_clip(folder / "masked.mp4", ClipOptions(frames=frames))
    unmasker = Unmasker()
    click.echo(f"Engine: {unmasker.networks.engine}")
    report = unmasker.video(masked, folder / "unmasked.mp4", OutputOptions(overwrite=True))
    shown = _compare(unmasker, masked, folder / "compare.mp4", every=max(frames // 6, 1))
    if shown:
        write_image(folder / "sheet.png", draw(shown, columns=2), overwrite=True)
    click.echo(
        f"{report.frames} frames at {report.fps:.1f} fps, {report.masked_faces} face unmasked. Look at:"
    )
    for name in ("masked.mp4", "unmasked.mp4", "compare.mp4", "sheet.png"):
        click.echo(f"  {folder / name}")


def _compare(unmasker: Unmasker, clip: Path, output: Path, *, every: int) -> list[Triple]:
    """Write input and output side by side; the faces of every so many frames, for a sheet."""
    shown: list[Triple] = []
    with open_source(clip) as source:
        stream = unmasker.stream(rotation=source.info.rotation)
        sink = FileSink(output, source, overwrite=True, width_factor=2, metadata={"comment": unmasker.label})

        def process(frame: Frame) -> list[Frame]:
            faces = stream.process(frame)
            if frame.index % every == 0:
                shown.extend(triples(frame, faces, _SIDE))
            return [side_by_side(frame)]

        try:
            run(source, sink, process, stream.stages, threading.Event())
            sink.close()
        finally:
            sink.discard()
    return shown
