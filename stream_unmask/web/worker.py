"""The worker process: whatever decodes what strangers send runs here, and may be killed and begun again.

It serves the page's server over a socket in a folder that nobody else may enter.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web
from aiortc import RTCSessionDescription

from stream_unmask.api import Unmasker
from stream_unmask.errors import UnmaskError
from stream_unmask.pipeline import Stream
from stream_unmask.settings import Settings
from stream_unmask.web.peers import hear_of_failures
from stream_unmask.web.webcam import Studio, unmask_pictures
from stream_unmask.web.work import Order, Tell, work

_log = logging.getLogger(__name__)

_MOST_MEMORY = 6 << 30
"""Bytes beyond what the loaded networks take: a file that unpacks to more ends this process, and no other."""

_STOP_SECONDS = 10.0


class Bench:
    """Works on one file at a time, in a thread."""

    def __init__(self, unmasker: Unmasker) -> None:
        self._unmasker = unmasker

    async def run(self, request: web.Request) -> web.StreamResponse:
        """Work on the file of an order: a line of JSON for each word on how far it is, and a last one."""
        order = Order.read(await request.json())
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        words: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        loop, stop = asyncio.get_running_loop(), threading.Event()

        def tell(word: Mapping[str, Any]) -> None:
            loop.call_soon_threadsafe(words.put_nowait, dict(word))

        thread = threading.Thread(target=self._work, args=(order, tell, stop), daemon=True)
        thread.start()
        try:
            while True:
                word = await words.get()
                await response.write(json.dumps(word).encode() + b"\n")
                if "report" in word or "error" in word:
                    return response
        finally:
            stop.set()

    def _work(self, order: Order, tell: Tell, stop: threading.Event) -> None:
        try:
            report = work(self._unmasker, order, tell, stop)
        except UnmaskError as error:
            # The file's name here says nothing to whoever uploaded it.
            tell({"error": str(error).replace(str(order.source), "The file")})
        except MemoryError:
            tell({"error": "The file needs more memory than it may have here."})
        except Exception:  # a defect that one file shows must not take the others with it
            _log.exception("A file failed")
            tell({"error": "The file failed; the server's log says more."})
        else:
            told = {**report.as_dict(), "source": "", "output": order.name}
            # Nor does its folder, which warnings may name.
            tell({"report": json.loads(json.dumps(told).replace(f"{order.folder}{os.sep}", ""))})


def _app(unmasker: Unmasker, webcams: int) -> web.Application:
    def begin(stand_in: int | None) -> Stream:
        chosen = unmasker if stand_in is None else unmasker.with_stand_in({0: stand_in})
        return chosen.stream()

    bench, studio = Bench(unmasker), Studio(begin, webcams, unmasker.label)

    async def ready(request: web.Request) -> web.Response:
        return web.json_response({"engine": unmasker.networks.engine})

    async def offer(request: web.Request) -> web.Response:
        said = await request.json()
        try:
            answer = await studio.answer(
                RTCSessionDescription(said["sdp"], said["type"]), said.get("stand_in")
            )
        except UnmaskError as error:
            return web.json_response({"error": str(error)}, status=503)
        return web.json_response({"sdp": answer.sdp, "type": answer.type})

    async def pictures(request: web.Request) -> web.StreamResponse:
        chosen = request.query.get("stand_in")
        try:
            with studio.visit(None if chosen is None else int(chosen)) as guest:
                return await unmask_pictures(request, guest)
        except UnmaskError as error:
            return web.json_response({"error": str(error)}, status=503)

    async def close(app: web.Application) -> None:
        await studio.close()

    app = web.Application()
    app.router.add_get("/ready", ready)
    app.router.add_post("/run", bench.run)
    app.router.add_post("/webcam", offer)
    app.router.add_get("/webcam", pictures)
    app.on_shutdown.append(close)
    return app


def main() -> None:
    """Read a line of JSON (``socket``, ``settings``, ``webcams``) from the standard input, and serve until it
    is closed. Exit code 1 and a line on stderr say why it cannot begin."""
    order = json.loads(sys.stdin.buffer.readline())
    logging.basicConfig(level=logging.ERROR)  # onto the server's stderr: its answers say that more is there
    os.nice(5)  # who watches cameras comes first
    try:
        unmasker = Unmasker(Settings(**order["settings"]))
    except UnmaskError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
    _bound_memory()
    asyncio.run(_serve(_app(unmasker, order["webcams"]), Path(order["socket"])))
    os._exit(0)  # a decoder that hangs is not waited for


async def _serve(app: web.Application, socket: Path) -> None:
    hear_of_failures(asyncio.get_running_loop())
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    await web.UnixSite(runner, str(socket)).start()
    # The server closes it, or dies and closes it.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
    await asyncio.wait_for(runner.cleanup(), _STOP_SECONDS)


def _bound_memory() -> None:
    used = next((int(line.split()[1]) << 10 for line in _status() if line.startswith("VmData")), _MOST_MEMORY)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (used + _MOST_MEMORY, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _status() -> list[str]:
    try:
        return Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return []
