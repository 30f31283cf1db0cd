"""Opening what frames are read from: files, addresses, webcams."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from pathlib import Path

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer

from stream_unmask.errors import InputError
from stream_unmask.video.files import is_address, reason

_OPEN_SECONDS = 10.0
_READ_SECONDS = 10.0

_SEGMENTED = frozenset(("hls", "dash"))


def is_live(uri: str | Path, container: InputContainer) -> bool:
    """Whether what was opened has no end that is known."""
    if not is_address(uri):
        return False
    return not _served(uri) or container.duration is None


def is_real_time(uri: str | Path, container: InputContainer) -> bool:
    """Whether what was opened does not wait for whoever reads it more slowly than it comes.

    A file on a server, whose size is known, can be read at any pace, and so can a playlist: its segments come
    in bursts, and one that is read too late is passed over by FFmpeg.
    """
    waits = _served(uri) and (container.size > 0 or container.format.name in _SEGMENTED)
    return is_live(uri, container) and not waits


def open_file(path: Path, shown: str, *, gpu_decode: bool) -> InputContainer:
    """Open a video file; ``shown`` names it in messages.

    Raises:
        InputError: it is not there or no video.
    """
    if not path.exists():
        raise InputError(f"There is no file {shown}.", path=shown)
    if path.is_dir():
        raise InputError(f"{shown} is a folder, not a video.", path=shown)
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
        raise InputError(f"{shown} is not a video that can be read.", path=shown) from error
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{shown} cannot be opened: {reason(error)}.", path=shown) from error


def open_address(uri: str, shown: str) -> InputContainer:
    """Open a stream or a webcam; ``shown`` names it in messages.

    Raises:
        InputError: it does not answer, or not with something that can be read.
    """
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
        raise InputError(f"{shown} cannot be opened: {why}.", path=shown) from error


def _served(uri: str | Path) -> bool:
    return str(uri).startswith(("http://", "https://", "file:"))


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
