"""Outputs: one that is slow, stuck or broken neither stalls nor ends the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest

from stream_unmask.errors import UnmaskError
from stream_unmask.output.live import outputs as outputs_module
from stream_unmask.output.live import status
from stream_unmask.output.live.delays import Delays
from stream_unmask.output.live.encoding import Kind
from stream_unmask.output.live.naming import Names
from stream_unmask.output.live.packets import EncodedPacket, LiveProgram
from stream_unmask.output.live.status import MinuteLine
from stream_unmask.output.live.targets import RecordingTarget
from stream_unmask.video.camera import Backoff
from tests.output.live.making import RATE, camera, fan_out, frames, times, write
from tests.support.waiting import GUARD, wait_until


@dataclass
class FakeOpened:
    target: FakeTarget
    program: LiveProgram
    started: bool = True

    def write(self, packet: EncodedPacket) -> bool:
        self.target.on_write(packet)
        self.target.packets.append(packet)
        return True

    def is_over(self) -> bool:
        return False

    def kill(self) -> None:
        self.target.killed += 1

    def close(self, *, interrupted: bool) -> Path | None:
        self.target.closed += 1
        return None


@dataclass
class FakeTarget:
    """A server that does what a test wants."""

    on_write: Callable[[EncodedPacket], None] = lambda packet: None
    on_open: Callable[[], None] = lambda: None
    kind: Kind = "live"
    format: str = "rtsp"
    shown: str = "rtsp://***@server/x"
    retries: bool = True
    wanted: bool = True
    packets: list[EncodedPacket] = field(default_factory=list)
    opened: int = 0
    closed: int = 0
    killed: int = 0

    def check(self) -> None:
        pass

    def prepare(self, notify: Callable[[str], None]) -> None:
        pass

    def open(self, first: EncodedPacket) -> FakeOpened:
        self.on_open()
        self.opened += 1
        return FakeOpened(self, first.program)

    def end(self) -> None:
        pass


def recording(folder: Path) -> RecordingTarget:
    return RecordingTarget(Names(folder / "out.mp4"), "mp4")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Backoff, "next", lambda self, refused: 0.0)


def test_live_packets_come_at_once_with_a_keyframe_a_second(tmp_path: Path) -> None:
    target = FakeTarget()
    outputs = fan_out(camera(tmp_path), target, on_loss="stop")
    write(outputs, frames(60))
    wait_until(lambda: len(target.packets) == 60)
    assert [index for index, packet in enumerate(target.packets) if packet.keyframe] == [0, 25, 50]
    assert all(packet.pts == packet.dts for packet in target.packets)
    outputs.close()
    assert target.closed == 1


@pytest.mark.parametrize("live", [True, False])
def test_one_that_hangs_is_left_alone_and_called_again(
    live: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs_module, "_STUCK", 0.2)
    monkeypatch.setattr(outputs_module, "_MOST_SECONDS", 1.0)
    let_go = threading.Event()

    def hang(packet: EncodedPacket) -> None:
        if target.opened == 1 and len(target.packets) == 10:
            assert let_go.wait(GUARD)

    target = FakeTarget(hang)
    said: list[str] = []
    source = camera(tmp_path, live=live, real_time=live)
    outputs = fan_out(source, target, recording(tmp_path), said=said)
    stream, file = outputs.outputs
    written = 0

    def show_a_second() -> bool:
        nonlocal written
        write(outputs, frames(25, written))
        written += 25
        wait_until(lambda: not file.is_busy)
        return target.opened > 1

    wait_until(show_a_second, pause=0.05)
    assert any("takes nothing any more" in sentence for sentence in said)
    assert target.killed == 1
    assert stream.passed_over > 0
    outputs.close()
    assert file.passed_over == 0
    assert len(times(tmp_path / "out.mp4")) == written
    let_go.set()


def test_a_recording_loses_nothing_while_its_disk_hangs_for_half_a_minute(tmp_path: Path) -> None:
    goes_on = threading.Event()

    def hang(packet: EncodedPacket) -> None:
        assert goes_on.wait(GUARD)

    disk, server, said = FakeTarget(hang, kind="recording"), FakeTarget(hang, shown="server"), list[str]()
    outputs = fan_out(camera(tmp_path), disk, server, said=said, on_loss="stop")
    write(outputs, frames(30 * RATE))
    assert said == ["server takes less than comes; pictures are left out until it catches up."] * len(said)
    goes_on.set()
    outputs.close()
    recorded, sent = outputs.outputs
    assert recorded.passed_over == 0
    assert len(disk.packets) == 30 * RATE
    assert sent.passed_over > 0


def test_one_that_is_behind_is_told_once_and_shown_every_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs_module, "_MOST_SECONDS", 1.0)
    monkeypatch.setattr(outputs_module, "_STALLED", 0.0)
    monkeypatch.setattr(outputs_module, "_STUCK", float("inf"))
    monkeypatch.setattr(status, "_EVERY", 0.0)
    goes_on = threading.Event()

    def wait(packet: EncodedPacket) -> None:
        assert len(target.packets) != 10 or goes_on.wait(GUARD)

    target, said, told = FakeTarget(wait), list[str](), list[str]()
    source = camera(tmp_path)
    outputs = fan_out(source, target, said=said, on_loss="stop")
    (stream,) = outputs.outputs
    write(outputs, frames(20))
    wait_until(lambda: len(target.packets) == 10 and stream.stalled > 0)
    write(outputs, frames(80, 20))
    MinuteLine(source.info, source.problems, outputs.outputs, told.append).frame(1)
    goes_on.set()
    outputs.close()
    assert said == ["rtsp://***@server/x takes less than comes; pictures are left out until it catches up."]
    assert stream.passed_over + len(target.packets) == 100
    assert f"({stream.passed_over} packets left out so far)" in told[0]
    assert "(it has taken nothing for " in told[0]


def test_one_that_breaks_begins_again_at_a_keyframe(tmp_path: Path) -> None:
    def fail(packet: EncodedPacket) -> None:
        if target.opened == 1 and len(target.packets) == 10:
            raise UnmaskError("rtsp://***@server/x cannot be written: broken pipe.")

    target = FakeTarget(fail)
    said: list[str] = []
    outputs = fan_out(camera(tmp_path), target, recording(tmp_path), said=said, on_loss="stop")
    for second in range(4):
        write(outputs, frames(25, 25 * second))
        wait_until(lambda: not outputs.outputs[0].is_busy)
    outputs.close()
    assert said == [
        "rtsp://***@server/x cannot be written: broken pipe. Trying again in 0 s.",
        "rtsp://***@server/x is there again.",
    ]
    assert (target.opened, target.closed) == (2, 2)
    assert target.packets[10].keyframe
    assert target.packets[10].time == 1
    assert len(target.packets) == 10 + 75
    assert len(times(tmp_path / "out.mp4")) == 100


def test_one_that_cannot_be_begun_again_fails_alone(tmp_path: Path) -> None:
    def refuse() -> None:
        raise UnmaskError("the standard output cannot be opened: broken pipe.")

    pipe = FakeTarget(on_open=refuse, retries=False)
    outputs = fan_out(camera(tmp_path), pipe, recording(tmp_path))
    write(outputs, frames(50))
    with pytest.raises(UnmaskError, match="standard output"):
        outputs.close()
    assert len(times(tmp_path / "out.mp4")) == 50


def test_one_that_is_away_at_the_end_is_told_as_lost(tmp_path: Path) -> None:
    def refuse() -> None:
        raise UnmaskError("rtsp://***@server/x cannot be opened: connection refused.")

    outputs = fan_out(camera(tmp_path), FakeTarget(on_open=refuse), recording(tmp_path))
    write(outputs, frames(5))
    outputs.close()
    assert [status.output_report(output).state for output in outputs.outputs] == ["lost", "closed"]


def test_when_none_is_left_it_ends(tmp_path: Path) -> None:
    def refuse() -> None:
        raise UnmaskError("the standard output cannot be opened: broken pipe.")

    outputs = fan_out(camera(tmp_path), FakeTarget(on_open=refuse, retries=False))
    (output,) = outputs.outputs
    output.put(next(outputs._encodes["live"].frame(next(frames(1)))))
    wait_until(lambda: bool(output.failure))
    with pytest.raises(UnmaskError, match="broken pipe"):
        write(outputs, frames(1, 1))
    outputs.discard()


def test_of_a_file_nothing_is_passed_over_however_slow_an_output_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs_module, "_MOST_SECONDS", 0.5)
    target = FakeTarget(lambda packet: time.sleep(0.002))
    outputs = fan_out(camera(tmp_path, live=False, real_time=False), target)
    write(outputs, frames(200))
    outputs.close()
    assert len(target.packets) == 200
    assert outputs.outputs[0].passed_over == 0


def test_delays_are_those_since_last_asked_and_of_all() -> None:
    delays = Delays()
    assert delays.recent() is delays.overall() is None
    for number in range(100):
        delays.add(number / 100)
    assert delays.recent() == (0.5, 0.95)
    for _ in range(10_000):
        delays.add(2.0)
    assert delays.recent() == (2.0, 2.0)
    assert delays.recent() is None
    assert delays.overall() == (2.0, 2.0)


def test_outputs_come_and_go_while_the_camera_goes_on(tmp_path: Path) -> None:
    outputs = fan_out(camera(tmp_path), on_loss="stop")
    write(outputs, frames(10))
    target = FakeTarget(kind="page")
    output = outputs.add(target)
    file = outputs.add(recording(tmp_path))
    write(outputs, frames(30, 10))
    wait_until(lambda: len(target.packets) == 30)
    assert target.packets[0].keyframe
    assert target.packets[0].program.size == (128, 48)
    outputs.remove(file)
    assert len(times(tmp_path / "out.mp4")) == 30
    outputs.remove(output)
    assert target.closed == 1
    write(outputs, frames(5, 40))
    assert len(target.packets) == 30
    assert outputs.newest is not None
    assert outputs.newest.index == 44
    outputs.close()


def test_nothing_is_encoded_for_nobody(tmp_path: Path) -> None:
    target = FakeTarget(kind="page", wanted=False)
    outputs = fan_out(camera(tmp_path), target, on_loss="stop")
    write(outputs, frames(10))
    target.wanted = True
    outputs.refresh("page")
    write(outputs, frames(5, 10))
    wait_until(lambda: len(target.packets) == 5)
    assert [packet.keyframe for packet in target.packets] == [True, False, False, False, False]
    assert float(target.packets[0].time) == 0.4
    outputs.close()


def test_stills_are_jpegs_of_before_and_after(tmp_path: Path) -> None:
    target = FakeTarget(kind="stills")
    outputs = fan_out(camera(tmp_path), target, on_loss="stop")
    (frame,) = frames(1)
    before = frame.planes().y.copy()
    frame.writable_planes().y[:] = 235
    outputs.write(frame)
    wait_until(lambda: len(target.packets) == 1)
    outputs.close()
    picture = cv2.imdecode(np.frombuffer(target.packets[0].data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert picture.shape == (48, 128)
    assert picture[:, 72:].min() > 240  # 235 in limited range is white
    assert np.corrcoef(picture[:, :56].ravel(), before[:, :56].ravel())[0, 1] > 0.9
