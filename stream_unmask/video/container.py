"""Frames and packets out of one file or one connection, as FFmpeg opens it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.container import InputContainer
from av.format import Flags
from av.packet import Packet
from av.stream import Stream

from stream_unmask.errors import InputError
from stream_unmask.video.cropping import file_cropping
from stream_unmask.video.decoding import LOST_ALPHA, PictureDecoder
from stream_unmask.video.dolby_vision import lost_dolby_vision
from stream_unmask.video.files import reason
from stream_unmask.video.frame import Frame
from stream_unmask.video.info import (
    SourceInfo,
    SourceProblems,
    describe,
    has_end,
    is_cover,
    lost_properties,
    main_video,
)
from stream_unmask.video.samples import Samples, first_packets, sample_file
from stream_unmask.video.sounds import Sound, sounds

_MOST_FAILURES = 100
"""Reads that may fail one after the other before the rest of a file is given up."""

_MISSING_SECONDS = 0.5
"""A container's duration may be wrong by this much without anything being lost."""

_MOST_LOOKAHEAD = 4096
"""Packets that may come before the first picture."""

_WAITED = 0.01
"""Seconds from which on a read has waited for a packet that was not there yet: more than a busy machine's."""

_WAITED_LONG = 0.5
"""The same, whatever the machine is busy with."""

_PACE = 0.5
"""Share of the time that pictures show from which on reading them is as slow as taking them."""

_PACE_FRAMES = 4
"""Frames over which that is measured."""

_MOST_CATCHING_UP = 3.0
"""Seconds after which a live picture is shown even though reading it has never waited."""


@dataclass(frozen=True, slots=True)
class CopiedPacket:
    """A packet of sound, subtitles or data that is passed on as it is.

    Attributes:
        packet: as the container held it.
        stream_index: its stream in the source.
        arrival: when it came, in seconds of ``time.monotonic``; None where it did not come in real time.
    """

    packet: Packet[Stream]
    stream_index: int
    arrival: float | None = None


@dataclass(frozen=True, slots=True)
class Reconnected:
    """A camera came back as another one: what follows it is of this kind.

    Attributes:
        info: of the new connection.
        sounds: of the new connection, by stream index.
    """

    info: SourceInfo
    sounds: Mapping[int, Sound]


