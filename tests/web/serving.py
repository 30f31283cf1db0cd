"""A server of the page in this process, with a worker that does what a test wants."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from stream_unmask.cameras import CameraConfig
from stream_unmask.settings import Settings
from stream_unmask.web import site as site_module
from stream_unmask.web.app import make_runner
from stream_unmask.web.options import ServeOptions
from stream_unmask.web.site import Site
from stream_unmask.web.work import Order
from tests.support.waiting import GUARD

REPORT = {"frames": 3, "faces": [], "unfollowed": 0, "warnings": [], "seconds": 1.0, "engine": "none"}

Work = Callable[[Order], AsyncIterator[dict[str, Any]]]


async def copies(order: Order) -> AsyncIterator[dict[str, Any]]:
    """A result that is the file itself."""
    yield {"done": 0.5, "frames": 1, "total": 3}
    order.result.write_bytes(order.source.read_bytes())
    yield {"report": REPORT}


@dataclass
class FakeWorkshop:
    """A worker in name only."""

    work: Work = copies
    orders: list[Order] = field(default_factory=list)
    killed: int = 0
    restarts: int = 0
    engine: str = "none"
    pid: int | None = None

    def run(self, order: Order) -> AsyncIterator[dict[str, Any]]:
        self.orders.append(order)
        return self.work(order)

    async def kill(self) -> None:
        self.killed += 1

    async def close(self) -> None:
        pass


@dataclass
class Served:
    """A server that runs.

    Attributes:
        address: of the page, without a slash at its end.
        port: that it listens at.
        session: a visitor.
        site: what is served.
        workshop: its worker.
    """

    address: str
    port: int
    session: aiohttp.ClientSession
    site: Site
    workshop: FakeWorkshop

    async def raw(self, request: bytes) -> bytes:
        """The answer to bytes that no client would send."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        await writer.drain()
        answer = await asyncio.wait_for(reader.read(4096), GUARD)
        writer.close()
        return answer


@contextlib.asynccontextmanager
async def served(
    folder: Path,
    *,
    work: Work = copies,
    configs: Mapping[str, CameraConfig] | None = None,
    **options: Any,
) -> AsyncIterator[Served]:
    """Serve the page while entered."""
    workshop = FakeWorkshop(work)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site_module, "Workshop", lambda settings, webcams: workshop)
        site = Site(ServeOptions(recordings=folder / "recordings", **options), Settings(), lambda said: None)
    runner = make_runner(site)
    await runner.setup()
    tcp = web.TCPSite(runner, "127.0.0.1", 0)
    await tcp.start()
    port = runner.addresses[0][1]
    try:
        await site.begin(configs or {})
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            yield Served(f"http://127.0.0.1:{port}", port, session, site, workshop)
    finally:
        await site.close()
        await runner.cleanup()


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run a test in a loop of its own; one that hangs fails."""
    asyncio.run(asyncio.wait_for(test, GUARD))


async def over(server: Served, job: dict[str, Any]) -> dict[str, Any]:
    """A job once it is over."""
    async with server.session.get(f"{server.address}/api/v1/jobs/{job['id']}/events") as events:
        last: dict[str, Any] = {}
        async for line in events.content:
            if line.startswith(b"data: "):
                last = json.loads(line[6:])
        return last


async def upload(server: Served, data: bytes = b"video", **query: str) -> dict[str, Any]:
    """A job for a file."""
    query = {"name": "clip.mp4", **query}
    async with server.session.post(f"{server.address}/api/v1/jobs", data=data, params=query) as answer:
        assert answer.status == 201, await answer.text()
        job: dict[str, Any] = await answer.json()
        return job
