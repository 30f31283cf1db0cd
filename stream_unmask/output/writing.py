"""One video on its way into its files."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from stream_unmask.checks import check_flag
from stream_unmask.errors import OutputError
from stream_unmask.output.compare import side_by_side
from stream_unmask.output.live.fanout import Fanout
from stream_unmask.output.live.options import LiveOptions
from stream_unmask.output.live.status import MinuteLine, output_report
from stream_unmask.output.masks import MaskSink
from stream_unmask.output.sink import EncoderSettings, FileSink
from stream_unmask.output.watermark import Watermark
from stream_unmask.pipeline import Stream, UnmaskedFrame
from stream_unmask.video.frame import Frame
from stream_unmask.video.source import Item, Source

_log = logging.getLogger(__name__)

_MOST_FACES = 1000
"""Faces of a camera that are told of one by one; it may run for months."""

_BETWEEN_DROPS = 10.0
"""Seconds between two lines in the log about frames that were dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """What is written, apart from the unmasking itself.

    Attributes:
        encoder: codec and quality of a video.
        overwrite: replace an output that exists.
        compare: show the input and the output side by side.
        watermark: write AI SYNTHETIC into a corner of every picture.
        save_masks: write a picture or video of where masks were found beside the output.
        copy_untouched: copy the groups of pictures of a video that nothing changed, and encode the others.
        private: leave out of an output where, by whom, and with what it was taken: such tags of a video or
            photo, and tracks of data, which may hold a place.
        credential: folder with a certificate and a key to sign the output with; see
            :class:`stream_unmask.output.credentials.Credential`.
        live: how the outputs of a camera are written.

    Raises:
        ValueError: a flag is neither True nor False, or another value of the wrong type.
    """

    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    overwrite: bool = False
    compare: bool = False
    watermark: bool = False
    save_masks: bool = False
    private: bool = False
    copy_untouched: bool = False
    credential: Path | None = None
    live: LiveOptions = field(default_factory=LiveOptions)

    def __post_init__(self) -> None:
        for name in ("overwrite", "compare", "watermark", "private", "save_masks", "copy_untouched"):
            check_flag(name, getattr(self, name))
        if self.copy_untouched and (self.compare or self.watermark):
            raise ValueError(
                "copy_untouched leaves nothing to do where compare or watermark change every picture"
            )
        if not isinstance(self.encoder, EncoderSettings):
            raise ValueError(f"encoder must be EncoderSettings, got {self.encoder!r}")
        if not isinstance(self.credential, Path | None):
            raise ValueError(f"credential must be a Path or None, got {self.credential!r}")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a video is.

    Attributes:
        frames: frames done.
        total: frames in all, as far as the file says.
        faces: faces in the last frame that wear a mask.
        dropped: frames of a camera that were left out so far, since a newer one was there.
        delay: seconds since the last frame arrived; None where it did not come in real time.
        looking: this is the first look through a file for bare faces; nothing is written yet.
    """

    frames: int
    total: int | None
    faces: int
    dropped: int = 0
    looking: bool = False
    delay: float | None = None


class Sink(Protocol):
    """What a video goes into."""

    @property
    def warnings(self) -> list[str]: ...
    @property
    def repaired_timestamps(self) -> int: ...
    def write(self, item: Item) -> None: ...
    def close(self) -> Path | None: ...
    def keep(self) -> Path | None: ...
    def discard(self) -> None: ...


class VideoJob:
    """One video on its way: the stream, the files it goes into, and what is drawn besides."""

    def __init__(
        self,
        stream: Stream,
        source: Source,
        sink: Sink,
        options: OutputOptions,
        progress: Callable[[Progress], None] | None,
        masks: MaskSink | None = None,
        minute: MinuteLine | None = None,
        watch: Callable[[UnmaskedFrame], None] | None = None,
    ) -> None:
        self.stream = stream
        self._watch = watch
        self.frames = 0
        self._compare = options.compare
        self._total = source.info.frames
        self._real_time = source.info.real_time
        self._problems = source.problems
        self._progress = progress
        self._logged, self._logged_at = 0, float("-inf")
        self._watermark = Watermark(source.info.rotation) if options.watermark else None
        self._sink, self._masks, self._minute = sink, masks, minute
        self._live = source.info.live

    def process(self, frame: Frame) -> list[Frame]:
        """Take the next frame; those that are done by now."""
        done = [self._complete(each) for each in self.stream.submit(frame)]
        # A camera's frame must not wait for the next one.
        return done + self.drain() if self._real_time else done

    def drain(self) -> list[Frame]:
        """The frames that are still under way, done."""
        return [self._complete(each) for each in self.stream.drain()]

    def _complete(self, done: UnmaskedFrame) -> Frame:
        frame, faces = done.frame, done.faces
        if self._watch is not None:
            self._watch(done)
        if self._masks is not None:
            self._masks.write(frame, faces)
        if self._watermark is not None:
            self._watermark.draw(frame)
        self.frames += 1
        self._log_drops()
        if self._minute is not None:
            self._minute.frame(len(faces))
            self.stream.forget_faces(_MOST_FACES)
        if self._progress is not None:
            delay = None if frame.arrival is None else time.monotonic() - frame.arrival
            self._progress(
                Progress(self.frames, self._total, len(faces), self._problems.dropped, delay=delay)
            )
        return side_by_side(frame) if self._compare else frame

    def _log_drops(self) -> None:
        """Say that frames are dropped, once in a while."""
        dropped = self._problems.dropped
        if dropped > self._logged and time.monotonic() - self._logged_at >= _BETWEEN_DROPS:
            self._logged, self._logged_at = dropped, time.monotonic()
            _log.warning("%d frames came too fast so far and were dropped", dropped)

    def write(self, item: Item) -> None:
        self._sink.write(item)

    def finish(self, interrupted: bool) -> Path | None:
        """Close the files, the video first.

        Returns:
            Where the video is, None if nothing of it was worth keeping.

        Raises:
            OutputError: one cannot be finished. If it is that of the masks, the video is kept.
        """
        video = self._sink.keep() if interrupted else self._sink.close()
        if self._masks is not None:
            try:
                self._masks.finish(interrupted)
            except OutputError as error:
                raise OutputError(
                    f"{error} Without the masks, the video is in {video}.", path=video
                ) from error
        return video

    def discard(self) -> None:
        """Remove what was written of a file; what was recorded of a camera is kept."""
        self._sink.discard()
        if self._masks is not None and self._live:
            self._masks.finish(interrupted=True)
        elif self._masks is not None:
            self._masks.discard()

    @property
    def copied(self) -> int:
        """Frames of a file that were copied without being encoded."""
        return self._sink.frames_copied if isinstance(self._sink, FileSink) else 0

    def outputs(self) -> list[dict[str, object]]:
        """What became of each output of a camera."""
        if not isinstance(self._sink, Fanout):
            return []
        return [dataclasses.asdict(output_report(output)) for output in self._sink.outputs]

    def warnings(self) -> list[str]:
        repaired = self._sink.repaired_timestamps
        moved = [f"{repaired} timestamps were missing or went backwards, and were moved."] if repaired else []
        return [*self._sink.warnings, *moved]
