"""The work on one uploaded file, in the worker process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from stream_unmask.api import Unmasker
from stream_unmask.errors import InputError
from stream_unmask.output.writing import OutputOptions, Progress
from stream_unmask.report import Report
from stream_unmask.video.files import is_image
from stream_unmask.video.info import SourceInfo
from stream_unmask.video.source import open_source
from stream_unmask.web.preview import join_videos, show_pictures

Tell = Callable[[dict[str, Any]], None]

MOST_PIXELS = 36_000_000
"""Of a video's frame: 8K."""

_MOST_RATE = 240
_LOOKING, _UNMASKING = 0.25, 0.6
"""Shares of the work on a video: a first look through it, and unmasking; the rest is the preview."""

_BETWEEN = 0.2
"""Seconds between two words on how far it is."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done.

    Attributes:
        source: the file that was uploaded.
        folder: where results go.
        name: of the result.
        stand_in: as ``Settings.stand_in`` takes it.
        most_seconds: that a video may last.
    """

    source: Path
    folder: Path
    name: str
    stand_in: Literal["auto", "none"] | Mapping[int, int | Literal["none"]]
    most_seconds: float

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Order:
        """An order out of what :meth:`plain` made."""
        stand_in = values["stand_in"]
        if isinstance(stand_in, dict):
            stand_in = {int(face): wish for face, wish in stand_in.items()}
        return cls(
            Path(values["source"]), Path(values["folder"]), values["name"], stand_in, values["most_seconds"]
        )

    def plain(self) -> dict[str, Any]:
        """The same for JSON."""
        stand_in = dict(self.stand_in) if isinstance(self.stand_in, Mapping) else self.stand_in
        return {
            "source": str(self.source),
            "folder": str(self.folder),
            "name": self.name,
            "stand_in": stand_in,
            "most_seconds": self.most_seconds,
        }

    @property
    def result(self) -> Path:
        return self.folder / self.name


def work(unmasker: Unmasker, order: Order, tell: Tell, stop: threading.Event) -> Report:
    """Unmask a file, and make what the page shows of it.

    Args:
        unmasker: does it.
        order: what.
        tell: gets how far it is, as ``{"done": 0..1, "frames": N, "total": N or None}``.
        stop: set it from anywhere to end early.

    Raises:
        UnmaskError: it cannot be read, is larger than allowed, or cannot be written.
    """
    unmasker = unmasker.with_stand_in(order.stand_in)
    if is_image(order.source):
        report = unmasker.image(order.source, order.result, OutputOptions(overwrite=True))
        show_pictures(order.source, order.result, (order.folder / "before.jpg", order.folder / "after.jpg"))
        return report
    return _video(unmasker, order, tell, stop)


def _video(unmasker: Unmasker, order: Order, tell: Tell, stop: threading.Event) -> Report:
    with open_source(order.source) as source:
        info = source.info
    total = _checked(info, order)
    said = _Seldom(tell)

    def unmasked(progress: Progress) -> None:
        most = total or order.most_seconds * _MOST_RATE
        if progress.frames > 2 * most + _MOST_RATE:
            stop.set()  # it is longer than it claims
        share = _share(progress.frames, total)
        done = _LOOKING * share if progress.looking else _LOOKING + _UNMASKING * share
        said({"done": done, "frames": 0 if progress.looking else progress.frames, "total": total})

    report = unmasker.video(
        order.source, order.result, OutputOptions(overwrite=True), progress=unmasked, stop=stop
    )
    if report.interrupted:
        raise InputError("It was stopped before its end.")

    def joined(frames: int) -> None:
        done = _LOOKING + _UNMASKING
        done += (1 - done) * _share(frames, report.frames)
        said({"done": done, "frames": report.frames, "total": total})

    join_videos(order.source, order.result, order.folder / "preview.mp4", info.rotation, joined)
    return report


def _checked(info: SourceInfo, order: Order) -> int | None:
    """How many frames a video has, None where it does not say.

    Raises:
        InputError: it is longer or larger than allowed.
    """
    if info.width * info.height > MOST_PIXELS:
        raise InputError(f"The video is too large: {info.width}x{info.height} pixels.")
    if info.duration is not None and info.duration > order.most_seconds:
        raise InputError(
            f"The video lasts {info.duration:.0f} seconds; {order.most_seconds:.0f} are allowed here."
        )
    if info.frames is not None and info.frames > order.most_seconds * _MOST_RATE:
        raise InputError(f"The video has {info.frames} frames, which is too many here.")
    return info.frames


def _share(frames: int, total: int | None) -> float:
    return min(1.0, frames / total) if total else 0.0


class _Seldom:
    """Passes on a word only so often."""

    def __init__(self, tell: Tell) -> None:
        self._tell, self._last = tell, float("-inf")

    def __call__(self, word: dict[str, Any]) -> None:
        now = time.monotonic()
        if now - self._last >= _BETWEEN:
            self._last = now
            self._tell(word)
