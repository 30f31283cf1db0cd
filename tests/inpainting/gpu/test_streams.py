"""Streams of several threads share networks, and each comes out as if it were alone."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import pytest

from benchmarks import latency
from benchmarks.latency import Workload
from stream_unmask.api import Unmasker
from stream_unmask.inpainting.gpu.networks import GpuNetworks
from stream_unmask.networks import Networks
from stream_unmask.pipeline import Stream, UnmaskedFrame
from stream_unmask.settings import Settings
from tests.inpainting.gpu.clips import assert_alike, frames, in_flight, pictures

SOON = 60
"""Seconds after which a test has hung."""


def alone(networks: Networks, shown: Sequence[av.VideoFrame]) -> list[UnmaskedFrame]:
    return in_flight(Stream(networks, Settings()), frames(shown))[0]


def broken_off(networks: Networks, shown: Sequence[av.VideoFrame]) -> None:
    """As where a stream's output cannot be written: its frames are left where they are."""
    stream = Stream(networks, Settings())
    for frame in frames(shown):
        stream.submit(frame)


@pytest.mark.parametrize("on_device", [True, False], ids=["device", "cpu"])
def test_each_comes_out_as_if_it_were_alone(
    ways: tuple[Networks, Networks], masked_clip: Path, on_device: bool
) -> None:
    networks, clip = ways[on_device], pictures(masked_clip, 6)
    parts = [clip[:3], clip[2:5], clip[3:]]
    expected = [alone(networks, part) for part in parts]
    with ThreadPoolExecutor(4) as pool:
        left = pool.submit(broken_off, networks, clip[:2])
        made = [pool.submit(alone, networks, part) for part in parts]
        results = [future.result(SOON) for future in made]
        left.result(SOON)
    for ours, theirs in zip(expected, results, strict=True):
        assert [len(each.faces) for each in ours] == [len(each.faces) for each in theirs] == [1, 1, 1]
        for mine, its in zip(ours, theirs, strict=True):
            assert_alike(mine.frame, its.frame)


def test_their_faces_share_batches(
    ways: tuple[Networks, Networks], masked_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = ways[1].gpu
    assert networks is not None
    (shown,), others = pictures(masked_clip, 1), 2
    segmenter, first = networks.networks["segmenter"], threading.Event()
    enqueue, sizes = segmenter._engine.enqueue, []

    def enqueue_once_all_have_asked(batch: int, stream: int) -> None:
        if not first.is_set():
            first.set()
            never = threading.Event()
            while len(networks._batcher._waiting) < others:
                assert not never.wait(0.001)
        sizes.append(batch)
        enqueue(batch, stream)

    monkeypatch.setattr(segmenter._engine, "enqueue", enqueue_once_all_have_asked)
    with ThreadPoolExecutor(1 + others) as pool:
        made = [pool.submit(alone, ways[1], [shown]) for _ in range(1 + others)]
        assert [len(future.result(SOON)[0].faces) for future in made] == [1] * (1 + others)
    assert sizes == [1, others]
    assert not networks._batcher._waiting


def test_a_benchmark_tells_how_large_batches_were(
    ways: tuple[Networks, Networks], masked_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared: list[int] = []
    monkeypatch.setattr(latency, "_WARM_UP_FRAMES", 1)
    monkeypatch.setattr(GpuNetworks, "prepare", lambda _, faces: prepared.append(faces))
    for way, batched in zip(ways, ([], ["segmenter", "generator"]), strict=True):
        unmasker = object.__new__(Unmasker)
        unmasker.settings, unmasker.networks, unmasker._references = Settings(), way, {}
        monkeypatch.setattr(latency, "Unmasker", lambda settings, found=unmasker: found)
        measured = latency.measure(Workload(clip=masked_clip, frames=3, streams=2, settings=Settings()))
        assert measured.throughput.faces == 6
        assert list(measured.throughput.batches) == batched
        assert all(1 <= mean <= 4 for mean in measured.throughput.batches.values())
    assert prepared == [2]
