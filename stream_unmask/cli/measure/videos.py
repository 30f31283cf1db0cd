"""Of videos: how fast, how true to what went in, how steady, how large."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Literal

import click

from benchmarks.clips import ClipOptions, make_clip
from engines import PRECISIONS, Precision
from stream_unmask.cli.measure.common import command_line, json_option, tell
from stream_unmask.cli.options import weights_option
from stream_unmask.settings import Settings


@click.command()
@click.argument("video", type=click.Path(exists=True, path_type=Path), required=False)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--preset", default="faster", show_default=True, help="Preset of libx264.")
@click.option("--quality", type=int, default=20, show_default=True, help="CRF of libx264.")
@click.option(
    "--deface", type=click.Path(exists=True, path_type=Path), help="Also time this executable of deface."
)
@json_option
def speed(
    video: Path | None, rounds: int, preset: str, quality: int, deface: Path | None, target: Path | None
) -> None:
    """Time unmasking VIDEO, by default a made 720p clip of one masked face."""
    from benchmarks.speed import measure as run

    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        clip = video or make_clip(work / "masked720.mp4", ClipOptions(frames=300))
        found = run(
            clip, work, rounds=rounds, preset=preset, quality=quality, deface=deface, command=command_line()
        )
    tell(found, target)


@click.command()
@click.argument("video", type=click.Path(exists=True, path_type=Path), required=False)
@click.option("--frames", type=click.IntRange(1), default=100, show_default=True, help="To be counted.")
def stages(video: Path | None, frames: int) -> None:
    """Tell what each stage of unmasking VIDEO costs one core, by default of a made 720p clip.

    Processor time is counted, not time: other programs change the figures little.
    """
    from benchmarks.stages import measure as run

    with tempfile.TemporaryDirectory() as folder:
        clip = video or make_clip(Path(folder) / "masked.mp4", ClipOptions(frames=frames + 10, sound=False))
        click.echo(run(clip, Settings(threads=1), frames))


@click.command()
@click.argument("video", type=click.Path(exists=True, path_type=Path), required=False)
@json_option
def fidelity(video: Path | None, target: Path | None) -> None:
    """Compare what comes out of VIDEO with what went in, by default of two made clips, one without a mask."""
    from benchmarks.fidelity import as_result
    from benchmarks.fidelity import measure as run

    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        clips = (
            [video]
            if video
            else [
                make_clip(work / "bare.mp4", ClipOptions(frames=50, masked=False)),
                make_clip(work / "masked.mp4", ClipOptions(frames=50)),
            ]
        )
        found = [run(clip, work) for clip in clips]
        for clip, each in zip(clips, found, strict=True):
            click.echo(f"{clip.name}: {each}")
    tell(as_result(found, command_line()), target)


@click.command()
@click.option("--early", type=click.IntRange(1), default=2_000, show_default=True)
@click.option("--late", type=click.IntRange(2), default=20_000, show_default=True)
@json_option
def memory(early: int, late: int, target: Path | None) -> None:
    """Compare resident memory early and late in a long 720p video of one masked face."""
    from benchmarks.memory import measure as run

    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        clip = make_clip(work / "masked.mp4", ClipOptions(frames=250, sound=False))
        found = run(clip, work, early=early, late=late)
    click.echo(found)
    tell(found.result(command_line()), target)


@click.command()
@click.argument("video", type=click.Path(exists=True, path_type=Path), required=False)
@click.option("--no-smooth", is_flag=True, help="Measure without temporal smoothing.")
@click.option("--stand-in", type=click.Choice(["auto", "none"]), default="auto", show_default=True)
@weights_option
@click.option("--precision", type=click.Choice(PRECISIONS), default="auto", show_default=True)
@json_option
def flicker(
    video: Path | None,
    no_smooth: bool,
    stand_in: Literal["auto", "none"],
    weights: Path,
    precision: Precision,
    target: Path | None,
) -> None:
    """Compare flicker in the inpainted part with that of the skin around it.

    VIDEO shows a masked face that does not move; by default, one is made. The mark, which swells and fades by
    a level or two, is measured apart.
    """
    from benchmarks.flicker import as_result
    from benchmarks.flicker import measure as run

    with tempfile.TemporaryDirectory() as folder:
        clip = video or make_clip(Path(folder) / "still.mp4", ClipOptions(frames=75, moving=False))
        settings = Settings(smooth=not no_smooth, stand_in=stand_in, weights=weights, precision=precision)
        plain, marked = [run(clip, replace(settings, mark=mark)) for mark in (False, True)]
    click.echo(f"{plain}; with the mark {marked.inpainted:.2f} (ratio {marked.ratio:.2f})")
    tell(as_result(plain, marked, command_line()), target)
