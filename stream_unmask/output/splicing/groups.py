"""The closed groups of pictures of a file: stretches that a decoder needs nothing before and after for."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from itertools import chain, pairwise
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from stream_unmask.errors import InputError, OutputError
from stream_unmask.video.files import reason
from stream_unmask.video.info import main_video


@dataclass(frozen=True, slots=True)
class Group:
    """One closed group.

    Attributes:
        first_packet: how many packets of the video come before it.
        packets: how many it has.
        first: how many pictures are shown before it.
        pts: of its pictures in the order in which they are shown, in ticks; without those that an edit list
            hides.
    """

    first_packet: int
    packets: int
    first: int
    pts: array[int]

    @property
    def last(self) -> int:
        """When the picture is shown that is shown last."""
        return self.pts[-1]

    def shows(self, pts: int) -> bool:
        """Whether one of its pictures is shown at that time."""
        place = bisect_left(self.pts, pts)
        return place < len(self.pts) and self.pts[place] == pts


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """All of a video.

    Attributes:
        groups: in order; each shows at least one picture.
        reorder: how many pictures may be decoded before one that is shown earlier.
        keyframes: how many there are, also such as depend on what comes before them.
    """

    groups: list[Group]
    reorder: int
    keyframes: int

    def decoding_times(self, group: Group) -> Iterator[int]:
        """When the pictures from a group on are decoded, one after the other, in ticks.

        It is the time of the picture that is shown ``reorder`` pictures earlier. Then none is decoded after
        it is shown, whatever order an encoder puts them in that needs no more than that.
        """
        opening = self.groups[0].pts
        step = opening[1] - opening[0] if len(opening) > 1 else 1
        early = [opening[0] - step * (self.reorder - place) for place in range(self.reorder)]
        yield from early[group.first :]
        place = max(0, group.first - self.reorder)
        for each in self.groups:
            yield from each.pts[max(0, place - each.first) :]


@dataclass(slots=True)
class _Gathering:
    """A group while its packets are counted; ``pts`` in the order of decoding."""

    first_packet: int
    packets: int = 0
    pts: list[int] = field(default_factory=list)

    def reorder(self) -> int:
        places = {pts: place for place, pts in enumerate(sorted(self.pts))}
        return max((index - places[pts] for index, pts in enumerate(self.pts)), default=0)


def plan_groups(path: Path, opens: Callable[[bytes], bool]) -> GroupPlan:
    """Find the closed groups of a file's video. All its packets are read, none is decoded.

    Args:
        path: the file.
        opens: whether the keyframe in a packet begins a closed group.

    Raises:
        InputError: the file cannot be read.
        OutputError: its pictures have no times, or are not shown in the order of their groups.
    """
    gathered: list[_Gathering] = []
    keyframes = count = 0
    try:
        with av.open(str(path), metadata_errors="surrogateescape") as container:
            for packet in _packets(container, _video(container, path)):
                keyframes += packet.is_keyframe
                if not gathered or (packet.is_keyframe and opens(bytes(packet))):
                    gathered.append(_Gathering(count))
                count += 1
                gathered[-1].packets += 1
                if packet.pts is None:
                    raise refusal(path, "its pictures have no times")
                if not packet.is_discard:
                    gathered[-1].pts.append(packet.pts)
    except av.FFmpegError as error:
        raise InputError(f"{path} cannot be read: {reason(error)}.", path=path) from error
    groups = _groups(gathered)
    times = [pts for group in groups for pts in group.pts]
    if not times or any(later <= earlier for earlier, later in pairwise(times)):
        raise refusal(path, "the times of its pictures go back")
    return GroupPlan(groups, max(each.reorder() for each in gathered), keyframes)


def refusal(path: Path, why: str) -> OutputError:
    """The error of a file that cannot be copied in part, for a reason of some words."""
    return OutputError(f"Parts of {path} cannot be copied as they are: {why}.", path=path)


def _groups(gathered: list[_Gathering]) -> list[Group]:
    groups: list[Group] = []
    first = 0
    for each in gathered:
        if each.pts:  # else an edit list hides all of it
            groups.append(Group(each.first_packet, each.packets, first, array("q", sorted(each.pts))))
            first += len(each.pts)
    return groups


class GroupReader:
    """Reads a file's groups once more, one after the other: as packets, or as pictures.

    Args:
        path: the file.
        threads: for the decoder; 0 for as many as there are cores.

    Attributes:
        stream: the video.
    """

    def __init__(self, path: Path, threads: int) -> None:
        self._container = av.open(str(path), metadata_errors="surrogateescape")
        self.stream = _video(self._container, path)
        self.stream.thread_type = "AUTO"
        self.stream.thread_count = threads
        self._left = _packets(self._container, self.stream)
        self._position = 0

    def packets(self, group: Group) -> Iterator[Packet[VideoStream]]:
        """The packets of a group as they are; what comes before it is passed over for good."""
        for packet in self._left:
            self._position += 1
            if self._position > group.first_packet:
                yield packet
            if self._position >= group.first_packet + group.packets:
                return

    def pictures(self, group: Group, last: int) -> Iterator[VideoFrame]:
        """The pictures of a group as its source decoded them, up to the one that is shown at ``last``."""
        self.stream.codec_context.flush_buffers()
        for packet in chain(self.packets(group), [None]):
            for picture in self._decoded(packet):
                if picture.pts is None or picture.pts > last:
                    return
                yield picture

    def close(self) -> None:
        """Let go of the file."""
        self._left.close()
        self._container.close()

    def _decoded(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        try:
            return self.stream.decode(packet)
        except av.FFmpegError:  # which the source has counted
            return []


def _video(container: InputContainer, path: Path) -> VideoStream:
    stream = main_video(container)
    if stream is None:
        raise InputError(f"There is no video in {path} that can be decoded.", path=path)
    return stream


def _packets(container: InputContainer, stream: VideoStream) -> Generator[Packet[VideoStream], None, None]:
    return (packet for packet in container.demux(stream) if packet.size)
