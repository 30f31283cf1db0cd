"""An encoder leaves the machine to others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stream_unmask.output.codecs import EncoderSettings
from stream_unmask.output.scheduling import fairly_scheduled
from stream_unmask.video.frame import Frame
from tests.video.making import Recipe, make_video, pass_through

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setscheduler"), reason="only Linux schedules so")


def policies() -> set[int]:
    """Of all threads of this process."""
    return {os.sched_getscheduler(int(task.name)) for task in Path("/proc/self/task").iterdir()}


def test_a_priority_that_is_taken_is_given_back() -> None:
    with fairly_scheduled():
        try:
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        except PermissionError:
            pytest.skip("the system gives no real-time priority to this user")
        assert os.sched_getscheduler(0) == os.SCHED_RR
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_av1_is_encoded_without_real_time_threads(tmp_path: Path) -> None:
    clip = make_video(tmp_path / "clip.mp4", Recipe())
    seen = policies()

    def look(frame: Frame) -> Frame:
        seen.update(policies())
        return frame

    pass_through(clip, tmp_path / "out.mp4", EncoderSettings(codec="libsvtav1", preset="12"), look)
    assert seen | policies() == {os.SCHED_OTHER}
