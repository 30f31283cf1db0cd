"""What a worker does with one file. Nothing here knows of Ray: it runs as well in any process."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path

import av
import cv2

from stream_unmask.api import Unmasker
from stream_unmask.errors import UnmaskError
from stream_unmask.fleet import storage
from stream_unmask.fleet.planning import Item
from stream_unmask.fleet.records import Record
from stream_unmask.fleet.sheet import SheetMaker
from stream_unmask.output.parts import sweep
from stream_unmask.output.writing import OutputOptions
from stream_unmask.report import Report
from stream_unmask.settings import Settings
from stream_unmask.video.files import redact

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class How:
    """How all files of a run are done.

    Attributes:
        settings: of the unmasking; ``threads`` is the number of cores that a worker has.
        options: of what is written; the encoder has the same number of threads.
        sheets: draw contact sheets.
        span: seconds of video from which on, half as many again, a file is cut into spans; None for never.
    """

    settings: Settings
    options: OutputOptions
    sheets: bool = True
    span: float | None = None

    @classmethod
    def on(
        cls,
        cores: int,
        settings: Settings,
        options: OutputOptions,
        *,
        sheets: bool = True,
        span: float | None = None,
    ) -> How:
        """The same for workers of so many cores each.

        The number of threads is fixed, since encoders and networks give other bytes with another one: so the
        outputs do not hang on how many workers there are, nor on the nodes that they run on.
        """
        encoder = replace(options.encoder, threads=cores)
        return cls(replace(settings, threads=cores), replace(options, encoder=encoder), sheets, span)


_loaded: list[tuple[Settings, Unmasker]] = []
"""The networks of this worker's process, and their settings."""


def unmasker(settings: Settings) -> Unmasker:
    """The networks, loaded once in a worker's life."""
    if not _loaded or _loaded[0][0] != settings:
        # Workers are as many as there are cores: threads of OpenCV would only fight for them.
        cv2.setNumThreads(1)
        _loaded[:] = [(settings, Unmasker(settings))]
    return _loaded[0][1]


def do_file(item: Item, how: How) -> Record:
    """Do one file.

    Returns:
        What became of it; also where it failed, so that it is not tried again: it would fail again.
    """
    started = time.perf_counter()
    try:
        record = _do(item, how)
    except UnmaskError as error:
        record = Record.failure(item, str(error))
    except Exception as error:  # a defect in one file's work must not end the others
        _log.exception("%s failed", redact(item.source))
        record = Record.failure(item, f"{type(error).__name__}: {error}")
    record.took = time.perf_counter() - started
    return record


def _do(item: Item, how: How) -> Record:
    networks = unmasker(how.settings)
    sheet = SheetMaker() if how.sheets else None
    with storage.fetched(item.source) as source, storage.delivered(item.output) as output:
        sweep(output)
        if item.picture:
            report = networks.image(source, output, how.options)
            if sheet is not None:
                sheet.add_picture(source, output)
        else:
            report = networks.video(source, output, how.options, watch=sheet.watch if sheet else None)
        seconds = 0.0 if item.picture else length(output)
    return done_record(item, report, seconds, sheet)


def done_record(item: Item, report: Report, seconds: float, sheet: SheetMaker | None) -> Record:
    """What there is to say of a file that was done."""
    return Record(
        item.name,
        redact(item.source),
        "done",
        frames=report.frames,
        seconds=seconds,
        faces=len(report.faces) + report.earlier.faces,
        masked=report.masked_faces,
        warnings=list(report.warnings),
        sheet=None if sheet is None else sheet.jpeg(),
    )


def length(video: Path) -> float:
    """Seconds that a finished video lasts, by its container; 0 where that does not say."""
    with av.open(video) as container:
        return (container.duration or 0) / av.time_base
