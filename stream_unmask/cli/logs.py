"""``--log-level`` and ``--log-json``: what operators read of a run, instead of sentences for people."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, TypeVar

import click

from stream_unmask.cli.ffmpeg import FFMPEG, OTHERS, ffmpeg_logged, own_stderr
from stream_unmask.video.files import redact

_LEVELS = ("debug", "info", "warning", "error")
_OURS = logging.getLogger("stream_unmask")
_MOST, _SECONDS = 10, 60.0
"""FFmpeg's messages that pass in so many seconds: a broken stream has one for each packet."""

F = TypeVar("F", bound=Callable[..., Any])


def log_options(command: F) -> F:
    """Add the options to a click command: ``log_level`` and ``log_json``."""
    level = click.option(
        "--log-level",
        type=click.Choice(_LEVELS),
        help="Log to stderr, with FFmpeg's warnings, instead of showing progress.",
    )
    as_json = click.option("--log-json", is_flag=True, help="Log as JSON, one object per line.")
    return level(as_json(command))


@contextmanager
def log_to_stderr(level: str | None, *, as_json: bool, serves: bool = False) -> Iterator[bool]:
    """Log while entered, if it was asked for.

    Args:
        level: the least that is written; None for ``info`` with ``as_json``, else for no log.
        as_json: write an object a line.
        serves: it goes on after a defect, which is therefore written even without a log: else nobody would
            ever learn more of it than that there was one.

    Yields:
        Whether there is a log.
    """
    if level is None and not as_json:
        with _handled("ERROR", as_json, [_OURS]) if serves else nullcontext():
            yield False
        return
    of_ffmpeg = logging.ERROR if level == "error" else logging.WARNING
    all_loggers = [_OURS, logging.getLogger(FFMPEG), OTHERS]
    with own_stderr(), _handled((level or "info").upper(), as_json, all_loggers), ffmpeg_logged(of_ffmpeg):
        yield True


@contextmanager
def _handled(level: str, as_json: bool, loggers: Sequence[logging.Logger]) -> Iterator[None]:
    """Write the records of some loggers; of ours, those of a level and above."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLine() if as_json else _TextLine())
    handler.addFilter(_FewOfFFmpeg())
    before = _OURS.level
    _OURS.setLevel(level)
    for each in loggers:
        each.addHandler(handler)
    try:
        yield
    finally:
        for each in loggers:
            each.removeHandler(handler)
        _OURS.setLevel(before)


def _when(record: logging.LogRecord) -> str:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{seconds}.{int(record.msecs):03d}Z"


class _TextLine(logging.Formatter):
    """``2026-11-28T06:52:01.123Z INFO stream_unmask.api: Opened ...``"""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{_when(record)} {record.levelname} {record.name}: {record.getMessage()}"
        return redact(line if record.exc_info is None else f"{line}\n{self.formatException(record.exc_info)}")


class _JsonLine(logging.Formatter):
    """An object with time, level, logger, thread and message."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _when(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "thread": record.threadName,
            "message": redact(record.getMessage()),
        }
        if record.exc_info is not None:
            line["traceback"] = redact(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


class _FewOfFFmpeg(logging.Filter):
    """Lets so many of FFmpeg's messages pass in a minute, and says how many it held back before.

    What it says of its own deprecated options is nobody's to mend: reading which options there are is enough.
    """

    def __init__(self) -> None:
        super().__init__()
        self._since, self._passed, self._held = float("-inf"), 0, 0

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] != FFMPEG:
            return True
        if "is deprecated" in record.getMessage():
            return False
        if record.created - self._since >= _SECONDS:
            if self._held:
                record.msg = f"{record.getMessage()} (and {self._held} more messages of FFmpeg before)"
                record.args = None
            self._since, self._passed, self._held = record.created, 0, 0
        self._passed += 1
        if self._passed > _MOST:
            self._held += 1
        return self._passed <= _MOST
