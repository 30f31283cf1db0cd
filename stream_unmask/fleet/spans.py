"""One long file, cut at keyframes into spans that several workers do at the same time, and joined again.

    scout -> scout -> scout ...      one after the other: each hands the stream on to the next
      |        |        |
    render   render   render ...     at the same time, each from the state that a scout left
      +--------+--------+--> join    packets as they are; sound and subtitles once, from the source

A scout follows faces, looks for masks and chooses stand-ins, and inpaints nothing; so each span begins with
the tracks, decisions and stand-ins that a run over the whole file would have there. What smoothing remembers
is made anew: each span is rendered from a keyframe some seconds before its cut, and what comes before the cut
is thrown away.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import merge
from pathlib import Path
from typing import Any, cast

import av
from av.packet import Packet

from stream_unmask.errors import UnmaskError
from stream_unmask.fleet import storage
from stream_unmask.fleet.handover import pack, unpack
from stream_unmask.fleet.parts import PartSink, ordered_times, read_part
from stream_unmask.fleet.planning import REPORTS, Item
from stream_unmask.fleet.records import Record
from stream_unmask.fleet.sheet import SheetMaker
from stream_unmask.fleet.work import How, do_file, done_record, length, unmasker
from stream_unmask.inpainting.references.guiding import Banks
from stream_unmask.inpainting.tasks import Scout, Unmask
from stream_unmask.output.credentials import Credential
from stream_unmask.output.parts import sweep
from stream_unmask.output.sink import FileSink
from stream_unmask.output.writing import VideoJob
from stream_unmask.report import FaceReport, Report
from stream_unmask.running import run
from stream_unmask.survey import survey_file
from stream_unmask.video.container import ContainerSource, CopiedPacket
from stream_unmask.video.source import open_source
from stream_unmask.video.spans import Keyframe, SpanSource, keyframes

_WARM = 2.0
"""Seconds before its cut at which a span begins to be rendered at the latest: within half a second, what a
scout leaves is as if it had inpainted, to one step of 255."""


_LONG = 1.5
"""Spans that a file must be as long as to be cut."""


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch of a file.

    Attributes:
        warm: where its rendering begins; None for the start of the file.
        cut: pts of its first frame that is kept; None for the start.
        end: pts of the first frame of the next one; None for the end.
        next_warm: where the next one's rendering begins; None for the last one.
    """

    warm: Keyframe | None
    cut: int | None
    end: int | None
    next_warm: Keyframe | None


@dataclass(frozen=True, slots=True)
class Cut:
    """A long file before it is begun.

    Attributes:
        spans: at least two.
        packed: the stream at its start.
    """

    spans: list[Span]
    packed: bytes


@dataclass(frozen=True, slots=True)
class Rendered:
    """What is known of a span that was rendered, beside its part.

    Attributes:
        frames: that are kept.
        faces: reports on all faces of the file up to its end.
        unfollowed: searches up to its end that came upon a face that cannot be followed.
        warnings: a sentence each.
        sheet: some of its faces; None where none are wanted.
        took: seconds of work.
    """

    frames: int
    faces: list[FaceReport]
    unfollowed: int
    warnings: list[str]
    sheet: SheetMaker | None
    took: float


def cut(path: Path, seconds: float) -> list[Span]:
    """Cut a file; the same file is always cut the same way.

    Args:
        path: the file.
        seconds: that a span lasts at least, but for the last one, which lasts at least half as long.

    Returns:
        Its spans; fewer than two where it is not to be cut, or cannot be: its timestamps are missing or go
        back, or keyframes are too few.

    Raises:
        InputError: it cannot be read.
    """
    with _opened(path, 1) as source:
        if source.info.live or source.on_gpu:
            return []
        tick = source.info.time_base
        duration = source.info.duration
    keys = keyframes(path)
    if not keys or duration is None:
        return []
    end = keys[0].pts + duration / tick
    cuts: list[Keyframe] = []
    last = keys[0].pts
    for key in keys[1:]:
        if (key.pts - last) * tick >= seconds and (end - key.pts) * tick >= seconds / 2:
            cuts.append(key)
            last = key.pts
    starts: list[tuple[Keyframe | None, int | None]] = [(None, None)]
    for at in cuts:
        early = [key for key in keys if (at.pts - key.pts) * tick >= _WARM]
        starts.append((early[-1] if early else keys[0], at.pts))
    ends = [*starts[1:], (None, None)]
    return [Span(*start, until, following) for start, (following, until) in zip(starts, ends, strict=True)]


def begin(item: Item, how: How) -> Record | Cut:
    """Do a file, or only cut it where it is a long one, and look through it for bare faces.

    Returns:
        What became of it, or where it is cut.
    """
    if how.span is None or item.picture or how.settings.wear:
        return do_file(item, how)
    try:
        with storage.fetched(item.source) as path:
            spans = cut(path, how.span) if length(path) >= _LONG * how.span else []
            if len(spans) > 1:
                return Cut(spans, _first(path, how))
    except (UnmaskError, av.FFmpegError):
        pass  # what is wrong with it is said by who does it
    return do_file(item, how)


def _first(path: Path, how: How) -> bytes:
    """The stream at the start of a file."""
    api, settings = unmasker(how.settings), how.settings
    with _opened(path, settings.threads) as source:
        rotation = source.info.rotation
    banks: Banks = {}
    if settings.reference != "none":
        banks = survey_file(api.networks, settings, path, lambda done: None, threading.Event())
    return pack(api.stream(rotation=rotation, banks=banks), api.networks)


