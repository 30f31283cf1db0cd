"""Sound for the time in which a camera brings none: players go by the clock of what they hear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import format_dtypes
from av.codec.context import Flags
from av.stream import Stream

from stream_unmask.output.live.sound import layout_name
from stream_unmask.video.container import CopiedPacket
from stream_unmask.video.sounds import Sound

_AFTER = 1.0
"""Seconds without sound after which silence begins, where the sound ended."""

_BEHIND = 0.5
"""Seconds that silence stays behind real time, lest sound that comes again begin before its end."""

_ENCODERS = {"opus": "libopus", "mp3": "libmp3lame", "mp3float": "libmp3lame"}
"""Encoders that are not called as their decoders are."""

_BLOCK = Fraction(1, 50)
"""Seconds of a packet where the codec leaves that open."""

_TRIED = 6
"""Packets of silence of which one in the middle is taken: an encoder's first ones hold its start."""

_ADTS_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000)


class Silence:
    """Goes on with a camera's sound, as the camera would send it, where the camera has stopped.

    Args:
        sounds: the camera's, by index of the stream.
    """

    def __init__(self, sounds: Mapping[int, Sound]) -> None:
        self._tracks = {index: _Track(sound) for index, sound in sounds.items()}

    def heard(self, item: CopiedPacket, now: float) -> None:
        """The camera brought sound, at a time of ``time.monotonic``."""
        packet, track = item.packet, self._tracks.get(item.stream_index)
        start = packet.pts if packet.pts is not None else packet.dts
        if track is not None and start is not None:
            track.end, track.heard = (start + (packet.duration or 0)) * packet.time_base, now
            track.until = track.end

    def due(self, now: float) -> Iterator[CopiedPacket]:
        """What is to be heard until ``now``, by ``time.monotonic``, and was not handed out yet.

        Nothing before the camera's first sound, nor for a codec that nothing here encodes.
        """
        for index, track in self._tracks.items():
            if track.end is None or now - track.heard < _AFTER:
                continue
            if track.packet is None:
                track.packet = silent_packet(track.sound)
            length = Fraction(track.packet.samples, track.sound.rate) if track.packet else Fraction(0)
            until = track.end + Fraction(now - track.heard - _BEHIND).limit_denominator(1000)
            while track.packet and track.until + length <= until:
                yield CopiedPacket(track.packet.at(track.until, track.sound.rate), index)
                track.until += length


@dataclass(frozen=True, slots=True)
class SilentPacket:
    """An encoded packet of silence; false where there is none for a codec."""

    data: bytes = b""
    samples: int = 0

    def __bool__(self) -> bool:
        return bool(self.samples)

    def at(self, time: Fraction, rate: int) -> av.Packet[Stream]:
        """It at a time in seconds."""
        packet: av.Packet[Stream] = av.Packet(self.data)
        packet.pts = packet.dts = round(time * rate)
        packet.duration, packet.time_base, packet.is_keyframe = self.samples, Fraction(1, rate), True
        return packet


@dataclass(slots=True)
class _Track:
    """Where one stream of sound ended, by its own clock and by ``time.monotonic``; how far silence goes."""

    sound: Sound
    end: Fraction | None = None
    heard: float = 0.0
    until: Fraction = Fraction(0)
    packet: SilentPacket | None = None


def silent_packet(sound: Sound) -> SilentPacket:
    """Silence as a camera with such sound would send it; a false one where nothing here encodes it so."""
    try:
        encoder = av.CodecContext.create(_ENCODERS.get(sound.codec, sound.codec), "w")
        if not isinstance(encoder, AudioCodecContext):
            return SilentPacket()
        encoder.sample_rate, encoder.layout = sound.rate, layout_name(sound.channels)
        encoder.format = (encoder.codec.audio_formats or [encoder.format])[0]
        encoder.time_base = Fraction(1, sound.rate)
        encoder.flags |= Flags.global_header
        encoder.open()
        samples = encoder.frame_size or round(_BLOCK * sound.rate)
        packets = [bytes(packet) for packet in _encode(encoder, samples)]
    except (av.FFmpegError, ValueError, KeyError):
        return SilentPacket()
    if not packets:
        return SilentPacket()
    data = packets[len(packets) // 2]
    if sound.codec == "aac":
        return _framed(data, samples, sound, bytes(encoder.extradata or b""))
    return SilentPacket(data, samples)


def _encode(encoder: AudioCodecContext, samples: int) -> Iterator[av.Packet[av.AudioStream]]:
    name, channels = encoder.format.name, encoder.layout.nb_channels
    shape = (channels, samples) if encoder.format.is_planar else (1, samples * channels)
    for number in range(_TRIED):
        quiet = np.zeros(shape, format_dtypes[name])
        frame = av.AudioFrame.from_ndarray(quiet, name, encoder.layout.name)
        frame.sample_rate, frame.pts = encoder.sample_rate, number * samples
        frame.time_base = Fraction(1, encoder.sample_rate)
        yield from encoder.encode(frame)


def _framed(data: bytes, samples: int, sound: Sound, configuration: bytes) -> SilentPacket:
    """AAC of the very kind that the camera sends, with a header (ISO/IEC 13818-7) where that is sent."""
    if sound.extradata:
        same = bytes(sound.extradata)[:2] == configuration[:2]
        return SilentPacket(data, samples) if same else SilentPacket()
    if sound.rate not in _ADTS_RATES or sound.channels > 2:
        return SilentPacket()
    length, rate = len(data) + 7, _ADTS_RATES.index(sound.rate)
    header = (
        (0xFFF1 << 40) | (1 << 38) | (rate << 34) | (sound.channels << 30) | (length << 13) | (0x7FF << 2)
    )
    return SilentPacket(header.to_bytes(7, "big") + data, samples)
