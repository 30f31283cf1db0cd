"""A camera that is served over RTSP for a test; see ``rtsp_server.py``."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.ports import free_port

_PYTHON = "/usr/bin/python3"
_SERVER = Path(__file__).with_name("rtsp_server.py")
_BINDINGS = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


def _has_bindings() -> bool:
    try:
        return subprocess.run([_PYTHON, "-c", _BINDINGS], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


NEEDS_SERVER = [
    pytest.mark.server,
    pytest.mark.skipif(
        not _has_bindings(), reason="GStreamer's RTSP server (gir1.2-gst-rtsp-server-1.0) is missing"
    ),
]


@dataclass(frozen=True)
class Camera:
    process: subprocess.Popen[str]
    port: int

    def address(self, password: str = "hush") -> str:
        return f"rtsp://joe:{password}@127.0.0.1:{self.port}/cam"


@contextmanager
def serving(what: Path | str, port: int | None = None) -> Iterator[Camera]:
    """Serve a video file, or a test picture of a size such as ``320x240``."""
    if port is None:
        port = free_port()
    command = [_PYTHON, str(_SERVER), str(what), str(port), "joe", "hush"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield Camera(process, port)
        finally:
            process.kill()
