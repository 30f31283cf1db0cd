"""The API for cameras, figures, sessions and webcams."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time

from aiohttp import WSMsgType, web
from prometheus_client import CONTENT_TYPE_LATEST

from stream_unmask.errors import UnmaskError
from stream_unmask.version import program_version
from stream_unmask.web.events import Events
from stream_unmask.web.security import port_of, refusal
from stream_unmask.web.site import site
from stream_unmask.web.uploads import read_json
from stream_unmask.web.watching import input_of, read_offer

_MOST_JPEG = 2 << 20
_NUMBER = re.compile("[0-9]{1,6}")


async def health(request: web.Request) -> web.Response:
    """The server answers."""
    return web.json_response({"healthy": True})


async def readiness(request: web.Request) -> web.Response:
    """The networks are loaded, and cameras have begun."""
    here = site(request)
    is_ready = here.ready.is_set() and not here.trouble
    return web.json_response({"ready": is_ready, "trouble": here.trouble}, status=200 if is_ready else 503)


async def metrics(request: web.Request) -> web.Response:
    """All figures for Prometheus."""
    return web.Response(
        body=site(request).numbers.prometheus(), headers={"Content-Type": CONTENT_TYPE_LATEST}
    )


async def begin_session(request: web.Request) -> web.Response:
    """Give who knows the token a cookie for it."""
    here = site(request)
    said = await read_json(request, here.options.limits)
    if not here.guard.is_right(str(said.get("token", ""))):
        await asyncio.sleep(0.5)
        return refusal(401, "The token is wrong.")
    response = web.Response(status=204)
    if here.guard.wants_token:
        here.set_cookie(request, response, here.guard.session(port_of(request)), here.guard.cookie())
    return response


async def session(request: web.Request) -> web.Response:
    """Whether a token is wanted, and whether who asks is let in."""
    guard = site(request).guard
    return web.json_response({"wanted": guard.wants_token, "let_in": guard.is_let_in(request)})


async def end_session(request: web.Request) -> web.Response:
    """Forget the cookie."""
    response = web.Response(status=204)
    response.del_cookie(site(request).guard.session(port_of(request)), path="/")
    return response


async def server(request: web.Request) -> web.Response:
    """What the server is, and what it allows."""
    here = site(request)
    limits = here.options.limits
    return web.json_response(
        {
            "version": program_version(),
            "engine": here.numbers.engine or here.workshop.engine,
            "wears": here.settings.wear,
            "label": here.label,
            "uptime": round(here.numbers.uptime, 1),
            "trouble": here.trouble,
            "limits": {
                "upload_bytes": limits.upload_bytes,
                "upload_seconds": limits.upload_seconds,
                "uploads": limits.each,
                "keep_seconds": limits.keep,
                "webcams": limits.webcams,
            },
        }
    )


async def clock(request: web.Request) -> web.Response:
    """The server's time in milliseconds, by which browsers tell how late pictures are."""
    return web.json_response({"now": 1000 * time.time()})


async def numbers(request: web.Request) -> web.Response:
    """Figures of the last minutes."""
    here = site(request)
    return web.json_response({"newest": here.numbers.newest, "kept": here.numbers.kept()})


async def events(request: web.Request) -> web.StreamResponse:
    """All figures once a second, as server-sent events."""
    here = site(request)
    stream = Events()
    response = await stream.begin(request)
    with contextlib.suppress(ConnectionResetError):
        while True:
            changed = here.numbers.changed
            if here.numbers.newest:
                await stream.send(here.numbers.newest)
            await changed.wait()
    return response


async def inputs(request: web.Request) -> web.Response:
    """All cameras."""
    here = site(request)
    return web.json_response({"inputs": [here.inputs.describe(each) for each in here.inputs]})


async def one_input(request: web.Request) -> web.Response:
    """One camera."""
    return web.json_response(site(request).inputs.describe(input_of(request)))


async def switch(request: web.Request) -> web.Response:
    """Start or stop a camera."""
    camera, here = input_of(request), site(request)
    starts = request.match_info["what"] == "start"
    await asyncio.to_thread(here.inputs.switch, camera.config.name, on=starts)
    return web.json_response(here.inputs.describe(camera))


async def record(request: web.Request) -> web.Response:
    """Begin to record what a camera shows."""
    camera, here = input_of(request), site(request)
    await asyncio.to_thread(here.inputs.record, camera.config.name)
    return web.json_response(here.inputs.describe(camera))


async def stop_recording(request: web.Request) -> web.Response:
    """End that recording."""
    camera, here = input_of(request), site(request)
    path = await asyncio.to_thread(here.inputs.stop_recording, camera.config.name)
    described = here.inputs.describe(camera)
    return web.json_response({**described, "recorded": None if path is None else path.name})


async def snapshot(request: web.Request) -> web.Response:
    """What a camera shows now, as a JPEG."""
    camera, here = input_of(request), site(request)
    data = await asyncio.to_thread(here.inputs.snapshot, camera.config.name)
    return web.Response(body=data, content_type="image/jpeg")


async def stand_ins(request: web.Request) -> web.Response:
    """How many stand-ins there are; none where masks are put on."""
    here = site(request)
    count = 0 if here.settings.wear else (await asyncio.to_thread(lambda: here.bank)).count
    return web.json_response({"count": count, "with_mirror_images": 2 * count})


async def stand_in(request: web.Request) -> web.Response:
    """One of them, as a small picture."""
    try:
        data = await asyncio.to_thread(site(request).tile, int(request.match_info["number"]))
    except KeyError:
        raise web.HTTPNotFound(reason="There is no such stand-in.") from None
    headers = {"Cache-Control": "private, max-age=86400"}
    return web.Response(body=data, content_type="image/jpeg", headers=headers)


async def webcam(request: web.Request) -> web.Response:
    """Answer a browser that sends its webcam over WebRTC."""
    said = await read_offer(request)
    chosen = said.get("stand_in")
    if chosen is not None and not isinstance(chosen, int):
        return refusal(400, "stand_in is a number.")
    try:
        return web.json_response(await site(request).workshop.answer(said))
    except UnmaskError as error:
        return refusal(503, str(error))


async def webcam_pictures(request: web.Request) -> web.StreamResponse:
    """Pass JPEGs of a browser's webcam to the worker, and those that it gives back to the browser."""
    chosen = request.query.get("stand_in", "")
    if chosen and not _NUMBER.fullmatch(chosen):
        return refusal(400, "stand_in is a number.")
    try:
        async with site(request).workshop.pictures(int(chosen) if chosen else None) as worker:
            browser = web.WebSocketResponse(heartbeat=20, max_msg_size=_MOST_JPEG, compress=False)
            await browser.prepare(request)

            async def back() -> None:
                async for done in worker:
                    if done.type == WSMsgType.BINARY:
                        await browser.send_bytes(done.data)
                await browser.close()

            coming = asyncio.create_task(back())
            try:
                with contextlib.suppress(ConnectionResetError):
                    async for message in browser:
                        if message.type != WSMsgType.BINARY:
                            break
                        await worker.send_bytes(message.data)
            finally:
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)
            return browser
    except UnmaskError as error:
        return refusal(503, str(error))
