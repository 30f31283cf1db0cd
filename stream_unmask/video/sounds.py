"""A connection's sound, as it can be asked about when the connection itself is gone."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer


@dataclass(frozen=True, slots=True)
class Sound:
    """A stream of sound.

    Attributes:
        codec: name of its decoder.
        rate: samples a second.
        channels: of them.
        extradata: what a decoder needs beside the packets.
        template: what a container's stream for its packets is made from.
    """

    codec: str
    rate: int
    channels: int
    extradata: bytes | None
    template: AudioStream
    _holder: OutputContainer = field(repr=False)


def sounds(streams: Iterable[AudioStream]) -> dict[int, Sound]:
    """The streams of sound that can be decoded, by their index."""
    holder = av.open(os.devnull, "w", format="null")
    found = {}
    for stream in streams:
        context = stream.codec_context
        if not context or not context.sample_rate or not context.layout.nb_channels:
            continue
        with suppress(ValueError, av.FFmpegError):  # what PyAV makes no template of is left out
            template = holder.add_stream_from_template(stream, opaque=True)
            found[stream.index] = Sound(
                codec=context.name,
                rate=context.sample_rate,
                channels=context.layout.nb_channels,
                extradata=context.extradata,
                template=template,
                _holder=holder,
            )
    return found
