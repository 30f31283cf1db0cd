"""``stream-unmask demo``: make a masked clip, unmask it, and say where to look."""

from __future__ import annotations

from pathlib import Path

import click

from stream_unmask.api import OutputOptions, Unmasker
from stream_unmask.errors import UnmaskError
from stream_unmask.sheets import collect, draw
from stream_unmask.video.images import write_image


@click.command()
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
)
@click.option("--frames", type=click.IntRange(1), default=150, show_default=True, help="Length of the clip.")
def demo(folder: Path, frames: int) -> None:
    """Make a clip of a masked face without any download, unmask it, and say where to look."""
    try:
        import skimage  # noqa: F401
    except ImportError as error:
        raise UnmaskError(
            "The demo's photograph comes with scikit-image: pip install 'stream-unmask[demo]'."
        ) from error
    from benchmarks.clips import ClipOptions, make_clip

    folder.mkdir(parents=True, exist_ok=True)
    masked = make_clip(folder / "masked.mp4", ClipOptions(frames=frames))
    unmasker = Unmasker()
    click.echo(f"Engine: {unmasker.toolkit.engine}")
    report = unmasker.video(masked, folder / "unmasked.mp4", OutputOptions(overwrite=True))
    unmasker.video(masked, folder / "compare.mp4", OutputOptions(overwrite=True, compare=True))
    every = max(frames // 6, 1)
    triples = list(collect(unmasker, masked, every=every, side=256))
    if triples:
        write_image(folder / "sheet.png", draw(triples, columns=2), overwrite=True)
    click.echo(
        f"{report.frames} frames at {report.fps:.1f} fps, {report.masked_faces} face unmasked. Look at:"
    )
    for name in ("masked.mp4", "unmasked.mp4", "compare.mp4", "sheet.png"):
        click.echo(f"  {folder / name}")
