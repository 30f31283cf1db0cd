"""What a user can decide about a camera's outputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from stream_unmask.checks import check_word
from stream_unmask.output.live.holding import ON_LOSS, OnLoss
from stream_unmask.output.live.retention import Retention

PipeFormat = Literal["mpegts", "raw", "y4m"]
PIPE_FORMATS: tuple[PipeFormat, ...] = get_args(PipeFormat)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOptions:
    """How a camera's outputs are written.

    Attributes:
        segment: seconds after which a recording goes on in the next file, by the clock; None for never.
        retention: which recordings go.
        on_loss: what live outputs show while the camera is away.
        pipe_format: what goes to the standard output: an MPEG transport stream, bare pictures (4:2:0), or
            pictures with a header (YUV4MPEG2).
        again: the camera was written there before: a recording whose name is taken gets another one.

    Raises:
        ValueError: a value is none of those it may have; the sentence lists them.
    """

    segment: float | None = None
    retention: Retention = field(default_factory=Retention)
    on_loss: OnLoss = "hold"
    pipe_format: PipeFormat = "mpegts"
    again: bool = False

    def __post_init__(self) -> None:
        if self.segment is not None and not 1 <= self.segment < float("inf"):
            raise ValueError(f"segment must be 1 second or more, got {self.segment}")
        check_word("on_loss", self.on_loss, ON_LOSS)
        check_word("pipe_format", self.pipe_format, PIPE_FORMATS)
