"""Reading: frames from a file, a stream or a webcam, and all that travels beside them."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from stream_unmask.errors import UnmaskError
from stream_unmask.video.decoding import PictureDecoder
from stream_unmask.video.files import is_address, reason, redact
from stream_unmask.video.frame import Frame
from stream_unmask.video.info import SourceInfo, SourceProblems, describe, is_cover, main_video

_OPEN_SECONDS = 10.0
_READ_SECONDS = 10.0
_MOST_FAILURES = 100
"""Reads that may fail one after the other before the rest of a file is given up."""

_MISSING_SECONDS = 0.5
"""A container's duration may be wrong by this much without anything being lost."""

_MOST_LOOKAHEAD = 4096
"""Packets that may come before the first picture."""

_SEGMENTED = frozenset(("hls", "dash"))


@dataclass(frozen=True, slots=True)
class CopiedPacket:
    """A packet of sound, subtitles or data that is passed on as it is.

    Attributes:
        packet: as the container held it.
        stream_index: its stream in the source.
    """

    packet: Packet[Stream]
    stream_index: int


class Closing:
    """Is closed at the end of a ``with`` statement."""

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


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

    def __iter__(self) -> Iterator[Frame | CopiedPacket]: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_source(uri: str | Path, *, threads: int = 0, gpu_decode: bool = False) -> Source:
    """Open a video file, a stream (``rtsp://``, ``http://``) or a webcam (``webcam:0``, ``/dev/video0``).

    Args:
        uri: what to read.
        threads: for the decoder; 0 for as many as there are cores.
        gpu_decode: let an NVIDIA GPU decode a file's video, where there is one that knows its codec.

    Raises:
        UnmaskError: it is not there, cannot be opened, or holds no picture.
    """
    shown = redact(uri)
    if is_address(uri):
        container = _open_address(str(uri), shown)
    else:
        container = _open_file(Path(uri), shown, gpu_decode=gpu_decode)
    try:
        live = _is_live(uri, container)
        real_time = live and not _waits(uri, container)
        source = _ContainerSource(container, shown, live=live, real_time=real_time, threads=threads)
    except BaseException:
        container.close()
        raise
    if gpu_decode and not source.on_gpu:
        source.problems.warnings.append(f"No GPU here decodes {shown}; the CPU does.")
    return source


class _ContainerSource(Closing):
    """Frames and packets out of a PyAV container.

    Attributes:
        on_gpu: a GPU decodes the video, unless it turns out that it cannot.
    """

    def __init__(
        self, container: InputContainer, shown: str, *, live: bool, real_time: bool, threads: int
    ) -> None:
        stream = main_video(container)
        if stream is None:
            raise UnmaskError(f"There is no video in {shown} that can be decoded.")
        self.on_gpu = stream.codec_context.is_hwaccel
        stream.thread_type = "AUTO"
        # Threads would only hold more frames back from the GPU.
        stream.thread_count = 1 if self.on_gpu else threads
        self.problems = SourceProblems()
        self.copied_streams: Mapping[int, Stream] = {
            other.index: other
            for other in container.streams
            if other is not stream and (other.type != "video" or is_cover(other))
        }
        for other in container.streams.video:
            if other is not stream and other.index not in self.copied_streams:
                self.problems.warnings.append(
                    f"The video stream {other.index} of {shown} was left out: only the main one is worked on."
                )
        self._container = container
        self._stream = stream
        self._shown = shown
        self._live = live
        self._decoder = PictureDecoder(stream, self.problems)
        self._end = 0.0
        self._items = self._read()
        self._waiting: deque[Frame | CopiedPacket] = deque()
        first = self._look_ahead().picture
        self.info = describe(shown, container, stream, first, live=live, real_time=real_time)

    def __iter__(self) -> Iterator[Frame | CopiedPacket]:
        while self._waiting:
            yield self._waiting.popleft()
        yield from self._items

    def close(self) -> None:
        """Let go of the file or the connection."""
        self._items.close()
        self._waiting.clear()
        self._container.close()

    def _look_ahead(self) -> Frame:
        """Read up to the first frame, which says more of the video than its container does."""
        for item in self._items:
            self._waiting.append(item)
            if isinstance(item, Frame):
                return item
            if len(self._waiting) > _MOST_LOOKAHEAD:
                break
        raise UnmaskError(f"No picture of {self._shown} can be decoded.")

    def _read(self) -> Generator[Frame | CopiedPacket, None, None]:
        for packet in self._packets():
            if packet.stream_index == self._stream.index:
                yield from self._decoder.decode(packet)
            elif packet.size or packet.dts is not None:
                yield CopiedPacket(packet, packet.stream_index)
        yield from self._decoder.flush()
        self._check_end()

    def _packets(self) -> Iterator[Packet[Stream]]:
        """Every packet that can be read; what cannot is counted."""
        streams = [self._stream, *self.copied_streams.values()]
        failures = 0
        while failures < _MOST_FAILURES:
            try:
                for packet in self._container.demux(streams):
                    # The empty ones at the end ask for a flush, which has its own place in _read.
                    if packet.size or packet.dts is not None:
                        failures = 0
                        self._note_end(packet)
                        yield packet
                return
            except av.InvalidDataError:
                failures += 1
                self.problems.broken_packets += 1
            except av.FFmpegError as error:
                why = "nothing more came" if isinstance(error, av.ExitError) else reason(error)
                self.problems.warnings.append(f"Reading {self._shown} ended early: {why}.")
                return

    def _note_end(self, packet: Packet[Stream]) -> None:
        if packet.pts is not None and packet.time_base:
            self._end = max(self._end, float((packet.pts + (packet.duration or 0)) * packet.time_base))

    def _check_end(self) -> None:
        """Notice a file that was cut off: its container promises more than could be read."""
        promised = self._container.duration
        if promised is None or self._live:
            return
        missing = ((self._container.start_time or 0) + promised) / av.time_base - self._end
        if missing > _MISSING_SECONDS:
            self.problems.warnings.append(
                f"{self._shown} is cut off: the last {missing:.1f} seconds that it promises are not there."
            )


