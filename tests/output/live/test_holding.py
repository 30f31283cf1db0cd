"""What is shown while the camera is away."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stream_unmask.output.live.fanout import Fanout
from stream_unmask.output.live.holding import Held, notice
from stream_unmask.video.frame import Frame, picture_planes
from tests.output.live.making import camera, fan_out, frames
from tests.output.live.test_outputs import FakeTarget
from tests.support.waiting import wait_until
from tests.video.making import picture


def frame(width: int = 320, height: int = 240, pixel_format: str = "yuv420p") -> Frame:
    shown = picture(0, width, height, pixel_format)
    shown.pts, shown.time_base = 9000, Fraction(1, 90_000)
    return Frame(shown, 0, 9000, Fraction(1, 90_000), 3600, arrival=100.0)


def test_the_last_picture_is_shown_again_in_real_time() -> None:
    held = Held("hold")
    held.seen(frame(), 100.1)
    assert held.next(100.9, "12:00") is None
    first = held.next(101.2, "12:00")
    assert first is not None
    assert first.time == pytest.approx(0.1 + 1.1)
    assert held.next(101.3, "12:00") is None
    second = held.next(101.5, "12:00")
    assert second is not None
    assert second.time == pytest.approx(0.1 + 1.4)
    held.seen(frame(), 102.0)
    assert held.next(102.5, "12:00") is None


def test_nothing_is_shown_before_a_first_picture_or_where_nobody_wants_that() -> None:
    assert Held("hold").next(1000.0, "12:00") is None
    stopped = Held("stop")
    stopped.seen(frame(), 100.0)
    assert stopped.next(1000.0, "12:00") is None


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj422p", "yuv420p10le", "nv12"])
@pytest.mark.parametrize("size", [(320, 240), (321, 241)])
def test_a_notice_stands_at_the_foot_of_the_picture(pixel_format: str, size: tuple[int, int]) -> None:
    shown = frame(*size, pixel_format).picture
    before = picture_planes(shown.reformat(format="yuv420p")).y.copy()
    held, black = (
        picture_planes(notice(shown, "no picture since 12:00", black=dark)) for dark in (False, True)
    )
    foot = size[1] - 17
    assert np.array_equal(held.y[:foot], before[:foot])
    assert len(np.unique(black.y[:foot])) == 1
    for planes in (held, black):
        assert planes.y[foot:].max() > 200
        assert (planes.u[-8:] == 128).all()


def test_live_outputs_go_on_while_the_camera_is_away(tmp_path: Path) -> None:
    target = FakeTarget()
    outputs: Fanout = fan_out(camera(tmp_path), target)
    for item in frames(25):
        outputs.write(item)
    wait_until(lambda: len(target.packets) >= 30)
    shown = [float(packet.time) for packet in target.packets]
    assert shown == sorted(set(shown))
    assert shown[25] - shown[24] > 0.9
    outputs.close()
