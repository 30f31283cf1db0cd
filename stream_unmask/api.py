"""The Python API: one call for a video or a picture, and an object that keeps the networks loaded."""

from __future__ import annotations

import copy
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from stream_unmask.errors import InputError
from stream_unmask.given import frame_references, frames_named, photo_references, photos_named
from stream_unmask.inpainting.references.guiding import Banks
from stream_unmask.inpainting.references.reference import Reference
from stream_unmask.marks.code import Message
from stream_unmask.networks import Networks
from stream_unmask.output.credentials import Credential
from stream_unmask.output.live.parsing import is_stream_output, shown_address
from stream_unmask.output.masks import mask_path
from stream_unmask.output.pictures import check_picture_name, losses, write_image, write_pictures
from stream_unmask.output.picturing import PictureJob
from stream_unmask.output.session import Session, check_outputs, open_job, paced
from stream_unmask.output.sink import check_container
from stream_unmask.output.writing import OutputOptions, Progress, VideoJob
from stream_unmask.pipeline import Stream, UnmaskedFrame
from stream_unmask.report import Report
from stream_unmask.running import run
from stream_unmask.settings import Settings
from stream_unmask.survey import survey_file
from stream_unmask.version import program_version
from stream_unmask.video.camera_options import CameraOptions
from stream_unmask.video.files import check_output, is_address, redact
from stream_unmask.video.frame import Frame
from stream_unmask.video.pictures import read_pictures
from stream_unmask.video.source import Source, StoppedError, open_source

_log = logging.getLogger(__name__)


def label(*, wear: bool) -> str:
    """What the metadata of every output says of it: that masks were taken off, or put on."""
    program = f"stream-unmask {program_version()}"
    if wear:
        return f"A face mask that is worn here may be synthetic: {program} put masks on faces that wore none."
    return (
        "Where a face mask was worn, what is shown in its place is synthetic: "
        f"made by {program}, a guess or that person's face of another moment. "
        "Expression and speech are not true."
    )


def check_job(
    source: str | Path, outputs: Sequence[str | Path], options: OutputOptions, *, picture: bool
) -> None:
    """Refuse files that cannot be written, before anything is loaded or read.

    Args:
        source: what will be read.
        outputs: the file to write, or what a camera is written to.
        options: what to write.
        picture: the source is a picture, not a video.

    Raises:
        OutputExistsError: a file is there and may not be replaced.
        OutputError: a file cannot be, is of the wrong kind, or would destroy the source.
    """
    if is_address(source) or len(outputs) != 1 or any(is_stream_output(output) for output in outputs):
        check_outputs(outputs, options)
        return
    output = Path(outputs[0])
    check_output(output, source, overwrite=options.overwrite)
    if picture:
        check_picture_name(output)
    else:
        check_container(output)
    if options.save_masks:
        masks = mask_path(output, ".png" if picture else ".mp4")
        check_output(masks, source, overwrite=options.overwrite)
    if options.credential is not None:
        Credential.check(output)


