"""Who may come in: by which name of this machine, from which page, and with what token."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import logging
import re
import socket
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from stream_unmask.errors import UnmaskError
from stream_unmask.web.options import ServeOptions

_log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_SESSION_SECONDS = 12 * 3600
_WRONG_SECONDS = 0.5
"""A pause after a wrong token, so that guessing is slow whatever the token is."""

_OPEN_PATHS = frozenset(("/", "/healthz", "/readyz", "/api/v1/session", "/api/v1/openapi.json"))
_STATIC = "/static/"
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
_HOST = re.compile(r"(?P<name>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?")

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "media-src 'self' blob:; connect-src 'self'; font-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}


class Guard:
    """Lets in who may come in, and tells browsers what the page may do.

    Args:
        options: token, and names of this machine.
    """

    def __init__(self, options: ServeOptions) -> None:
        self._token = None if options.token is None else options.token.encode()
        names = {"localhost", socket.gethostname().lower(), *(name.lower() for name in options.names)}
        self._names = names | {options.host.lower()}

    def session(self, port: int) -> str:
        """The name of the cookie: browsers give cookies to every port of a machine."""
        return f"stream_unmask_{port}"

    @property
    def wants_token(self) -> bool:
        return self._token is not None

    def is_right(self, token: str) -> bool:
        """Whether this is the token; takes as long for every wrong one."""
        return self._token is None or hmac.compare_digest(token.encode(errors="replace"), self._token)

    def cookie(self) -> str:
        """The value of a cookie for somebody who knows the token: when it ends, and a proof."""
        until = str(int(time.time()) + _SESSION_SECONDS)
        return f"{until}.{self._proof(until)}"

    def is_let_in(self, request: web.Request) -> bool:
        """Whether a request brings the token, or the cookie that was got for it."""
        if self._token is None:
            return True
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self.is_right(token.strip())
        cookie = request.cookies.get(self.session(port_of(request)), "")
        until, _, proof = cookie.partition(".")
        right = hmac.compare_digest(proof.encode(errors="replace"), self._proof(until).encode())
        return right and until.isdecimal() and int(until) > time.time()

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse what must not come in, and turn every refusal into a sentence of JSON."""
        try:
            self._check_host(request)
            self._check_origin(request)
            is_open = request.path in _OPEN_PATHS or request.path.startswith(_STATIC)
            if not is_open and not self.is_let_in(request):
                if request.headers.get("Authorization"):
                    await asyncio.sleep(_WRONG_SECONDS)
                return refusal(401, "The token is missing or wrong.")
            if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
                return refusal(415, "Bodies are taken as they are, not compressed.")
            return await handler(request)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            answer = refusal(error.status, error.text if error.text and error.empty_body else error.reason)
            answer.headers.update({key: error.headers[key] for key in ("Allow",) if key in error.headers})
            return answer
        except UnmaskError as error:
            return refusal(409, str(error))
        except ConnectionResetError:
            # Whoever asked has gone. Nothing is wrong here, as which aiohttp would take and log it.
            return refusal(400, "The connection was lost.")
        except asyncio.CancelledError:
            raise
        except Exception:
            _log.exception("%s %s failed", request.method, request.path)
            return refusal(500, "That failed; the server's log says more.")

    def _check_host(self, request: web.Request) -> None:
        """Refuse names that are not this machine's: another page's name may have been pointed at it."""
        found = _HOST.fullmatch(request.headers.get("Host", ""))
        name = "" if found is None else found["name"].lower().rstrip(".")
        if name in self._names or _is_address(name):
            return
        raise web.HTTPMisdirectedRequest(reason="This server does not go by that name.")

    def _check_origin(self, request: web.Request) -> None:
        """Refuse what another site's page has a browser do."""
        site = request.headers.get("Sec-Fetch-Site", "none")
        visits = request.path == "/" and request.method == "GET"
        if site in ("cross-site", "same-site") and not visits:
            raise web.HTTPForbidden(reason="Other sites may not use this server.")
        origin = request.headers.get("Origin")
        asks_more = request.method not in _SAFE or "Upgrade" in request.headers
        if origin is not None and asks_more and _place_of(origin) != request.host.lower():
            raise web.HTTPForbidden(reason="Other sites may not use this server.")

    def _proof(self, until: str) -> str:
        key = self._token or b""
        return hmac.new(key, f"session {until}".encode(), hashlib.sha256).hexdigest()


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """What browsers are told with every answer; a signal of the app."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.popall("Server", None)


def refusal(status: int, sentence: str) -> web.Response:
    """An answer that says why not."""
    return web.json_response({"error": sentence}, status=status)


def port_of(request: web.Request) -> int:
    """The port that a browser asked at."""
    return request.url.port or (443 if request.secure else 80)


def is_secure(request: web.Request) -> bool:
    """Whether the browser came over TLS, to this server or to a proxy before it."""
    return request.secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"


def _place_of(origin: str) -> str:
    """Name and port of an origin; empty where it is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
