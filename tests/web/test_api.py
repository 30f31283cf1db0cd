"""The HTTP API: what it is said to be, and what it does with cameras and figures."""

from __future__ import annotations

import asyncio
import io
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import PIL.Image
import pytest
from prometheus_client.parser import text_string_to_metric_families

from stream_unmask.cameras import CameraAtWork, CameraConfig
from stream_unmask.output.session import Session, paced
from stream_unmask.output.writing import OutputOptions, Progress
from stream_unmask.report import Report
from stream_unmask.video.camera_options import CameraOptions
from stream_unmask.video.frame import Frame
from stream_unmask.video.source import open_source
from stream_unmask.web import numbers
from stream_unmask.web import site as site_module
from stream_unmask.web.app import ROUTES, STATIC, page_text, read_strings
from tests.output.live.making import camera, fan_out, frames
from tests.support.waiting import GUARD
from tests.video.making import Recipe, make_video
from tests.web.serving import Served, over, run, served

API = "/api/v1"


@dataclass
class FakeUnmasker:
    """Frames of noise from a camera, until it is stopped."""

    folder: Path

    @property
    def networks(self) -> Any:
        return type("Networks", (), {"engine": "none"})

    def video(
        self,
        source: str,
        *_: object,
        stop: threading.Event,
        began: Callable[[Session], None],
        progress: Callable[[Progress], None],
        **__: object,
    ) -> Report:
        source_of = camera(self.folder)
        outputs = fan_out(source_of, on_loss="hold")
        began(Session(source_of, None, outputs))  # type: ignore[arg-type]
        number = 0
        while not stop.wait(0.02):
            for frame in frames(1, number):
                outputs.write(frame)
            number += 1
            progress(Progress(number, None, 1))
        outputs.close()
        return Report(source, "", "", ())

    def summary(self, report: Report) -> str:
        return ""


@pytest.fixture
def cameras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, CameraConfig]:
    monkeypatch.setattr(site_module, "Unmasker", lambda settings: FakeUnmasker(tmp_path))
    source = "rtsp://joe:hush@127.0.0.1/door"
    return {"the door": CameraConfig("the door", source, (), CameraOptions(), OutputOptions())}


async def told(server: Served, path: str, method: str = "GET", **options: Any) -> Any:
    async with server.session.request(method, f"{server.address}{API}{path}", **options) as answer:
        assert answer.status < 300, await answer.text()
        return None if answer.status == 204 else await answer.json()


async def until_live(server: Served) -> dict[str, Any]:
    while True:
        camera: dict[str, Any] = await told(server, "/inputs/the door")
        if camera["state"] == "live":
            return camera
        await asyncio.sleep(0.02)


def test_every_path_is_described_and_no_other() -> None:
    described = json.loads((STATIC / "openapi.json").read_text())
    assert described["openapi"].startswith("3.1")
    found = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
    assert found == {(method, re.sub(r":[^/]+?(?=}(?:/|$))", "", path)) for method, path, _ in ROUTES}
    text = json.dumps(described)
    for schema in re.findall(r"#/components/schemas/(\w+)", text):
        assert schema in described["components"]["schemas"]


def test_every_text_of_the_page_is_in_one_file() -> None:
    strings = read_strings()
    html = (STATIC / "index.html").read_text()
    scripts = "".join(path.read_text() for path in STATIC.glob("*.js"))
    used = set(re.findall(r"\$(\w+)", html)) | set(re.findall(r'["`](\w+)["`]', scripts))
    prefixes = tuple(re.findall(r"`(\w+_)\$\{", scripts))
    unused = {key for key in strings if key not in used and not key.startswith(prefixes)}
    assert unused - {f"{name}_title" for name in ("watch", "try", "numbers")} == set()
    said = set(re.findall(r'say\("(\w+)"', scripts))
    assert said <= strings.keys()
    between = re.findall(r">([^<>$]*[A-Za-z]{3}[^<>$]*)<", re.sub(r"(?s)<code>.*?</code>", "", html))
    assert {words.strip() for words in between} == {"stream-unmask"}


def test_the_page_is_small() -> None:
    sizes = sum(path.stat().st_size for path in STATIC.iterdir() if path.name != "openapi.json")
    assert sizes + len(page_text()) < 150_000


def test_a_camera_is_told_of_stopped_and_started(tmp_path: Path, cameras: dict[str, CameraConfig]) -> None:
    async def test() -> None:
        async with served(tmp_path, configs=cameras) as server:
            camera = await until_live(server)
            assert (camera["width"], camera["height"], camera["faces"]) == (64, 48, 1)
            assert "hush" not in json.dumps(await told(server, "/inputs"))
            assert (await told(server, "/inputs/the door/stop", "POST"))["state"] == "stopped"
            assert (await told(server, "/inputs/the door"))["state"] == "stopped"
            await told(server, "/inputs/the door/start", "POST")
            await until_live(server)

    run(test())


