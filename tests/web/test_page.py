"""The page in a real browser: it watches, tries, records and is read aloud, whatever the way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from benchmarks.browser import Browser, Page, chromium, find_chromium
from benchmarks.clips import ClipOptions, make_clip
from benchmarks.page import Serving
from tests.support.ports import free_port
from tests.support.waiting import GUARD

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(find_chromium() is None, reason="there is no Chromium")

CARD = "document.querySelector('.camera')"
UNMASKED = """(() => {
  const stage = %s, canvas = stage.querySelector('canvas');
  const pictures = [];
  for (const value of [100, 0]) {
    const split = stage.querySelector('.stage-split');
    split.value = value;
    split.dispatchEvent(new Event('input'));
    pictures.push(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data);
  }
  const [before, after] = pictures;
  let changed = 0, sum = 0;
  for (let place = 0; place < before.length; place += 4) {
    const apart = Math.abs(before[place] - after[place]) + Math.abs(before[place + 2] - after[place + 2]);
    if (apart > 60) changed += 1;
    sum += after[place];
  }
  const share = changed / (before.length / 4), bright = sum / (before.length / 4);
  return share > 0.01 && share < 0.4 && bright > 30;
})()"""
"""Whether the line changes the mask in a stage, and little else, as it goes from one side to the other."""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A masked face, small, and at a rate that a busy machine keeps up with."""
    folder = tmp_path_factory.mktemp("film")
    return make_clip(
        folder / "door.mp4", ClipOptions(width=320, height=180, frames=300, rate=10, sound=False)
    )


@pytest.fixture(scope="module")
def short(film: Path) -> Path:
    """The same, less than a second long."""
    options = ClipOptions(width=320, height=180, frames=8, rate=10, sound=False)
    return make_clip(film.with_name("short.mp4"), options)


