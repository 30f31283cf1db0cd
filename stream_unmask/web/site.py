"""All that one server of the page holds."""

from __future__ import annotations

import asyncio
import contextlib
import io
import secrets
import tempfile
import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

import PIL.Image
from aiohttp import web

from stream_unmask.api import Unmasker, label
from stream_unmask.bundled import weights_folder
from stream_unmask.cameras import CameraConfig, Cameras
from stream_unmask.errors import UnmaskError
from stream_unmask.inpainting.stand_ins.bank import Bank
from stream_unmask.inpainting.stand_ins.bundled import bundled_stand_ins
from stream_unmask.settings import Settings
from stream_unmask.web.inputs import Inputs
from stream_unmask.web.jobs import Jobs
from stream_unmask.web.numbers import Counted, Numbers
from stream_unmask.web.options import ServeOptions
from stream_unmask.web.peers import Peers
from stream_unmask.web.security import Guard, is_secure, port_of
from stream_unmask.web.workshop import Workshop

_TILE = 96
_MOST_TILES = 2000
_VISITOR_BYTES = 16


class Site:
    """The cameras, the files, the worker, and who may see them.

    Args:
        options: where and how the page is served.
        settings: of the unmasking.
        say: gets a sentence for what whoever started the server should know.
    """

    def __init__(self, options: ServeOptions, settings: Settings, say: Callable[[str], None]) -> None:
        loop = asyncio.get_running_loop()
        self.options, self.settings, self.say = options, settings, say
        self.guard = Guard(options)
        self.label = label(wear=settings.wear)
        self.inputs = Inputs(loop, options.recordings, self.label)
        self.workshop = Workshop(settings, options.limits.webcams)
        self._folder = Path(tempfile.mkdtemp(prefix="stream-unmask-uploads-"))
        self.jobs = Jobs(self.workshop, self._folder, options.limits)
        self.peers = Peers()
        self.numbers = Numbers(Counted(self.inputs, self.jobs, self.workshop))
        self.trouble = ""
        self.ready = asyncio.Event()
        self.uploading: set[str] = set()
        self._tiles: dict[int, bytes] = {}
        self._loading = threading.Lock()

    @cached_property
    def bank(self) -> Bank:
        return bundled_stand_ins(weights_folder(self.settings.weights))

    async def begin(self, configs: Mapping[str, CameraConfig]) -> None:
        """Begin with all cameras; without any there is nothing to load here."""
        self.jobs.begin()
        self.numbers.begin()
        await asyncio.to_thread(self._begin_cameras, configs)
        self.ready.set()

    def _begin_cameras(self, configs: Mapping[str, CameraConfig]) -> None:
        self.inputs.become(configs)
        if not configs:
            return
        try:
            unmasker = Unmasker(self.settings)
        except UnmaskError as error:
            self.trouble = str(error)
            self.say(str(error))
            return
        self.numbers.engine = unmasker.networks.engine
        self.say(f"Engine: {self.numbers.engine}")
        self.inputs.serve(Cameras(unmasker, self.say, self.inputs.began))
        self.inputs.become(configs)

    async def close(self) -> None:
        """End everything, whatever of it fails, and leave nothing but recordings."""
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(asyncio.to_thread, self.inputs.end)
            for each in (self.workshop, self.jobs, self.numbers, self.peers):
                stack.push_async_callback(each.close)

    def owner(self, request: web.Request) -> str:
        """Whose the files are that a request asks for: a browser's, by its cookie, else an address's."""
        cookie = request.cookies.get(_visitor(request), "")
        return f"visitor {cookie}" if len(cookie) >= _VISITOR_BYTES else f"address {request.remote}"

    def welcome(self, request: web.Request, response: web.StreamResponse) -> None:
        """Give a browser a cookie by which its files are known."""
        if len(request.cookies.get(_visitor(request), "")) < _VISITOR_BYTES:
            self.set_cookie(request, response, _visitor(request), secrets.token_urlsafe(_VISITOR_BYTES))

    def set_cookie(self, request: web.Request, response: web.StreamResponse, name: str, value: str) -> None:
        """A cookie that no script reads and no other site sends."""
        response.set_cookie(
            name, value, httponly=True, samesite="Strict", secure=is_secure(request), path="/"
        )

    def tile(self, number: int) -> bytes:
        """A stand-in as a small JPEG.

        Raises:
            KeyError: there is none of this number.
        """
        if not 1 <= number <= min(2 * self.bank.count, _MOST_TILES):
            raise KeyError(number)
        if number not in self._tiles:
            with self._loading:
                picture = PIL.Image.fromarray(self.bank[number - 1].picture)
            picture.thumbnail((_TILE, _TILE))
            file = io.BytesIO()
            picture.save(file, "JPEG", quality=85)
            self._tiles[number] = file.getvalue()
        return self._tiles[number]


SITE: web.AppKey[Site] = web.AppKey("site", Site)


def site(request: web.Request) -> Site:
    """The site that a request came to."""
    return request.app[SITE]


def _visitor(request: web.Request) -> str:
    return f"stream_unmask_visitor_{port_of(request)}"
