"""First packets of the streams beside a video: what a container can be asked about before it is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

_ENOUGH = 3
"""Packets of a stream: some are refused at the second only."""

_MOST = 2000
"""Packets in all, after which a stream that has shown none counts as empty."""

Samples: TypeAlias = "Mapping[int, list[Packet[Stream]]]"


def demuxed(container: InputContainer, *streams: Stream) -> Iterator[Packet[Stream]]:
    """The packets of a file.

    A stream that begins on the way is unknown to PyAV, which stumbles over it at the end, when all is read.

    Args:
        container: the file.
        streams: to be read; all, where none is named.
    """
    with suppress(IndexError):
        yield from container.demux(*streams)


def first_packets(packets: Iterable[Packet[Stream]], streams: Iterable[int]) -> Samples:
    """The first few packets of each stream that are found early.

    Args:
        packets: in the order of the file.
        streams: numbers of the streams.
    """
    found: dict[int, list[Packet[Stream]]] = {index: [] for index in streams}
    for seen, packet in enumerate(packets):
        if seen >= _MOST or all(len(each) >= _ENOUGH for each in found.values()):
            break
        if packet.size and packet.stream_index in found and len(found[packet.stream_index]) < _ENOUGH:
            found[packet.stream_index].append(packet)
    return found


def sample_file(path: Path, streams: Iterable[int]) -> Samples:
    """The same of a file, which is opened once more for that; empty where it cannot be."""
    streams = list(streams)
    if not streams or not path.is_file():  # what comes through a pipe can be read only once
        return {}
    try:
        with av.open(str(path.absolute()), metadata_errors="surrogateescape") as container:
            wanted = [stream for stream in container.streams if stream.index in streams]
            return first_packets(demuxed(container, *wanted), streams)
    except (av.FFmpegError, OSError):
        return {}