def _is_live(uri: str | Path, container: InputContainer) -> bool:
    if not is_address(uri):
        return False
    return not _served(uri) or container.duration is None


def _waits(uri: str | Path, container: InputContainer) -> bool:
    """Whether what a server sends can be read at any pace: a file, whose size is known, or a playlist.

    The segments of a playlist come in bursts, and one that is read too late is passed over by FFmpeg.
    """
    return _served(uri) and (container.size > 0 or container.format.name in _SEGMENTED)


def _served(uri: str | Path) -> bool:
    return str(uri).startswith(("http://", "https://", "file:"))


def _open_file(path: Path, shown: str, *, gpu_decode: bool) -> InputContainer:
    if not path.exists():
        raise UnmaskError(f"There is no file {shown}.")
    if path.is_dir():
        raise UnmaskError(f"{shown} is a folder, not a video.")
    # An absolute path, lest a colon in a name be taken for a protocol.
    name = str(path.absolute())
    if gpu_decode:
        # Frames come back into the host's memory, with all their properties. Without a GPU this fails.
        with suppress(av.FFmpegError):
            hwaccel = HWAccel("cuda", allow_software_fallback=True)
            return av.open(name, metadata_errors="surrogateescape", hwaccel=hwaccel)
    try:
        return av.open(name, metadata_errors="surrogateescape")
    except (av.InvalidDataError, av.EOFError) as error:
        raise UnmaskError(f"{shown} is not a video that can be read.") from error
    except (av.FFmpegError, OSError) as error:
        raise UnmaskError(f"{shown} cannot be opened: {reason(error)}.") from error


def _open_address(uri: str, shown: str) -> InputContainer:
    name, format_name = _device(uri) or (uri, None)
    started = time.monotonic()
    try:
        return av.open(
            name,
            format=format_name,
            options=_protocol_options(uri),
            timeout=(_OPEN_SECONDS, _READ_SECONDS),
            metadata_errors="surrogateescape",
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        # Which error a timeout becomes depends on where it was noticed.
        silent = time.monotonic() - started >= _OPEN_SECONDS
        why = f"it did not answer for {_OPEN_SECONDS:.0f} seconds" if silent else reason(error)
        raise UnmaskError(f"{shown} cannot be opened: {why}.") from error


def _protocol_options(uri: str) -> dict[str, str]:
    """RTSP runs over TCP, which loses nothing; its own timeout reaches where PyAV's does not."""
    if uri.startswith(("rtsp://", "rtsps://")):
        return {"rtsp_transport": "tcp", "timeout": str(int(_READ_SECONDS * 1e6))}
    if uri.startswith(("http://", "https://")):
        return {"rw_timeout": str(int(_READ_SECONDS * 1e6)), "reconnect": "1"}
    return {}


def _device(uri: str) -> tuple[str, str] | None:
    """A webcam's name and FFmpeg input format on this system, None where ``uri`` is an address."""
    if "://" in uri:
        return None
    number = uri.removeprefix("webcam:")
    if sys.platform == "darwin":
        return number, "avfoundation"
    if sys.platform == "win32":
        return f"video={number}", "dshow"
    return f"/dev/video{number}" if number.isdigit() else number, "v4l2"
