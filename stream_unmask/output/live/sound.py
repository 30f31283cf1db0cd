"""A camera's sound: copied where a container truly holds it, else encoded."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import OutputContainer
from av.filter import Graph
from av.packet import Packet
from av.stream import Stream

from stream_unmask.output.live.packets import Variant
from stream_unmask.video.sounds import Sound

_HELD = {
    "mp4": {"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"},
    "mov": {"aac", "mp3", "ac3", "eac3", "alac"},
    "matroska": {"aac", "mp3", "mp2", "ac3", "eac3", "opus", "vorbis", "flac", "alac"},
    "webm": {"opus", "vorbis"},
    "mpegts": {"aac", "mp2", "mp3", "ac3", "eac3"},
    "hls": {"aac", "mp3", "ac3", "eac3"},
    "flv": {"aac", "mp3"},
    "rtsp": {"aac", "opus", "pcm_alaw", "pcm_mulaw", "mp3"},
    "avi": {"mp3", "ac3"},
}
"""Sound with gaps that players of a container do play in time. PCM has none of its own: in a QuickTime file
it would move up after each reconnection, in MPEG-TS nobody hears it."""

WINDOW = "window"
"""Stands for a container that holds no sound: a window."""

_RATES = (16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_LEAST_RATE = 16_000
_BIT_RATE = 64_000
_GAP = 0.1
"""Seconds between sounds from which on there is silence in between, and no disorder."""

_FILLED = 1.0
"""Seconds of silence that are encoded; more of it is a hole, as the camera left it."""


def variant_for(format_name: str, codec: str) -> Variant:
    """How a container is to hold sound of a codec."""
    if codec in _HELD.get(format_name, set()):
        return "copy"
    return "opus" if format_name == "webm" else "aac"


class LiveSoundEncoder:
    """Decodes a camera's sound and encodes it as AAC or Opus, each packet at its own time.

    Args:
        holder: a container that gets the encoded stream, for muxers to take as a template.
        heard: the camera's.
        variant: ``aac`` or ``opus``.
    """

    def __init__(self, holder: OutputContainer, heard: Sound, variant: Variant) -> None:
        self._decoder = cast(AudioCodecContext, av.CodecContext.create(heard.codec, "r"))
        self._decoder.sample_rate = heard.rate
        self._decoder.layout = layout_name(heard.channels)
        self._decoder.extradata = heard.extradata
        rate = 48_000 if variant == "opus" else _rate(heard.rate)
        layout = "mono" if heard.channels == 1 else "stereo"
        name = "libopus" if variant == "opus" else "aac"
        self.stream = cast(AudioStream, holder.add_stream(name, rate=rate, layout=layout))
        context = self.stream.codec_context
        context.flags |= Flags.global_header
        context.time_base = self.stream.time_base = Fraction(1, rate)
        context.bit_rate = _BIT_RATE * context.layout.nb_channels
        context.open()
        self._context, self._rate = context, rate
        self._format, self._size = context.format.name, context.frame_size
        self._resampler = Resampler(self._format, layout, rate)
        self._waiting: list[np.ndarray] = []
        self._start, self._begun = 0, False

    def encode(self, packet: Packet[Stream]) -> Iterator[Packet[AudioStream]]:
        """Packets that are ready once the camera's next packet is there; nothing for a broken one."""
        start = packet.pts if packet.pts is not None else packet.dts
        if start is None:
            return
        try:
            heard = self._decoder.decode(cast("Packet[AudioStream]", av.Packet(bytes(packet))))
        except av.FFmpegError:
            return
        time = float(start * packet.time_base)
        for frame in heard:
            frame.pts = None
            for sound in self._resampler.resample(frame):
                self._take(round(time * self._rate), sound.to_ndarray())
                time += sound.samples / self._rate
        yield from self._ready()

    def _take(self, start: int, samples: np.ndarray) -> None:
        """Put samples behind those that wait; what is missing in between is silence."""
        channels = samples if self._planar else samples.reshape(1, -1)
        due = self._start + sum(part.shape[1] for part in self._waiting) // self._step
        missing = start - due
        if self._begun and _GAP * self._rate < missing < _FILLED * self._rate:
            self._waiting.append(np.zeros((channels.shape[0], missing * self._step), channels.dtype))
        elif not self._waiting or abs(missing) > _GAP * self._rate:
            self._waiting, self._start = [], start
        self._begun = True
        self._waiting.append(channels)

    @property
    def _planar(self) -> bool:
        return self._format.endswith("p")

    @property
    def _step(self) -> int:
        """Values of a row that belong to one moment."""
        return 1 if self._planar else self._context.layout.nb_channels

    def _ready(self) -> Iterator[Packet[AudioStream]]:
        if not self._waiting:
            return
        samples = np.concatenate(self._waiting, axis=1)
        length = self._size * self._step
        while samples.shape[1] >= length:
            part, samples = samples[:, :length], samples[:, length:]
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(part), self._format, self._context.layout.name
            )
            frame.sample_rate, frame.pts, frame.time_base = self._rate, self._start, Fraction(1, self._rate)
            self._start += self._size
            yield from self.stream.encode(frame)
        self._waiting = [samples] if samples.size else []


class Resampler:
    """PyAV's own, without its threads for each stream of sound, and for cameras that change their sound.

    Args:
        format_name: of what comes out.
        layout: of that.
        rate: of that, in Hz.
    """

    def __init__(self, format_name: str, layout: str, rate: int) -> None:
        self._wanted = f"sample_rates={rate}:sample_fmts={format_name}:channel_layouts={layout}"
        self._kind: tuple[str, str, int] | None = None
        self._graph = Graph()

    def resample(self, frame: AudioFrame) -> Iterator[AudioFrame]:
        """What a frame becomes, as far as it is ready."""
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind != self._kind:
            self._kind, self._graph = kind, self._begun(*kind)
        self._graph.push(frame)
        with contextlib.suppress(av.BlockingIOError):
            while True:
                yield cast(AudioFrame, self._graph.pull())

    def _begun(self, format_name: str, layout: str, rate: int) -> Graph:
        graph = Graph()
        graph.threads = 1
        heard = graph.add_abuffer(
            format=format_name, layout=layout, sample_rate=rate, time_base=Fraction(1, rate)
        )
        graph.link_nodes(heard, graph.add("aformat", self._wanted), graph.add("abuffersink")).configure()
        return graph


def layout_name(channels: int) -> str:
    """FFmpeg's name for so many channels."""
    return {1: "mono", 2: "stereo"}.get(channels, f"{channels}c")


def _rate(rate: int) -> int:
    """The sample rate to encode with: every player knows it, and nothing is lost."""
    return next((each for each in _RATES if each >= max(rate, _LEAST_RATE)), _RATES[-1])