class Unmasker:
    """Keeps the networks loaded from one video or picture to the next.

    Several threads may use it, each for videos of its own. On a CPU they take turns in the networks; on a GPU
    the faces of all go through them in common batches.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        """Compile the networks.

        Raises:
            EngineError: no engine can run here, or not the one asked for.
            InputError: a photo that is to be a reference cannot be read, or does not show one bare face.
            WeightsError: files are missing or damaged, or the weights put no masks on.
        """
        self.settings = settings or Settings()
        self._references = photo_references(self.settings)
        self.networks = Networks.load(self.settings)
        for reason in self.networks.selection.passed_over:
            _log.info("A faster engine is not used: %s", reason)
        _log.info("Engine: %s", self.networks.engine)

    def stream(
        self,
        *,
        rotation: int = 0,
        still: bool = False,
        references: Mapping[int, Reference] | None = None,
        banks: Banks | None = None,
    ) -> Stream:
        """Start on a video of your own: hand its frames to ``process`` of what this returns, in order.

        Args:
            rotation: degrees clockwise by which the frames must be turned to be upright.
            still: there will be one frame alone, a single picture, whose faces are worth more time.
            references: further bare faces of people in it, by their numbers; see ``Settings.reference``.
            banks: what a :class:`~stream_unmask.survey.Survey` of the same video found.
        """
        known = {**self._references, **(references or {})}
        return Stream(
            self.networks, self.settings, rotation=rotation, still=still, references=known, banks=banks
        )

    def frames(self, frames: Iterable[Frame], *, rotation: int = 0) -> Iterator[UnmaskedFrame]:
        """Unmask the frames of a video of your own, such as those of :meth:`Frame.from_ndarray`.

        On a GPU up to three are under way, which is faster; on a CPU up to six are while a stand-in is chosen
        for a face. Where each must be shown at once, use :meth:`stream` and its ``process``.

        Args:
            frames: in the order of their time. They are drawn into.
            rotation: degrees clockwise by which they must be turned to be upright.

        Yields:
            Each frame with the faces that were changed in it, in order.

        Raises:
            EngineError: a network cannot be run any more.
        """
        stream = self.stream(rotation=rotation)
        for frame in frames:
            yield from stream.submit(frame)
        yield from stream.drain()

    def with_stand_in(
        self, stand_in: Literal["auto", "none"] | Mapping[int, int | Literal["none"]]
    ) -> Unmasker:
        """The same networks, for faces that wear other stand-ins; see :class:`Settings`."""
        other = copy.copy(self)
        other.settings = replace(self.settings, stand_in=stand_in)
        return other

    @property
    def label(self) -> str:
        """What the metadata of an output says of it."""
        return label(wear=self.settings.wear)

    def video(
        self,
        source: str | Path,
        output: str | Path | Sequence[str | Path],
        options: OutputOptions | None = None,
        *,
        camera: CameraOptions | None = None,
        progress: Callable[[Progress], None] | None = None,
        notify: Callable[[str], None] = lambda sentence: None,
        stop: threading.Event | None = None,
        began: Callable[[Session], None] | None = None,
        watch: Callable[[UnmaskedFrame], None] | None = None,
        repeat: bool = False,
    ) -> Report:
        """Unmask a video file or a camera.

        Args:
            source: a file, an ``rtsp://`` address, ``webcam:0``, or ``-`` for the standard input.
            output: the file to write. It appears under this name when it is whole. Or several outputs, also
                ``rtsp://`` and ``rtmp://`` addresses, a folder for HLS (``live/``), or ``-``; see
                :func:`stream_unmask.output.live.parsing.target_for`.
            options: what to write.
            camera: how a camera is read.
            progress: called after every frame, in this thread.
            notify: gets a sentence when a camera or an output is lost, called in vain, or there again; in
                another thread.
            stop: set it from anywhere to end early. What was done of a file by then is kept as a playable
                file beside ``output``, under a name that says so; Ctrl-C does the same. A camera's
                recording ends by it.
            began: gets what outputs can be added to while it runs; ``output`` may be empty then.
            watch: is shown every frame as it is done, before it is written; in this thread.
            repeat: begin a file again at its end, until ``stop``.

        Returns:
            The report. ``output`` in it is the file that was written.

        Raises:
            InputError: the source is missing, broken or no video. No output is left.
            OutputError: the output cannot be written as asked for, or the disk is full. None is left, but
                where only the masks or the signature fail: then the sentence says where the video is. What
                was recorded of a camera is kept.
            EngineError: a network cannot be run any more. No output is left, but of a camera.
        """
        options, stop = options or OutputOptions(), stop or threading.Event()
        outputs = [output] if isinstance(output, str | Path) else list(output)
        check_job(source, outputs, options, picture=False)
        references = frame_references(self.settings, source)
        report = self._report(redact(source), shown_address(str(outputs[0])) if outputs else "")
        tell = partial(_tell, notify=notify)
        seals = self._seals(source, outputs, options)
        begin = partial(open_job, progress=progress, notify=tell, seals=seals, began=began, watch=watch)
        again = partial(self._open, source, camera, tell, stop)
        try:
            opened = again()
        except StoppedError:
            report.interrupted, report.output = True, ""
            return report
        with paced(opened, outputs, again if repeat else None) as opened:
            banks = self._survey(source, opened, outputs, progress, stop)
            stream = self.stream(rotation=opened.info.rotation, references=references, banks=banks)
            _do(opened, begin(stream, opened, outputs, self.label, options), report, stop)
        self._log_report(report)
        return report

    def _survey(
        self,
        source: str | Path,
        opened: Source,
        outputs: Sequence[str | Path],
        progress: Callable[[Progress], None] | None,
        stop: threading.Event,
    ) -> Banks:
        """What a first look through a file finds; nothing where it cannot be read twice or cannot wait."""
        settings, info = self.settings, opened.info
        watched = not outputs or any(is_stream_output(output) for output in outputs)
        waits = not info.real_time and not watched
        again = not is_address(source) and Path(source).is_file()  # a named pipe is read once
        if settings.wear or settings.reference == "none" or not (again and waits):
            return {}

        def show(done: int) -> None:
            if progress is not None:
                progress(Progress(done, info.frames, 0, looking=True))

        return survey_file(self.networks, settings, Path(source), show, stop)

    def _open(
        self,
        source: str | Path,
        camera: CameraOptions | None,
        notify: Callable[[str], None],
        stop: threading.Event,
    ) -> Source:
        settings = self.settings
        return open_source(
            source,
            threads=settings.threads,
            gpu_decode=settings.gpu_decode,
            reconnect=settings.reconnect,
            camera=camera,
            notify=notify,
            stop=stop,
        )

    def image(self, source: str | Path, output: str | Path, options: OutputOptions | None = None) -> Report:
        """Unmask a picture.

        Args:
            source: a picture file.
            output: the picture to write.
            options: what to write; ``encoder`` has no meaning here.

        Raises:
            InputError: the source is missing or no picture.
            OutputError: the output cannot be written, or the disk is full.
        """
        options = options or OutputOptions()
        source, output = Path(source), Path(output)
        report = self._report(str(source), str(output))
        check_job(source, [output], options, picture=True)
        if frames_named(self.settings):
            raise InputError("A picture has no frames to take references from.", path=source)
        seal = self._seal(source, output, options)
        started = time.perf_counter()
        pictures = read_pictures(source)
        job = PictureJob(self.stream, options)
        done = job.process(pictures)
        write_pictures(
            output,
            done,
            overwrite=options.overwrite,
            comment=self.label,
            private=options.private,
            seal=seal,
        )
        if options.save_masks:
            write_image(mask_path(output, ".png"), job.mask, overwrite=options.overwrite)
        report.frames, report.seconds = len(pictures.images), time.perf_counter() - started
        report.warnings = [*pictures.notes, *losses(output, pictures)]
        _fill(report, *job.streams)
        self._log_report(report)
        return report

    def _seals(
        self, source: str | Path, outputs: Sequence[str | Path], options: OutputOptions
    ) -> list[Callable[[Path], None] | None]:
        """What signs each output that is a file; None for the others."""
        return [
            None if is_stream_output(each) else self._seal(source, Path(each), options) for each in outputs
        ]

    def _seal(
        self, source: str | Path, output: Path, options: OutputOptions
    ) -> Callable[[Path], None] | None:
        """What signs the finished file, None where that was not asked for."""
        if options.credential is None:
            return None
        credential = Credential(options.credential)
        mark = Message(worn=self.settings.wear) if self.settings.mark else None
        photos = photos_named(self.settings)
        return lambda path: credential.sign(path, output.name, source, self.label, mark, photos)

    def summary(self, report: Report) -> str:
        """What came of a file, in one sentence."""
        return report.summary("given a mask" if self.settings.wear else "unmasked")

    def _log_report(self, report: Report) -> None:
        for warning in report.warnings:
            _log.warning("%s", warning)
        _log.info("%s", self.summary(report))
        for stage, milliseconds in report.stages.items():
            _log.debug("Stage %s: %.2f ms a frame", stage, milliseconds)

    def _report(self, source: str, output: str) -> Report:
        return Report(source, output, self.networks.engine, self.networks.selection.passed_over)


def unmask_video(
    source: str | Path,
    output: str | Path,
    *,
    settings: Settings | None = None,
    options: OutputOptions | None = None,
) -> Report:
    """Unmask one video; see :meth:`Unmasker.video`."""
    return Unmasker(settings).video(source, output, options)


def unmask_image(
    source: str | Path,
    output: str | Path,
    *,
    settings: Settings | None = None,
    options: OutputOptions | None = None,
) -> Report:
    """Unmask one picture; see :meth:`Unmasker.image`."""
    return Unmasker(settings).image(source, output, options)


def _tell(sentence: str, notify: Callable[[str], None]) -> None:
    _log.warning("%s", sentence)
    notify(sentence)


def _do(source: Source, job: VideoJob, report: Report, stop: threading.Event) -> None:
    """Do a video from start to end, or until ``stop``, and tell of it in the report."""
    started = time.perf_counter()
    try:
        stopped = run(source, job, job.process, job.stream.stages, stop, job.drain)
        # A camera has no end: to stop it is how its recording ends.
        report.interrupted = stopped and not (source.info.live and job.frames)
        written = job.finish(report.interrupted)
    except BaseException:
        job.discard()
        raise
    report.seconds = time.perf_counter() - started
    report.warnings = [*source.problems.sentences(), *job.warnings()]
    report.output = str(written or ("" if report.interrupted else report.output))
    report.frames, report.dropped = job.frames, source.problems.dropped
    report.copied = job.copied
    report.reconnects = source.problems.reconnects
    report.outputs = job.outputs()
    report.given_up = bool(source.problems.given_up)
    _fill(report, job.stream)


def _fill(report: Report, *streams: Stream) -> None:
    """Add what the streams of a file know to its report."""
    report.faces = [face for stream in streams for face in stream.faces]
    report.warnings += [sentence for stream in streams for sentence in stream.refused]
    for stream in streams:
        report.earlier.faces += stream.earlier.faces
        report.earlier.masked += stream.earlier.masked
    report.unfollowed = sum(stream.unfollowed for stream in streams)
    spent: dict[str, float] = {}
    for stream in streams:
        for stage, seconds in stream.stages.seconds.items():
            spent[stage] = spent.get(stage, 0.0) + seconds
    report.stages = {stage: 1000 * seconds / max(report.frames, 1) for stage, seconds in spent.items()}