def test_a_snapshot_says_what_it_is(tmp_path: Path, cameras: dict[str, CameraConfig]) -> None:
    async def test() -> None:
        async with served(tmp_path, configs=cameras) as server:
            await until_live(server)
            async with server.session.get(f"{server.address}{API}/inputs/the door/snapshot") as answer:
                assert answer.content_type == "image/jpeg"
                picture = PIL.Image.open(io.BytesIO(await answer.read()))
            assert picture.size == (64, 48)
            assert "synthetic" in str(picture.getexif()[270])
            await told(server, "/inputs/the door/stop", "POST")
            async with server.session.get(f"{server.address}{API}/inputs/the door/snapshot") as answer:
                assert answer.status == 409
                assert (await answer.json())["error"] == "the door shows nothing now."

    run(test())


def test_a_camera_is_recorded_now(tmp_path: Path, cameras: dict[str, CameraConfig]) -> None:
    async def test() -> None:
        async with served(tmp_path, configs=cameras) as server:
            await until_live(server)
            begun = await told(server, "/inputs/the door/recording", "POST")
            assert begun["recording_since"] is not None
            async with server.session.post(f"{server.address}{API}/inputs/the door/recording") as answer:
                assert answer.status == 409
            frames_before = begun["frames"]
            while (await told(server, "/inputs/the door"))["frames"] < frames_before + 20:
                await asyncio.sleep(0.02)
            ended = await told(server, "/inputs/the door/recording", "DELETE")
            assert ended["recording_since"] is None
            (recording,) = (await told(server, "/recordings"))["recordings"]
            assert recording["name"] == ended["recorded"]
            assert recording["name"].startswith("the-door-")
            async with server.session.get(f"{server.address}{API}/recordings/{recording['name']}") as answer:
                assert (await answer.read())[4:8] == b"ftyp"
            await told(server, f"/recordings/{recording['name']}", "DELETE")
            assert (await told(server, "/recordings"))["recordings"] == []

    run(test())


@dataclass
class Repeating(FakeUnmasker):
    """Shows a film of ten pictures, with sound, again and again, as it is; counts the pictures."""

    count: int = 0

    def video(
        self,
        source: str,
        *_: object,
        stop: threading.Event,
        began: Callable[[Session], None],
        progress: Callable[[Progress], None],
        **__: object,
    ) -> Report:
        recipe = Recipe(time_base=Fraction(1, 90_000), pts=range(0, 36_000, 3600), sounds=("eng",))
        film = make_video(self.folder / "film.mp4", recipe)
        with paced(open_source(film), (), lambda: open_source(film)) as shown:
            outputs = fan_out(shown, on_loss="hold")  # type: ignore[arg-type]
            began(Session(shown, None, outputs))  # type: ignore[arg-type]
            for item in shown:
                outputs.write(item)
                self.count += isinstance(item, Frame)
                progress(Progress(self.count, None, 1))
                if stop.is_set():
                    break
            outputs.close()
        return Report(source, "", "", ())