@pytest.fixture(scope="module")
def server(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    address = f"http://127.0.0.1:{free_port()}"  # one that is still free when it is begun again
    serving = Serving(tmp_path_factory.mktemp("server"), ("--threads", "1", str(film)), address)
    serving.start()
    yield serving
    serving.stop()


@pytest.fixture(scope="module")
def webcam(short: Path) -> Path:
    """What a browser's webcam shows: the same, bare of any codec."""
    path = short.with_suffix(".y4m")
    with av.open(str(short)) as read, av.open(str(path), "w", format="yuv4mpegpipe") as written:
        stream = written.add_stream("wrapped_avframe", 10)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for frame in read.decode(video=0):
            written.mux(stream.encode(frame))
        written.mux(stream.encode(None))
    return path


Test = Callable[[Browser], Coroutine[Any, Any, None]]
Browse = Callable[[Test], None]


@pytest.fixture(scope="module")
def browse(webcam: Path) -> Iterator[Browse]:
    """Runs a test with a browser, which is begun once."""
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        browser = runner.run(stack.enter_async_context(chromium(webcam)))
        yield lambda test: runner.run(asyncio.wait_for(test(browser), 3 * GUARD))
        runner.run(stack.aclose())


@contextlib.asynccontextmanager
async def quiet_page(browser: Browser, address: str) -> AsyncIterator[Page]:
    """A page in which nothing goes wrong."""
    async with browser.page(address) as page:
        yield page
        assert page.errors == []


@pytest.mark.browser
@pytest.mark.parametrize("way", ["webrtc", "fragments", "jpegs"])
def test_a_camera_is_watched_before_and_after(way: str, server: Serving, browse: Browse) -> None:
    async def test(browser: Browser) -> None:
        async with quiet_page(browser, f"{server.address}/?way={way}") as page:
            await page.until(f"{CARD}?.dataset.way === '{way}' && Number({CARD}.dataset.pictures) > 12")
            await page.until(UNMASKED % CARD)
            await page.until(f"Number({CARD}.dataset.p95) > 0")
            words = await page.run(f"{CARD}.querySelector('.facts').textContent")
            assert "ms from camera to screen" in words
            assert "95 % within" in words

    browse(test)


@pytest.mark.browser
def test_without_webrtc_and_sockets_the_page_falls_back_by_itself(server: Serving, browse: Browse) -> None:
    async def test(browser: Browser) -> None:
        async with browser.page() as page:
            broken = "RTCPeerConnection = class { constructor() { throw new Error('none'); } };"
            await page.send("Page.addScriptToEvaluateOnNewDocument", source=broken)
            await page.open(f"{server.address}/?patience=60")
            await page.until(f"{CARD}?.dataset.way === 'fragments'")
            worse = f"{broken} MediaSource = undefined;"
            await page.send("Page.addScriptToEvaluateOnNewDocument", source=worse)
            await page.open(f"{server.address}/?patience=60&again")
            await page.until(f"{CARD}?.dataset.way === 'jpegs'")

    browse(test)


@pytest.mark.browser
def test_the_line_moves_by_mouse_touch_and_keys(server: Serving, browse: Browse) -> None:
    async def test(browser: Browser) -> None:
        async with quiet_page(browser, server.address) as page:
            await page.size(1000, 800)
            await page.until(f"Number({CARD}?.dataset.pictures) > 2")
            value = f"Number({CARD}.querySelector('.stage-split').value)"
            box = await page.run(
                f"(({{left, top, width, height}}) => ({{left, top, width, height}}))"
                f"({CARD}.querySelector('.stage').getBoundingClientRect())"
            )
            middle = box["top"] + box["height"] / 2
            await page.mouse("mousePressed", box["left"] + box["width"] * 0.5, middle)
            await page.mouse("mouseMoved", box["left"] + box["width"] * 0.25, middle)
            await page.mouse("mouseReleased", box["left"] + box["width"] * 0.25, middle)
            await page.until(f"Math.abs({value} - 25) < 2")
            begun = await page.run(value)
            await page.key("ArrowRight", 39)
            await page.key("ArrowRight", 39)
            await page.until(f"{value} === {begun + 2}")
            words = f"{CARD}.querySelector('.stage-split').getAttribute('aria-valuetext')"
            await page.until(f"{words} === '{begun + 2:.0f} percent before'")
            place = {"x": box["left"] + box["width"] * 0.75, "y": middle}
            await page.send("Input.dispatchTouchEvent", type="touchStart", touchPoints=[place])
            await page.send("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
            await page.until(f"Math.abs({value} - 75) < 2")

    browse(test)


@pytest.mark.browser
def test_a_camera_is_recorded_stopped_and_started_by_buttons(server: Serving, browse: Browse) -> None:
    buttons = f"[...{CARD}.querySelectorAll('button')]"
    button = f"{buttons}.find((each) => each.textContent === '%s' && !each.disabled)"
    press = f"((found) => {{ found?.click(); return found; }})({button})"

    async def test(browser: Browser) -> None:
        async with quiet_page(browser, server.address) as page:
            await page.until(f"Number({CARD}?.dataset.pictures) > 2")
            await page.until(press % "Record")
            await page.until(f"{CARD}.querySelector('.said').textContent.startsWith('Recording for')")
            seen = int(await page.run(f"{CARD}.dataset.pictures"))
            await page.until(f"Number({CARD}.dataset.pictures) > {seen + 8}")
            await page.until(press % "Stop recording")
            await page.until("document.querySelector('#recordings-list a')")
            await page.until(press % "Stop")
            await page.until(f"{CARD}.dataset.state === 'stopped'")
            await page.until(press % "Start")
            await page.until(f"{CARD}.dataset.state === 'live' && {CARD}.dataset.way")

    browse(test)


@pytest.mark.browser
@pytest.mark.parametrize("way", ["webrtc", "jpegs"])
def test_a_webcam_comes_back_unmasked(way: str, server: Serving, browse: Browse) -> None:
    async def test(browser: Browser) -> None:
        async with quiet_page(browser, f"{server.address}/?way={way}#try") as page:
            await page.until("document.getElementById('drop-text').textContent")
            await page.run("document.getElementById('webcam-use').click()")
            place = "document.getElementById('webcam')"
            await page.until(f"{place}.dataset.way === '{way}' && Number({place}.dataset.pictures) > 8")
            await page.until(UNMASKED % place)
            await page.until(f"Number({place}.dataset.round) > 0")
            assert "ms there and back" in await page.run(f"{place}.textContent")
            await page.run(f"{place}.querySelector('button').click()")
            await page.until(f"{place}.hidden")

    browse(test)


@pytest.mark.browser
def test_files_are_tried_and_broken_ones_say_why(
    server: Serving, short: Path, tmp_path: Path, browse: Browse
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(short.read_bytes()[:3000])

    async def test(browser: Browser) -> None:
        async with quiet_page(browser, f"{server.address}/#try") as page:
            await page.until("document.getElementById('drop-text').textContent")
            await page.files("#file", [broken])
            await page.until("document.querySelector('.job[data-state=failed]')")
            said = await page.run("document.querySelector('.job[data-state=failed] .row').textContent")
            assert said.startswith("Not done. The file")
            await page.files("#file", [short])
            done = "document.querySelector('.job[data-state=done]')"
            await page.until(done)
            await page.until(f"{done}.querySelector('.stage canvas').width > 300")
            await page.until(UNMASKED % done)
            words = await page.run(f"{done}.textContent")
            assert "Masks were taken off 1 of 1 faces, in 8 frames." in words
            assert await page.run(f"{done}.querySelectorAll('.tile').length") > 2
            # Another face, chosen by whoever looks.
            await page.run(f"{done}.querySelector('.tile:nth-child(2) input').click()")
            await page.run(f"{done}.querySelector('.faces button').click()")
            await page.until("document.querySelectorAll('.job[data-state=done]').length === 2")
            legends = "document.querySelectorAll('.job[data-state=done] legend')"
            worn = await page.run(f"[...{legends}].map((each) => each.textContent)")
            assert worn[0] != worn[1]

    browse(test)


@pytest.mark.browser
def test_the_page_goes_on_when_the_server_was_away(server: Serving, browse: Browse) -> None:
    async def test(browser: Browser) -> None:
        async with browser.page(server.address) as page:
            await page.until(f"Number({CARD}?.dataset.pictures) > 2")
            await asyncio.to_thread(server.stop)
            await page.until("document.getElementById('server').textContent.includes('away')")
            assert "the server is away" in await page.run(f"{CARD}.querySelector('.card-head').textContent")
            assert await page.run(f"{CARD}.querySelector('.facts').textContent") == ""
            await page.run(f"{CARD}.querySelector('.actions .plain').click()")
            await page.until("document.getElementById('notice').textContent.includes('does not answer')")
            seen = int(await page.run(f"{CARD}.dataset.pictures"))
            await asyncio.to_thread(server.start)
            await page.until("document.getElementById('server').textContent === 'Connected'")
            await page.until(f"Number({CARD}.dataset.pictures) > {seen + 2}")

    browse(test)


@pytest.mark.browser
def test_many_come_and_go_and_nothing_is_left_of_them(server: Serving, browse: Browse) -> None:
    async def test(browser: Browser) -> None:
        async with quiet_page(browser, server.address) as page:
            await page.until(f"Number({CARD}?.dataset.pictures) > 2")
            process = "(await (await fetch('/api/v1/numbers')).json()).newest"
            before = await page.run(f"(async () => {process}.process.threads)()")
            for _ in range(2):
                async with contextlib.AsyncExitStack() as stack:
                    others = [await stack.enter_async_context(browser.page(server.address)) for _ in range(5)]
                    for other in others:
                        await other.until(f"Number({CARD}?.dataset.pictures) > 0")
            await page.until(f"(async () => {process}.inputs[0].viewers <= 1)()")
            await page.until(f"(async () => {process}.process.threads <= {before + 8})()")

    browse(test)


@pytest.mark.browser
def test_who_has_no_token_sees_no_more_than_where_to_put_it(tmp_path: Path, browse: Browse) -> None:
    token = "a-token-that-nobody-guesses"
    (tmp_path / "token").write_text(token)
    serving = Serving(tmp_path, ("--token-file", "token"))
    serving.start()

    async def test(browser: Browser) -> None:
        async with browser.page(serving.address) as page:
            await page.until("!document.getElementById('login').hidden")
            assert await page.run("document.querySelector('nav').hidden")
            field = "document.getElementById('token')"
            submit = "document.querySelector('#login-form button').click()"
            await page.run(f"{field}.value = 'wrong-wrong-wrong'; {submit}")
            await page.until("document.getElementById('notice').textContent.includes('not the token')")
            await page.run(f"{field}.value = '{token}'; {submit}")
            await page.until("!document.getElementById('watch').hidden")
            assert token not in await page.run("document.cookie + location.href + document.body.textContent")

    async def by_address(browser: Browser) -> None:
        async with quiet_page(browser, f"{serving.address}/#token={token}") as page:
            await page.until("!document.getElementById('watch').hidden")
            assert token not in await page.run("location.href")

    try:
        browse(test)
        browse(by_address)
    finally:
        serving.stop()


@pytest.mark.browser
def test_the_first_paint_is_quick_and_nothing_moves_after_it(server: Serving, browse: Browse) -> None:
    async def test(browser: Browser) -> None:
        async with browser.page() as page:
            watched = """
              window.moved = 0;
              const add = (list) => list.getEntries().forEach((each) => { window.moved += each.value; });
              new PerformanceObserver(add).observe({ type: 'layout-shift', buffered: true });
            """
            await page.send("Page.addScriptToEvaluateOnNewDocument", source=watched)
            await page.size(1280, 900)
            await page.open(server.address)
            await page.until(f"Number({CARD}?.dataset.pictures) > 2")
            assert await page.run("window.moved") < 0.1
            loaded = await page.run(
                "[...performance.getEntriesByType('resource'), ...performance.getEntriesByType('navigation')]"
                ".filter(({ name }) => !name.includes('/api/'))"
                ".reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0)"
            )
            assert 20_000 < loaded < 150_000
            others = await page.run(
                "performance.getEntriesByType('resource')"
                ".filter(({ name }) => !name.startsWith(location.origin)).length"
            )
            assert others == 0

    browse(test)


HEARD = """(() => {
  window.heard = [];
  const hear = ({ addedNodes }) => addedNodes.forEach((line) => window.heard.push(line.textContent));
  new MutationObserver((changes) => changes.forEach(hear))
    .observe(document.getElementById('announcer'), { childList: true });
})()"""
"""Keeps what the page has read aloud."""


@pytest.mark.browser
def test_a_screen_reader_is_told_what_there_is_and_how_it_goes(
    server: Serving, short: Path, browse: Browse
) -> None:
    async def test(browser: Browser) -> None:
        async with quiet_page(browser, server.address) as page:
            await page.until(f"Number({CARD}?.dataset.pictures) > 2")
            told = await page.read_aloud()
            assert {("banner", ""), ("navigation", "Views"), ("main", ""), ("log", "What happens")} <= set(
                told
            )
            assert {("heading", "Watch"), ("heading", "door"), ("article", "door")} <= set(told)
            for named in (
                ("img", "door, before and after"),
                ("slider", "How much is shown of the picture before: door"),
                ("link", "Save a snapshot of door"),
                ("button", "Record door now"),
                ("button", "Stop door"),
            ):
                assert named in told
            # What changes all the time is not read again and again: only whether the server is there.
            assert [role for role, _ in told if role in ("status", "alert", "log")] == ["log", "status"]
            await page.run(HEARD)
            for button, said in (("Stop", "door: Stopped"), ("Start", "door: Live")):
                await page.run(f"{CARD}.querySelector('.actions [aria-label=\"{button} door\"]').click()")
                await page.until(f"window.heard.some((line) => line.startsWith('{said}'))")

            await page.run("location.hash = 'try'")
            await page.until("document.getElementById('drop-text').textContent")
            await page.files("#file", [short])
            done = "document.querySelector('.job[data-state=done]')"
            await page.until(f"{done}?.querySelector('.tile')")
            heard = [line for line in await page.run("window.heard") if line.startswith("short.mp4: ")]
            assert heard[0].startswith("short.mp4: Uploading")
            assert heard[-1] == "short.mp4: Done. Masks were taken off 1 of 1 faces, in 8 frames."
            assert len(heard) < 9
            told = await page.read_aloud()
            for named in (("region", "Your files"), ("link", "Download short.mp4"), ("slider", "Position")):
                assert named in told
            spoken = (
                "button",
                "link",
                "slider",
                "radio",
                "progressbar",
                "img",
                "group",
                "heading",
                "article",
            )
            assert [role for role, name in told if role in spoken and not name] == []
            assert [role for role, _ in told if role in ("status", "alert", "log")] == ["log", "status"]
            # The keyboard stays where it was when what it was at goes away.
            await page.run(f"{done}.querySelector('[aria-label^=Delete]').focus()")
            await page.key(" ", 32)
            await page.until("!document.querySelector('.job')")
            assert await page.run("document.activeElement.id") == "jobs"

    browse(test)


@pytest.mark.browser
def test_files_that_are_dropped_together_are_all_done(
    server: Serving, short: Path, tmp_path: Path, browse: Browse
) -> None:
    several = [tmp_path / f"{name}.mp4" for name in "abc"]
    for each in several:
        each.write_bytes(short.read_bytes()[:3000])

    async def test(browser: Browser) -> None:
        async with quiet_page(browser, f"{server.address}/#try") as page:
            await page.until("document.getElementById('drop-text').textContent")
            await page.files("#file", several)
            await page.until("document.querySelectorAll('.job[data-state=failed]').length === 3")
            said = await page.run(
                "[...document.querySelectorAll('.job .row')].map((each) => each.textContent)"
            )
            assert all(words.startswith("Not done. The file") for words in said), said

    browse(test)


def axe() -> Path | None:
    """axe-core's script, where npm has put it."""
    found = os.environ.get("AXE_CORE") or ROOT / "node_modules" / "axe-core" / "axe.min.js"
    return Path(found) if Path(found).is_file() else None


@pytest.mark.skipif(axe() is None, reason="axe-core is not installed: npm install --no-save axe-core")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_that_keeps_anybody_out(
    scheme: str, server: Serving, short: Path, browse: Browse
) -> None:
    script = axe()
    assert script is not None

    async def test(browser: Browser) -> None:
        async with browser.page(server.address) as page:
            await page.scheme(scheme)
            await page.size(390, 844, phone=True)
            await page.until(f"Number({CARD}?.dataset.pictures) > 2")
            await page.run(script.read_text() + ";1")
            for view in ("watch", "try", "numbers"):
                await page.run(f"location.hash = '{view}'")
                await page.until(f"!document.getElementById('{view}').hidden")
                if view == "try" and scheme == "light":
                    if not await page.run("document.querySelectorAll('.job').length"):
                        await page.files("#file", [short])
                    await page.until("document.querySelector('.job[data-state=done] .tile')")
                found = await page.run("axe.run(document).then((said) => JSON.stringify(said.violations))")
                rules = [(each["id"], [node["html"] for node in each["nodes"]]) for each in json.loads(found)]
                assert rules == [], view

    browse(test)
