"""``stream-unmask INPUT -o OUTPUT``: the main job."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar

from engines import BACKENDS, PRECISIONS, Precision
from stream_unmask import api
from stream_unmask.cli.hints import with_hint
from stream_unmask.cli.jobs import Job, plan
from stream_unmask.cli.options import weights_option
from stream_unmask.errors import UnmaskError
from stream_unmask.inpainting.parameters import BLENDS, Blend
from stream_unmask.output.sink import EncoderSettings
from stream_unmask.output.writing import OutputOptions, Progress
from stream_unmask.report import Report, write_reports
from stream_unmask.settings import Settings
from stream_unmask.video.files import check_output

_DEFAULTS = Settings()


@click.command()
@click.argument("source", metavar="INPUT")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="File or folder to write. [INPUT.unmasked, or INPUT.masked]",
)
@click.option("--wear", is_flag=True, help="Put masks on bare faces, instead of taking them off.")
@click.option("--codec", help="Video codec, such as libx264, libx265, libvpx-vp9, ffv1. [by OUTPUT's kind]")
@click.option("--quality", type=click.IntRange(0, 63), help="CRF of the codec: lower is better. [by codec]")
@click.option("--preset", help="Speed preset of the codec, such as veryfast. [by codec]")
@click.option("--overwrite", is_flag=True, help="Replace OUTPUT if it exists.")
@click.option("--compare", is_flag=True, help="Show input and output side by side.")
@click.option("--watermark", is_flag=True, help="Write SYNTHETIC into a corner of the picture.")
@click.option("--save-masks", is_flag=True, help="Write where masks were found beside OUTPUT.")
@click.option(
    "--credential",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Sign OUTPUT with the certificate.pem and key.pem of this folder (C2PA).",
)
@click.option("--report", "report_path", type=click.Path(path_type=Path), help="Write figures as JSON.")
@weights_option
@click.option("--backend", type=click.Choice(BACKENDS), default="auto", show_default=True)
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="auto",
    show_default=True,
    help="What the networks compute in.",
)
@click.option("--threads", type=click.IntRange(0), default=0, help="CPU threads a network. [all]")
@click.option("--gpu-decode", is_flag=True, help="Let an NVIDIA GPU decode the video, where it can.")
@click.option(
    "--reconnect",
    type=click.FloatRange(0),
    default=_DEFAULTS.reconnect,
    show_default=True,
    help="Seconds for which a camera that is lost is called again; inf for ever.",
)
@click.option(
    "--detect-every",
    type=click.IntRange(1),
    default=_DEFAULTS.detect_every,
    show_default=True,
    help="Frames between two runs of the face detector.",
)
@click.option(
    "--min-face",
    type=click.IntRange(1),
    default=_DEFAULTS.min_face,
    show_default=True,
    help="Width in pixels below which a face is left alone.",
)
@click.option(
    "--blend",
    type=click.Choice(BLENDS),
    default=_DEFAULTS.blend,
    show_default=True,
    help="How the new face is joined to the old.",
)
@click.option("--no-smooth", is_flag=True, help="Do not damp flicker from frame to frame.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def unmask(
    source: str,
    output: Path | None,
    wear: bool,
    codec: str | None,
    quality: int | None,
    preset: str | None,
    overwrite: bool,
    compare: bool,
    watermark: bool,
    save_masks: bool,
    credential: Path | None,
    report_path: Path | None,
    weights: Path,
    backend: str,
    precision: Precision,
    threads: int,
    gpu_decode: bool,
    reconnect: float,
    detect_every: int,
    min_face: int,
    blend: Blend,
    no_smooth: bool,
    quiet: bool,
) -> None:
    """Take the masks off the faces in INPUT, or put some on.

    INPUT is a video file, a picture, a folder of either, rtsp://..., or webcam:0.
    """
    settings = Settings(
        wear=wear,
        weights=weights,
        backend=backend,
        precision=precision,
        threads=threads,
        gpu_decode=gpu_decode,
        reconnect=reconnect,
        detect_every=detect_every,
        min_face=min_face,
        blend=blend,
        smooth=not no_smooth,
    )
    options = OutputOptions(
        encoder=EncoderSettings(codec=codec, quality=quality, preset=preset),
        overwrite=overwrite,
        compare=compare,
        watermark=watermark,
        save_masks=save_masks,
        credential=credential,
    )
    console = Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)
    jobs, done_before = plan(source, output, overwrite=overwrite, mark="masked" if wear else "unmasked")
    if done_before:
        files = "1 file was" if done_before == 1 else f"{done_before} files were"
        console.print(f"{files} done before; --overwrite does that again.")
    for job in jobs:
        api.check_job(job.source, job.output, options, picture=job.picture)
    if report_path is not None:
        check_output(report_path, source, overwrite=True)
    unmasker = api.Unmasker(settings)
    for reason in unmasker.networks.selection.passed_over:
        console.print(reason)
    console.print(f"Engine: {unmasker.networks.engine}")
    reports, failures = [], []
    with _ctrl_c() as stop:
        for job in jobs:
            try:
                reports.append(_run(unmasker, job, options, stop, console))
            except UnmaskError as error:
                said = with_hint(error)
                failures.append(f"{job.name}: {said}" if len(jobs) > 1 else said)
            if stop.is_set():
                break
    if report_path is not None and reports:
        write_reports(report_path, reports)
    if failures:
        raise UnmaskError("\n".join(failures))
    if stop.is_set() and (len(reports) < len(jobs) or any(report.interrupted for report in reports)):
        raise click.exceptions.Exit(130)


def _run(
    unmasker: api.Unmasker, job: Job, options: OutputOptions, stop: threading.Event, console: Console
) -> Report:
    """Do one file, show how far it is, and say what came of it."""
    if job.picture:
        report = unmasker.image(Path(job.source), job.output, options)
    else:
        with _bar(console, job) as show:
            report = unmasker.video(
                job.source, job.output, options, progress=show, notify=console.print, stop=stop
            )
    for warning in report.warnings:
        console.print(f"Warning: {warning}")
    for sentence in _left_alone(report):
        console.print(sentence)
    console.print(_summary(report, unmasker.settings))
    return report


def _summary(report: Report, settings: Settings) -> str:
    if not report.output:
        return "Stopped before the first frame was done; nothing was kept."
    done = "given a mask" if settings.wear else "unmasked"
    what = f"{report.masked_faces} of {len(report.faces)} faces {done}"
    kept = "Stopped; what was done is in" if report.interrupted else "Wrote"
    dropped = f" ({report.dropped} more came too fast and were dropped)" if report.dropped else ""
    return f"{kept} {report.output}: {report.frames} frames{dropped} at {report.fps:.1f} fps, {what}."


def _left_alone(report: Report) -> Iterator[str]:
    """Which faces were left as they were, and why, one sentence a reason."""
    faces: dict[str, int] = {}
    for face in report.faces:
        for reason in face.left_alone:
            faces[reason] = faces.get(reason, 0) + 1
    for reason, count in faces.items():
        yield f"{count} {'face was' if count == 1 else 'faces were'} left alone in some frames: {reason}."
    if report.unfollowed:
        yield (
            "Faces that are turned far away, or covered by more than a mask, were left alone "
            f"({report.unfollowed} {'sighting' if report.unfollowed == 1 else 'sightings'})."
        )


@contextmanager
def _bar(console: Console, job: Job) -> Iterator[Callable[[Progress], None]]:
    """A progress bar with frames a second, time left and faces in the picture."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.fields[frames]} frames{task.fields[dropped]}"),
        TextColumn("{task.fields[fps]:.1f} fps"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[faces]} masked"),
    )
    with ProgressBar(*columns, console=console, transient=True, disable=console.quiet) as bar:
        task = bar.add_task(job.name, total=None, frames="?", dropped="", fps=0.0, faces=0)

        def show(progress: Progress) -> None:
            speed = bar.tasks[0].speed or 0.0
            total = progress.total
            bar.update(
                task,
                completed=progress.frames,
                total=total,
                frames=total or "?",
                dropped=f", {progress.dropped} dropped" if progress.dropped else "",
                fps=speed,
                faces=progress.faces,
            )

        yield show


@contextmanager
def _ctrl_c() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C (or a polite kill) sets; the second interrupts as usual."""
    stop = threading.Event()

    def ask_to_stop(signum: int, _frame: object) -> None:
        stop.set()
        signal.signal(signum, signal.default_int_handler)

    before = {number: signal.signal(number, ask_to_stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
