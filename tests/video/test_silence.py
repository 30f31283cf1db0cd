"""Cameras that take a call and say nothing: nobody has to wait for them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from stream_unmask.errors import UnmaskError
from stream_unmask.video import source as source_module
from stream_unmask.video.camera_options import CameraOptions
from stream_unmask.video.source import StoppedError, open_source
from tests.support.ports import free_port


@pytest.fixture
def silent() -> Iterator[str]:
    """An address at which every call is taken and none is answered."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"rtsp://joe:hush@127.0.0.1:{server.getsockname()[1]}/cam"


def test_who_waits_for_an_answer_can_stop(silent: str) -> None:
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    # Whoever waited for the answer would hear that there was none.
    with pytest.raises(StoppedError):
        open_source(silent, stop=stop)


def test_one_that_shows_no_picture_in_time_is_a_sentence(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "OPEN_SECONDS", 0.2)
    with pytest.raises(UnmaskError, match="showed no picture within 0 s") as caught:
        open_source(silent, camera=CameraOptions(stall=0.2))
    assert "hush" not in str(caught.value)


def test_one_that_is_off_is_called_for_as_long_as_it_is_waited_for() -> None:
    port, said = free_port(), list[str]()
    began = time.monotonic()
    with pytest.raises(UnmaskError, match="connection refused"):
        open_source(f"rtsp://127.0.0.1:{port}/cam", camera=CameraOptions(wait=1.5), notify=said.append)
    assert time.monotonic() - began >= 1.5
    assert {sentence.rsplit(". ", 1)[1] for sentence in said} == {"Trying again in 1 s."}


def test_who_waits_for_one_that_is_off_can_stop_at_once() -> None:
    stop = threading.Event()
    with pytest.raises(StoppedError):
        open_source(
            "rtsp://127.0.0.1:9/cam",
            camera=CameraOptions(wait=float("inf")),
            notify=lambda sentence: stop.set(),
            stop=stop,
        )
