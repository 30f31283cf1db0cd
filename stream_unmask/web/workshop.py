"""The server's side of the worker process: begins it, talks to it, kills it, and begins it again."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

from stream_unmask.errors import UnmaskError
from stream_unmask.settings import Settings
from stream_unmask.web.work import Order

_log = logging.getLogger(__name__)

_CALL = "from stream_unmask.web.worker import main; main()"
_HOME = str(Path(__file__).parents[2])
"""Where the other process finds this package, wherever this one found it."""

_BEGIN_SECONDS = 300.0
_LOOK = 0.1
_SILENT_SECONDS = 90.0
"""Without a word the worker hangs: a decoder does, or one frame takes for ever."""

_STOP_SECONDS = 5.0
_WHERE = "http://worker"


class WorkerDiedError(UnmaskError):
    """The worker process ended in the middle of its work."""


class Workshop:
    """Has files and webcams worked on in a process of its own, which is begun when it is first needed.

    Args:
        settings: of the unmasking.
        webcams: how many at the same time.

    Attributes:
        restarts: how often it had to be begun again.
        engine: what runs the networks there; empty before it was first begun.
    """

    def __init__(self, settings: Settings, webcams: int) -> None:
        self._settings, self._webcams = settings, webcams
        self._process: asyncio.subprocess.Process | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="stream-unmask-"))
        self._session: aiohttp.ClientSession | None = None
        self._beginning = asyncio.Lock()
        self.restarts = 0
        self.engine = ""

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self.running else None

    async def run(self, order: Order) -> AsyncIterator[dict[str, Any]]:
        """Work on a file: words on how far it is, and a last one with ``report`` or ``error``.

        Whoever leaves early has it stopped.

        Raises:
            UnmaskError: the worker cannot be begun, died, or hung and was killed.
        """
        session = await self._ready()
        silence = aiohttp.ClientTimeout(total=None, sock_read=_SILENT_SECONDS)
        ended = False
        try:
            async with session.post(f"{_WHERE}/run", json=order.plain(), timeout=silence) as response:
                async for line in response.content:
                    word: dict[str, Any] = json.loads(line)
                    ended = "report" in word or "error" in word
                    yield word
        except TimeoutError as error:
            await self.kill()
            raise WorkerDiedError("The file took too long for a single frame; it was given up.") from error
        except aiohttp.ClientError as error:
            await self._bury()
            raise WorkerDiedError("The file made the worker stop; it was given up.") from error
        if not ended:
            await self._bury()
            raise WorkerDiedError("The file made the worker stop; it was given up.")

    async def answer(self, offer: dict[str, Any]) -> dict[str, Any]:
        """The worker's answer to a browser that sends its webcam over WebRTC.

        Raises:
            UnmaskError: it has none.
        """
        session = await self._ready()
        try:
            async with session.post(f"{_WHERE}/webcam", json=offer) as response:
                said: dict[str, Any] = await response.json()
        except aiohttp.ClientError as error:
            await self._bury()
            raise WorkerDiedError("The worker stopped; try again.") from error
        if "error" in said:
            raise UnmaskError(said["error"])
        return said

    @contextlib.asynccontextmanager
    async def pictures(self, stand_in: int | None) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A socket to the worker that takes JPEGs and gives them back unmasked, while entered.

        Raises:
            UnmaskError: there is none now.
        """
        session = await self._ready()
        chosen = {} if stand_in is None else {"stand_in": str(stand_in)}
        try:
            async with session.ws_connect(f"{_WHERE}/webcam", params=chosen, max_msg_size=4 << 20) as socket:
                yield socket
        except aiohttp.WSServerHandshakeError as error:
            raise UnmaskError("As many webcams are being unmasked as may be; try again later.") from error
        except aiohttp.ClientError as error:
            await self._bury()
            raise WorkerDiedError("The worker stopped; try again.") from error

    async def kill(self) -> None:
        """End the process at once, whatever it does; it is begun again when it is next needed."""
        process = self._process
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def _bury(self) -> None:
        """See to it that a process that hung up has ended."""
        if self._process is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
        await self.kill()

    async def close(self) -> None:
        """End the process, and leave nothing."""
        if self._session is not None:
            await self._session.close()
        process = self._process
        if process is not None and process.returncode is None:
            assert process.stdin is not None
            process.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), _STOP_SECONDS)
            except TimeoutError:
                await self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _ready(self) -> aiohttp.ClientSession:
        """A session with a worker that runs."""
        async with self._beginning:
            if self.running and self._session is not None:
                return self._session
            if self._process is not None:
                self.restarts += 1
                _log.warning("The worker ended with %s; it is begun again", self._process.returncode)
            if self._session is not None:
                await self._session.close()
            self._session = await self._begin()
            return self._session

    async def _begin(self) -> aiohttp.ClientSession:
        socket = self._folder / f"{self.restarts}.sock"
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _CALL,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            # A Ctrl-C is the server's to answer.
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([_HOME, os.environ.get("PYTHONPATH", "")])},
        )
        assert process.stdin is not None
        order = {"socket": str(socket), "settings": _plain(self._settings), "webcams": self._webcams}
        process.stdin.write(json.dumps(order).encode() + b"\n")
        session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket)))
        try:
            self.engine = await asyncio.wait_for(self._wait(session, process), _BEGIN_SECONDS)
        except TimeoutError as error:
            await session.close()
            await self.kill()
            raise WorkerDiedError("The worker process does not begin.") from error
        except BaseException:
            await session.close()
            raise
        return session

    async def _wait(self, session: aiohttp.ClientSession, process: asyncio.subprocess.Process) -> str:
        while process.returncode is None:
            try:
                async with session.get(f"{_WHERE}/ready") as response:
                    return str((await response.json())["engine"])
            except aiohttp.ClientError:
                await asyncio.sleep(_LOOK)
        raise WorkerDiedError("The worker process cannot begin; the server's log says why.")


def _plain(settings: Settings) -> dict[str, Any]:
    """Settings for JSON; what each file wears is in its order."""
    values = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    weights = values["weights"]
    return {
        **values,
        "weights": str(weights.absolute()) if isinstance(weights, Path) else weights,
        "stand_in": "auto",
        "reference": "none" if settings.reference == "none" else "auto",
        "reconnect": 0,
    }
