"""The app: every path that it answers, and how it is run."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path
from string import Template

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from stream_unmask.cameras import CameraConfig
from stream_unmask.errors import InputError, UnmaskError
from stream_unmask.settings import Settings
from stream_unmask.video.files import reason
from stream_unmask.web import files, handlers, watching
from stream_unmask.web.door import Runner
from stream_unmask.web.options import ServeOptions
from stream_unmask.web.peers import hear_of_failures
from stream_unmask.web.security import add_headers
from stream_unmask.web.site import SITE, Site, site

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_log_of_server = logging.getLogger(f"{__name__}.server")

STATIC = Path(__file__).parent / "static"
_V1 = "/api/v1"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json"}
_CLOSE_SECONDS = 1.0
_KEPT_SECONDS = 75.0
"""For which a connection is kept for another request."""

ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/healthz", handlers.health),
    ("GET", "/readyz", handlers.readiness),
    ("GET", "/metrics", handlers.metrics),
    ("GET", f"{_V1}/session", handlers.session),
    ("POST", f"{_V1}/session", handlers.begin_session),
    ("DELETE", f"{_V1}/session", handlers.end_session),
    ("GET", f"{_V1}/server", handlers.server),
    ("GET", f"{_V1}/clock", handlers.clock),
    ("GET", f"{_V1}/numbers", handlers.numbers),
    ("GET", f"{_V1}/events", handlers.events),
    ("GET", f"{_V1}/inputs", handlers.inputs),
    ("GET", f"{_V1}/inputs/{{name}}", handlers.one_input),
    ("POST", f"{_V1}/inputs/{{name}}/{{what:start|stop}}", handlers.switch),
    ("POST", f"{_V1}/inputs/{{name}}/recording", handlers.record),
    ("DELETE", f"{_V1}/inputs/{{name}}/recording", handlers.stop_recording),
    ("GET", f"{_V1}/inputs/{{name}}/snapshot", handlers.snapshot),
    ("POST", f"{_V1}/inputs/{{name}}/webrtc", watching.webrtc),
    ("GET", f"{_V1}/inputs/{{name}}/fragments", watching.fragments),
    ("GET", f"{_V1}/inputs/{{name}}/jpegs", watching.jpegs),
    ("GET", f"{_V1}/recordings", files.recordings),
    ("GET", f"{_V1}/recordings/{{name}}", files.recording),
    ("DELETE", f"{_V1}/recordings/{{name}}", files.delete_recording),
    ("GET", f"{_V1}/jobs", files.every),
    ("POST", f"{_V1}/jobs", files.create),
    ("GET", f"{_V1}/jobs/{{id}}", files.one),
    ("DELETE", f"{_V1}/jobs/{{id}}", files.delete),
    ("POST", f"{_V1}/jobs/{{id}}/again", files.again),
    ("GET", f"{_V1}/jobs/{{id}}/events", files.events),
    ("GET", f"{_V1}/jobs/{{id}}/result", files.result),
    ("GET", f"{_V1}/jobs/{{id}}/{{part:preview|before|after}}", files.part),
    ("GET", f"{_V1}/stand-ins", handlers.stand_ins),
    ("GET", f"{_V1}/stand-ins/{{number:[0-9]{{1,6}}}}", handlers.stand_in),
    ("POST", f"{_V1}/webcam", handlers.webcam),
    ("GET", f"{_V1}/webcam", handlers.webcam_pictures),
)
"""The API, as ``openapi.json`` describes it."""


def make_app(here: Site) -> web.Application:
    """The app of a site."""
    app = web.Application(middlewares=[here.guard.check], client_max_size=here.options.limits.upload_bytes)
    app[SITE] = here
    app.on_response_prepare.append(add_headers)
    app.router.add_get("/", page)
    app.router.add_get("/static/{name}", static)
    app.router.add_get(f"{_V1}/openapi.json", openapi)
    for method, path, handler in ROUTES:
        app.router.add_route(method, path, handler)
    return app


@cache
def read_strings() -> dict[str, str]:
    """Every text of the page, by its key."""
    strings: dict[str, str] = json.loads((STATIC / "strings.json").read_text())
    return strings


@cache
def page_text() -> str:
    """The page, with its texts put in."""
    return Template((STATIC / "index.html").read_text()).substitute(read_strings())


async def page(request: web.Request) -> web.Response:
    """The page."""
    response = web.Response(text=page_text(), content_type="text/html")
    site(request).welcome(request, response)
    return response


@cache
def _static_files() -> dict[str, bytes]:
    """What the page is made of: read once, and no path leads anywhere else."""
    found = {path.name: path.read_bytes() for path in STATIC.iterdir() if path.suffix in _TYPES}
    found["strings.js"] = f"export default {json.dumps(read_strings())};\n".encode()
    return found


async def static(request: web.Request) -> web.Response:
    """A script, a style or a picture of the page."""
    name = request.match_info["name"]
    data = _static_files().get(name)
    if data is None:
        raise web.HTTPNotFound(reason="There is no such file.")
    response = web.Response(body=data, content_type=_TYPES[Path(name).suffix], charset="utf-8")
    response.headers["Cache-Control"] = "no-cache"
    response.enable_compression()
    return response


async def openapi(request: web.Request) -> web.Response:
    """What the API is."""
    return web.Response(body=_static_files()["openapi.json"], content_type="application/json")


def tls(options: ServeOptions) -> ssl.SSLContext | None:
    """What TLS needs; None for plain HTTP.

    Raises:
        InputError: the certificate or its key cannot be read, or they do not belong together.
    """
    if options.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    key = options.key or options.certificate
    for path in (options.certificate, key):
        try:
            path.read_bytes()
        except OSError as error:
            raise InputError(f"{path} cannot be used for TLS: {reason(error)}.", path=path) from error
    try:
        # Nobody may be there to be asked for the password of a key.
        context.load_cert_chain(options.certificate, key, password="")
    except OSError as error:
        raise InputError(
            f"{options.certificate} and {key} cannot be used for TLS: they are to be a certificate and its "
            "own key, in PEM, without a password.",
            path=options.certificate,
        ) from error
    return context


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether an error is of this server's making: what is no HTTP comes from anywhere, and is answered."""
    return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)


