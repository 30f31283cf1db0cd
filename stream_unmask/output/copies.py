"""Sound, subtitles, data and attachments: passed on packet by packet."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping

import av
from av.container import OutputContainer
from av.format import Flags as FormatFlags
from av.packet import Packet
from av.stream import Stream

from stream_unmask.output.timeline import Timeline

_OWN_TAGS = frozenset(("encoder", "duration", "number_of_frames", "number_of_bytes", "bps", "vendor_id"))
"""Stream and container tags that the writer of a file makes itself."""

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
    """The streams of one container that are copied from another.

    Args:
        container: what they are copied into; its header must not have been written.
        timeline: that of all streams of the container.

    Attributes:
        warnings: a sentence for each stream that was left out.
        repaired_timestamps: packets whose timestamps went backwards or were missing.
    """

    def __init__(self, container: OutputContainer, timeline: Timeline) -> None:
        self.warnings: list[str] = []
        self.repaired_timestamps = 0
        self._container = container
        self._timeline = timeline
        self._streams: dict[int, Stream] = {}
        self._last: dict[int, int] = {}
        self._texts: set[int] = set()
        # Where a container allows it, packets of a few samples may share a tick.
        self._step = 0 if FormatFlags(container.format.flags) & FormatFlags.ts_nonstrict else 1

    def add(self, template: Stream) -> None:
        """Make room for a stream, or leave it out with a warning where the container cannot hold it."""
        if not _fits(self._container.format.name, template):
            name = getattr(template, "name", None) or template.type
            self.warnings.append(
                f"The {template.type} stream {template.index} ({name}) was left out:"
                f" a {self._container.format.name} file cannot hold it."
            )
            return
        stream = self._container.add_stream_from_template(template, opaque=True)
        stream.metadata.update(kept_tags(template.metadata))
        stream.disposition = template.disposition
        self._streams[template.index] = stream
        if template.type == "subtitle" and getattr(template, "name", None) == "mov_text":
            self._texts.add(template.index)

    def packet(self, packet: Packet[Stream], stream_index: int) -> Packet[Stream] | None:
        """The packet as the container takes it, None where its stream was left out."""
        stream = self._streams.get(stream_index)
        if stream is None or (stream_index in self._texts and bytes(packet) == _MOV_TEXT_GAP):
            return None
        self._move(packet, stream_index)
        if packet.dts is None:
            packet.dts = packet.pts if packet.pts is not None else self._last.get(stream_index, -1) + 1
            self.repaired_timestamps += 1
        step = self._step if stream.type in ("audio", "video") else 0
        least = self._last.get(stream_index)
        if least is not None and packet.dts < least + step:
            packet.dts = least + step
            self.repaired_timestamps += 1
        if packet.pts is None or packet.pts < packet.dts:
            packet.pts = packet.dts
        self._last[stream_index] = packet.dts
        packet.stream = stream
        return packet

    def _move(self, packet: Packet[Stream], stream_index: int) -> None:
        time_base = packet.time_base
        start = packet.dts if packet.dts is not None else packet.pts
        if start is None:
            return
        offset = self._timeline.place(
            self._streams[stream_index].index, start * time_base, (packet.duration or 0) * time_base
        )
        if offset:
            ticks = round(offset / time_base)
            packet.dts = start + ticks
            packet.pts = packet.pts + ticks if packet.pts is not None else None


def _fits(format_name: str, template: Stream) -> bool:
    """Whether a container takes a stream: asking it is the only way that holds for all of them."""
    probe = av.open(io.BytesIO(), "w", format=format_name)
    try:
        probe.add_stream_from_template(template, opaque=True)
        probe.start_encoding()
    except (ValueError, av.FFmpegError):
        return False
    finally:
        with contextlib.suppress(av.FFmpegError):  # to some it is an error that no packet was written
            probe.close()
    return True
