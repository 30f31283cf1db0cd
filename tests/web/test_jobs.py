"""Files that visitors bring: turns, bounds, progress, and a worker that dies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from stream_unmask.web import jobs as jobs_module
from stream_unmask.web.options import Limits
from stream_unmask.web.work import Order
from stream_unmask.web.workshop import WorkerDiedError
from tests.web.serving import REPORT, copies, over, run, served, upload

API = "/api/v1"


def test_a_file_goes_from_uploading_to_done(tmp_path: Path) -> None:
    async def test() -> None:
        async with served(tmp_path) as server:
            job = await upload(server, b"some video", stand_in="1=12,2=none")
            done = await over(server, job)
            assert done["state"] == "done"
            assert done["kind"] == "video"
            assert done["report"] == REPORT
            assert server.workshop.orders[0].stand_in == {1: 12, 2: "none"}
            async with server.session.get(server.address + done["links"]["result"]) as answer:
                assert await answer.read() == b"some video"
                assert answer.headers["Content-Disposition"].endswith("clip.unmasked.mp4")
            asked = {"Range": "bytes=5-"}
            async with server.session.get(server.address + done["links"]["result"], headers=asked) as answer:
                assert answer.status == 206
                assert await answer.read() == b"video"
            beyond = {"Range": "bytes=5000-"}
            async with server.session.get(server.address + done["links"]["result"], headers=beyond) as answer:
                assert answer.status == 416
            folder = server.workshop.orders[0].folder
            async with server.session.delete(f"{server.address}{API}/jobs/{job['id']}") as answer:
                assert answer.status == 204
            assert not folder.exists()

    run(test())


def test_it_is_done_again_with_other_faces(tmp_path: Path) -> None:
    async def test() -> None:
        async with served(tmp_path) as server:
            job = await upload(server, b"some video")
            await over(server, job)
            again = f"{server.address}{API}/jobs/{job['id']}/again"
            async with server.session.post(again, json={"stand_in": {"1": 7}}) as answer:
                assert answer.status == 201
                other = await over(server, await answer.json())
            assert other["id"] != job["id"]
            assert server.workshop.orders[1].stand_in == {1: 7}
            async with server.session.get(server.address + other["links"]["result"]) as answer:
                assert await answer.read() == b"some video"

    run(test())


def test_a_worker_that_dies_takes_one_file_with_it(tmp_path: Path) -> None:
    async def dies(order: Order) -> AsyncIterator[dict[str, Any]]:
        if order.source.read_bytes() == b"garbage":
            raise WorkerDiedError("The file made the worker stop; it was given up.")
        async for word in copies(order):
            yield word

    async def test() -> None:
        async with served(tmp_path, work=dies) as server:
            bad = await upload(server, b"garbage")
            good = await upload(server, b"good")
            said = await over(server, bad)
            assert (said["state"], said["error"]) == (
                "failed",
                "The file made the worker stop; it was given up.",
            )
            assert (await over(server, good))["state"] == "done"

    run(test())


def test_one_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    async def hangs(order: Order) -> AsyncIterator[dict[str, Any]]:
        yield {"done": 0.1, "frames": 1, "total": 10}
        await asyncio.sleep(1000)

    async def test() -> None:
        async with served(tmp_path, work=hangs, limits=Limits(work_seconds=0.1)) as server:
            said = await over(server, await upload(server))
            assert said["error"] == "It took longer than a file may take here."
            assert server.workshop.killed == 1

    run(test())


def test_one_that_is_deleted_at_work_is_stopped(tmp_path: Path) -> None:
    async def hangs(order: Order) -> AsyncIterator[dict[str, Any]]:
        if order.source.read_bytes() == b"hang":
            yield {"done": 0.1, "frames": 1, "total": 10}
            await asyncio.sleep(1000)
        async for word in copies(order):
            yield word

    async def test() -> None:
        async with served(tmp_path, work=hangs) as server:
            job = await upload(server, b"hang")
            while server.site.jobs.counts["running"] < 1:
                await asyncio.sleep(0.01)
            other = await upload(server, b"next")
            async with server.session.delete(f"{server.address}{API}/jobs/{job['id']}") as answer:
                assert answer.status == 204
            assert (await over(server, other))["state"] == "done"
            assert server.workshop.killed == 1

    run(test())


def test_visitors_take_turns(tmp_path: Path) -> None:
    let = asyncio.Event()
    done: list[bytes] = []

    async def waits(order: Order) -> AsyncIterator[dict[str, Any]]:
        await let.wait()
        done.append(order.source.read_bytes())
        async for word in copies(order):
            yield word

    async def test() -> None:
        async with served(tmp_path, work=waits) as server:
            jobs = [await upload(server, name.encode()) for name in ("a1", "a2", "a3")]
            async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as other:
                async with other.get(server.address):
                    pass
                for name in ("b1", "b2"):
                    async with other.post(
                        f"{server.address}{API}/jobs?name=b.mp4", data=name.encode()
                    ) as answer:
                        assert answer.status == 201
            let.set()
            await over(server, jobs[-1])
            assert done == [b"a1", b"b1", b"a2", b"b2", b"a3"]

    run(test())


def test_there_are_no_more_files_than_may_be(tmp_path: Path) -> None:
    async def test() -> None:
        async with served(tmp_path, limits=Limits(each=2, uploads=3)) as server:
            first = await upload(server)
            await upload(server)
            address = f"{server.address}{API}/jobs?name=a.mp4"
            async with server.session.post(address, data=b"x") as answer:
                assert answer.status == 429
                assert "2 files" in (await answer.json())["error"]
            async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as other:
                async with other.get(server.address):
                    pass
                async with other.post(address, data=b"x") as answer:
                    assert answer.status == 201
                async with other.post(address, data=b"x") as answer:
                    assert answer.status == 429
            async with server.session.delete(f"{server.address}{API}/jobs/{first['id']}") as answer:
                assert answer.status == 204
            await upload(server)

    run(test())


def test_files_go_when_they_were_kept_long_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "_LOOK", 0.02)

    async def test() -> None:
        async with served(tmp_path, limits=Limits(keep=0.05)) as server:
            await upload(server)
            while not server.workshop.orders:
                await asyncio.sleep(0.01)
            folder = server.workshop.orders[0].folder
            while folder.exists():
                await asyncio.sleep(0.01)
            assert sum(server.site.jobs.counts.values()) == 0

    run(test())


def test_nothing_is_left_when_the_server_ends(tmp_path: Path) -> None:
    async def test() -> None:
        async with served(tmp_path) as server:
            await over(server, await upload(server))
            folder = server.workshop.orders[0].folder.parent
            assert folder.exists()
            assert oct(folder.stat().st_mode)[-3:] == "700"
        assert not folder.exists()

    run(test())


def test_progress_is_told_with_the_time_left(tmp_path: Path) -> None:
    let = asyncio.Event()

    async def waits(order: Order) -> AsyncIterator[dict[str, Any]]:
        yield {"done": 0.5, "frames": 50, "total": 100}
        await let.wait()
        async for word in copies(order):
            yield word

    async def test() -> None:
        async with served(tmp_path, work=waits) as server:
            job = await upload(server)
            seen = []
            async with server.session.get(f"{server.address}{API}/jobs/{job['id']}/events") as events:
                async for line in events.content:
                    if not line.startswith(b"data: "):
                        continue
                    seen.append(json.loads(line[6:]))
                    if seen[-1]["frames"] == 50:
                        let.set()
            halfway = next(job for job in seen if job["frames"] == 50)
            assert halfway["state"] == "running"
            assert halfway["total"] == 100
            assert halfway["seconds_left"] >= 0
            assert seen[-1]["state"] == "done"

    run(test())
