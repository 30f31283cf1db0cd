"""What a user can decide about how a camera is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from stream_unmask.checks import check_seconds, check_word
from stream_unmask.video.logins import Login

Transport = Literal["auto", "tcp", "udp", "multicast"]
TRANSPORTS: tuple[Transport, ...] = get_args(Transport)


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraOptions:
    """How a camera is called, and when it counts as lost.

    Attributes:
        stall: seconds without a packet, or without a picture, after which it is lost.
        wait: seconds for which a camera that is not there at the start is called.
        transport: what RTP goes over: ``auto`` tries TCP, then UDP.
        login: for an address that has none.
        size: width and height that a webcam is asked for.
        rate: frames per second that a webcam is asked for.
        input_format: pixel format or codec that a webcam is asked for, as FFmpeg calls it.

    Raises:
        ValueError: a value is none of those it may have; the sentence lists them.
    """

    stall: float = 10.0
    wait: float = 0.0
    transport: Transport = "auto"
    login: Login | None = None
    size: tuple[int, int] | None = None
    rate: float | None = None
    input_format: str | None = None

    def __post_init__(self) -> None:
        check_seconds("wait", self.wait)
        check_seconds("stall", self.stall, above=True)
        check_word("transport", self.transport, TRANSPORTS)
