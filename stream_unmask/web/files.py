"""The API for files: bring one, follow it, fetch what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import web

from stream_unmask.errors import UnmaskError
from stream_unmask.web.events import Events
from stream_unmask.web.jobs import Job, StandIn, TooManyError, plain
from stream_unmask.web.security import refusal
from stream_unmask.web.site import Site, site
from stream_unmask.web.uploads import read_json, receive, stand_in_of

_MOST_CLIP = 300.0
_UPLOADING_AT_ONCE = 2
"""Bodies of one visitor that come at the same time."""


def _job(request: web.Request) -> Job:
    here = site(request)
    try:
        return here.jobs.get(here.owner(request), request.match_info["id"])
    except KeyError:
        raise web.HTTPNotFound(reason="There is no such job.") from None


def _shown(request: web.Request, job: Job, status: int = 200) -> web.Response:
    headers = {"Location": f"/api/v1/jobs/{job.id}"} if status == 201 else None
    return web.json_response(plain(job, site(request).jobs.ahead(job)), status=status, headers=headers)


async def create(request: web.Request) -> web.Response:
    """Take a file, or record some seconds of a camera."""
    if request.content_type == "application/json":
        return await _create_clip(request)
    here, owner = site(request), site(request).owner(request)
    stand_in = stand_in_of(request.query.get("stand_in"))
    uploading = sum(job.state == "uploading" for job in here.jobs.of(owner))
    if uploading >= _UPLOADING_AT_ONCE:
        return refusal(429, "Two of your files are coming already; wait for one of them.")
    job = _new(here, owner, request.query.get("name", "upload"), stand_in)
    try:
        await receive(request, job.source, here.options.limits)
    except OSError as error:
        await here.jobs.delete(job)
        raise web.HTTPInsufficientStorage(reason="The file cannot be stored here now.") from error
    except BaseException:
        await here.jobs.delete(job)
        raise
    here.jobs.submit(job)
    return _shown(request, job, 201)


def _new(here: Site, owner: str, name: str, stand_in: StandIn) -> Job:
    try:
        return here.jobs.create(owner, name, stand_in)
    except TooManyError as error:
        raise web.HTTPTooManyRequests(reason=str(error)) from error


async def _create_clip(request: web.Request) -> web.Response:
    here = site(request)
    said = await read_json(request, here.options.limits)
    name, seconds = said.get("input"), said.get("seconds", 10)
    if not isinstance(name, str) or name not in [each.config.name for each in here.inputs]:
        return refusal(404, "There is no such input.")
    if not isinstance(seconds, int | float) or not 1 <= seconds <= _MOST_CLIP:
        return refusal(400, f"seconds is a number from 1 to {_MOST_CLIP:.0f}.")
    job = _new(here, here.owner(request), f"{name}.mp4", "auto")
    here.jobs.follow(job, lambda job: _record(here, name, float(seconds), job))
    return _shown(request, job, 201)


async def _record(here: Site, name: str, seconds: float, job: Job) -> None:
    output = await asyncio.to_thread(here.inputs.record_to, name, job.result)
    try:
        for tenth in range(10):
            await asyncio.sleep(seconds / 10)
            job.change(share=(tenth + 1) / 10)
    finally:
        await asyncio.to_thread(here.inputs.end_output, name, output)
    if not job.result.exists():
        raise UnmaskError(f"Nothing came of {name}: it is not there now.")


async def again(request: web.Request) -> web.Response:
    """The same file once more, with other stand-ins."""
    here, job = site(request), _job(request)
    said = await read_json(request, here.options.limits)
    if not job.source.exists():
        return refusal(409, "Only a file that was uploaded can be done again.")
    other = _new(here, job.owner, job.name, stand_in_of(said.get("stand_in")))
    await asyncio.to_thread(os.link, job.source, other.source)
    here.jobs.submit(other)
    return _shown(request, other, 201)


async def every(request: web.Request) -> web.Response:
    """The visitor's jobs."""
    here = site(request)
    jobs = here.jobs.of(here.owner(request))
    return web.json_response({"jobs": [plain(job, here.jobs.ahead(job)) for job in jobs]})


async def one(request: web.Request) -> web.Response:
    """One job."""
    return _shown(request, _job(request))


async def events(request: web.Request) -> web.StreamResponse:
    """A job at each of its changes, as server-sent events, until it is over."""
    here, job = site(request), _job(request)
    stream = Events()
    response = await stream.begin(request)
    with contextlib.suppress(ConnectionResetError):
        async for changed in here.jobs.changes(job):
            await stream.send(plain(changed, here.jobs.ahead(changed)))
    return response


async def delete(request: web.Request) -> web.Response:
    """Stop a job and delete its files."""
    await site(request).jobs.delete(_job(request))
    return web.Response(status=204)


def _file(path: Path, name: str | None = None) -> web.FileResponse:
    if not path.is_file():
        raise web.HTTPNotFound(reason="There is no such file, or not yet.")
    headers = {}
    if name is not None:
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return web.FileResponse(path, headers=headers)


async def result(request: web.Request) -> web.FileResponse:
    """What came of a job, for downloading."""
    job = _job(request)
    if job.state != "done":
        raise web.HTTPNotFound(reason="There is no result, or not yet.")
    return _file(job.result, job.shown_name)


async def part(request: web.Request) -> web.FileResponse:
    """What the page shows of a result: before and after in one video, or each as a picture."""
    names = {"preview": "preview.mp4", "before": "before.jpg", "after": "after.jpg"}
    return _file(_job(request).folder / names[request.match_info["part"]])


async def recordings(request: web.Request) -> web.Response:
    """What was recorded from the page."""
    folder = site(request).options.recordings
    return web.json_response({"recordings": await asyncio.to_thread(_listed, folder)})


def _listed(folder: Path) -> list[dict[str, Any]]:
    if not folder.is_dir():
        return []
    found = [path for path in folder.glob("*.mp4") if path.is_file() and not path.name.startswith(".")]
    found.sort(key=lambda path: -path.stat().st_mtime)
    return [
        {"name": path.name, "bytes": path.stat().st_size, "ended": path.stat().st_mtime}
        for path in found[:200]
    ]


def _recording(request: web.Request) -> Path:
    """A recording by its name, if it is one."""
    folder, name = site(request).options.recordings, request.match_info["name"]
    path = folder / name
    plain_name = name == path.name and path.parent == folder and not name.startswith(".")
    if not plain_name or path.suffix != ".mp4" or path.is_symlink() or not path.is_file():
        raise web.HTTPNotFound(reason="There is no such recording.")
    return path


async def recording(request: web.Request) -> web.FileResponse:
    """A recording, for downloading."""
    path = _recording(request)
    return _file(path, path.name)


async def delete_recording(request: web.Request) -> web.Response:
    """Delete a recording."""
    await asyncio.to_thread(_recording(request).unlink)
    return web.Response(status=204)
