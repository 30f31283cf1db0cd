"""A container that takes encoded packets: a file, a connection, a folder of segments, a pipe."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

import av
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from stream_unmask.errors import OutputError
from stream_unmask.output.encoder import set_apple_tag
from stream_unmask.output.live.packets import EncodedPacket, LiveProgram, TrackKey
from stream_unmask.output.live.sound import variant_for
from stream_unmask.video.files import reason

_FRAGMENT = 1.0
"""Seconds of an MP4's fragment: what is lost of it with a death."""

_INTERLEAVE = 0.5
"""Seconds for which a packet may wait for those of other tracks."""

_MICRO = 1_000_000
_MOST_REFUSED = 50
"""Packets one after the other that may make no sense to a muxer."""

_AT_ONCE = {"flush_packets": "1", "max_interleave_delta": str(round(_INTERLEAVE * _MICRO))}

_FRAGMENTS = {
    # Fragments while it is written, an ordinary file once it is closed: FFmpeg 8's hybrid.
    "movflags": "+hybrid_fragmented+frag_keyframe+use_metadata_tags",
    "frag_duration": str(round(_FRAGMENT * _MICRO)),
    "video_track_timescale": "90000",
}
_CLUSTERS = {"cluster_time_limit": str(round(1000 * _FRAGMENT))}

_OPTIONS: dict[str, dict[str, str]] = {
    "mp4": _FRAGMENTS,
    "mov": _FRAGMENTS,
    "matroska": _CLUSTERS,
    "webm": _CLUSTERS,
    "hls": {
        "hls_time": "2",
        "hls_list_size": "6",
        # The end of the list is written when it is the end, and not when it goes on elsewhere.
        "hls_flags": "delete_segments+append_list+program_date_time+independent_segments+omit_endlist",
    },
}

FORMATS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
    ".ts": "mpegts",
    ".m2ts": "mpegts",
    ".mts": "mpegts",
    ".flv": "flv",
    ".nut": "nut",
}
"""Containers of recordings, by suffix."""


class Writable(Protocol):
    """What bytes can be written to."""

    def write(self, data: bytes) -> int: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a container is.

    Attributes:
        file: its name, or an object with a ``write`` method.
        format: FFmpeg's name of the container.
        shown: what messages call it.
        options: for FFmpeg, beside those that the format gets.
        sent_as: the container that it is sent on in, whose sound counts; None where it is not.
    """

    file: str | Writable
    format: str
    shown: str
    options: Mapping[str, str] = field(default_factory=dict)
    sent_as: str | None = None


def check(format_name: str, program: LiveProgram, shown: str) -> None:
    """Refuse a container that cannot hold a program's video.

    Raises:
        OutputError: it cannot.
    """
    container = av.open(os.devnull, "w", format=format_name)
    stream = program.tracks[program.video]
    try:
        container.add_stream_from_template(stream, opaque=True)
    except (ValueError, av.FFmpegError) as error:
        codec = stream.codec_context.name
        sentence = f"{shown} cannot hold {codec} video; another codec is needed."
        raise OutputError(sentence, path=shown) from error
    finally:
        container.close()


class Muxer:
    """Writes the tracks of one program into one container, from a keyframe on, with times that begin at 0.

    Args:
        place: where.
        first: the keyframe that it begins with; it is written by :meth:`write` like the others.
        tags: metadata of the container.

    Attributes:
        program: what is written.
        start: time that is 0 in it.
        sounds: how each stream of sound is written: the codec's name as it came, and whether it is encoded.

    Raises:
        OutputError: it cannot be opened.
    """

    def __init__(self, place: Place, first: EncodedPacket, tags: Mapping[str, str]) -> None:
        self.program: LiveProgram = first.program
        self.start = first.time
        self._place = place
        self._streams: dict[TrackKey, Stream] = {}
        self._last: dict[TrackKey, int] = {}
        self._refused = 0
        options = {**_AT_ONCE, **_OPTIONS.get(place.format, {}), **place.options}
        try:
            self._container: OutputContainer = av.open(
                place.file, "w", format=place.format, container_options=options
            )
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._failed("opened", error) from error
        try:
            self._add_streams(tags)
            self._container.start_encoding()
        except (av.FFmpegError, OSError, ValueError) as error:
            self.abandon()
            raise self._failed("opened", error) from error

    def _failed(self, done: str, error: Exception) -> OutputError:
        shown = self._place.shown
        return OutputError(f"{shown} cannot be {done}: {reason(error)}.", path=shown)

    def _add_streams(self, tags: Mapping[str, str]) -> None:
        program = self.program
        form = self._place.sent_as or self._place.format
        wanted = [program.video]
        wanted += [TrackKey(index, variant_for(form, sound.codec)) for index, sound in program.sounds.items()]
        wanted = [key for key in wanted if key in program.tracks]
        for key in sorted(wanted, key=lambda key: key.stream):
            stream = self._container.add_stream_from_template(program.tracks[key], opaque=True)
            if isinstance(stream, VideoStream):
                stream.set_display_matrix(program.info.display_matrix)
                set_apple_tag(stream, self._place.format)
            self._streams[key] = stream
        self._container.metadata.update(tags)

    def write(self, packet: EncodedPacket) -> bool:
        """Write a packet, if it belongs to a track that the container holds; whether it does.

        Raises:
            OutputError: the container can take no more.
        """
        stream = self._streams.get(packet.track)
        if stream is None or packet.time < self.start:
            return False
        try:
            self._container.mux_one(self._placed(packet, stream))
            self._refused = 0
        except (av.InvalidDataError, av.ArgumentError) as error:
            self._refused += 1
            if self._refused > _MOST_REFUSED:
                raise self._failed("written", error) from error
        except (av.FFmpegError, OSError) as error:
            raise self._failed("written", error) from error
        return True

    def _placed(self, packet: EncodedPacket, stream: Stream) -> Packet[Stream]:
        """A packet for this container, at its time in it."""
        shift = round(self.start / packet.time_base)
        least = self._last.get(packet.track)
        dts = packet.dts - shift
        if least is not None and dts <= least:
            dts = least + 1
        self._last[packet.track] = dts
        placed: Packet[Stream] = Packet(packet.data)
        placed.time_base = Fraction(packet.time_base)
        placed.dts, placed.pts = dts, max(packet.pts - shift, dts)
        placed.duration, placed.is_keyframe = packet.duration, packet.keyframe
        placed.stream = stream
        return placed

    def close(self) -> None:
        """Finish the container.

        Raises:
            OutputError: its end cannot be written.
        """
        try:
            self._container.close()
        except (av.InvalidDataError, av.ArgumentError):
            return  # a packet at the end that made no sense
        except (av.FFmpegError, OSError) as error:
            raise self._failed("finished", error) from error

    def abandon(self) -> None:
        """Let go of a container that failed, finished as far as that goes."""
        with contextlib.suppress(av.FFmpegError, OSError):
            self._container.close()
