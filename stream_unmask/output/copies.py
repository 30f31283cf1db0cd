"""Sound, subtitles, data and attachments: passed on packet by packet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from av.container import OutputContainer
from av.format import Flags as FormatFlags
from av.packet import Packet
from av.stream import Stream

from stream_unmask.output.sound import SoundEncoder, set_usual_layout
from stream_unmask.output.timeline import Timeline
from stream_unmask.output.trials import codec_name, holds
from stream_unmask.video.info import is_cover

_OWN_TAGS = frozenset(
    ("encoder", "duration", "number_of_frames", "number_of_bytes", "bps", "vendor_id", "alpha_mode")
)
"""Stream and container tags that the writer of a file makes itself."""

_COVER_KINDS = {"mjpeg": "jpeg"}

_NAMELESS = frozenset(("none", "bin_data"))
"""What FFmpeg calls tracks of timecode and of chapters."""

_EDITING = frozenset(("mp4", "mov", "ipod", "3gp", "3g2"))

_PREROLL = Fraction(1, 10)
"""Seconds of hidden sound that stay, since the first packets of AAC and others only prime the decoder."""

_SPOKEN_VOWELS = ("a", "i", "mp", "fl")  # AVI, MP4, FLV

_MOV_TEXT_GAP = b"\0\0"
"""The empty text between two subtitles of an MP4, which its writer puts there by itself."""


def kept_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags that still hold in a copy."""
    return {
        name: value
        for name, value in tags.items()
        if name.lower().split("-")[0] not in _OWN_TAGS and not name.startswith("_STATISTICS")
    }