def scout(item: Item, how: How, span: Span, packed: bytes) -> bytes:
    """Go over a span without inpainting.

    Args:
        item: the file.
        how: it is done.
        span: not the last one.
        packed: the stream where the span's rendering begins.

    Returns:
        The stream where the next span's rendering begins.
    """
    networks = unmasker(how.settings).networks
    with storage.fetched(item.source) as path, _opened(path, how.settings.threads) as source:
        stream = unpack(packed, networks)
        if span.next_warm is not None:
            task = stream.task
            stream.task = Scout.of(cast(Unmask, task))
            for frame in SpanSource(source, span.warm, span.next_warm.pts):
                stream.submit(frame)
            stream.drain()
            stream.task = task
    return pack(stream, networks)


def render(item: Item, how: How, span: Span, packed: bytes) -> Rendered:
    """Unmask a span, and leave its part beside the outputs; what lies there already is written anew.

    Args:
        item: the file.
        how: it is done.
        span: which.
        packed: the stream where the span's rendering begins, as :func:`scout` left it.
    """
    started = time.perf_counter()
    sheet = SheetMaker() if how.sheets else None
    suffix, options = Path(item.name).suffix.lower(), how.options
    with (
        storage.fetched(item.source) as path,
        storage.scratch() as folder,
        _opened(path, how.settings.threads) as whole,
    ):
        stream = unpack(packed, unmasker(how.settings).networks)
        factor = 2 if options.compare else 1
        sink = PartSink(folder, suffix, whole.info, options.encoder, span.cut, factor)
        source = SpanSource(whole, span.warm, span.end)
        job = VideoJob(stream, source, sink, options, None, watch=sheet.watch if sheet else None)
        run(source, job, job.process, stream.stages, threading.Event(), job.drain)
        job.finish(interrupted=False)
        storage.write(part_place(item, span), sink.packed())
        warnings = [*whole.problems.sentences(), *job.warnings()]
    return Rendered(
        sink.frames, stream.faces, stream.unfollowed, warnings, sheet, time.perf_counter() - started
    )


def join(item: Item, how: How, spans: Sequence[Span], *rendered: Rendered) -> Record:
    """Make one file of all parts, and remove them.

    Args:
        item: the file.
        how: it is done.
        spans: all of it.
        rendered: what is known of each.
    """
    started = time.perf_counter()
    api, options = unmasker(how.settings), how.options
    with storage.fetched(item.source) as path, storage.delivered(item.output) as output:
        sweep(output)
        with _opened(path, 1) as source:
            credential = options.credential
            sink = FileSink(
                output,
                source,
                options.encoder,
                overwrite=options.overwrite,
                width_factor=2 if options.compare else 1,
                metadata={"comment": api.label},
                private=options.private,
                seal=None if credential is None else _seal(credential, output.name, path, api.label),
            )
            try:
                _mux(sink, source, item, spans)
                sink.close()
            except BaseException:
                sink.discard()
                raise
        seconds = length(output)
        report = Report(str(path), str(output), api.networks.engine, ())
        report.frames = sum(each.frames for each in rendered)
        report.faces, report.unfollowed = rendered[-1].faces, rendered[-1].unfollowed
        said = [sentence for each in rendered for sentence in each.warnings]
        report.warnings = list(dict.fromkeys([*said, *sink.warnings]))
    sheet = SheetMaker() if how.sheets else None
    for each in rendered:
        if sheet is not None and each.sheet is not None:
            sheet.take(each.sheet)
    for span in spans:
        storage.remove(part_place(item, span))
    record = done_record(item, report, seconds, sheet)
    record.spans = len(spans)
    record.took = sum(each.took for each in rendered) + time.perf_counter() - started
    return record


def part_place(item: Item, span: Span) -> str:
    """Where the part of a span lies until it is joined."""
    name = hashlib.sha256(f"{item.name} {span.cut} {span.end}".encode()).hexdigest()[:20]
    folder = item.output.removesuffix(item.name).rstrip("/")
    return storage.join(folder, f"{REPORTS}/parts/{name}.npz")


def _mux(sink: FileSink, source: ContainerSource, item: Item, spans: Sequence[Span]) -> None:
    """Write the parts' video, and all that travels beside it in its place."""
    source.pictures = False
    beside: Iterator[Packet[Any] | CopiedPacket] = (each for each in source if isinstance(each, CopiedPacket))
    video: Iterator[Packet[Any] | CopiedPacket] = _encoded(sink, item, spans)
    for packet in merge(video, beside, key=_when):
        if isinstance(packet, CopiedPacket):
            sink.write(packet)
        else:
            sink.write_encoded(packet)


def _when(packet: Packet[Any] | CopiedPacket) -> Fraction:
    """When a packet is decoded, in seconds; one that does not say so comes at once."""
    inner = packet.packet if isinstance(packet, CopiedPacket) else packet
    ticks = inner.dts if inner.dts is not None else inner.pts
    return Fraction(-1) if ticks is None or inner.time_base is None else ticks * inner.time_base


def _encoded(sink: FileSink, item: Item, spans: Sequence[Span]) -> Iterator[Packet[Any] | CopiedPacket]:
    """The packets of all parts, one part in memory at a time."""
    places = [part_place(item, span) for span in spans]
    times = []
    for place in places:
        part = read_part(storage.read(place))
        times.append((part.pts, part.dts))
    for place, dts in zip(places, ordered_times(times), strict=True):
        for packet in read_part(storage.read(place)).packets(dts):
            packet.time_base = sink.video_time_base
            yield packet


def _seal(folder: Path, name: str, source: Path, label: str) -> Callable[[Path], None]:
    credential = Credential(folder)
    return lambda made: credential.sign(made, name, source, label)


def _opened(path: Path, threads: int) -> ContainerSource:
    return cast(ContainerSource, open_source(path, threads=threads))
