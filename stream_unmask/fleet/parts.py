"""Encoded video of one span: made by one worker, joined by another."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from numpy.typing import NDArray

from stream_unmask.output.codecs import EncoderSettings
from stream_unmask.output.containers import container_options
from stream_unmask.output.encoder import VideoEncoder
from stream_unmask.output.timeline import Timeline
from stream_unmask.video.frame import Frame
from stream_unmask.video.info import SourceInfo
from stream_unmask.video.source import Item


class PartSink:
    """Encodes the frames of a span as :class:`~stream_unmask.output.sink.FileSink` would those of a file.

    Args:
        folder: for a file that stays empty: an encoder is set up for a container.
        suffix: of the file that the part is for.
        info: the source.
        settings: of the encoder.
        first: pts of the first frame that is wanted, in the source's ticks; those before are passed over.
            None for all.
        width_factor: how many times wider than the source's the frames are.
    """

    def __init__(
        self,
        folder: Path,
        suffix: str,
        info: SourceInfo,
        settings: EncoderSettings,
        first: int | None,
        width_factor: int = 1,
    ) -> None:
        self._container: OutputContainer = av.open(
            str(folder / f"part{suffix}"),
            "w",
            container_options=container_options(suffix, info.time_base, {}),
        )
        self._encoder = VideoEncoder(self._container, info, settings, Timeline(), width_factor)
        self._first = first
        self._packets: list[Packet[Any]] = []
        self.frames = 0

    @property
    def warnings(self) -> list[str]:
        """A sentence for what of the picture is lost."""
        return self._encoder.warnings

    @property
    def repaired_timestamps(self) -> int:
        """Frames that were not later than the one before."""
        return self._encoder.repaired_timestamps

    def write(self, item: Item) -> None:
        """Encode the next frame, if it is wanted."""
        if isinstance(item, Frame) and (self._first is None or item.pts >= self._first):
            self._packets += self._encoder.encode(item)
            self.frames += 1

    def close(self) -> Path | None:
        """Finish the encoding; there is no file."""
        self._packets += self._encoder.flush()
        return None

    def keep(self) -> Path | None:
        """The same; a span is not interrupted."""
        return self.close()

    def discard(self) -> None:
        """Nothing was written."""

    def packed(self) -> bytes:
        """The packets as bytes, for :func:`read_part`."""
        packets = self._packets
        columns = {
            "pts": [packet.pts for packet in packets],
            "dts": [packet.dts for packet in packets],
            "duration": [packet.duration or 0 for packet in packets],
            "keyframe": [packet.is_keyframe for packet in packets],
            "size": [packet.size for packet in packets],
        }
        data = np.frombuffer(b"".join(bytes(packet) for packet in packets), np.uint8)
        written = io.BytesIO()
        arrays: dict[str, Any] = {name: np.array(values, np.int64) for name, values in columns.items()}
        np.savez(written, allow_pickle=False, data=data, **arrays)
        return written.getvalue()


@dataclass(frozen=True, slots=True)
class Part:
    """The packets of a span, in the order in which they are decoded.

    Attributes:
        pts: (N,) when each is shown, in ticks of the encoder.
        dts: (N,) when each is decoded.
        duration: (N,) for how long each is shown; 0 where that is not said.
        keyframe: (N,) whether a player can begin with it.
        size: (N,) bytes of each.
        data: all of them.
    """

    pts: NDArray[np.int64]
    dts: NDArray[np.int64]
    duration: NDArray[np.int64]
    keyframe: NDArray[np.int64]
    size: NDArray[np.int64]
    data: NDArray[np.uint8]

    def packets(self, dts: Sequence[int]) -> Iterator[Packet[Stream]]:
        """Each packet, decoded at these times."""
        start = 0
        for index, size in enumerate(self.size.tolist()):
            packet = av.Packet(self.data[start : start + size].tobytes())
            start += size
            packet.pts, packet.dts = int(self.pts[index]), dts[index]
            packet.duration, packet.is_keyframe = int(self.duration[index]), bool(self.keyframe[index])
            yield packet


def read_part(packed: bytes) -> Part:
    """A part out of its bytes."""
    with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
        return Part(**{name: arrays[name] for name in Part.__slots__})


def ordered_times(parts: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> list[list[int]]:
    """When the packets of parts behind each other are decoded, going on from part to part.

    An encoder decodes the N-th packet when the frame N - d is shown, d being by how many frames it reorders.
    At the start of each part it has no such frame and guesses; where frames come irregularly, that may be
    before the end of the part before. Here all parts are ordered as one.

    Args:
        parts: (N,) pts and (N,) dts of each.

    Returns:
        The dts of each; those of the encoder where its packets are not one for each frame.
    """
    shown = np.sort(np.concatenate([pts for pts, _ in parts]))
    first_pts, first_dts = parts[0]
    delay = int((first_dts < first_pts.min()).sum())
    decoded = np.concatenate([first_dts[:delay], shown[: len(shown) - delay]])
    if (decoded > np.concatenate([pts for pts, _ in parts])).any() or (np.diff(decoded) <= 0).any():
        return [dts.tolist() for _, dts in parts]
    ends = np.cumsum([len(pts) for pts, _ in parts])
    return [each.tolist() for each in np.split(decoded, ends[:-1])]
