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
from stream_unmask.video.camera_options import CameraOptions
from stream_unmask.video.files import is_address, is_media, reason
from stream_unmask.video.info import has_end
from stream_unmask.video.logins import with_login

OPEN_SECONDS = 10.0
"""Seconds in which a stream must answer."""

_READ_GRACE = 5.0
"""Seconds more than the reader of a stream itself waits, for FFmpeg to give up by itself."""

_RATE_FRAMES = {"fpsprobesize": "5"}
"""Frames by which FFmpeg tells the rate of what is live. It waits for 20 by itself: seconds, each time that a
slow camera is called."""

_SEGMENTED = frozenset(("hls", "dash"))

_LISTS = _SEGMENTED | {"concat", "imf"}
"""Formats that name other files. Whoever is given one as a video did not ask for those."""

_STANDARD_INPUT = "-"


class RefusedError(InputError):
    """What was called does not let us in: who we are is wrong, or too many are there already."""


def is_segmented(container_format: str) -> bool:
    """Whether a stream comes in bursts, a few seconds each."""
    return not _SEGMENTED.isdisjoint(container_format.split(","))


def is_live(uri: str | Path, container: InputContainer) -> bool:
    """Whether what was opened has no end that is known."""
    if not is_address(uri):
        return False
    return not _served(uri) or not has_end(container)


def is_pipe(uri: str | Path) -> bool:
    """Whether what is to be opened is the standard input."""
    return str(uri) == _STANDARD_INPUT


def is_real_time(uri: str | Path, container: InputContainer) -> bool:
    """Whether what was opened does not wait for whoever reads it more slowly than it comes.

    A file on a server, whose size is known, can be read at any pace, and so can a playlist: its segments come
    in bursts, and one that is read too late is passed over by FFmpeg.
    """
    waits = _served(uri) and (container.size > 0 or is_segmented(container.format.name))
    return is_live(uri, container) and not waits and not is_pipe(uri)


def open_file(path: Path, shown: str, *, gpu_decode: bool) -> InputContainer:
    """Open a video file; ``shown`` names it in messages.

    Raises:
        InputError: it is not there or no video.
    """
    if not path.exists():
        raise InputError(f"There is no file {shown}.", path=shown)
    if path.is_dir():
        raise InputError(f"{shown} is a folder, not a video.", path=shown)
    container = _opened(path, shown, gpu_decode=gpu_decode)
    if is_media(path) and not _LISTS.isdisjoint(container.format.name.split(",")):
        container.close()
        raise InputError(
            f"{shown} is a list of other files, and not the video that its name says.", path=shown
        )
    return container


def _opened(path: Path, shown: str, *, gpu_decode: bool) -> InputContainer:
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


def open_address(uri: str, shown: str, options: CameraOptions) -> InputContainer:
    """Open a stream, a webcam or the standard input; ``shown`` names it in messages.

    Raises:
        RefusedError: it wants to know who we are, and does not know us.
        InputError: it does not answer, or not with something that can be read.
    """
    seconds = options.stall + _READ_GRACE
    started = time.monotonic()
    try:
        if is_pipe(uri):
            return av.open("pipe:0", metadata_errors="surrogateescape")
        device = None if is_pipe(uri) else _device(uri)
        if device is not None:
            return _open_device(*device, options)
        return av.open(
            with_login(uri, options.login),
            options=_protocol_options(uri, options, seconds),
            timeout=(OPEN_SECONDS, seconds),
            metadata_errors="surrogateescape",
        )
    except (av.HTTPUnauthorizedError, av.HTTPForbiddenError) as error:
        raise RefusedError(f"{shown} cannot be opened: {reason(error)}.", path=shown) from error
    except (av.FFmpegError, OSError, ValueError) as error:
        # Which error a timeout becomes depends on where it was noticed.
        silent = time.monotonic() - started >= OPEN_SECONDS
        why = f"it did not answer for {OPEN_SECONDS:.0f} seconds" if silent else reason(error)
        if not is_pipe(uri) and _device(uri) is not None:
            why += f"; here are {', '.join(_webcams()) or 'no webcams'}"
        raise InputError(f"{shown} cannot be opened: {why}.", path=shown) from error


def _served(uri: str | Path) -> bool:
    return str(uri).startswith(("http://", "https://", "file:"))


def _protocol_options(uri: str, options: CameraOptions, seconds: float) -> dict[str, str]:
    """How RTP comes, and FFmpeg's own timeouts, which reach where PyAV's does not."""
    microseconds = str(int(seconds * 1e6))
    if uri.startswith(("rtsp://", "rtsps://")):
        # TCP loses nothing, but not every camera speaks it.
        way = {"rtsp_flags": "prefer_tcp"} if options.transport == "auto" else {}
        transport = {"udp": "udp", "tcp": "tcp", "multicast": "udp_multicast"}.get(options.transport)
        way |= {"rtsp_transport": transport} if transport else {}
        return {**_RATE_FRAMES, **way, "timeout": microseconds}
    if uri.startswith(("http://", "https://")):
        return {"rw_timeout": microseconds, "reconnect": "1"}
    return _RATE_FRAMES


def _open_device(name: str, format_name: str, options: CameraOptions) -> InputContainer:
    """Open a webcam, as MJPEG where it has that: uncompressed, most give 5 to 10 frames a second at 720p."""
    wanted = {}
    if options.size is not None:
        wanted["video_size"] = "{}x{}".format(*options.size)
    if options.rate is not None:
        wanted["framerate"] = f"{options.rate:g}"
    if options.input_format is not None:
        return av.open(name, format=format_name, options={**wanted, "input_format": options.input_format})
    if format_name == "v4l2":
        with suppress(av.FFmpegError, OSError, ValueError):
            return av.open(name, format=format_name, options={**wanted, "input_format": "mjpeg"})
    return av.open(name, format=format_name, options=wanted)


def _webcams() -> list[str]:
    """The webcams that Linux knows, as they are named to be opened."""
    found = []
    for name in sorted(Path("/sys/class/video4linux").glob("video*/name")):
        with suppress(OSError):
            number = name.parent.name.removeprefix("video")
            found.append(f"webcam:{number} ({name.read_text().strip()})")
    return found


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
