"""An archive on a real Ray: what fails, what dies, what is left."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stream_unmask.output.parts import PartFile, left_over
from stream_unmask.output.writing import OutputOptions
from stream_unmask.settings import Settings

pytest.importorskip("fsspec")
pytest.importorskip("ray")

import ray

from stream_unmask.errors import UnmaskError
from stream_unmask.fleet import cluster, running
from stream_unmask.fleet.cluster import Share
from stream_unmask.fleet.planning import Item, plan
from stream_unmask.fleet.records import Record
from stream_unmask.fleet.running import Archive, Standing, is_begun
from stream_unmask.fleet.work import How
from tests.support.waiting import GUARD

pytestmark = pytest.mark.ray

HOW = How.on(1, Settings(), OutputOptions())


@pytest.fixture(scope="module")
def ray_here() -> Iterator[None]:
    with cluster.connected(None):
        yield


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4", "broken.mp4", "killer.mp4", "z.mp4"):
        (folder / name).write_bytes(name.encode())
    return folder


@pytest.fixture
def copying(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Workers copy files instead, die of one, and stumble over another; what they began is noted."""
    begun = tmp_path / "begun"

    def work(item: Item, _how: How) -> Record:
        with begun.open("a") as file:
            file.write(f"{item.name}\n")
        if item.name == "killer.mp4":
            Path(item.output).with_name(".killer.part.mp4").write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
        if item.name == "broken.mp4":
            raise ValueError("It is broken.\nIn two lines.")
        shutil.copy(item.source, item.output)
        return Record.of(item, "done")

    monkeypatch.setattr(running, "begin", work)
    return begun


def run(inputs: Path, output: Path, how: How = HOW) -> dict[str, Record]:
    standings: list[Standing] = []
    output.mkdir(exist_ok=True)
    items = plan([str(inputs)], str(output))
    records = Archive(items, str(output), how, Share(), standings.append).run(threading.Event())
    assert [record.name for record in records] == [item.name for item in items]
    assert standings[-1].share == pytest.approx(1)
    return {record.name: record for record in records}


@pytest.mark.usefixtures("ray_here")
def test_the_rest_is_done_and_resuming_does_what_is_missing(
    archive: Path, copying: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    assert not is_begun(str(output))
    records = run(archive, output)
    assert [name for name, record in records.items() if record.state != "done"] == [
        "broken.mp4",
        "killer.mp4",
    ]
    assert records["broken.mp4"].why == "ValueError: It is broken."
    assert "died 3 times" in records["killer.mp4"].why
    begun = copying.read_text().split()
    assert (begun.count("killer.mp4"), begun.count("broken.mp4"), begun.count("a.mp4")) == (3, 1, 1)
    assert sorted(path.name for path in output.glob("*.mp4")) == ["a.mp4", "b.mp4", "z.mp4"]
    assert list(output.glob(".*")) == []

    assert is_begun(str(output))
    (output / "a.mp4").unlink()
    (archive / "killer.mp4").unlink()
    copying.unlink()
    again = run(archive, output)
    assert sorted(copying.read_text().split()) == ["a.mp4", "broken.mp4"]
    assert (again["a.mp4"].state, again["b.mp4"].state) == ("done", "done")


@pytest.mark.usefixtures("ray_here")
def test_a_run_that_is_stopped_leaves_nothing_half_done(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, stop = tmp_path / "out", threading.Event()
    output.mkdir()

    def work(item: Item, _how: How) -> Record:
        part = PartFile.claim(Path(item.output))
        time.sleep(GUARD)
        part.publish(overwrite=False)
        return Record.of(item, "done")

    monkeypatch.setattr(running, "begin", work)

    def look(_standing: Standing) -> None:
        if left_over(output):
            stop.set()

    items = plan([str(archive)], str(output))
    records = Archive(items, str(output), HOW, Share(), look).run(stop)
    assert {record.state for record in records} == {"missing"}
    assert list(output.iterdir()) == []


def test_a_node_is_named_by_the_beginning_of_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [{"NodeID": name, "Alive": name != "3f00"} for name in ("3f9a", "3f9b", "77aa", "3f00")]
    monkeypatch.setattr(ray, "nodes", lambda: nodes)
    assert cluster.node_of("3f9a") == "3f9a"
    assert cluster.node_of("7") == "77aa"
    for beginning, said in (("3f9", "2 nodes have"), ("3f0", "No node has"), ("", "3 nodes have")):
        with pytest.raises(UnmaskError, match=said):
            cluster.node_of(beginning)


def test_what_ray_says_is_for_the_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("init", "shutdown"):
        monkeypatch.setattr(ray, name, lambda **_: None)
    with caplog.at_level(logging.INFO), cluster.connected("auto"):
        print("\033[33m(raylet)\033[0m A worker died.")  # noqa: T201
    assert capsys.readouterr().out == ""
    assert caplog.messages == ["(raylet) A worker died."]


def test_a_cluster_that_is_not_there_is_said() -> None:
    for address, why in (("127.0.0.1:1", "connection refused"), ("nowhere", "an address is HOST:PORT")):
        said = rf"There is no Ray cluster at {address}: {why}"
        with pytest.raises(UnmaskError, match=said), cluster.connected(address):
            pass
