"""A long file in spans is what it is in one go."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.clips import ClipOptions, make_clip
from stream_unmask.fleet.parts import ordered_times
from stream_unmask.fleet.planning import Item
from stream_unmask.fleet.records import Record
from stream_unmask.fleet.spans import begin, cut, join, render, scout
from stream_unmask.fleet.work import How, unmasker
from stream_unmask.output.codecs import EncoderSettings
from stream_unmask.output.sink import FileSink
from stream_unmask.output.writing import OutputOptions
from stream_unmask.pipeline import UnmaskedFrame
from stream_unmask.report import Report
from stream_unmask.settings import Settings
from stream_unmask.video.source import open_source
from stream_unmask.video.spans import keyframes

pytest.importorskip("fsspec")

SECONDS, RATE = 6, 8
SPAN = 3.0
SPAN_FRAMES = int(SPAN * RATE)


def how(codec: str, span: float | None = SPAN) -> How:
    options = OutputOptions(encoder=EncoderSettings(codec))
    return How.on(1, Settings(backend="openvino"), options, span=span)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds with a keyframe every second and frames out of order, with sound."""
    folder = tmp_path_factory.mktemp("long")
    options = ClipOptions(width=320, height=180, frames=SECONDS * RATE, rate=RATE)
    plain = make_clip(folder / "plain.mp4", options)
    path = folder / "long.mkv"
    with open_source(plain) as source:
        sink = FileSink(path, source, EncoderSettings(gop=1.0))
        for each in source:
            sink.write(each)
        sink.close()
    return path


def in_spans(item: Item, chosen: How) -> Record:
    """What Ray has workers do, in the same order."""
    found = begin(item, chosen)
    assert not isinstance(found, Record)
    packed, rendered = found.packed, []
    for span in found.spans:
        rendered.append(render(item, chosen, span, packed))
        if span.next_warm is not None:
            packed = scout(item, chosen, span, packed)
    return join(item, chosen, found.spans, *rendered)


def luma(path: Path) -> tuple[list[int], NDArray[np.int16]]:
    with av.open(path) as container:
        frames = list(container.decode(video=0))
    planes = [frame.to_ndarray(format="yuv420p")[: frame.height] for frame in frames]
    return [frame.pts or 0 for frame in frames], np.stack(planes).astype(np.int16)


def sound(path: Path) -> list[tuple[Fraction, bytes]]:
    with av.open(path) as container:
        return [
            (packet.pts * packet.time_base, bytes(packet))
            for packet in container.demux(audio=0)
            if packet.pts is not None and packet.time_base is not None
        ]


def in_one_go(source: Path, output: Path, chosen: How) -> tuple[Report, list[tuple[int, int, int, int]]]:
    """Do a file, and tell where it draws in each frame, with some pixels around that."""
    boxes: list[tuple[int, int, int, int]] = []

    def watch(done: UnmaskedFrame) -> None:
        (face,) = done.faces
        x0, y0, x1, y1 = face.box
        wide, high = (x1 - x0) / 2, (y1 - y0) / 2
        boxes.append((int(x0 - wide), int(y0 - high), int(x1 + wide), int(y1 + high)))

    return unmasker(chosen.settings).video(source, output, chosen.options, watch=watch), boxes


def test_a_file_is_cut_at_keyframes_with_room_to_warm_up(long: Path) -> None:
    spans = cut(long, SPAN)
    assert len(spans) == 2
    with av.open(long) as container:
        tick = container.streams.video[0].time_base
    assert tick is not None
    keys = {key.pts for key in keyframes(long)}
    assert len(keys) == SECONDS
    for before, span in pairwise(spans):
        assert span.cut in keys
        assert span.cut == before.end
        assert span.warm is not None
        assert span.warm == before.next_warm
        assert (span.cut - span.warm.pts) * tick == pytest.approx(2, abs=0.01)
    assert (spans[0].warm, spans[0].cut, spans[-1].end, spans[-1].next_warm) == (None, None, None, None)


def test_a_short_file_and_one_without_keyframes_are_not_cut(long: Path, masked_clip: Path) -> None:
    assert len(cut(long, 8.0)) == 1
    assert len(cut(masked_clip, 0.5)) == 1


def test_spans_join_to_what_one_go_gives(long: Path, tmp_path: Path) -> None:
    lossless = how("ffv1")
    whole, item = tmp_path / "whole.mkv", Item("long.mkv", str(long), str(tmp_path / "many/long.mkv"))
    (alone, boxes), record = in_one_go(long, whole, lossless), in_spans(item, lossless)
    assert (record.state, record.frames, record.spans) == ("done", SECONDS * RATE, 2)
    assert (record.faces, record.masked) == (len(alone.faces), alone.masked_faces) == (1, 1)
    assert record.seconds == pytest.approx(SECONDS, abs=0.2)
    assert record.sheet is not None

    (times, expected), (found_times, found) = luma(whole), luma(Path(item.output))
    assert found_times == times
    assert sound(Path(item.output)) == sound(whole) == sound(long)
    apart = np.abs(found - expected)
    outside = apart.copy()
    for frame, (x0, y0, x1, y1) in zip(outside, boxes, strict=True):
        frame[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = 0
    assert outside.max() == 0
    # Inside the faces: the first span is the same, the others differ by what smoothing forgot.
    assert apart[:SPAN_FRAMES].max() == 0
    assert apart.max() <= 6
    assert apart.mean() < 0.05
    assert list((tmp_path / "many/fleet/parts").iterdir()) == []


def test_encoders_that_reorder_frames_are_joined_in_order(long: Path, tmp_path: Path) -> None:
    item = Item("long.mp4", str(long), str(tmp_path / "long.mp4"))
    record = in_spans(item, how("libx264"))
    assert record.warnings == []
    with av.open(item.output) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
    dts = [packet.dts for packet in packets if packet.dts is not None]
    assert len(dts) == SECONDS * RATE
    assert all(later > earlier for earlier, later in pairwise(dts))
    assert all(
        packet.pts >= packet.dts for packet in packets if packet.pts is not None and packet.dts is not None
    )
    # Every frame is shown once, evenly.
    shown = sorted(packet.pts for packet in packets if packet.pts is not None)
    steps = np.diff(shown)
    assert steps.max() - steps.min() <= 1
    with av.open(item.output) as container:
        assert sum(1 for _ in container.decode(video=0)) == SECONDS * RATE


def test_decoding_times_go_on_where_frames_come_irregularly() -> None:
    first = (np.array([0, 30, 10, 20]), np.array([-20, -10, 0, 10]))
    # The encoder of the second part guessed from its own first frames, which come faster.
    second = (np.array([70, 73, 71, 72]), np.array([68, 69, 70, 71]))
    times = ordered_times([first, second])
    assert times == [[-20, -10, 0, 10], [20, 30, 70, 71]]
