"""Sound that a container does not take as it is: decoded, and encoded as one that it takes."""

from __future__ import annotations

from fractions import Fraction
from typing import cast

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

_ENCODERS = {
    "webm": ("libopus",),
    "avi": ("libmp3lame", "ac3"),
    "flv": ("aac", "libmp3lame"),
}
"""What may be written into a container, best first; AAC into the others."""

_LOSSLESS = {"matroska": ("flac",), "avi": ("pcm_s16le", "pcm_s32le"), "mov": ("alac",)}
"""What is written instead where nothing of the sound was lost before: nothing is lost then, either."""

_RATE_A_CHANNEL = 96_000
"""Bits a second. Sound that comes in compressed is compressed a second time: that should not be heard."""

_USUAL = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
"""What so many channels usually are (FFmpeg's av_channel_layout_default)."""


def set_usual_layout(stream: Stream) -> None:
    """Have a stream say what its channels are: AVI and Matroska only count those of PCM, MP4 must know."""
    context = stream.codec_context
    if isinstance(context, AudioCodecContext):
        usual = _layout(context)
        if usual != context.layout.name:
            context.layout = usual


def _layout(context: AudioCodecContext) -> str:
    layout = context.layout
    ordered = not layout.name.endswith(" channels")
    return layout.name if ordered else _USUAL.get(layout.nb_channels, layout.name)


class SoundEncoder:
    """Writes one stream of sound anew.

    Attributes:
        stream: as the container knows it.
        damaged: packets that could not be decoded.
    """

    def __init__(self, stream: AudioStream, template: AudioStream) -> None:
        self.stream = stream
        self.damaged = 0
        self._decoder = template.codec_context
        self._next = 0

    @classmethod
    def add(cls, container: OutputContainer, template: Stream) -> SoundEncoder | None:
        """Add a stream to a container whose header is not written; None where nothing there fits the sound.

        Args:
            container: gets the stream.
            template: the stream of sound to decode.
        """
        context = template.codec_context
        if not isinstance(context, AudioCodecContext):
            return None
        if not (context.sample_rate and context.channels and context.format):
            return None  # nothing of it could be decoded to find out
        names = _ENCODERS.get(container.format.name, ("aac",))
        if context.codec.lossless and not context.codec.lossy:
            deep = [each for each in _LOSSLESS.get(container.format.name, ()) if _is_deep(each, context)]
            names = (*deep, *names)
        layouts = (_layout(context), "stereo" if context.channels > 1 else "mono")
        for name, layout in ((name, layout) for name in names for layout in layouts):
            rate = _rate(name, context.sample_rate)
            sample_format = _sample_format(name, context)
            if not _opens(name, rate, layout, sample_format):
                continue
            try:
                stream = cast(AudioStream, container.add_stream(name, rate=rate, layout=layout))
            except ValueError:
                continue  # the container does not take it
            stream.codec_context.format = sample_format
            stream.bit_rate = _RATE_A_CHANNEL * stream.codec_context.channels
            return cls(stream, cast(AudioStream, template))
        return None

    def encode(self, packet: Packet[Stream] | None, offset: Fraction) -> list[Packet[Stream]]:
        """Packets that are ready once ``packet`` is there; with None, those that are left at the end.

        Args:
            packet: of the stream that was given to :meth:`add`.
            offset: seconds to add to its time.
        """
        encoded: list[Packet[Stream]] = []
        try:
            for frame in self._decoder.decode(cast("Packet[AudioStream] | None", packet)):
                self._place(frame, offset)
                encoded += cast("list[Packet[Stream]]", self.stream.encode(frame))
        except (av.FFmpegError, ValueError):  # ValueError: another kind of sound begins in the middle
            self.damaged += 1
        if packet is None:
            encoded += cast("list[Packet[Stream]]", self.stream.encode(None))
        return encoded

    def _place(self, frame: av.AudioFrame, offset: Fraction) -> None:
        """Put a frame on its time, in samples; on the end of the one before it where it has none."""
        rate = frame.sample_rate
        if frame.pts is None or not frame.time_base:
            start = self._next
        else:
            start = round((frame.pts * frame.time_base + offset) * rate)
        frame.time_base = Fraction(1, rate)
        frame.pts = max(start, self._next) if self._next - start < rate else start
        self._next = frame.pts + frame.samples


def _rate(name: str, wanted: int) -> int:
    """The lowest rate of an encoder that loses nothing of the wanted one, else its highest."""
    rates = sorted(av.Codec(name, "w").audio_rates or (wanted,))
    return next((rate for rate in rates if rate >= wanted), rates[-1])


def _sample_format(name: str, source: AudioCodecContext) -> str:
    """The first of an encoder's formats that is as deep as the source's samples, else the deepest."""
    offered = [each.name for each in av.Codec(name, "w").audio_formats or ()] or ["s16"]
    deep = [each for each in offered if av.AudioFormat(each).bytes >= source.format.bytes]
    return deep[0] if deep else max(offered, key=lambda each: av.AudioFormat(each).bytes)


def _is_deep(name: str, source: AudioCodecContext) -> bool:
    return av.AudioFormat(_sample_format(name, source)).bytes >= source.format.bytes


def _opens(name: str, rate: int, layout: str, sample_format: str) -> bool:
    try:
        context = cast(AudioCodecContext, av.CodecContext.create(name, "w"))
        context.sample_rate, context.layout = rate, layout
        context.format = av.AudioFormat(sample_format)
        context.time_base = Fraction(1, rate)
        context.open()
    except (av.FFmpegError, ValueError):
        return False
    return True