_log_of_server.addFilter(_is_ours)


def make_runner(here: Site) -> Runner:
    """What runs the app of a site."""
    limits = here.options.limits
    return Runner(
        make_app(here),
        connections=limits.connections,
        head_seconds=limits.head_seconds,
        keepalive_timeout=_KEPT_SECONDS,
        handle_signals=False,
        access_log=None,
        logger=_log_of_server,
        shutdown_timeout=_CLOSE_SECONDS,
        # What is compressed is refused; nothing is unpacked that may be broken, or much larger.
        auto_decompress=False,
        # Who goes away is worked for no longer.
        handler_cancellation=True,
    )


async def serve(
    options: ServeOptions,
    settings: Settings,
    configs: Mapping[str, CameraConfig],
    say: Callable[[str], None],
    changes: AsyncIterator[Mapping[str, CameraConfig]],
) -> None:
    """Serve the page.

    Args:
        options: where and how.
        settings: of the unmasking.
        configs: the cameras.
        say: gets a sentence for what whoever started it should know.
        changes: the cameras that there are from now on; it is over when ``changes`` is.

    Raises:
        UnmaskError: the address cannot be listened at, or TLS cannot be.
    """
    context = tls(options)
    hear_of_failures(asyncio.get_running_loop())
    here = Site(options, settings, say)
    runner = make_runner(here)
    await runner.setup()
    beginning: asyncio.Task[None] | None = None
    try:
        tcp = web.TCPSite(runner, options.host, options.port, ssl_context=context)
        try:
            await tcp.start()
        except OSError as error:
            raise UnmaskError(
                f"{options.host}:{options.port} cannot be listened at: {reason(error)}."
            ) from error
        say(f"The page: {_address(options, runner)}")
        beginning = asyncio.create_task(here.begin(configs))
        async for changed in changes:
            await beginning
            await asyncio.to_thread(here.inputs.become, changed)
    finally:
        if beginning is not None:
            await asyncio.gather(beginning, return_exceptions=True)
        await here.close()
        await runner.cleanup()


def _address(options: ServeOptions, runner: Runner) -> str:
    """What to open in a browser, with the token behind a hash, which no browser sends anywhere."""
    host, port = runner.addresses[0][:2]
    shown = f"[{host}]" if ":" in host else host
    token = f"/#token={options.token}" if options.shows_token else ""
    return f"{'https' if options.certificate else 'http'}://{shown}:{port}{token}"
