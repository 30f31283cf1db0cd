"""From what ``-o`` names to where it goes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from stream_unmask.errors import OutputError
from stream_unmask.output.live.encoding import Kind
from stream_unmask.output.live.naming import Names
from stream_unmask.output.live.options import LiveOptions
from stream_unmask.output.live.sound import WINDOW
from stream_unmask.output.live.targets import (
    DirectTarget,
    HlsTarget,
    RecordingTarget,
    StreamTarget,
    Target,
    recording_format,
)
from stream_unmask.video.files import redact
from stream_unmask.video.logins import with_login

WINDOW_NAME = "window:"
"""The name of the output that is a window on the screen."""

_V4L2 = re.compile(r"v4l2:(?P<device>.+)")
_STREAMS = {
    "rtsp": "rtsp",
    "rtsps": "rtsp",
    "rtmp": "flv",
    "rtmps": "flv",
    "udp": "mpegts",
    "tcp": "mpegts",
}
_PIPES = {"mpegts": "mpegts", "raw": "rawvideo", "y4m": "yuv4mpegpipe"}


def is_stream_output(output: str | Path) -> bool:
    """Whether an output is something other than a file: an address, a device, a folder of HLS, a pipe."""
    text = str(output)
    return text in ("-", WINDOW_NAME) or "://" in text or bool(_V4L2.fullmatch(text)) or _is_hls(text)


def target_for(
    output: str | Path,
    options: LiveOptions,
    *,
    overwrite: bool,
    tags: Mapping[str, str],
    seal: Callable[[Path], None] | None,
) -> Target:
    """Where an output goes.

    Args:
        output: a file, whose name may hold the time (``strftime``); ``rtsp://``, ``rtmp://``; a folder that
            ends with a slash, or a ``.m3u8`` in one, for HLS; ``v4l2:/dev/video2``; ``window:``; ``-``.
        options: how it is written.
        overwrite: a file may replace what bears its name.
        tags: metadata of files.
        seal: is given each file before it gets its name.

    Raises:
        OutputError: it is nothing that can be written.
    """
    text = str(output)
    if text == "-":
        kind: Kind = "live" if options.pipe_format == "mpegts" else "raw"
        form = _PIPES[options.pipe_format]
        return DirectTarget(form, shown_address(text), kind, retries=False)
    if text == WINDOW_NAME:
        return StreamTarget(text, WINDOW, "the window", retries=False)
    if (virtual := _V4L2.fullmatch(text)) is not None:
        device = virtual["device"]
        return DirectTarget("video4linux2,v4l2", device, "raw", retries=True, device=device)
    if "://" in text:
        form_found = _stream_format(text)
        if form_found is None:
            raise OutputError(
                f"Nothing can be sent to {shown_address(text)}: it takes rtsp, rtmp, udp or tcp addresses.",
                path=shown_address(text),
            )
        return StreamTarget(_whole_packets(with_login(text, None)), form_found, shown_address(text))
    path = Path(text)
    if _is_hls(text):
        return HlsTarget(path.parent if path.suffix == ".m3u8" else path)
    return RecordingTarget(
        Names(path, options.segment),
        recording_format(path),
        segment=options.segment,
        retention=options.retention,
        overwrite=overwrite and not options.again,
        again=options.again,
        tags=tags,
        seal=seal,
    )


def _whole_packets(uri: str) -> str:
    """An address over UDP with seven packets of a transport stream in each: many players take no other."""
    if not uri.lower().startswith("udp://") or "pkt_size=" in uri:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}pkt_size=1316"


def _is_hls(text: str) -> bool:
    return text.endswith(("/", ".m3u8"))


def _stream_format(uri: str) -> str | None:
    """FFmpeg's format for an address that takes a stream; None for what is none."""
    return _STREAMS.get(uri.split("://", 1)[0].lower()) if "://" in uri else None


def shown_address(uri: str) -> str:
    """What messages call an output."""
    return "the standard output" if uri == "-" else redact(uri)
