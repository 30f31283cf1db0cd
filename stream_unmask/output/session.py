"""From what a user names to the job that writes it: one file, or a camera's outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stream_unmask.errors import OutputError, UnmaskError
from stream_unmask.output.credentials import Credential
from stream_unmask.output.live.fanout import Fanout
from stream_unmask.output.live.parsing import is_stream_output, target_for
from stream_unmask.output.live.status import MinuteLine
from stream_unmask.output.masks import MaskSink
from stream_unmask.output.sink import FileSink
from stream_unmask.output.writing import OutputOptions, Progress, Sink, VideoJob
from stream_unmask.pipeline import Stream, UnmaskedFrame
from stream_unmask.video.pacing import Paced
from stream_unmask.video.repeating import Repeated
from stream_unmask.video.source import Source

Seal = Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Session:
    """A video on its way to its outputs.

    Attributes:
        source: what is read.
        stream: what unmasks it.
        fanout: brings it to its outputs; more may be added while it runs.
    """

    source: Source
    stream: Stream
    fanout: Fanout


def check_outputs(outputs: Sequence[str | Path], options: OutputOptions) -> None:
    """Refuse outputs of a camera that cannot be, before anything is loaded or read.

    Raises:
        OutputError: one of them is nothing that can be written.
        OutputExistsError: a file is there and may not be replaced.
    """
    if options.copy_untouched:
        raise OutputError("Parts can be copied as they are only from one file into one other.")
    for output in outputs:
        target = target_for(output, options.live, overwrite=options.overwrite, tags={}, seal=None)
        target.check()
        if options.credential is not None and not is_stream_output(output):
            Credential.check(Path(output))


def is_session(source: Source, outputs: Sequence[str | Path]) -> bool:
    """Whether something other than one file of a video goes out."""
    return source.info.live or len(outputs) > 1 or any(is_stream_output(output) for output in outputs)


def paced(source: Source, outputs: Sequence[str | Path], again: Callable[[], Source] | None = None) -> Source:
    """The source as it is to be read; ``again`` opens a file that begins again at its end.

    A file that goes to a server alone comes no faster than it is shown; one that goes nowhere at first is
    only watched, and waits for nobody.
    """
    if again is not None:
        source = Repeated(source, again)
    watched = all(is_stream_output(output) and str(output) != "-" for output in outputs)
    return Paced(source, waits=bool(outputs)) if watched and not source.info.live else source


def open_job(
    stream: Stream,
    source: Source,
    outputs: Sequence[str | Path],
    label: str,
    options: OutputOptions,
    *,
    progress: Callable[[Progress], None] | None,
    notify: Callable[[str], None],
    seals: Sequence[Seal | None],
    began: Callable[[Session], None] | None = None,
    watch: Callable[[UnmaskedFrame], None] | None = None,
) -> VideoJob:
    """Begin all outputs of a video.

    Args:
        stream: what unmasks it.
        source: what is read.
        outputs: where it goes.
        label: what the metadata of files say of it.
        options: what is written.
        progress: called after every frame.
        notify: gets a sentence for what a user should know at once.
        seals: what signs each of the outputs, None for those that are not signed.
        began: gets what outputs can be added to; then there need be none at first.
        watch: is shown every frame as it is done, before it is written.

    Raises:
        UnmaskError: one of the outputs cannot be.
    """
    first = Path(outputs[0]) if outputs else Path()
    sink: Sink
    minute: MinuteLine | None = None
    if began is not None or is_session(source, outputs):
        sink = fanout = _fanout(source, outputs, label, options, notify, seals)
        if source.info.live:
            minute = MinuteLine(source.info, source.problems, fanout.outputs, notify)
        if began is not None:
            began(Session(source, stream, fanout))
    else:
        sink = FileSink(
            first,
            source,
            options.encoder,
            overwrite=options.overwrite,
            width_factor=2 if options.compare else 1,
            metadata={"comment": label},
            private=options.private,
            seal=seals[0],
            copy_untouched=options.copy_untouched,
        )
    masks: MaskSink | None = None
    if options.save_masks:
        try:
            masks = MaskSink(first, source, overwrite=options.overwrite)
        except UnmaskError:
            sink.discard()
            raise
    return VideoJob(stream, source, sink, options, progress, masks, minute, watch)


def _fanout(
    source: Source,
    outputs: Sequence[str | Path],
    label: str,
    options: OutputOptions,
    notify: Callable[[str], None],
    seals: Sequence[Seal | None],
) -> Fanout:
    targets = [
        target_for(output, options.live, overwrite=options.overwrite, tags={"comment": label}, seal=seal)
        for output, seal in zip(outputs, seals, strict=True)
    ]
    return Fanout(
        source,
        targets,
        options.encoder,
        options.live.on_loss,
        notify,
        width_factor=2 if options.compare else 1,
    )
