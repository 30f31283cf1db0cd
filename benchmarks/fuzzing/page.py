"""The server of the page, in this process, for requests that no browser would send."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

from aiohttp import web

from stream_unmask.cameras import CameraConfig
from stream_unmask.errors import InputError
from stream_unmask.output.writing import OutputOptions
from stream_unmask.settings import Settings
from stream_unmask.video.camera_options import CameraOptions
from stream_unmask.web import site as site_module
from stream_unmask.web.app import make_runner
from stream_unmask.web.jobs import Job
from stream_unmask.web.options import Limits, ServeOptions
from stream_unmask.web.peers import hear_of_failures
from stream_unmask.web.site import Site
from stream_unmask.web.work import Order

T = TypeVar("T")

_TOKEN = "a-token-that-nobody-guesses"
_INPUT = "door"
_JOB = b"JOB"
"""Stands in a request for the number of a job that is there."""

_LIMITS = Limits(body_seconds=0.1, head_seconds=0.2, keep=1e-3, uploads=10_000, each=10_000)
"""Whoever announces more than comes is not waited for, and nothing that comes is kept."""

_PATIENCE = 30.0
_HEAD = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: (\d+)\r\n")
_BUSY = frozenset((503, 507))
"""Answers above 500 that are no defect."""


class _Idle:
    """A worker in name only: what it decodes is broken by itself."""

    engine, restarts, pid = "none", 0, None

    async def run(self, order: Order) -> AsyncIterator[dict[str, Any]]:
        yield {"done": 0.5, "frames": 1, "total": 2}
        order.result.write_bytes(b"result")
        yield {"report": {}}

    async def answer(self, offer: dict[str, Any]) -> dict[str, Any]:
        return {"sdp": "", "type": "answer"}

    async def kill(self) -> None:
        pass

    async def close(self) -> None:
        pass


class _Errors(logging.Handler):
    """Keeps the last error that the server logged."""

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = logging.Formatter().format(record)


class PageServer:
    """The whole app, listening on this machine, with a camera that is stopped."""

    def __init__(self) -> None:
        self._errors = _Errors(logging.ERROR)
        logging.getLogger().addHandler(self._errors)
        self._loop = asyncio.new_event_loop()
        hear_of_failures(self._loop)
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._site = self._do(self._begin())

    async def _begin(self) -> Site:
        folder = Path(tempfile.mkdtemp())
        options = ServeOptions(token=_TOKEN, recordings=folder, limits=_LIMITS)
        with patch.object(site_module, "Workshop", lambda settings, webcams: _Idle()):
            here = Site(options, Settings(), lambda said: None)
        runner = make_runner(here)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self._port = int(runner.addresses[0][1])
        here.jobs.begin()
        config = CameraConfig(_INPUT, "rtsp://127.0.0.1:9/", (), CameraOptions(), OutputOptions())
        here.inputs.become({_INPUT: config})
        here.ready.set()
        return here

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE)

    def ask(self, request: bytes) -> None:
        """Send a request, and read what the server says.

        Args:
            request: head and body; what every request needs is put into the head where it is missing, and a
                body of SDP into JSON.

        Raises:
            InputError: the server refuses it.
            RuntimeError: the server fails at it.
        """
        self._errors.last = ""
        job = self._do(self._job())
        status, said = self._answer(_whole(request.replace(_JOB, job.id.encode())))
        self._do(self._tidy(job))
        if self._errors.last or (status >= 500 and status not in _BUSY):
            raise RuntimeError(f"{status}: {said}\n{self._errors.last}")
        if status == 0 or status >= 400:
            raise InputError(said)

    async def _job(self) -> Job:
        """A job of whoever asks from this machine."""
        job = self._site.jobs.create("address 127.0.0.1", "clip.mp4")
        job.source.write_bytes(b"some video")
        return job

    async def _tidy(self, job: Job) -> None:
        await self._site.peers.close()
        await self._site.jobs.delete(job)

    def _answer(self, request: bytes) -> tuple[int, str]:
        """Status and sentence of an answer; status 0 where the server hangs up without a word."""
        with socket.create_connection(("127.0.0.1", self._port), _PATIENCE) as caller:
            said = b""
            with suppress(ConnectionError):  # it may have read enough before all was sent
                caller.sendall(request)
                while not _is_whole(said) and (more := caller.recv(1 << 16)):
                    said += more
        found = _HEAD.match(said)
        if found is None:
            return 0, f"The server hung up after {len(said)} bytes."
        body = said.partition(b"\r\n\r\n")[2]
        try:
            return int(found[1]), str(json.loads(body)["error"])
        except (ValueError, KeyError, TypeError):
            # What is no HTTP, aiohttp itself refuses, and shows below its first line.
            return int(found[1]), body.decode(errors="replace").partition("\n")[0]


def _is_whole(said: bytes) -> bool:
    """Whether an answer is all there, as far as its head tells; of one without a length the head will do."""
    head, end, body = said.partition(b"\r\n\r\n")
    length = _LENGTH.search(head + b"\r\n")
    return bool(end) and (length is None or len(body) >= int(length[1]))


def _whole(request: bytes) -> bytes:
    head, end, body = request.partition(b"\r\n\r\n")
    if b"application/sdp" in head and b"webrtc" in head:
        body = json.dumps({"type": "offer", "sdp": body.decode(errors="surrogateescape")}).encode()
    lower = head.lower()
    for name, value in (
        ("Host", "localhost"),
        ("Connection", "close"),
        ("Authorization", f"Bearer {_TOKEN}"),
        ("Content-Length", str(len(body))),
    ):
        has_length = name == "Content-Length" and b"\ntransfer-encoding:" in lower
        if f"\n{name.lower()}:".encode() not in lower and not has_length:
            head += f"\r\n{name}: {value}".encode()
    return head + (end or b"\r\n\r\n") + body