class Closing:
    """Is closed at the end of a ``with`` statement."""

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ContainerSource(Closing):
    """Frames and packets out of a PyAV container; see :class:`stream_unmask.video.source.Source`.

    What is endless, as a camera's picture is, begins with its newest frame: those that came while the
    connection was being opened are passed over, and so is the sound before it.

    Attributes:
        on_gpu: a GPU decodes the video, unless it turns out that it cannot.
        endless: it comes in real time, and is not a recording that is played.
        pictures: hand out frames; without, only what travels beside them comes, and nothing is decoded.
        sounds: its sound, by stream index.
        lasting: it has no end that is known: one that comes all the same is a loss.
        broken: why reading it ended before the source said so; empty where it did not.
    """

    def __init__(
        self,
        container: InputContainer,
        shown: str,
        *,
        live: bool,
        real_time: bool,
        threads: int,
        path: Path | None = None,
    ) -> None:
        stream = main_video(container)
        if stream is None:
            raise InputError(f"There is no video in {shown} that can be decoded.", path=shown)
        self.on_gpu = stream.codec_context.is_hwaccel
        self.endless = real_time and not has_end(container)
        self.lasting = live and not has_end(container)
        stream.thread_type = "AUTO"
        # Each thread more would hold a picture back: from the GPU, or from who watches a camera. Those that
        # share one picture repair no damage.
        stream.thread_count = 1 if self.on_gpu or live else threads
        self.problems = SourceProblems()
        self.copied_streams: Mapping[int, Stream] = {
            other.index: other
            for other in container.streams
            if other is not stream and (other.type != "video" or is_cover(other))
        }
        self.sounds = sounds(container.streams.audio)
        for other in container.streams.video:
            if other is not stream and other.index not in self.copied_streams:
                self.problems.warnings.append(
                    f"The video stream {other.index} of {shown} was left out: only the main one is worked on."
                )
        self._container = container
        self._stream = stream
        self._shown = shown
        self._path = path
        self._live = live
        cropping = file_cropping(path, stream.index) if path is not None and path.is_file() else None
        # What has no clock of its own goes by when it comes.
        self._untimed = real_time and bool(Flags(container.format.flags) & Flags.no_timestamps)
        self._arrival = time.monotonic()
        clock = self._now if self._untimed else None
        self._decoder = PictureDecoder(stream, self.problems, cropping, clock)
        self.broken = ""
        self._end = 0.0
        self._longest_wait = 0.0
        self.pictures = True
        self._items = self._read()
        self._waiting: deque[Frame | CopiedPacket] = deque()
        first = self._look_ahead().picture
        if stream.metadata.get("alpha_mode", stream.metadata.get("ALPHA_MODE")) == "1":
            self.problems.warnings.append(LOST_ALPHA)
        self.problems.warnings += lost_properties(first)
        self.problems.warnings += lost_dolby_vision(shown, path, stream.index, first)
        self.info: SourceInfo = describe(shown, container, stream, first, live=live, real_time=real_time)
        if self._untimed:
            self.info = replace(self.info, time_base=self._decoder.time_base, average_rate=None)
        if self.endless:
            self.problems.missing_timestamps = 0  # the first packet of RTP never has one

    def __iter__(self) -> Iterator[Frame | CopiedPacket]:
        if self.endless:
            self._catch_up()
        while self._waiting:
            item = self._waiting.popleft()
            if self.pictures or not isinstance(item, Frame):
                yield item
        yield from self._items

    def start_at(self, dts: int) -> None:
        """Read on from the last keyframe that is decoded at ``dts`` or before; of files alone.

        Args:
            dts: in ticks of the video stream.

        Raises:
            InputError: the file cannot be read from there.
        """
        self._items.close()
        self._waiting.clear()
        try:
            self._container.seek(dts, stream=self._stream, backward=True)
        except av.FFmpegError as error:
            raise InputError(
                f"{self._shown} cannot be read from its middle: {reason(error)}.", path=self._shown
            ) from error
        self._stream.codec_context.flush_buffers()
        self._items = self._read()

    def samples(self) -> Samples:
        """First packets of the copied streams: the file's, else those that came before the first picture."""
        if self._path is not None and self._path.is_file():
            return sample_file(self._path, self.copied_streams)
        waiting = [item.packet for item in self._waiting if isinstance(item, CopiedPacket)]
        return first_packets(waiting, self.copied_streams)

    def close(self) -> None:
        """Let go of the file or the connection."""
        try:
            self._items.close()
        except ValueError:
            return  # Another thread, that nobody waited for, is reading; it all goes when that returns.
        self._waiting.clear()
        self._container.close()

    def _look_ahead(self) -> Frame:
        """Read up to the first frame, which says more of the video than its container does."""
        for item in self._items:
            self._waiting.append(item)
            if isinstance(item, Frame):
                return item
            if len(self._waiting) > _MOST_LOOKAHEAD:
                break
        raise InputError(f"No picture of {self._shown} can be decoded.", path=self._shown)

    def _catch_up(self) -> None:
        """Read until pictures come no faster than they were taken, and keep nothing older than the newest."""
        self._longest_wait = 0.0
        started = time.monotonic()
        newest: deque[Frame | CopiedPacket] = deque()
        pace: deque[tuple[float, float]] = deque(maxlen=_PACE_FRAMES)
        for item in chain(self._waiting, self._items):
            if isinstance(item, Frame):
                newest.clear()
                pace.append((time.monotonic(), item.time))
            newest.append(item)
            if self._in_step(pace) or time.monotonic() - started > _MOST_CATCHING_UP:
                break
        self._waiting = newest

    def _in_step(self, pace: deque[tuple[float, float]]) -> bool:
        """Whether frames, by when they came and what they show, come as a camera takes them."""
        if self._untimed or len(pace) < _PACE_FRAMES:
            return self._longest_wait > (_WAITED if self._untimed else _WAITED_LONG)
        (came, showed), (comes, shows) = pace[0], pace[-1]
        return comes - came >= _PACE * (shows - showed)

    def _read(self) -> Generator[Frame | CopiedPacket, None, None]:
        for packet in self._packets():
            if packet.stream_index == self._stream.index:
                for frame in self._decoder.decode(packet) if self.pictures else ():
                    frame.arrival = self._arrival
                    yield frame
            elif packet.size or packet.dts is not None:
                yield CopiedPacket(packet, packet.stream_index, self._arrival)
        if not self.endless and self.pictures:  # what a broken connection left in the decoder is late
            yield from self._decoder.flush()
        self._check_end()

    def _packets(self) -> Iterator[Packet[Stream]]:
        """Every packet that can be read; what cannot is counted."""
        streams = [self._stream, *self.copied_streams.values()]
        failures = 0
        while failures < _MOST_FAILURES:
            try:
                asked = time.monotonic()
                for packet in self._container.demux(streams):
                    self._longest_wait = max(self._longest_wait, time.monotonic() - asked)
                    # The empty ones at the end ask for a flush, which has its own place in _read.
                    if packet.size or packet.dts is not None:
                        failures = 0
                        self._arrival = time.monotonic()
                        self._note_end(packet)
                        yield packet
                    asked = time.monotonic()
                return
            except IndexError:  # PyAV stumbles at the end over a stream that it did not know at the beginning
                self.problems.warnings.append(
                    f"A stream of {self._shown} was left out: it begins on the way, unannounced."
                )
                return
            except av.InvalidDataError:
                failures += 1
                self.problems.broken_packets += 1
            except av.FFmpegError as error:
                self.broken = "nothing more came" if isinstance(error, av.ExitError) else reason(error)
                self.problems.warnings.append(f"Reading {self._shown} ended early: {self.broken}.")
                return

    def _now(self) -> float:
        """When the packet that is decoded came, for streams without a clock."""
        return self._arrival

    def _note_end(self, packet: Packet[Stream]) -> None:
        if packet.pts is not None and packet.time_base:
            self._end = max(self._end, float((packet.pts + (packet.duration or 0)) * packet.time_base))

    def _check_end(self) -> None:
        """Notice a file that was cut off: its container promises more than could be read."""
        promised = self._container.duration
        if promised is None or self._live:
            return
        missing = ((self._container.start_time or 0) + promised) / av.time_base - self._end
        if missing > _MISSING_SECONDS:
            self.problems.warnings.append(
                f"{self._shown} is cut off: the last {missing:.1f} seconds that it promises are not there."
            )