class StreamCopies:
    """The streams of one container that come from another without being looked into.

    Packets are passed on as they are. Sound that the container does not take so is encoded anew; what it
    cannot hold at all is left out.

    Args:
        container: what they are copied into; its header must not have been written.
        timeline: that of all streams of the container.
        timecode: what the container writes as a timecode track by itself.
        chapters: the container's, which it writes by itself too.

    Attributes:
        warnings: a sentence for each stream that was changed or left out.
        repaired_timestamps: packets whose timestamps went backwards or were missing.
    """

    def __init__(
        self,
        container: OutputContainer,
        timeline: Timeline,
        *,
        timecode: str = "",
        chapters: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.warnings: list[str] = []
        self.repaired_timestamps = 0
        self._container = container
        self._timeline = timeline
        self._timecode, self._chapters = timecode, chapters
        self._streams: dict[int, Stream] = {}
        self._encoders: dict[int, SoundEncoder] = {}
        self._order = PacketOrder(container)
        # What an edit list cuts off is there still, and only MP4 and its like can say so.
        self._hides = container.format.name in _EDITING
        self._texts: set[int] = set()

    @property
    def streams(self) -> list[Stream]:
        """What was added to the container."""
        return list(self._streams.values())

    @property
    def damaged(self) -> int:
        """Packets of sound that could not be decoded."""
        return sum(encoder.damaged for encoder in self._encoders.values())

    def add(self, template: Stream, samples: Sequence[Packet[Stream]]) -> None:
        """Make room for a stream, or leave it out with a warning where the container cannot hold it.

        Args:
            template: the stream.
            samples: its first packets, which the container is asked about; none where it has none.
        """
        if self._is_written_anyway(template, samples):
            return
        name = self._container.format.name
        kind = "cover picture" if is_cover(template) else f"{template.type} stream"
        what = f"The {kind} {template.index} ({codec_name(template)})"
        if is_cover(template) and name == "matroska" and samples:
            self._attach(template, samples[0])
            return
        if template.codec_context is None and template.type == "data" and not samples:
            self.warnings.append(f"{what} was left out: it is empty, or of an unknown kind.")
        elif _is_known(template) and holds(name, template, samples, self._container.container_options):
            stream = self._container.add_stream_from_template(template, opaque=True)
            set_usual_layout(stream)
            self._keep(template, stream)
            if template.type == "subtitle" and codec_name(template) == "mov_text":
                self._texts.add(template.index)
        elif encoder := SoundEncoder.add(self._container, template):
            self._encoders[template.index] = encoder
            self._keep(template, encoder.stream)
            written = codec_name(encoder.stream).upper()
            self.warnings.append(f"{what} is written as {written}: {_a(name)} file cannot hold it as it is.")
        else:
            self.warnings.append(f"{what} was left out: {_a(name)} file cannot hold it.")

    def packets(self, packet: Packet[Stream], stream_index: int) -> list[Packet[Stream]]:
        """The packet as the container takes it; none where its stream was left out."""
        stream = self._streams.get(stream_index)
        if stream is None or (stream_index in self._texts and bytes(packet) == _MOV_TEXT_GAP):
            return []
        if not self._hides and _is_hidden(packet):
            return []
        offset = self._offset(packet, stream)
        if stream_index in self._encoders:
            return self._placed(self._encoders[stream_index].encode(packet, offset), stream)
        if self._order.repair(packet, stream, offset):
            self.repaired_timestamps += 1
        return [packet]

    def flush(self) -> list[Packet[Stream]]:
        """The packets of sound that encoders still hold at the end."""
        return [
            packet
            for index, encoder in self._encoders.items()
            for packet in self._placed(encoder.encode(None, Fraction(0)), self._streams[index])
        ]

    def _keep(self, template: Stream, stream: Stream) -> None:
        stream.metadata.update(kept_tags(template.metadata))
        stream.disposition = template.disposition
        self._streams[template.index] = stream

    def _attach(self, template: Stream, cover: Packet[Stream]) -> None:
        """Matroska holds a cover as an attachment of a certain name."""
        kind = _COVER_KINDS.get(codec_name(template), codec_name(template))
        self._container.add_attachment(f"cover.{kind}", f"image/{kind}", bytes(cover))

    def _is_written_anyway(self, template: Stream, samples: Sequence[Packet[Stream]]) -> bool:
        """A track of timecode or chapters: no stream to a program, but a property of the file."""
        if codec_name(template) == "mov_text":
            return _are_titles(samples, self._chapters)
        if template.type != "data" or codec_name(template) not in _NAMELESS:
            return False
        timecode = template.metadata.get("timecode")
        return (timecode == self._timecode) if timecode else (bool(self._chapters) and not samples)

    def _offset(self, packet: Packet[Stream], stream: Stream) -> Fraction:
        start = packet.dts if packet.dts is not None else packet.pts
        if stream.type != "audio" or start is None:
            return self._timeline.follow()
        return self._timeline.place(stream.index, start * packet.time_base)

    def _placed(self, packets: list[Packet[Stream]], stream: Stream) -> list[Packet[Stream]]:
        for packet in packets:
            self._order.repair(packet, stream, Fraction(0))
        return packets


class PacketOrder:
    """Brings packets into the ticks of a container, where each comes later than the one before it.

    Two that were a tick apart in the source's time base may fall together in a coarser one, which most
    containers refuse.
    """

    def __init__(self, container: OutputContainer) -> None:
        # Where a container allows it, packets of a few samples may share a tick.
        self._step = 0 if FormatFlags(container.format.flags) & FormatFlags.ts_nonstrict else 1
        self._last: dict[int, tuple[Fraction, int]] = {}

    def repair(self, packet: Packet[Stream], stream: Stream, offset: Fraction) -> bool:
        """Give a packet the stream, its time base, and a place in its order.

        Returns:
            Whether its own timestamps were missing or not later than the ones before.
        """
        time_base = packet.time_base
        tick = stream.time_base or time_base
        missing = packet.dts is None
        source, written = self._last.get(stream.index, (None, None))
        if packet.dts is not None:
            dts = packet.dts * time_base + offset
        elif packet.pts is not None:
            dts = packet.pts * time_base + offset
        else:
            dts = source if source is not None else Fraction(0)
        pts = packet.pts * time_base + offset if packet.pts is not None else dts
        place = round(dts / tick)
        step = self._step if stream.type in ("audio", "video") else 0
        if written is not None:
            place = max(place, written + step)
        backwards = source is not None and (dts < source or (dts == source and step > 0))
        self._last[stream.index] = (dts if source is None else max(dts, source), place)
        packet.duration = round((packet.duration or 0) * time_base / tick)
        packet.dts, packet.pts = place, max(place, round(pts / tick))
        packet.time_base = tick
        packet.stream = stream
        return (missing or backwards) and not is_cover(stream)


def _is_hidden(packet: Packet[Stream]) -> bool:
    """Before the start of what is shown, and not just what a decoder needs to begin."""
    start = packet.pts if packet.pts is not None else packet.dts
    return packet.is_discard and start is not None and start * packet.time_base < -_PREROLL


def _is_known(template: Stream) -> bool:
    """Data of no codec that FFmpeg knows would be written as a track that breaks the file for others."""
    return template.type != "data" or codec_name(template) != "none"


def _are_titles(samples: Sequence[Packet[Stream]], chapters: Sequence[Mapping[str, Any]]) -> bool:
    """Whether texts are those of chapters, whose track FFmpeg takes for subtitles beside a timecode."""
    titles = [chapter["metadata"].get("title", "").encode() for chapter in chapters[: len(samples)]]
    texts = [bytes(sample)[2 : 2 + int.from_bytes(bytes(sample)[:2], "big")] for sample in samples]
    return bool(texts) and texts == titles


def _a(name: str) -> str:
    return f"an {name}" if name.startswith(_SPOKEN_VOWELS) else f"a {name}"
