"""An archive on a cluster of nodes, of which some are lost while they work."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stream_unmask.output.parts import PartFile, sweep
from stream_unmask.output.writing import OutputOptions
from stream_unmask.settings import Settings

pytest.importorskip("fsspec")
pytest.importorskip("ray")

from benchmarks.fleet_nodes import connected_nodes, lose_nodes
from stream_unmask.fleet import running
from stream_unmask.fleet.cluster import Share
from stream_unmask.fleet.planning import Item, plan
from stream_unmask.fleet.records import Record
from stream_unmask.fleet.running import Archive
from stream_unmask.fleet.work import How

pytestmark = pytest.mark.ray

FILES, KILLS = 12, 2


def test_lost_nodes_lose_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    for number in range(FILES):
        (tmp_path / f"in/{number:02}.mp4").write_bytes(bytes([number]))
    output, begun = tmp_path / "out", tmp_path / "begun"
    output.mkdir()

    def work(item: Item, _how: How) -> Record:
        with begun.open("a") as file:
            file.write(f"{item.name}\n")
        sweep(Path(item.output))  # as a worker does
        part = PartFile.claim(Path(item.output))
        time.sleep(1)
        part.path.write_bytes(Path(item.source).read_bytes())
        part.publish(overwrite=False)
        return Record.of(item, "done")

    monkeypatch.setattr(running, "begin", work)

    def run() -> None:
        how, items = How.on(1, Settings(), OutputOptions()), plan([str(tmp_path / "in")], str(output))
        archive = Archive(items, str(output), how, Share(), lambda standing: None)
        records.extend(archive.run(threading.Event()))

    records: list[Record] = []
    with connected_nodes(2, 1) as nodes, ThreadPoolExecutor(1) as beside:
        done = beside.submit(run)
        felt = lose_nodes(nodes, output, KILLS, random.Random(1), done)
        done.result()
    assert len(felt) == KILLS
    assert [record.state for record in records] == ["done"] * FILES
    left = {path.name: path.read_bytes() for path in output.iterdir() if path.is_file()}
    assert left == {f"{number:02}.mp4": bytes([number]) for number in range(FILES)}
    assert FILES < len(begun.read_text().split()) <= FILES + KILLS
