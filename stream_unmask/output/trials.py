"""Whether a container holds a stream so that it can be read again: asked, for no table knows them all."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from fractions import Fraction

import av
from av.audio.codeccontext import AudioCodecContext
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream

from stream_unmask.output.sound import set_usual_layout
from stream_unmask.video.info import is_cover

_READERS = {"webm": "matroska"} | {name: name for name in ("matroska", "mpegts", "avi", "flv", "nut")}
_MOVIE_READER = "mov"
_HARDLY_READ = {
    "mp4": ("pcm_f", "vorbis"),
    "avi": ("vorbis", "flac", "opus", "dts"),
    "flv": ("opus", "flac", "ac3", "eac3"),
}
"""Codecs that FFmpeg writes and reads there, but nothing else does, older versions of its own included."""

_LEAST_DRIFT, _MOST_DRIFT = Fraction(1, 100), Fraction(1, 20)
"""Seconds, and share of the time, by which sound may come back sooner or later: containers round."""

_ALIKE = frozenset(("mp1", "mp2", "mp3"))
"""Layers of one standard, which some containers do not tell apart; any decoder of them decodes all."""


def holds(
    format_name: str,
    template: Stream,
    samples: Sequence[Packet[Stream]],
    options: Mapping[str, str] | None = None,
) -> bool:
    """Whether a stream can be copied into a container and is found there again as what it is.

    A file of it alone is written in memory (header, packets, trailer) and read: some containers refuse a
    stream only at its first packet or at the end, and some take anything as data that nobody can play.

    Args:
        format_name: the container, as FFmpeg calls it.
        template: the stream.
        samples: its first packets; none where it has none.
        options: what the container is told by the one who writes it.
    """
    if template.type == "attachment":
        return format_name == "matroska"  # which nobody reads without a track beside it
    if codec_name(template).startswith(_HARDLY_READ.get(format_name, ())):
        return False
    file = io.BytesIO()
    try:
        container = av.open(file, "w", format=format_name, container_options=dict(options or {}))
        _write(container, template, samples)
        reader = _READERS.get(format_name, _MOVIE_READER)
        with av.open(io.BytesIO(file.getvalue()), "r", format=reader) as found:
            if not any(_same(template, stream) for stream in found.streams):
                return False
            back = _packets_that_decode(found)
            return not samples or (len(back) > 0 and _is_in_time(samples, back))
    except (av.FFmpegError, ValueError, OverflowError):
        return False


def _packets_that_decode(container: InputContainer) -> list[Packet[Stream]]:
    """The packets that come back; some are there, but lack what a decoder must be told."""
    found = []
    for packet in container.demux():
        if packet.size:
            found.append(packet)
            if isinstance(packet.stream.codec_context, AudioCodecContext):
                packet.decode()
    return found


def _is_in_time(samples: Sequence[Packet[Stream]], found: Sequence[Packet[Stream]]) -> bool:
    """Whether sound comes back as fast as it went in.

    AVI counts packets, and those of some codecs last longer or shorter than its writer takes them to.
    """
    if not isinstance(samples[0].stream.codec_context, AudioCodecContext) or len(found) != len(samples):
        return True
    before, after = _lasting(samples), _lasting(found)
    return before is None or after is None or abs(before - after) <= max(_LEAST_DRIFT, before * _MOST_DRIFT)


def _lasting(packets: Sequence[Packet[Stream]]) -> Fraction | None:
    """Seconds from the first packet to the last; None where they do not say."""
    first, last = packets[0], packets[-1]
    if first.dts is None or last.dts is None:
        return None
    return (last.dts - first.dts) * last.time_base


def _write(container: OutputContainer, template: Stream, samples: Sequence[Packet[Stream]]) -> None:
    try:
        stream = container.add_stream_from_template(template, opaque=True)
        set_usual_layout(stream)
        if template.type == "video":
            stream.disposition = Disposition.attached_pic
        container.start_encoding()
        start = next((packet.dts for packet in samples if packet.dts is not None), 0)
        for sample in samples:
            container.mux_one(_copy(sample, stream, start))
    except BaseException:
        with contextlib.suppress(av.FFmpegError):
            container.close()
        raise
    container.close()


def _copy(sample: Packet[Stream], stream: Stream, start: int) -> Packet[Stream]:
    packet: Packet[Stream] = av.Packet(bytes(sample))
    packet.time_base = sample.time_base
    packet.dts = (sample.dts if sample.dts is not None else start) - start
    packet.pts = max(packet.dts, (sample.pts if sample.pts is not None else start) - start)
    packet.duration = sample.duration
    packet.is_keyframe = True
    packet.stream = stream
    return packet


def _same(template: Stream, found: Stream) -> bool:
    if template.type != found.type or is_cover(template) != is_cover(found):
        return False
    before, after = codec_name(template), codec_name(found)
    return before == after or (before in _ALIKE and after in _ALIKE)


def codec_name(stream: Stream) -> str:
    """The codec of any stream, as FFmpeg calls it, whoever decodes it; "none" for one without."""
    if stream.codec_context is not None:
        return stream.codec_context.codec.canonical_name
    return getattr(stream, "name", None) or "none"
