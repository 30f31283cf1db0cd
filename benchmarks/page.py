"""How late the page shows a camera, by each number of viewers, and what a thousand visits leave behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.browser import Browser, chromium
from benchmarks.clips import ClipOptions, make_clip
from benchmarks.processes import environment
from benchmarks.results import CLAIM, Result
from stream_unmask.errors import UnmaskError

_CARD = "document.querySelector('.camera')"
_STATIC = re.compile(r'(?:href|src)="(/static/[^"]+)"')
_AT_ONCE = 8
"""Visits at the same time."""

_FIRST_SECONDS = 30.0
"""Of visits before anything is compared."""

_WATCHED = 5
"""Every so many visits also watch."""


@dataclass
class Serving:
    """A server of the page in a process of its own.

    Attributes:
        folder: that it runs in.
        arguments: of its command.
        address: of the page; the port stays when it is begun again.
    """

    folder: Path
    arguments: Sequence[str]
    address: str = ""
    _process: subprocess.Popen[str] | None = field(default=None, init=False, repr=False)

    def start(self) -> None:
        """Begin it and wait for its address.

        Raises:
            UnmaskError: it does not begin.
        """
        port = self.address.rpartition(":")[2] or "0"
        command = [sys.executable, "-m", "stream_unmask", "serve", "--port", port, *self.arguments]
        self._process = subprocess.Popen(
            command, cwd=self.folder, stderr=subprocess.PIPE, text=True, env=environment()
        )
        assert self._process.stderr is not None
        said = ""
        for line in self._process.stderr:
            said += line
            if found := re.search(r"The page: (\S+)", line):
                self.address = found[1]
                return
        raise UnmaskError(f"The server did not begin: {said}")

    def stop(self) -> str:
        """End it; what it said on the standard error.

        Raises:
            UnmaskError: it does not end as it should.
        """
        assert self._process is not None
        self._process.terminate()
        try:
            _, said = self._process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise UnmaskError("The server did not end.") from None
        if self._process.returncode or "Traceback" in said:
            raise UnmaskError(f"The server failed: {said}")
        return said


def measure(command: str, *, seconds: float, viewers: Sequence[int], visits: int) -> Result:
    """Measure the page in a headless Chromium on this machine.

    Args:
        command: that measures it again.
        seconds: of watching before delays are read.
        viewers: how many watch, one after the other.
        visits: how many come and go.

    Raises:
        UnmaskError: there is no Chromium, or the server fails.
    """
    return asyncio.run(_measure(command, seconds, viewers, visits))


async def _measure(command: str, seconds: float, viewers: Sequence[int], visits: int) -> Result:
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for width, height in ((640, 360), (1280, 720)):
            clip = make_clip(
                folder / f"{height}.mp4", ClipOptions(width=width, height=height, frames=250, sound=False)
            )
            serving = Serving(folder, [str(clip)])
            await asyncio.to_thread(serving.start)
            try:
                async with chromium() as browser:
                    if height == 360:
                        rows.append(
                            ["first paint, and what is loaded for it", await _paint(browser, serving)]
                        )
                    rows += [
                        [f"{width}x{height}, {_viewers(count)}: camera to screen, ms", said]
                        for count in viewers
                        for said in [await _delay(browser, serving.address, count, seconds)]
                    ]
                if height == 360:
                    rows.append(
                        [f"memory and threads after {visits:,} visits", await _visits(serving, visits)]
                    )
            finally:
                await asyncio.to_thread(serving.stop)
    load = os.getloadavg()[0]
    note = (
        "A file that comes at its own pace stands for the camera; server and browser share the machine, "
        f"whose load was {load:.0f} at the end."
    )
    return Result.now("the page in a headless Chromium on the same machine", command, CLAIM, rows, note)


def visitors(command: str, *, clients: int, minutes: float) -> Result:
    """What is left of clients that open the page, watch a little and close it, again and again.

    Args:
        command: that measures it again.
        clients: at the same time.
        minutes: for how long.

    Raises:
        UnmaskError: the server fails.
    """
    return asyncio.run(_visitors(command, clients, minutes))


async def _visitors(command: str, clients: int, minutes: float) -> Result:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = make_clip(folder / "180.mp4", ClipOptions(width=320, height=180, frames=250, sound=False))
        serving = Serving(folder, [str(clip)])
        await asyncio.to_thread(serving.start)
        try:
            # What comes with the first visits, and stays, is no growth.
            await _come_and_go(serving.address, clients, min(_FIRST_SECONDS, 30 * minutes))
            early = await _process(serving.address)
            visits = await _come_and_go(serving.address, clients, 60 * minutes)
            await asyncio.sleep(3)
            late = await _process(serving.address)
        finally:
            await asyncio.to_thread(serving.stop)
    rows = [
        ["memory", *(f"{held['memory_bytes'] / 2**20:.0f} MiB" for held in (early, late))],
        ["threads", *(str(held["threads"]) for held in (early, late))],
    ]
    columns = ["", "after the first visits", f"after {visits:,} more in {minutes:g} minutes"]
    what = f"{clients} clients that open the page, watch and close it, again and again"
    return Result.now(what, command, columns, rows, f"The machine's load was {os.getloadavg()[0]:.0f}.")


async def _come_and_go(address: str, clients: int, seconds: float) -> int:
    """Visits that so many clients made in so many seconds; every one of them watches."""
    until = asyncio.get_running_loop().time() + seconds

    async def one() -> int:
        visits = 0
        while asyncio.get_running_loop().time() < until:
            async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
                await _visit(session, address, watches=True)
            visits += 1
        return visits

    return sum(await asyncio.gather(*(one() for _ in range(clients))))


async def _paint(browser: Browser, serving: Serving) -> str:
    """When a visitor first sees the page, and how large it is."""
    async with browser.page(serving.address) as page:
        await page.until(f"Number({_CARD}?.dataset.pictures) > 0", 240)
        paint = await page.run("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        size = await page.run(
            "[...performance.getEntriesByType('resource'), ...performance.getEntriesByType('navigation')]"
            ".filter(({ name }) => !name.includes('/api/'))"
            ".reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0)"
        )
    return f"{paint:.0f} ms, {size / 1000:.0f} kB"


def _viewers(count: int) -> str:
    return "1 viewer" if count == 1 else f"{count} viewers"


async def _delay(browser: Browser, address: str, count: int, seconds: float) -> str:
    """Median and 95th percentile, as the first of some pages shows them."""
    async with contextlib.AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(browser.page(address)) for _ in range(count)]
        for page in pages:
            await page.until(f"Number({_CARD}?.dataset.pictures) > 5", 240)
        await asyncio.sleep(seconds)
        await pages[0].until(f"Number({_CARD}.dataset.p95) > 0", 240)
        shown = await pages[0].run(f"({{...{_CARD}.dataset}})")
        fps = await pages[0].run(f"{_CARD}.querySelector('.facts').textContent.match(/[\\d.]+ fps/)?.[0]")
    return f"p50 {shown['p50']}, p95 {shown['p95']} ({shown['way']}, {fps})"


async def _visits(serving: Serving, count: int) -> str:
    """What many visits leave: each fetches the page and all it is made of, and some watch."""
    room = asyncio.Semaphore(_AT_ONCE)
    before = await _process(serving.address)

    async def visit(number: int) -> None:
        async with room, aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            await _visit(session, serving.address, watches=number % _WATCHED == 0)

    await asyncio.gather(*(visit(number) for number in range(count)))
    await asyncio.sleep(3)
    after = await _process(serving.address)
    return (
        f"{after['memory_bytes'] / 2**20:.0f} MiB and {after['threads']} threads; "
        f"{before['memory_bytes'] / 2**20:.0f} and {before['threads']} before"
    )


async def _visit(session: aiohttp.ClientSession, address: str, *, watches: bool) -> None:
    async with session.get(address) as answer:
        page = await answer.text()
    for path in _STATIC.findall(page):
        async with session.get(address + path) as answer:
            await answer.read()
    async with session.get(f"{address}/api/v1/inputs") as answer:
        (camera,) = (await answer.json())["inputs"]
    async with session.get(f"{address}/api/v1/events") as events:
        await events.content.readline()
    if watches:
        async with session.ws_connect(f"{address}/api/v1/inputs/{camera['name']}/fragments") as socket:
            for _ in range(3):
                await socket.receive()


async def _process(address: str) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session, session.get(f"{address}/api/v1/numbers") as answer:
        said = json.loads(await answer.text())
    process: dict[str, Any] = said["newest"]["process"]
    return process
