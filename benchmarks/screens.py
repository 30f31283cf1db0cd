"""Pictures of the page for its documentation: every view, as a phone and a desktop show it.

The faces are portraits of nobody (CC0) in drawn masks, as in the README's moving picture.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.browser import Browser, Page, chromium
from benchmarks.page import Serving
from benchmarks.picture import PEOPLE, find_portraits, head_of, moving, write_video

_QUALITY = 72
_DESKTOP, _PHONE = (1280, 860), (390, 760)
_CARD = "document.querySelector('.camera')"
_DONE = "document.querySelector('.job[data-state=done]')"
_SHORT = 30
"""Frames of the video that is tried."""

_MANY = 40
"""Pictures after which figures are steady."""


def draw(portraits: Path, folder: Path, say: Callable[[str], None]) -> None:
    """Take all pictures.

    Args:
        portraits: folder or tar of the portraits.
        folder: that they are written to, as ``page_VIEW.webp`` and ``page_VIEW_phone.webp``.
        say: gets the name of each.

    Raises:
        UnmaskError: a portrait is missing, there is no Chromium, or the server fails.
    """
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        # Of three people the slider's middle parts one; between two it would seem to turn one into the other.
        heads = [
            list(moving(head_of(portrait), person))
            for portrait, person in zip(find_portraits(portraits, PEOPLE), PEOPLE, strict=True)
        ]
        write_video(work / "reception.mp4", heads)
        write_video(work / "visitor.mp4", heads[-1:], _SHORT)
        asyncio.run(_draw(work, folder, say))


async def _draw(work: Path, folder: Path, say: Callable[[str], None]) -> None:
    async with chromium() as browser:
        for inputs, views in (((), _try), (("reception.mp4",), _watch)):
            serving = Serving(work, inputs)
            await asyncio.to_thread(serving.start)
            try:
                await views(browser, serving.address, work / "visitor.mp4", folder, say)
            finally:
                await asyncio.to_thread(serving.stop)


async def _try(
    browser: Browser, address: str, visitor: Path, folder: Path, say: Callable[[str], None]
) -> None:
    async with browser.page(f"{address}/#try") as page:
        await page.size(*_DESKTOP)
        await page.until("document.getElementById('drop-text').textContent", 60)
        await page.files("#file", [visitor])
        await page.until(f"{_DONE}?.querySelector('.tile img')", 900)
        await page.until(f"{_DONE}.querySelector('.stage canvas').width > 300", 60)
        await _both(page, "try", folder, say, f"{_DONE}.scrollIntoView()")


async def _watch(
    browser: Browser, address: str, visitor: Path, folder: Path, say: Callable[[str], None]
) -> None:
    async with browser.page(address) as page:
        await page.size(*_DESKTOP)
        await page.until(f"Number({_CARD}?.dataset.pictures) > {_MANY} && {_CARD}.dataset.p95", 300)
        await _both(page, "watch", folder, say)
        await page.run("location.hash = 'numbers'")
        await page.until("document.querySelectorAll('.chart').length > 6", 60)
        await asyncio.sleep(3)
        await _both(page, "numbers", folder, say)


async def _both(page: Page, view: str, folder: Path, say: Callable[[str], None], first: str = "1") -> None:
    """One view on a desktop by day, and on a phone by night."""
    shots = ((_DESKTOP, False, "light", ""), (_PHONE, True, "dark", "_phone"))
    for (width, height), phone, scheme, ending in shots:
        await page.size(width, height, phone=phone)
        await page.scheme(scheme)
        await page.run(first)
        await asyncio.sleep(1.5)  # the next picture of the video is drawn in the new size
        path = folder / f"page_{view}{ending}.webp"
        path.write_bytes(await page.picture(format="webp", quality=_QUALITY))
        say(str(path))
