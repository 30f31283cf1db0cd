"""The worker process: real files, broken ones, and ones that are made to do harm."""

from __future__ import annotations

import asyncio
import os
import signal
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import PIL.Image
import pytest

from stream_unmask.errors import UnmaskError
from stream_unmask.settings import Settings
from stream_unmask.web.work import Order
from stream_unmask.web.workshop import WorkerDiedError, Workshop
from tests.support.waiting import GUARD


class Running:
    """A worker and the loop that talks to it; begun once for all tests, for its networks take a while."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self.workshop = self._runner.run(self._make())

    async def _make(self) -> Workshop:
        return Workshop(Settings(backend="openvino", threads=1), 1)

    def work(self, order: Order) -> dict[str, Any]:
        """The last word on an order."""
        return self._runner.run(asyncio.wait_for(self._work(order), GUARD))

    async def _work(self, order: Order) -> dict[str, Any]:
        last: dict[str, Any] = {}
        async for word in self.workshop.run(order):
            last = word
        return last

    def dies_at_work(self, order: Order, how: signal.Signals) -> None:
        """Have the process die once it has begun on an order."""

        async def killed() -> None:
            async for _ in self.workshop.run(order):
                assert self.workshop.pid is not None
                os.kill(self.workshop.pid, how)

        self._runner.run(asyncio.wait_for(killed(), GUARD))

    def close(self) -> None:
        self._runner.run(self.workshop.close())
        self._runner.close()


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    worker = Running()
    yield worker
    worker.close()


def order(folder: Path, source: Path, *, most_seconds: float = 60) -> Order:
    name = "result.png" if source.suffix in (".png", ".jpg") else "result.mp4"
    return Order(source, folder, name, "auto", most_seconds)


def test_a_video_becomes_a_result_and_a_preview(running: Running, masked_clip: Path, tmp_path: Path) -> None:
    report = running.work(order(tmp_path, masked_clip))["report"]
    assert report["frames"] == 24
    assert [face["masked_frames"] for face in report["faces"]] == [24]
    assert str(tmp_path) not in str(report)
    with av.open(str(tmp_path / "preview.mp4")) as preview:
        pictures = [frame.to_ndarray(format="rgb24").astype(int) for frame in preview.decode(video=0)]
    assert len(pictures) == 24
    before, after = np.split(pictures[12], 2, axis=1)
    assert before.shape == (360, 640, 3)
    changed = np.abs(before - after).max(axis=-1) > 40
    # The mask is gone, and what lies around is as it was.
    assert 0.01 < changed.mean() < 0.2


def test_a_picture_becomes_before_and_after(running: Running, masked_clip: Path, tmp_path: Path) -> None:
    with av.open(str(masked_clip)) as clip:
        next(clip.decode(video=0)).to_image().save(tmp_path / "source.png")
    report = running.work(order(tmp_path, tmp_path / "source.png"))["report"]
    assert len(report["faces"]) == 1
    before, after = (PIL.Image.open(tmp_path / f"{name}.jpg") for name in ("before", "after"))
    assert before.size == after.size == (640, 360)
    assert PIL.Image.open(tmp_path / "result.png").size == (640, 360)


def bomb(path: Path) -> Path:
    """A PNG of a few kilobytes that claims 10 gigapixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = (100_000).to_bytes(4, "big") * 2 + bytes((8, 2, 0, 0, 0))
    data = zlib.compress(bytes(1 << 20))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    return path


def hostile(folder: Path, clip: Path) -> list[Path]:
    """Files of which nothing can come."""
    whole = clip.read_bytes()
    made = {
        "empty.mp4": b"",
        "text.mp4": b"#!/bin/sh\nrm -rf /\n",
        "half.mp4": whole[: len(whole) // 8],
        "noise.mp4": whole[:40] + os.urandom(40_000),
        "page.png": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        # What a player would fetch, and must not.
        "list.mp4": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        "concat.mp4": b"ffconcat version 1.0\nfile /etc/passwd\n",
    }
    paths = []
    for name, data in made.items():
        paths.append(folder / name)
        paths[-1].write_bytes(data)
    return [*paths, bomb(folder / "bomb.png")]


def test_files_of_which_nothing_can_come_are_refused_and_the_next_is_done(
    running: Running, masked_clip: Path, tmp_path: Path
) -> None:
    for source in hostile(tmp_path, masked_clip):
        folder = tmp_path / f"of {source.name}"
        folder.mkdir()
        said = running.work(order(folder, source))
        assert said.get("error", "").endswith("."), source.name
        assert str(tmp_path) not in said["error"]
        assert list(folder.iterdir()) == []
    folder = tmp_path / "good"
    folder.mkdir()
    assert "report" in running.work(order(folder, masked_clip))
    assert running.workshop.restarts == 0


def test_what_is_too_long_is_refused(running: Running, masked_clip: Path, tmp_path: Path) -> None:
    said = running.work(order(tmp_path, masked_clip, most_seconds=1))
    assert said["error"] == "The video lasts 2 seconds; 1 are allowed here."
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_dies_is_begun_again(running: Running, masked_clip: Path, tmp_path: Path) -> None:
    before = running.workshop.restarts
    with pytest.raises(WorkerDiedError, match="made the worker stop"):
        running.dies_at_work(order(tmp_path, masked_clip), signal.SIGSEGV)
    assert "report" in running.work(order(tmp_path, masked_clip))
    assert running.workshop.restarts == before + 1


def test_networks_that_cannot_be_loaded_are_an_error(tmp_path: Path) -> None:
    async def test() -> None:
        workshop = Workshop(Settings(weights=tmp_path / "none"), 1)
        try:
            with pytest.raises(UnmaskError, match="cannot begin"):
                await workshop.answer({})
        finally:
            await workshop.close()

    asyncio.run(asyncio.wait_for(test(), GUARD))
