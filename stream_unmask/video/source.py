"""Reading: frames from a file, a stream or a webcam, and all that travels beside them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from av.stream import Stream

from stream_unmask.errors import UnmaskError
from stream_unmask.video.camera import Backoff, CameraSource
from stream_unmask.video.camera_options import CameraOptions
from stream_unmask.video.container import Closing, ContainerSource, CopiedPacket, Reconnected
from stream_unmask.video.files import is_address, redact
from stream_unmask.video.frame import Frame
from stream_unmask.video.info import SourceInfo, SourceProblems
from stream_unmask.video.opening import (
    OPEN_SECONDS,
    RefusedError,
    is_live,
    is_pipe,
    is_real_time,
    open_address,
    open_file,
)
from stream_unmask.video.reader import Caller, StoppedError
from stream_unmask.video.samples import Samples
from stream_unmask.video.sounds import Sound

__all__ = [
    "Closing",
    "CopiedPacket",
    "Item",
    "PartOf",
    "Reconnected",
    "Source",
    "StoppedError",
    "open_source",
]


Item = Frame | CopiedPacket | Reconnected
"""What a source hands out."""

_log = logging.getLogger(__name__)


class Source(Protocol):
    """Where frames come from. It is read once, from start to end."""

    @property
    def info(self) -> SourceInfo: ...
    @property
    def problems(self) -> SourceProblems: ...
    @property
    def copied_streams(self) -> Mapping[int, Stream]:
        """The streams whose packets are handed out as they are, by index."""
        ...

    def samples(self) -> Samples:
        """First packets of these streams, by index, as far as they are known before reading begins."""
        ...

    @property
    def sounds(self) -> Mapping[int, Sound]:
        """The streams of sound, by index; they outlive their connection."""
        ...

    def __iter__(self) -> Iterator[Item]: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class PartOf(Closing):
    """A source that hands out what it wants of another one, when it wants; all else is as there.

    Args:
        source: the other one, of which nothing has been read. It is closed with this one.

    Attributes:
        info: the other one's, to be replaced by who changes it.
    """

    def __init__(self, source: Source) -> None:
        self.info: SourceInfo = source.info
        self._source = source

    @property
    def problems(self) -> SourceProblems:
        """The other one's."""
        return self._source.problems

    @property
    def copied_streams(self) -> Mapping[int, Stream]:
        """The other one's."""
        return self._source.copied_streams

    def samples(self) -> Samples:
        """The other one's."""
        return self._source.samples()

    @property
    def sounds(self) -> Mapping[int, Sound]:
        """The other one's."""
        return self._source.sounds

    def __iter__(self) -> Iterator[Item]:
        raise NotImplementedError

    def close(self) -> None:
        """Let go of both."""
        self._source.close()


def open_source(
    uri: str | Path,
    *,
    threads: int = 0,
    gpu_decode: bool = False,
    reconnect: float = 0.0,
    camera: CameraOptions | None = None,
    notify: Callable[[str], None] = lambda sentence: None,
    stop: threading.Event | None = None,
) -> Source:
    """Open a video file, a stream (``rtsp://``, ``http://``), a webcam (``webcam:0``) or ``-``.

    Args:
        uri: what to read; ``-`` for the standard input.
        threads: for the decoder; 0 for as many as there are cores.
        gpu_decode: let an NVIDIA GPU decode a file's video, where there is one that knows its codec.
        reconnect: seconds for which a camera that is lost is called again; 0 to end when it is lost.
        camera: how a camera is called.
        notify: gets a sentence when a camera is lost, called in vain, or there again; in whichever thread
            reads.
        stop: set it from anywhere to wait for the camera no longer.

    Raises:
        InputError: it is not there, cannot be opened, or holds no picture.
        StoppedError: ``stop`` was set before it was there.
    """
    camera, stop = camera or CameraOptions(), stop or threading.Event()
    if not is_address(uri):
        first = _open_file(Path(uri), threads, gpu_decode)
        where = "a GPU" if first.on_gpu else "the CPU"
        _log.info("Opened %s: %s, decoded by %s", uri, first.info.summary(), where)
        if gpu_decode and not first.on_gpu:
            first.problems.warnings.append(f"No GPU here decodes {redact(uri)}; the CPU does.")
        return first

    def call() -> ContainerSource:
        return _open_address(str(uri), threads, camera)

    first = _called(call, redact(uri), camera, notify, stop)
    _log.info("Opened %s: %s", redact(uri), first.info.summary())
    if first.endless or (first.lasting and not is_pipe(uri)):
        return CameraSource(first, call, camera, reconnect, notify)
    return first


def _called(
    call: Callable[[], ContainerSource],
    shown: str,
    camera: CameraOptions,
    notify: Callable[[str], None],
    stop: threading.Event,
) -> ContainerSource:
    """The first connection, called again for ``camera.wait`` seconds where it is not there."""
    until, backoff = time.monotonic() + camera.wait, Backoff()
    seconds = OPEN_SECONDS + camera.stall
    while True:
        try:
            late = f"{shown} showed no picture within {seconds:.0f} s."
            return Caller(call).wait(stop.is_set, seconds, late)
        except UnmaskError as error:
            left = until - time.monotonic()
            if left <= 0:
                raise
            pause = min(backoff.next(refused=isinstance(error, RefusedError)), left)
            notify(f"{error} Trying again in {max(pause, 1):.0f} s.")
        if stop.wait(pause):
            raise StoppedError


def _open_address(uri: str, threads: int, camera: CameraOptions) -> ContainerSource:
    shown = redact(uri)
    container = open_address(uri, shown, camera)
    try:
        live, real_time = is_live(uri, container), is_real_time(uri, container)
        return ContainerSource(container, shown, live=live, real_time=real_time, threads=threads)
    except BaseException:
        container.close()
        raise


def _open_file(path: Path, threads: int, gpu_decode: bool) -> ContainerSource:
    shown = str(path)
    container = open_file(path, shown, gpu_decode=gpu_decode)
    try:
        return ContainerSource(container, shown, live=False, real_time=False, threads=threads, path=path)
    except BaseException:
        container.close()
        raise
