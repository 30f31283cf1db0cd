"""Whether a file that was written can be read: it is opened again, and each stream looked for at its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from stream_unmask.errors import UnmaskError
from stream_unmask.video.files import reason
from stream_unmask.video.info import main_video
from stream_unmask.video.samples import demuxed

_TOLERANCE = Fraction(1)
"""Seconds by which the end of a stream may be off: containers round, and move the start to zero."""

_COUNTING = frozenset(("avi",))
"""Containers that count frames instead of timing them: their times say nothing of the source's."""


_LOOKED_FOR = frozenset(("title", "artist", "album", "copyright", "description", "genre", "date"))
"""Tags that people write themselves, and look for."""

_UNSEEN_TAGS, _UNSEEN_BRAND = frozenset(("mpegts",)), "3g"
"""Containers whose label stands where FFmpeg's readers do not look for tags."""


@dataclass(slots=True)
class Written:
    """What was handed to the muxer of one stream.

    Attributes:
        kind: "video", "audio", "subtitle" or "data".
        count: packets.
        first: time of the first of them, in seconds.
        last: the latest time, in seconds.
    """

    kind: str
    count: int = 0
    first: Fraction = Fraction(0)
    last: Fraction = Fraction(0)

    def add(self, packet: Packet[Stream]) -> None:
        """Note a packet, before the muxer takes it."""
        time = (packet.pts if packet.pts is not None else packet.dts or 0) * packet.time_base
        self.first = time if not self.count else self.first
        self.last = max(self.last, time) if self.count else time
        self.count += 1


@dataclass(frozen=True, slots=True)
class Told:
    """What a file should say beside its streams.

    Attributes:
        label: of a comment; "" for none.
        tags: names and texts.
        chapters: how many.
        timecode: of the first frame; "" for none.
    """

    label: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    chapters: int = 0
    timecode: str = ""


def check_written(
    path: Path, written: Mapping[int, Written], told: Told, *, counted: bool = False
) -> list[str]:
    """Read a finished file's header, and the first and the last packet of each stream.

    Args:
        path: the file.
        written: what was put into it, by stream.
        told: what it should say.
        counted: count every packet of the video too: the muxer refused some packet, and did not say whose.

    Returns:
        A sentence for each stream beside the video that is not whole, and for each thing that is not said.

    Raises:
        UnmaskError: the video in it is not whole.
    """
    try:
        with av.open(str(path), metadata_errors="surrogateescape") as container:
            return [
                *_check(container, written, counted),
                *_check_label(container, told.label),
                *_check_told(container, told),
            ]
    except (av.FFmpegError, OSError) as error:
        raise UnmaskError(f"what was written cannot be opened: {reason(error)}") from error


def _check(container: InputContainer, written: Mapping[int, Written], counted: bool) -> list[str]:
    video = main_video(container)
    first = _first_time(container, video) if video is not None else None
    if video is None or first is None:
        raise UnmaskError("there is no video in what was written")
    frames = next(each for each in written.values() if each.kind == "video")
    shift = first - frames.first
    lost = _lost_seconds(container, video, frames, shift)
    if lost > _TOLERANCE:
        raise UnmaskError(f"the last {float(lost):.1f} seconds of the video are not in what was written")
    if counted and _count(container, video) < frames.count:
        raise UnmaskError("not all frames of the video are in what was written")
    return [
        sentence for kind in ("audio", "subtitle") for sentence in _missing(container, written, kind, shift)
    ]


def _check_label(container: InputContainer, label: str) -> Iterator[str]:
    tags = container.metadata
    unseen = container.format.name in _UNSEEN_TAGS or tags.get("major_brand", "").startswith(_UNSEEN_BRAND)
    if not unseen and not any(label in value for value in tags.values()):
        yield "Such a file has no room for the label that says what in it is synthetic: say it elsewhere."


def _check_told(container: InputContainer, told: Told) -> Iterator[str]:
    """What a user would look for in vain."""
    found = {name.lower(): text for name, text in container.metadata.items()}
    lost = [name for name in told.tags if name.lower() in _LOOKED_FOR and name.lower() not in found]
    if told.chapters and not container.chapters():
        lost.append("chapters")
    streams = (name.lower() for stream in container.streams for name in stream.metadata)
    if told.timecode and "timecode" not in (*found, *streams):
        lost.append("timecode")
    if lost:
        yield f"Such a file does not hold everything that the source says: {', '.join(lost)}."


def _missing(
    container: InputContainer, written: Mapping[int, Written], kind: str, shift: Fraction
) -> Iterator[str]:
    """What is not whole of the streams of one kind; readers may number streams in another order."""
    found = [stream for stream in container.streams if stream.type == kind]
    wanted = [each for _, each in sorted(written.items()) if each.kind == kind]
    if len(found) < sum(each.count > 0 for each in wanted):
        yield f"Only {len(found)} of {len(wanted)} {kind} streams are in what was written."
    if len(found) != len(wanted):
        return
    for stream, each in zip(found, wanted, strict=True):
        lost = _lost_seconds(container, stream, each, shift)
        if each.count and lost > _TOLERANCE:
            yield f"The last {float(lost):.1f} seconds of the {kind} stream {stream.index} are missing."


def _count(container: InputContainer, video: Stream) -> int:
    container.seek(0)
    return sum(1 for _ in _packets(container, video))


def _first_time(container: InputContainer, stream: Stream) -> Fraction | None:
    times = [_time(packet) for packet, _ in zip(_packets(container, stream), range(16), strict=False)]
    return min((time for time in times if time is not None), default=None)


def _lost_seconds(container: InputContainer, stream: Stream, written: Written, shift: Fraction) -> Fraction:
    """How much earlier than it should a stream ends, as far as that can be said."""
    if not stream.time_base or container.format.name in _COUNTING:
        return Fraction(0)
    end = written.last + shift
    lost = end - written.first - shift
    # Where a container has no index to speak of, a seek may go anywhere: then all of it is read.
    for place in (max(0, round(end / stream.time_base)), 0):
        container.seek(place, stream=stream)
        for packet in _packets(container, stream):
            time = _time(packet)
            lost = min(lost, end - time) if time is not None else lost
            if lost <= _TOLERANCE:
                return lost
    return lost


def _packets(container: InputContainer, stream: Stream) -> Iterator[Packet[Stream]]:
    return (packet for packet in demuxed(container, stream) if packet.size)


def _time(packet: Packet[Stream]) -> Fraction | None:
    time = packet.pts if packet.pts is not None else packet.dts
    return time * packet.time_base if time is not None else None
