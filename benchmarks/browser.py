"""A headless Chromium, driven over its DevTools protocol, for tests and measurements of the page."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from stream_unmask.errors import UnmaskError

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    "--headless=new",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
    "--hide-scrollbars",
    "--autoplay-policy=no-user-gesture-required",
    # Addresses of this machine are told to its own server, which knows no names of multicast DNS.
    "--disable-features=WebRtcHideLocalIpsWithMdns,Translate",
    "--remote-debugging-port=0",
)
_BEGIN_SECONDS = 180.0
_ANSWER_SECONDS = 180.0
_LOOK = 0.05
_PLAIN = ("InlineTextBox", "StaticText", "ListMarker", "generic", "none", "paragraph")


def find_chromium() -> str | None:
    """The program; None where there is none."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


class BrowserError(UnmaskError):
    """The browser is missing, does not begin, or a page does not do what is awaited."""


class Page:
    """One page.

    Attributes:
        errors: what went wrong in it: exceptions, and what the console calls an error.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.errors: list[str] = []
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._parsed: set[str] = set()
        self._moved = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def send(self, method: str, **values: Any) -> dict[str, Any]:
        """Call a method of the protocol.

        Raises:
            BrowserError: it failed.
        """
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": values})
        said = await asyncio.wait_for(answer, _ANSWER_SECONDS)
        if "error" in said:
            raise BrowserError(f"{method}: {said['error'].get('message')}")
        result: dict[str, Any] = said["result"]
        return result

    async def open(self, address: str) -> None:
        """Go to an address, and wait until its document has been parsed.

        Raises:
            BrowserError: nothing comes from there.
        """
        said = await self.send("Page.navigate", url=address)
        if "errorText" in said:
            raise BrowserError(f"{address}: {said['errorText']}")
        loader = said.get("loaderId")  # none where only the place within a document changes
        async with asyncio.timeout(_ANSWER_SECONDS):
            while loader is not None and loader not in self._parsed:
                self._moved.clear()
                await self._moved.wait()

    async def run(self, script: str) -> Any:
        """The value of an expression, awaited where it is a promise.

        Raises:
            BrowserError: it threw.
        """
        said = await self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in said:
            details = said["exceptionDetails"]
            raise BrowserError(str(details.get("exception", {}).get("description") or details["text"]))
        return said["result"].get("value")

    async def until(self, script: str, seconds: float = 240.0) -> None:
        """Wait until an expression is true; ``seconds`` only keep it from hanging.

        Raises:
            BrowserError: it is not in time.
        """
        end = time.monotonic() + seconds
        while True:
            with contextlib.suppress(BrowserError):  # the page is being changed
                if await self.run(f"(async () => Boolean(await ({script})))()"):
                    return
            if time.monotonic() > end:
                raise BrowserError(f"It never became true: {script}. {' '.join(self.errors[-3:])}")
            await asyncio.sleep(_LOOK)

    async def size(self, width: int, height: int, *, phone: bool = False, scale: float = 1.0) -> None:
        """Give the window a size, as a phone has it or a desktop."""
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=phone,
        )
        await self.send("Emulation.setTouchEmulationEnabled", enabled=phone)

    async def scheme(self, name: str) -> None:
        """``light`` or ``dark``."""
        await self.send(
            "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}]
        )

    async def key(self, key: str, code: int) -> None:
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            await self.send(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code
            )

    async def mouse(self, kind: str, x: float, y: float) -> None:
        """``mousePressed``, ``mouseMoved`` (with the button held) or ``mouseReleased`` at a place."""
        held = 0 if kind == "mouseReleased" else 1
        await self.send(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=held, clickCount=1
        )

    async def files(self, selector: str, paths: Sequence[Path]) -> None:
        """Choose files in an input."""
        document = await self.send("DOM.getDocument")
        found = await self.send("DOM.querySelector", nodeId=document["root"]["nodeId"], selector=selector)
        await self.send("DOM.setFileInputFiles", nodeId=found["nodeId"], files=[str(path) for path in paths])

    async def picture(self, *, whole: bool = False, format: str = "png", quality: int = 80) -> bytes:
        """What is seen, or the whole page; ``quality`` is of ``webp`` and ``jpeg``."""
        values: dict[str, Any] = {"format": format, "captureBeyondViewport": whole}
        if format != "png":
            values["quality"] = quality
        if whole:
            size = (await self.send("Page.getLayoutMetrics"))["cssContentSize"]
            values["clip"] = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        return base64.b64decode((await self.send("Page.captureScreenshot", **values))["data"])

    async def read_aloud(self) -> list[tuple[str, str]]:
        """Role and name of everything that a screen reader is told of, but plain text."""
        nodes = (await self.send("Accessibility.getFullAXTree"))["nodes"]
        told = [
            (str(node["role"]["value"]).replace("image", "img"), str(node.get("name", {}).get("value", "")))
            for node in nodes
            if not node["ignored"]
        ]
        return [each for each in told if each[0] not in _PLAIN]

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        await self._socket.close()

    async def _read(self) -> None:
        async for message in self._socket:
            said = json.loads(message.data)
            if "id" in said:
                answer = self._answers.pop(said["id"], None)
                if answer is not None and not answer.done():
                    answer.set_result(said)
            elif said["method"] == "Page.lifecycleEvent" and said["params"]["name"] == "DOMContentLoaded":
                self._parsed.add(said["params"]["loaderId"])
                self._moved.set()
            elif said["method"] == "Runtime.exceptionThrown":
                details = said["params"]["exceptionDetails"]
                self.errors.append(str(details.get("exception", {}).get("description") or details["text"]))
            elif said["method"] == "Log.entryAdded" and said["params"]["entry"]["level"] == "error":
                self.errors.append(
                    f"{said['params']['entry']['text']} {said['params']['entry'].get('url', '')}"
                )


class Browser:
    """A browser that runs."""

    def __init__(self, port: int, session: aiohttp.ClientSession) -> None:
        self._where, self._session = f"127.0.0.1:{port}", session

    @contextlib.asynccontextmanager
    async def page(self, address: str = "about:blank") -> AsyncIterator[Page]:
        """A new page of a visitor of its own, with a window of its own, closed at the end.

        A browser opens six connections to a server at the same time, for all pages of a visitor; and a page
        behind another one counts as hidden.
        """
        visitor = (await self._call("Target.createBrowserContext"))["browserContextId"]
        values = {"url": "about:blank", "newWindow": True, "browserContextId": visitor}
        target = (await self._call("Target.createTarget", **values))["targetId"]
        socket = await self._session.ws_connect(f"ws://{self._where}/devtools/page/{target}", max_msg_size=0)
        page = Page(socket)
        try:
            for domain in ("Page", "Runtime", "Log", "DOM"):
                await page.send(f"{domain}.enable")
            await page.send("Page.setLifecycleEventsEnabled", enabled=True)
            await page.open(address)
            yield page
        finally:
            await page.close()
            await self._call("Target.closeTarget", targetId=target)
            await self._call("Target.disposeBrowserContext", browserContextId=visitor)

    async def _call(self, method: str, **values: Any) -> dict[str, Any]:
        """Call a method of the browser itself.

        Raises:
            BrowserError: it failed.
        """
        async with self._session.get(f"http://{self._where}/json/version") as answer:
            version = await answer.json(content_type=None)
        async with self._session.ws_connect(version["webSocketDebuggerUrl"]) as socket:
            await socket.send_json({"id": 1, "method": method, "params": values})
            async for message in socket:
                said = json.loads(message.data)
                if said.get("id") == 1 and "result" in said:
                    result: dict[str, Any] = said["result"]
                    return result
                if said.get("id") == 1:
                    break
        raise BrowserError(f"Chromium does not do {method}.")


@contextlib.asynccontextmanager
async def chromium(camera: Path | None = None, flags: Sequence[str] = ()) -> AsyncIterator[Browser]:
    """A headless Chromium with a profile of its own.

    Args:
        camera: a Y4M or MJPEG file that its webcam shows again and again; None for no webcam.
        flags: further ones.

    Raises:
        BrowserError: there is none, or it does not begin.
    """
    program = find_chromium()
    if program is None:
        raise BrowserError("There is no Chromium here.")
    profile = tempfile.mkdtemp(prefix="chromium-")
    fake = (
        ()
        if camera is None
        else (
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={camera}",
        )
    )
    root = ("--no-sandbox",) if os.geteuid() == 0 else ()
    process = await asyncio.create_subprocess_exec(
        program,
        *_FLAGS,
        *root,
        *fake,
        *flags,
        f"--user-data-dir={profile}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        port = await _port(Path(profile), lambda: process.returncode is not None)
        async with aiohttp.ClientSession() as session:
            yield Browser(port, session)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        shutil.rmtree(profile, ignore_errors=True)


async def _port(profile: Path, over: Callable[[], bool]) -> int:
    end = time.monotonic() + _BEGIN_SECONDS
    while time.monotonic() < end and not over():
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int((profile / "DevToolsActivePort").read_text().splitlines()[0])
        await asyncio.sleep(_LOOK)
    raise BrowserError("Chromium does not begin.")


__all__ = ["Browser", "BrowserError", "Page", "chromium", "find_chromium"]
