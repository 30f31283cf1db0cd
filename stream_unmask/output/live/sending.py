"""A process of its own for each stream that is sent.

FFmpeg waits for servers, and Python's lock is held meanwhile where a stream is begun or ended: in this
process every other output, and every camera, would wait along. A process can also be left alone for good.
"""

from __future__ import annotations

import json
import os
import select
import socket
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer

from stream_unmask.errors import OutputError
from stream_unmask.output.live.sound import WINDOW
from stream_unmask.output.live.window import show

_STARTED = b"started\n"
_CALL = "from stream_unmask.output.live.sending import main; main()"
_HOME = str(Path(__file__).parents[3])
"""Where the other process finds this package, wherever this one found it."""

_HELD_BACK = 256 << 10
"""Bytes that the system may hold back for a server: how far it is behind before its output hears of it."""

_LAST_SECONDS = 5.0
"""Seconds that a process gets to say goodbye to its server."""

_OPTIONS = {
    "rtsp": {"rtsp_transport": "tcp"},
    "flv": {"flvflags": "no_duration_filesize"},
}


class Sender:
    """Sends what is written to it, a NUT container, to a server; a file as PyAV takes it.

    Args:
        uri: where to; it never stands in a list of processes.
        format_name: FFmpeg's name of the container that is sent.
    """

    def __init__(self, uri: str, format_name: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CALL],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # A Ctrl-C is this process's to answer.
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([_HOME, os.environ.get("PYTHONPATH", "")])},
        )
        self._started = False
        self._why: str | None = None
        self.write(json.dumps({"uri": uri, "format": format_name}).encode() + b"\n")

    def write(self, data: bytes) -> int:
        """Hand over the next bytes; waits for the server."""
        assert self._process.stdin is not None
        left = memoryview(data)
        while left:
            left = left[os.write(self._process.stdin.fileno(), left) :]
        return len(data)

    @property
    def started(self) -> bool:
        """Whether the server takes the stream."""
        out = self._process.stdout
        if not self._started and out is not None and select.select([out], [], [], 0)[0]:
            self._started = os.read(out.fileno(), len(_STARTED)) == _STARTED
        return self._started

    def finish(self) -> str:
        """Say that no more comes, and wait for the end; why it failed, empty where it did not."""
        if self._why is None:
            self._why = self._end()
        return self._why

    def _end(self) -> str:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        with suppress(OSError):
            process.stdin.close()
        try:
            code = process.wait(_LAST_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            process.wait()
            return "it does not answer"
        with process.stdout, process.stderr:
            said = process.stderr.read().decode(errors="replace").strip().splitlines()
        return (said[-1] if said else f"its process ended with {code}") if code else ""

    def kill(self) -> None:
        """Leave it alone, from any thread and without a wait; who writes to it now gets an error."""
        self._process.kill()


def main() -> None:
    """Read a line of JSON (``uri``, ``format``) and a NUT container from the standard input, and send it.

    Exit code 1 and a line on stderr say why that fails.
    """
    order: dict[str, str] = json.loads(_line(0))
    try:
        _send(order["uri"], order["format"])
    except (av.FFmpegError, OutputError, OSError, ValueError) as error:
        text = str(getattr(error, "strerror", None) or error).strip().rstrip(".")
        sys.stderr.write(f"{text[:1].lower()}{text[1:]}\n")
        sys.exit(1)


def _line(descriptor: int) -> bytes:
    """A line, and not a byte more."""
    found = b""
    while not found.endswith(b"\n") and (byte := os.read(descriptor, 1)):
        found += byte
    return found


def _send(uri: str, format_name: str) -> None:
    probing = {"fflags": "nobuffer", "probesize": "32768", "analyzeduration": "0"}
    with av.open("pipe:0", format="nut", container_options=probing) as read:
        if format_name == WINDOW:
            show(read, lambda: os.write(1, _STARTED))
        else:
            _send_on(read, uri, format_name)


def _send_on(read: InputContainer, uri: str, format_name: str) -> None:
    options = {"flush_packets": "1", "max_interleave_delta": "500000", **_OPTIONS.get(format_name, {})}
    with av.open(uri, "w", format=format_name, container_options=options) as sent:
        streams: dict[int, Any] = {
            stream.index: sent.add_stream_from_template(stream, opaque=True) for stream in read.streams
        }
        sent.start_encoding()
        _hold_back_little()
        os.write(1, _STARTED)
        for packet in read.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream_index]
                sent.mux_one(packet)


def _hold_back_little() -> None:
    """Bound what waits in the connections of this process: megabytes would be a minute of many a camera.

    FFmpeg has an option for that, which it does not pass on where it speaks RTSP.
    """
    opened = Path("/proc/self/fd")
    for descriptor in [int(path.name) for path in opened.iterdir()] if opened.is_dir() else []:
        with suppress(OSError):
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                with socket.socket(fileno=os.dup(descriptor)) as connection:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _HELD_BACK)
