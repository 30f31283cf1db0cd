"""Who may come in, and what strangers cannot do."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from stream_unmask.web.options import Limits, ServeOptions
from stream_unmask.web.security import Guard
from stream_unmask.web.uploads import stand_in_of
from tests.support.waiting import GUARD
from tests.web.serving import Served, run, served, upload

TOKEN = "a-token-that-nobody-guesses"
API = "/api/v1"


async def status(server: Served, path: str, method: str = "GET", **options: object) -> int:
    async with server.session.request(method, server.address + path, **options) as answer:  # type: ignore[arg-type]
        await answer.read()
        return answer.status


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "example.org", "::"])
def test_whoever_is_open_to_others_needs_a_token(host: str) -> None:
    with pytest.raises(ValueError, match="token is needed"):
        ServeOptions(host=host)
    with pytest.raises(ValueError, match="16 characters"):
        ServeOptions(host=host, token="short")


def test_a_name_that_a_proxy_uses_needs_one_too() -> None:
    with pytest.raises(ValueError, match="token is needed"):
        ServeOptions(names=frozenset(("cams.example.org",)))
    assert not ServeOptions(host="::1").is_open


def test_without_the_token_only_the_page_itself_is_there(tmp_path: Path) -> None:
    async def test() -> None:
        async with served(tmp_path, token=TOKEN) as server:
            for path in (
                "/",
                "/static/app.js",
                "/healthz",
                "/readyz",
                f"{API}/session",
                f"{API}/openapi.json",
            ):
                assert await status(server, path) == 200, path
            for path in ("/metrics", f"{API}/inputs", f"{API}/jobs", f"{API}/events", f"{API}/stand-ins/1"):
                assert await status(server, path) == 401, path
            assert await status(server, f"{API}/jobs", "POST", data=b"video") == 401
            for wrong in ("Bearer wrong", f"Bearer {TOKEN}x", "Basic abc", "Bearer", f"Bearer {TOKEN[:-1]}"):
                assert await status(server, f"{API}/jobs", headers={"Authorization": wrong}) == 401
            right = {"Authorization": f"Bearer {TOKEN}"}
            assert await status(server, f"{API}/jobs", headers=right) == 200
            assert await status(server, "/metrics", headers=right) == 200

    run(test())


def test_a_cookie_is_got_for_the_token_and_no_script_reads_it(tmp_path: Path) -> None:
    async def test() -> None:
        async with served(tmp_path, token=TOKEN) as server:
            wrong = {"token": "wrong"}
            assert await status(server, f"{API}/session", "POST", json=wrong) == 401
            async with server.session.post(f"{server.address}{API}/session", json={"token": TOKEN}) as answer:
                assert answer.status == 204
                said = answer.headers["Set-Cookie"]
            assert "HttpOnly" in said
            assert "SameSite=Strict" in said
            assert TOKEN not in said
            assert await status(server, f"{API}/jobs") == 200
            assert await status(server, f"{API}/session", "DELETE") == 204
            assert await status(server, f"{API}/jobs") == 401

    run(test())


def test_a_cookie_ends_and_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = Guard(ServeOptions(token=TOKEN))
    until, _, proof = guard.cookie().partition(".")
    assert int(until) > time.time() + 3600
    assert Guard(ServeOptions(token=TOKEN[::-1])).cookie().partition(".")[2] != proof
    later = str(int(until) + 1)
    assert guard._proof(later) != proof


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost:1", 200),
        ("127.0.0.1", 200),
        ("[::1]:8000", 200),
        ("192.168.7.7:8000", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("evil.example:8000", 421),
        ("", 421),
        ("local host", 421),
    ],
)
def test_names_that_are_not_this_machines_are_refused(host: str, expected: int, tmp_path: Path) -> None:
    async def test() -> None:
        async with served(tmp_path) as server:
            asked = f"GET {API}/inputs HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
            answer = await server.raw(asked.encode())
            assert answer.startswith((f"HTTP/1.1 {expected} ").encode()), answer[:80]

    run(test())


def test_names_that_were_allowed_are_served(tmp_path: Path) -> None:
    async def test() -> None:
        async with served(tmp_path, token=TOKEN, names=frozenset(("Cams.Example.org",))) as server:
            assert await status(server, "/", headers={"Host": "cams.example.org"}) == 200

    run(test())


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://[::1"},
        {"Origin": "http://localhost@evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_sites_may_not_use_the_server(headers: dict[str, str], tmp_path: Path) -> None:
    async def test() -> None:
        async with served(tmp_path) as server:
            assert await status(server, f"{API}/jobs", "POST", data=b"video", headers=headers) == 403
            upgrade = {**headers, "Upgrade": "websocket", "Connection": "Upgrade"}
            assert await status(server, f"{API}/webcam", headers=upgrade) == 403
            assert not server.site.jobs.counts["queued"]

    run(test())


def test_a_page_may_be_linked_but_not_framed_or_read(tmp_path: Path) -> None:
    async def test() -> None:
        async with served(tmp_path) as server:
            linked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
            async with server.session.get(f"{server.address}/", headers=linked) as answer:
                assert answer.status == 200
                policy = answer.headers["Content-Security-Policy"]
                assert "frame-ancestors 'none'" in policy
                assert "default-src 'none'" in policy
                assert "unsafe" not in policy
                assert "Access-Control-Allow-Origin" not in answer.headers
                assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
                text = await answer.text()
            assert "<script>" not in text
            assert "style=" not in text

    run(test())


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/index.html",
        f"{API}/recordings/..%2f..%2fetc%2fpasswd",
        f"{API}/recordings/%2e%2e%2fsecret.mp4",
        f"{API}/recordings/.hidden.mp4",
        f"{API}/recordings/link.mp4",
        f"{API}/jobs/..%2f..%2f/result",
        f"{API}/stand-ins/0",
        f"{API}/stand-ins/999999",
    ],
)
def test_no_path_leads_out(path: str, tmp_path: Path) -> None:
    (tmp_path / "secret.mp4").write_text("secret")
    folder = tmp_path / "recordings"
    folder.mkdir()
    (folder / ".hidden.mp4").write_text("secret")
    (folder / "link.mp4").symlink_to(tmp_path / "secret.mp4")

    async def test() -> None:
        async with served(tmp_path) as server:
            asked = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            answer = await server.raw(asked.encode())
            assert answer.startswith(b"HTTP/1.1 404"), answer[:80]
            assert b"secret" not in answer
            assert b"root:" not in answer

    run(test())


def test_a_file_that_is_too_large_leaves_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        async with served(tmp_path, limits=Limits(upload_bytes=1000)) as server:
            assert await status(server, f"{API}/jobs", "POST", data=bytes(1001)) == 413

            async def unsaid() -> object:
                for _ in range(100):
                    yield bytes(100)

            # Without a length there is nothing to believe.
            assert await status(server, f"{API}/jobs", "POST", data=unsaid()) == 413
            assert await status(server, f"{API}/jobs", "POST", data=b"") == 400
            assert sum(server.site.jobs.counts.values()) == 0
            assert (await upload(server, bytes(1000)))["state"] == "queued"

    run(test())


def test_a_body_that_comes_too_slowly_is_given_up(tmp_path: Path) -> None:
    async def test() -> None:
        async with served(tmp_path, limits=Limits(body_seconds=0.2)) as server:
            head = f"POST {API}/jobs?name=a.mp4 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n"
            answer = await server.raw(head.encode() + b"some")
            assert answer.startswith(b"HTTP/1.1 408")
            json_head = f"POST {API}/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n"
            answer = await server.raw(json_head.encode() + b"{")
            assert answer.startswith(b"HTTP/1.1 408")
            assert sum(server.site.jobs.counts.values()) == 0

    run(test())


async def closed(reader: asyncio.StreamReader) -> bool:
    """Whether the server has hung up without a word."""
    try:
        return await asyncio.wait_for(reader.read(), GUARD) == b""
    except ConnectionResetError:
        return True


def test_whoever_never_ends_the_head_of_a_request_is_left(tmp_path: Path) -> None:
    async def test() -> None:
        async with served(tmp_path, limits=Limits(head_seconds=2)) as server:
            async with server.session.get(f"{server.address}/healthz") as answer:
                assert answer.status == 200
            said = [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"GET /" + b"a" * 200]
            callers = [await asyncio.open_connection("127.0.0.1", server.port) for _ in said]
            for (_, writer), begun in zip(callers, said, strict=True):
                writer.write(begun)
            assert all([await closed(reader) for reader, _ in callers])
            async with server.session.get(f"{server.address}/healthz") as answer:
                assert answer.status == 200  # its connection said in time what it wanted, and is kept
            pieces = (b"GET /healthz HTTP/1.1\r\nHost: localhost\r", b"\n\r", b"\n")
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            assert (await asyncio.wait_for(reader.readline(), GUARD)).startswith(b"HTTP/1.1 200")
            for _, each in [*callers, (reader, writer)]:
                each.close()

    run(test())


def test_there_are_no_more_connections_than_may_be(tmp_path: Path) -> None:
    async def test() -> None:
        async with served(tmp_path, limits=Limits(connections=3)) as server:
            kept = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(3)]
            for _, writer in kept:
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for reader, _ in kept:
                assert (await asyncio.wait_for(reader.readline(), GUARD)).startswith(b"HTTP/1.1 200")
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            assert await closed(reader)
            writer.close()
            kept[0][1].close()
            while True:  # the server hears of it in its own time
                reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                try:
                    line = await reader.readline()
                except ConnectionResetError:
                    line = b""
                writer.close()
                if line:
                    break
            for _, each in kept:
                each.close()

    run(test())


def test_whoever_hangs_up_leaves_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        async with served(tmp_path) as server:
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            head = f"POST {API}/jobs?name=a.mp4 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n"
            writer.write(head.encode() + b"some")
            await writer.drain()
            while not server.site.jobs.counts["uploading"]:
                await asyncio.sleep(0.01)
            writer.close()
            while sum(server.site.jobs.counts.values()):
                await asyncio.sleep(0.01)
            while folders := list(server.site._folder.iterdir()):
                await asyncio.sleep(0.01)
            assert folders == []

    run(test())


@pytest.mark.parametrize(
    "name", ["a\r\nSet-Cookie: x=y.mp4", 'a";\n.mp4', "../../../etc/passwd", "é‮.mp4", ""]
)
def test_a_name_gets_into_no_header_and_onto_no_disk(name: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with served(tmp_path) as server:
            job = await upload(server, name=name)
            folder = server.site.jobs.get(
                server.site.jobs.of(next(iter(_owners(server))))[0].owner, job["id"]
            ).folder
            while server.site.jobs.counts["done"] < 1:
                await asyncio.sleep(0.01)
            assert {path.stem for path in folder.iterdir()} <= {"source", "result"}
            async with server.session.get(f"{server.address}{API}/jobs/{job['id']}/result") as answer:
                assert answer.status == 200
                assert "Set-Cookie" not in answer.headers
                said = answer.headers["Content-Disposition"]
                assert said.startswith("attachment; filename*=UTF-8''")
                assert not set(said) & set('\r\n"/')

    run(test())


def _owners(server: Served) -> set[str]:
    return {job.owner for job in server.site.jobs._jobs.values()}


def test_anothers_files_are_not_there(tmp_path: Path) -> None:
    async def test() -> None:
        async with served(tmp_path) as server:
            job = await upload(server)
            async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as other:
                # A browser that has been to the page is somebody else from then on.
                async with other.get(server.address) as answer:
                    assert "HttpOnly" in answer.headers["Set-Cookie"]
                for path in ("", "/result", "/events"):
                    async with other.get(f"{server.address}{API}/jobs/{job['id']}{path}") as answer:
                        assert answer.status == 404
                async with other.delete(f"{server.address}{API}/jobs/{job['id']}") as answer:
                    assert answer.status == 404
                async with other.get(f"{server.address}{API}/jobs") as answer:
                    assert (await answer.json())["jobs"] == []

    run(test())


@pytest.mark.parametrize(
    ("method", "path", "data", "expected"),
    [
        ("PUT", f"{API}/jobs", b"x", 405),
        ("POST", f"{API}/session", b"[1]", 400),
        ("POST", f"{API}/session", b"{", 400),
        ("POST", f"{API}/session", b"x" * 70_000, 413),
        ("POST", f"{API}/session", b"[" * 20_000, 400),
        ("POST", f"{API}/webcam", b"{}", 400),
        ("POST", f"{API}/webcam", b'{"a":' * 20_000, 400),
        ("POST", f"{API}/webcam", b"x" * 300_000, 413),
        ("GET", f"{API}/webcam?stand_in=" + "9" * 5000, b"", 400),
        ("POST", f"{API}/webcam", b'{"type": "answer", "sdp": "x"}', 400),
        ("POST", f"{API}/inputs/none/start", b"", 404),
        ("GET", f"{API}/webcam?stand_in=x", b"", 400),
        ("POST", f"{API}/jobs?stand_in=x", b"x", 400),
        ("POST", f"{API}/jobs?stand_in=1=x", b"x", 400),
        ("GET", f"{API}/nothing", b"", 404),
        ("GET", f"{API}/stand-ins/-1", b"", 404),
    ],
)
def test_nonsense_is_refused_in_a_sentence(
    method: str, path: str, data: bytes, expected: int, tmp_path: Path
) -> None:
    async def test() -> None:
        async with (
            served(tmp_path) as server,
            server.session.request(method, server.address + path, data=data) as answer,
        ):
            assert answer.status == expected
            assert (await answer.json())["error"]

    run(test())


@pytest.mark.parametrize(
    ("line", "headers", "body", "expected"),
    [
        ("GET /healthz", "Host: evil.example", "", 400),  # a second one
        ("GET http://localhost/healthz", "X: a", "", 200),
        ("POST /api/v1/jobs", "Transfer-Encoding: chunked\r\nContent-Length: 4", "0\r\n\r\n", 400),
        ("POST /api/v1/jobs", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "0\r\n\r\n", 400),
        ("POST /api/v1/jobs", "Transfer-Encoding: chunked", "-5\r\nhello\r\n0\r\n\r\n", 400),
        ("POST /api/v1/jobs", "Transfer-Encoding: chunked", "FFFFFFFFFFFFFFFFF\r\nx", 400),
        ("POST /api/v1/jobs", "Content-Length: 1\r\nContent-Length: 2", "xx", 400),
        ("POST /api/v1/jobs", "Content-Length: -1", "x", 400),
        ("POST /api/v1/jobs", "Content-Length: 1\r\nContent-Encoding: gzip", "x", 415),
        ("POST /api/v1/session", "Content-Length: 2\r\nContent-Encoding: deflate", "{}", 415),
        ("POST /api/v1/session", "Content-Length: 2\r\nExpect: wonders", "{}", 417),
        ("POST /api/v1/session", "Content-Length: 19\r\nX: a", '{"token": "\\ud800"}', 204),
        ("GET /healthz", "X: a\r\n folded", "", 400),
        ("GET /healthz", f"X: {'a' * 100_000}", "", 400),
        ("GET /healthz", "\r\n".join(f"X{number}: a" for number in range(5000)), "", 400),
        ("GET /healthz", "Cookie: a=\xff; =; b=\\054", "", 200),
        ("GET /static/app.js%00.html", "X: a", "", 404),
        ("GET /static/app.js", f"Range: bytes={','.join(['0-'] * 1000)}", "", 200),
        ("DELETE /api/v1/recordings/a%0d%0aX:%20b.mp4", "X: a", "", 404),
        (f"GET /api/v1/recordings/{'a' * 4000}.mp4", "X: a", "", 404),
        ("GET /api/v1/stand-ins/%D9%A3", "X: a", "", 404),
        ("CONNECT evil.example:443", "X: a", "", 404),
        ("TRACE /api/v1/inputs", "X: a", "", 405),
        ("get /api/v1/inputs", "X: a", "", 400),
    ],
)
def test_hostile_heads_and_bodies_are_refused_and_not_spoken_of(
    line: str, headers: str, body: str, expected: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    head = f"{line} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\nConnection: close\r\n\r\n"

    async def test() -> None:
        async with served(tmp_path) as server:
            answer = await server.raw((head + body).encode("latin-1"))
            assert answer.split()[1] == str(expected).encode(), answer
            assert b"X: b" not in answer.partition(b"\r\n\r\n")[0]
            assert server.site.jobs.counts["queued"] == 0
            assert await status(server, "/healthz") == 200

    run(test())
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_wish_beyond_all_numbers_is_none() -> None:
    with pytest.raises(web.HTTPBadRequest):
        stand_in_of({"1": float("inf")})


def test_what_is_no_http_is_refused_and_not_spoken_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        async with served(tmp_path) as server:
            answer = await server.raw(b"GET /\xff\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert answer.split()[1] == b"400"

    run(test())
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_an_offer_that_comes_in_pieces_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer = json.dumps({"type": "offer", "sdp": "v=0"}).encode()
    head = f"POST {API}/webcam HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(offer)}\r\n\r\n"

    async def answers(said: dict[str, object]) -> dict[str, object]:
        return {"heard": said["sdp"]}

    async def test() -> None:
        async with served(tmp_path) as server:
            monkeypatch.setattr(server.workshop, "answer", answers, raising=False)
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(head.encode() + offer[:9])
            await writer.drain()
            # The server has begun to read once it has answered somebody who came later.
            assert await status(server, "/healthz") == 200
            writer.write(offer[9:])
            answer = await asyncio.wait_for(reader.readuntil(b"}"), GUARD)
            assert answer.endswith(b'{"heard": "v=0"}')
            writer.close()

    run(test())


def test_who_hangs_up_before_an_answer_begins_is_not_spoken_of(caplog: pytest.LogCaptureFixture) -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        response = web.StreamResponse()
        await response.prepare(request)
        return response

    async def test() -> None:
        app = web.Application(middlewares=[Guard(ServeOptions()).check])
        app.router.add_get("/slow", slow)
        async with TestServer(app) as server, aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientConnectionError):
                await session.get(server.make_url("/slow"))

    run(test())
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