def test_a_recording_goes_on_where_a_film_begins_again(
    tmp_path: Path, cameras: dict[str, CameraConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    film = Repeating(tmp_path)
    monkeypatch.setattr(site_module, "Unmasker", lambda settings: film)

    async def test() -> None:
        async with served(tmp_path, configs=cameras) as server:
            await until_live(server)
            await told(server, "/inputs/the door/recording", "POST")
            begun = film.count
            while film.count < begun + 35:
                await asyncio.sleep(0.02)
            await told(server, "/inputs/the door/recording", "DELETE")

    run(test())
    (path,) = (tmp_path / "recordings").glob("*.mp4")
    with av.open(path) as container:
        shown = [frame.time for frame in container.decode(video=0)]
    with av.open(path) as container:
        heard = [packet.pts for packet in container.demux(audio=0) if packet.pts is not None]
    assert len(shown) > 20
    assert all(0 < after - before < 0.2 for before, after in pairwise(shown))
    assert len(heard) > 20
    assert heard == sorted(set(heard))


def test_some_seconds_of_a_camera_are_a_job(tmp_path: Path, cameras: dict[str, CameraConfig]) -> None:
    async def test() -> None:
        async with served(tmp_path, configs=cameras) as server:
            await until_live(server)
            job = await told(server, "/jobs", "POST", json={"input": "the door", "seconds": 1})
            done = await over(server, job)
            assert done["state"] == "done", done["error"]
            async with server.session.get(server.address + done["links"]["result"]) as answer:
                assert (await answer.read())[4:8] == b"ftyp"
            for wrong in ({"input": "none"}, {"input": "the door", "seconds": 0}, {"input": ["the door"]}):
                async with server.session.post(f"{server.address}{API}/jobs", json=wrong) as answer:
                    assert answer.status in (400, 404)

    run(test())


def test_figures_are_told_once_a_second_and_to_prometheus(
    tmp_path: Path, cameras: dict[str, CameraConfig]
) -> None:
    async def test() -> None:
        async with served(tmp_path, configs=cameras) as server:
            await until_live(server)
            async with server.session.get(f"{server.address}{API}/events") as events:
                seen = []
                async for line in events.content:
                    if line.startswith(b"data: "):
                        seen.append(json.loads(line[6:]))
                    if len(seen) == 2:
                        break
            assert seen[1]["time"] > seen[0]["time"]
            assert seen[1]["inputs"][0]["name"] == "the door"
            assert seen[1]["process"]["memory_bytes"] > 1 << 20
            async with server.session.get(f"{server.address}/metrics") as answer:
                families = {each.name: each for each in text_string_to_metric_families(await answer.text())}
            assert families["stream_unmask_input_up"].samples[0].value == 1
            assert families["stream_unmask_frames"].samples[0].value > 0
            assert families["stream_unmask_frames"].samples[0].labels == {"input": "the door"}
            assert families["stream_unmask_threads"].samples[0].value > 1

    run(test())


def test_memory_that_nobody_uses_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = threading.Event()
    monkeypatch.setattr(numbers, "_EVERY", 0.001)
    monkeypatch.setattr(numbers, "give_back_memory", given.set)

    async def test() -> None:
        async with served(tmp_path):
            assert await asyncio.to_thread(given.wait, GUARD)

    run(test())


def test_jpegs_come_as_cameras_send_them(tmp_path: Path, cameras: dict[str, CameraConfig]) -> None:
    async def test() -> None:
        async with served(tmp_path, configs=cameras) as server:
            await until_live(server)
            async with server.session.get(f"{server.address}{API}/inputs/the door/jpegs") as answer:
                assert answer.headers["Content-Type"].startswith("multipart/x-mixed-replace")
                data = b""
                while data.count(b"--picture") < 4:
                    data += await answer.content.readany()
            head, _, rest = data.partition(b"\r\n\r\n")
            length = int(re.findall(rb"Content-Length: (\d+)", head)[0])
            assert PIL.Image.open(io.BytesIO(rest[:length])).size == (128, 48)
            while (await told(server, "/inputs/the door"))["viewers"]:
                await asyncio.sleep(0.02)

    run(test())


def test_who_does_not_answer_gets_no_more_fragments(tmp_path: Path, cameras: dict[str, CameraConfig]) -> None:
    async def test() -> None:
        async with served(tmp_path, configs=cameras) as server:
            await until_live(server)
            address = f"{server.address}{API}/inputs/the door/fragments"
            async with server.session.ws_connect(address) as socket:
                assert json.loads((await socket.receive()).data)["width"] == 64
                assert (await socket.receive()).data[4:8] == b"ftyp"
                came: asyncio.Queue[bytes] = asyncio.Queue()

                async def receive() -> None:
                    async for message in socket:
                        came.put_nowait(message.data)

                receiving = asyncio.create_task(receive())
                begun = (await told(server, "/inputs/the door"))["frames"]
                while (await told(server, "/inputs/the door"))["frames"] < begun + 100 or came.qsize() < 12:
                    await asyncio.sleep(0.02)
                assert came.qsize() == 12
                await socket.send_str("1")
                fragments = [await came.get() for _ in range(13)]
                assert all(fragment[20:24] == b"moof" for fragment in fragments)
                receiving.cancel()

    run(test())


def test_a_camera_that_is_gone_ends_its_thread(tmp_path: Path, cameras: dict[str, CameraConfig]) -> None:
    async def test() -> None:
        async with served(tmp_path, configs=cameras) as server:
            await until_live(server)
            await asyncio.to_thread(server.site.inputs.become, {})
            assert (await told(server, "/inputs"))["inputs"] == []
            assert not any(isinstance(thread, CameraAtWork) for thread in threading.enumerate())

    run(test())


def test_cameras_end_whatever_else_fails_at_the_end(
    tmp_path: Path, cameras: dict[str, CameraConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails() -> None:
        raise OSError("it is broken")

    async def test() -> None:
        async with served(tmp_path, configs=cameras) as server:
            await until_live(server)
            with monkeypatch.context() as patch:
                patch.setattr(server.workshop, "close", fails)
                with pytest.raises(OSError, match="it is broken"):
                    await server.site.close()
            assert not any(isinstance(thread, CameraAtWork) for thread in threading.enumerate())

    run(test())
