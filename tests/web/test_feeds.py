"""One encode for any number of viewers, and nothing that piles up for a slow one."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from stream_unmask.output.live.delays import Delays
from stream_unmask.output.live.encoding import Encode
from stream_unmask.output.live.packets import EncodedPacket
from stream_unmask.video.frame import Frame
from stream_unmask.web.feeds import Feed, Head, Piece, Viewer
from stream_unmask.web.targets import Clock, PageTarget, StillsTarget
from tests.output.live.making import camera, fan_out, frames, write
from tests.support.waiting import GUARD
from tests.web.serving import run

HEAD = Head(b"", "video/h264", (64, 48))


def piece(number: int, *, keyframe: bool = False, head: Head = HEAD) -> Piece:
    return Piece(head, bytes([number]), keyframe, number, number / 25, None)


def take(viewer: Viewer, count: int) -> list[int]:
    async def taken() -> list[int]:
        return [(await viewer.take()).data[0] for _ in range(count)]

    return asyncio.run(asyncio.wait_for(taken(), GUARD))


def test_a_viewer_begins_at_a_keyframe_and_goes_on_in_order() -> None:
    viewer = Viewer(10)
    for number in range(6):
        viewer.offer(piece(number, keyframe=number == 2))
    assert take(viewer, 4) == [2, 3, 4, 5]
    assert viewer.passed_over == 2


def test_a_slow_viewer_goes_on_with_the_newest_keyframe() -> None:
    viewer = Viewer(5)
    for number in range(101):
        viewer.offer(piece(number, keyframe=number % 10 == 0))
    # However long it slept, what it gets is no older than that.
    assert take(viewer, 1) == [100]
    assert viewer.passed_over >= 89


def test_one_that_takes_nothing_holds_no_more_than_it_may() -> None:
    viewer = Viewer(5)
    for number in range(1000):
        viewer.offer(piece(number % 256, keyframe=True))
        assert len(viewer._waiting) <= 5


def test_another_program_begins_with_a_keyframe_of_its_own() -> None:
    viewer, other = Viewer(10), Head(b"x", "video/h264", (64, 48))
    viewer.offer(piece(0, keyframe=True))
    viewer.offer(piece(1, head=other))
    viewer.offer(piece(2, keyframe=True, head=other))
    assert take(viewer, 2) == [0, 2]


def test_the_clock_never_goes_back() -> None:
    clock = Clock()
    assert [clock.place(ticks) for ticks in (5, 9, 9, 2, 11)] == [5, 9, 10, 11, 12]


def test_ten_viewers_cost_one_encode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[int] = []
    encode = Encode.frame

    def counted(self: Encode, frame: Frame) -> Iterator[EncodedPacket]:
        encoded.append(frame.index)
        return encode(self, frame)

    monkeypatch.setattr(Encode, "frame", counted)

    async def test() -> None:
        loop = asyncio.get_running_loop()
        feeds = [Feed(loop, 30, lambda: None) for _ in range(2)]
        target = PageTarget(feeds[0], feeds[1], Delays(), Clock())
        outputs = fan_out(camera(tmp_path), target, on_loss="stop")
        await asyncio.to_thread(write, outputs, frames(5))
        assert encoded == []
        joined = [feeds[0].join() for _ in range(10)]
        viewers = [each.__enter__() for each in joined]
        await asyncio.to_thread(write, outputs, frames(20, 5))
        for viewer in viewers:
            seen = [await viewer.take() for _ in range(20)]
            assert seen[0].keyframe
            assert [each.ticks for each in seen] == sorted({each.ticks for each in seen})
        assert encoded == list(range(5, 25))
        for each in joined:
            each.__exit__(None, None, None)
        assert not target.wanted
        await asyncio.to_thread(outputs.close)

    run(test())


def test_what_viewers_get_can_be_played(tmp_path: Path) -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        packets, fragments, stills = (Feed(loop, 60, lambda: None) for _ in range(3))
        clock = Clock()
        outputs = fan_out(
            camera(tmp_path),
            PageTarget(packets, fragments, Delays(), clock),
            StillsTarget(stills, Delays(), clock),
            on_loss="stop",
        )
        with packets.join() as one, fragments.join() as two, stills.join() as three:
            await asyncio.to_thread(write, outputs, frames(31))
            coded = [await one.take() for _ in range(31)]
            cut = [await two.take() for _ in range(30)]
            shown = [await three.take() for _ in range(31)]
        await asyncio.to_thread(outputs.close)
        # WebRTC: Annex B from which a decoder that knows nothing can start.
        decoder = av.CodecContext.create("h264", "r")
        bare = [frame for each in coded for frame in decoder.decode(av.Packet(each.data))]
        assert len(bare) == 31
        assert (bare[0].width, bare[0].height) == (128, 48)
        # Fragmented MP4: a file, when it is put together.
        assert cut[0].head.kind.startswith('video/mp4; codecs="avc1.42')
        assert cut[0].keyframe
        whole = io.BytesIO(cut[0].head.data + b"".join(each.data for each in cut))
        with av.open(whole, "r") as container:
            times = [frame.time for frame in container.decode(video=0)]
        assert times == pytest.approx([each.time for each in cut], abs=0.001)
        # JPEGs, each by itself.
        picture = cv2.imdecode(np.frombuffer(shown[0].data, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape == (48, 128, 3)
        now = time.monotonic()
        assert all(
            each.arrival is not None and 0 < now - each.arrival < GUARD for each in (*coded, *cut, *shown)
        )

    run(test())
