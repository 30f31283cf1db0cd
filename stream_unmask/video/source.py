"""Reading: frames from a file, a stream or a webcam, and all that travels beside them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from av.stream import Stream

from stream_unmask.video.camera import CameraSource
from stream_unmask.video.container import Closing, ContainerSource, CopiedPacket
from stream_unmask.video.files import is_address, redact
from stream_unmask.video.frame import Frame
from stream_unmask.video.info import SourceInfo, SourceProblems
from stream_unmask.video.opening import is_live, is_real_time, open_address, open_file
from stream_unmask.video.samples import Samples

__all__ = ["Closing", "CopiedPacket", "Source", "open_source"]

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

    def __iter__(self) -> Iterator[Frame | CopiedPacket]: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_source(
    uri: str | Path,
    *,
    threads: int = 0,
    gpu_decode: bool = False,
    reconnect: float = 0.0,
    notify: Callable[[str], None] = lambda sentence: None,
) -> Source:
    """Open a video file, a stream (``rtsp://``, ``http://``) or a webcam (``webcam:0``, ``/dev/video0``).

    Args:
        uri: what to read.
        threads: for the decoder; 0 for as many as there are cores.
        gpu_decode: let an NVIDIA GPU decode a file's video, where there is one that knows its codec.
        reconnect: seconds for which a camera that is lost is called again; 0 to end when it is lost.
        notify: gets a sentence when a camera is lost, called in vain, or there again; in whichever thread
            reads.

    Raises:
        InputError: it is not there, cannot be opened, or holds no picture.
    """
    first = _open(uri, threads, gpu_decode)
    where = "a GPU" if first.on_gpu else "the CPU"
    _log.info("Opened %s: %s, decoded by %s", redact(uri), first.info.summary(), where)
    if gpu_decode and not first.on_gpu:
        first.problems.warnings.append(f"No GPU here decodes {redact(uri)}; the CPU does.")
    if first.endless:
        return CameraSource(first, lambda: _open(uri, threads, gpu_decode), reconnect, notify)
    return first


def _open(uri: str | Path, threads: int, gpu_decode: bool) -> ContainerSource:
    shown = redact(uri)
    if is_address(uri):
        container = open_address(str(uri), shown)
    else:
        container = open_file(Path(uri), shown, gpu_decode=gpu_decode)
    try:
        live, real_time = is_live(uri, container), is_real_time(uri, container)
        path = None if is_address(uri) else Path(uri)
        return ContainerSource(container, shown, live=live, real_time=real_time, threads=threads, path=path)
    except BaseException:
        container.close()
        raise
