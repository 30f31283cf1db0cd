"""``stream-unmask INPUT -o OUTPUT``: the main job."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import click

from engines import BACKENDS, PRECISIONS
from engines.engine import OPENVINO_DEVICES
from stream_unmask import api
from stream_unmask.cli.cameras import camera_options
from stream_unmask.cli.console import PlainConsole
from stream_unmask.cli.hints import with_hint
from stream_unmask.cli.jobs import Job, plan, tidy
from stream_unmask.cli.ledger import CrashedError, Ledger, ledger_of
from stream_unmask.cli.logs import log_options, log_to_stderr
from stream_unmask.cli.options import reference_option, stand_in_option, weights_option
from stream_unmask.cli.printable import printable
from stream_unmask.cli.watching import ctrl_c, progress_line
from stream_unmask.errors import UnmaskError
from stream_unmask.heap import keep_memory_together
from stream_unmask.inpainting.parameters import BLENDS
from stream_unmask.output.codecs import WORST_QUALITY, EncoderSettings
from stream_unmask.output.live.options import LiveOptions
from stream_unmask.output.writing import OutputOptions, Progress
from stream_unmask.report import Report, write_reports
from stream_unmask.settings import Settings
from stream_unmask.video.camera_options import CameraOptions
from stream_unmask.video.files import check_output, is_address

_DEFAULTS = Settings()
_log = logging.getLogger(__name__)


@click.command()
@click.argument("source", metavar="INPUT", type=click.Path())
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    help="File or folder to write; of a camera also rtsp://, rtmp://, a folder for HLS (live/) or - for the"
    " standard output, several times.  [default: INPUT.unmasked, with --wear INPUT.masked]",
)
@click.option("--wear", is_flag=True, help="Put masks on bare faces instead of taking them off.")
@click.option(
    "--codec", help="Video encoder: libx264, libx265, libvpx-vp9, ffv1, ...  [default: by OUTPUT's suffix]"
)
@click.option(
    "--quality",
    type=click.IntRange(0, WORST_QUALITY),
    help="Constant quality (CRF), lower is better.  [default: by encoder]",
)
@click.option("--preset", help="Encoder preset, such as veryfast.  [default: by encoder]")
@click.option("--overwrite", is_flag=True, help="Replace OUTPUT if it exists.")
@click.option("-r", "--recursive", is_flag=True, help="Do the folders in a folder too.")
@click.option("--compare", is_flag=True, help="Write input and output side by side.")
@click.option("--label", "--watermark", "watermark", is_flag=True, help="Write AI SYNTHETIC into a corner.")
@click.option(
    "--copy-untouched",
    is_flag=True,
    help="Copy the parts of a video that nothing changed, and encode the others only.",
)
@click.option("--private", is_flag=True, help="Leave out where, by whom and with what INPUT was taken.")
@click.option(
    "--save-masks", is_flag=True, help="Also write the masks that were found: NAME.mask.mp4 or NAME.mask.png."
)
@click.option(
    "--credential",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Sign OUTPUT (C2PA) with certificate.pem and key.pem of this folder.",
)
@click.option(
    "--report",
    "report_path",
    type=click.Path(path_type=Path),
    help="Write every face, stage and warning as JSON.",
)
@reference_option
@stand_in_option
@weights_option
@click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    default=_DEFAULTS.backend,
    show_default=True,
    help="What runs the networks. One that is named runs, or the command fails.",
)
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default=_DEFAULTS.precision,
    show_default=True,
    help="Number format that the networks compute in.",
)
@click.option(
    "--device",
    type=click.Choice(OPENVINO_DEVICES, case_sensitive=False),
    default=_DEFAULTS.device,
    show_default=True,
    help="What OpenVINO runs the networks on: also an Intel GPU or NPU.",
)
@click.option(
    "--threads", type=click.IntRange(0), default=0, help="CPU threads per network.  [default: all cores]"
)
@click.option("--gpu-decode", is_flag=True, help="Decode the video on an NVIDIA GPU where possible.")
@click.option(
    "--reconnect",
    type=click.FloatRange(0),
    default=_DEFAULTS.reconnect,
    show_default=True,
    help="Seconds to keep calling a lost camera; inf for ever.",
)
@click.option(
    "--detect-every",
    type=click.IntRange(1),
    default=_DEFAULTS.detect_every,
    show_default=True,
    help="Run the face detector every so many frames.",
)
@click.option(
    "--min-face",
    type=click.IntRange(1),
    default=_DEFAULTS.min_face,
    show_default=True,
    help="Leave faces alone that are narrower than this, in pixels.",
)
@click.option(
    "--blend",
    type=click.Choice(BLENDS),
    default=_DEFAULTS.blend,
    show_default=True,
    help="How the inpainted crop is blended into the face around it.",
)
@click.option("--no-smooth", is_flag=True, help="Do not damp flicker from frame to frame.")
@click.option("--no-mark", is_flag=True, help="Leave out the imperceptible mark that `verify` reads.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
@log_options
@camera_options
def unmask(
    source: str,
    outputs: tuple[str, ...],
    camera: CameraOptions,
    live: LiveOptions,
    report_path: Path | None,
    quiet: bool,
    log_level: str | None,
    log_json: bool,
    **chosen: Any,
) -> None:
    """Take the face masks off the people in INPUT, or put some on.

    INPUT is a video file, a picture, a folder of either, an rtsp:// address, webcam:0, or - for the standard
    input.
    """
    try:
        settings, options = chosen_settings(chosen), chosen_options(chosen, live)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error
    with log_to_stderr(log_level, as_json=log_json) as logged:
        console = PlainConsole(quiet=quiet or logged)
        try:
            _unmask(
                source,
                outputs,
                report_path,
                settings,
                options,
                camera,
                console,
                ledger_of(click.get_current_context()),
                recursive=chosen["recursive"],
            )
        except UnmaskError as error:
            if not logged:
                raise
            _log.error("%s", with_hint(error))
            raise click.exceptions.Exit(1) from error


def chosen_settings(chosen: Mapping[str, Any]) -> Settings:
    """The settings out of the command's options.

    Raises:
        ValueError: a value is none of those it may have.
    """
    same = (
        *("wear", "weights", "backend", "precision", "device", "threads", "gpu_decode", "reconnect"),
        *("detect_every", "min_face", "blend", "reference", "stand_in"),
    )
    values = {name: chosen[name] for name in same}
    return Settings(**values, smooth=not chosen["no_smooth"], mark=not chosen["no_mark"])


def chosen_options(chosen: Mapping[str, Any], live: LiveOptions) -> OutputOptions:
    """What to write, out of the command's options.

    Raises:
        ValueError: a value is none of those it may have.
    """
    encoder = EncoderSettings(**{name: chosen[name] for name in ("codec", "quality", "preset")})
    same = ("overwrite", "compare", "watermark", "copy_untouched", "private", "save_masks", "credential")
    return OutputOptions(encoder=encoder, live=live, **{name: chosen[name] for name in same})


def _unmask(
    source: str,
    outputs: Sequence[str],
    report_path: Path | None,
    settings: Settings,
    options: OutputOptions,
    camera: CameraOptions,
    console: PlainConsole,
    ledger: Ledger,
    *,
    recursive: bool,
) -> None:
    """Do all files that are named."""
    jobs = _planned(source, outputs, settings, options, console, ledger, recursive=recursive)
    left = [job for job in jobs if not ledger.knows(job.source)]
    for job in left:
        api.check_job(job.source, job.outputs, options, picture=job.picture)
    if report_path is not None:
        check_output(report_path, source, overwrite=True)
    if is_address(source):
        keep_memory_together()
    unmasker = _loaded(settings, console) if left or not jobs else None
    with ctrl_c() as stop:

        def do(job: Job) -> Report:
            assert unmasker is not None
            return _run(unmasker, job, options, camera, stop, console)

        reports, failures = _run_all(do, jobs, ledger, stop)
    if report_path is not None and reports:
        write_reports(report_path, reports)
    if any(report.given_up for report in reports):
        raise click.exceptions.Exit(1)
    if failures:
        raise UnmaskError("\n".join(failures))
    if stop.is_set() and (len(reports) < len(jobs) or any(report.interrupted for report in reports)):
        raise click.exceptions.Exit(130)


def _planned(
    source: str,
    outputs: Sequence[str],
    settings: Settings,
    options: OutputOptions,
    console: PlainConsole,
    ledger: Ledger,
    *,
    recursive: bool,
) -> list[Job]:
    """What there is to do; what there is not is said, once."""
    if ledger.plan is None:
        mark = "masked" if settings.wear else "unmasked"
        planned = plan(
            source, outputs, overwrite=options.overwrite, mark=mark, recursive=recursive, ledger=ledger
        )
        ledger.keep_plan(planned.jobs)
        for sentence in planned.passed_over:
            _log.info("%s", sentence)
            console.say(sentence)
        if done_before := planned.done_before:
            files = "1 file was" if done_before == 1 else f"{done_before} files were"
            _log.info("%s done before", files)
            console.say(f"{files} done before; --overwrite does that again.")
    jobs: list[Job] = ledger.plan
    return jobs


def _loaded(settings: Settings, console: PlainConsole) -> api.Unmasker:
    """The networks, and a word on what runs them."""
    unmasker = api.Unmasker(settings)
    for reason in unmasker.networks.selection.passed_over:
        console.say(reason)
    for hint in unmasker.networks.selection.hints:
        console.say(f"For a faster engine, run {hint}.")
    console.say(f"Engine: {unmasker.networks.engine}")
    return unmasker


def _run_all(
    do: Callable[[Job], Report], jobs: Sequence[Job], ledger: Ledger, stop: threading.Event
) -> tuple[list[Report], list[str]]:
    """Do one file after the other until ``stop``; the reports, and what went wrong with the others."""
    reports, failures = [], []
    for job in jobs:
        try:
            reports.append(ledger.once(job.source, partial(do, job)))
        except UnmaskError as error:
            said = with_hint(error)
            if isinstance(error, CrashedError):
                said = " ".join([said, *(tidy(job) or ["It has no output, and is as it was."])])
            failures.append(f"{job.name}: {said}" if len(jobs) > 1 else said)
        if stop.is_set():
            break
    return reports, failures


def _run(
    unmasker: api.Unmasker,
    job: Job,
    options: OutputOptions,
    camera: CameraOptions,
    stop: threading.Event,
    console: PlainConsole,
) -> Report:
    """Do one file, show how far it is, and say what came of it."""
    if job.picture:
        report = unmasker.image(Path(job.source), job.output, options)
    else:
        with _progress(console, job) as show:
            report = unmasker.video(
                job.source,
                job.outputs,
                options,
                camera=camera,
                progress=show,
                notify=console.say,
                stop=stop,
            )
    for warning in report.warnings:
        console.say(f"Warning: {warning}")
    for sentence in (*_left_alone(report), *_own_faces(report)):
        console.say(sentence)
    console.say(unmasker.summary(report))
    return report


def _progress(console: PlainConsole, job: Job) -> AbstractContextManager[Callable[[Progress], None] | None]:
    """How far a video is; off a terminal a camera says more by itself, once a minute."""
    if is_address(job.source) and not console.is_terminal:
        return nullcontext()
    return progress_line(console, printable(job.name))


def _own_faces(report: Report) -> Iterator[str]:
    """Which faces were given back, one sentence."""
    own = [face.number for face in report.faces if face.reference_frames]
    if own:
        which = "Face {} is its own" if len(own) == 1 else "Faces {} are their own"
        yield which.format(", ".join(map(str, own))) + ", of another moment or photo."


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
