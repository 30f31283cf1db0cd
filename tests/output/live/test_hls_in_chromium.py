"""Chromium plays a folder of HLS by itself, with no script."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from benchmarks.browser import chromium, find_chromium
from stream_unmask.output.live.targets import HlsTarget
from tests.output.live.making import camera, fan_out, frames, settle, ticks, write
from tests.support.waiting import GUARD

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="there is no Chromium"),
]

_PAGE = '<!doctype html><video muted autoplay playsinline src="live/index.m3u8"></video>'
_VIDEO = "document.querySelector('video')"


class _Web(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".m3u8": "application/vnd.apple.mpegurl"}  # noqa: RUF012

    def log_message(self, format: str, *_: object) -> None:
        pass


@contextmanager
def web(folder: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Web, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_pictures_and_sound_play(tmp_path: Path) -> None:
    outputs = fan_out(
        camera(tmp_path, "pcm_mulaw", width=320, height=240), HlsTarget(tmp_path / "live"), on_loss="stop"
    )
    for second in range(12):
        write(outputs, frames(25, 25 * second, 320, 240), ticks(second, second + 1))
        settle(outputs)
    outputs.close()
    (tmp_path / "index.html").write_text(_PAGE)

    async def play(address: str) -> list[float]:
        async with chromium() as browser, browser.page(f"{address}/index.html") as page:
            if not await page.run(f"{_VIDEO}.canPlayType('application/vnd.apple.mpegurl')"):
                pytest.skip("this Chromium plays no HLS by itself")
            await page.until(f"{_VIDEO}.currentTime > 3 || {_VIDEO}.error", GUARD)
            shown = f"[{_VIDEO}.error?.code ?? 0, {_VIDEO}.videoWidth, {_VIDEO}.webkitAudioDecodedByteCount]"
            found: list[float] = await page.run(shown)
            return found

    with web(tmp_path) as address:
        error, width, heard = asyncio.run(play(address))
    assert (error, width) == (0, 320)
    assert heard > 0
