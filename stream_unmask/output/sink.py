"""Writing a file that is whole or not there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream

from stream_unmask.errors import OutputError, OutputExistsError, UnmaskError
from stream_unmask.output.checking import Told, Written, check_written
from stream_unmask.output.codecs import EncoderSettings
from stream_unmask.output.containers import ROTATING_FORMATS, container_options, private_tags, written_tags
from stream_unmask.output.copies import StreamCopies, kept_tags
from stream_unmask.output.encoder import VideoEncoder
from stream_unmask.output.parts import PartFile
from stream_unmask.output.splicing.splicer import Splicer
from stream_unmask.output.timeline import Timeline
from stream_unmask.video.files import OUTPUT_SUFFIXES, check_output, reason
from stream_unmask.video.frame import Frame
from stream_unmask.video.info import SourceInfo, is_cover
from stream_unmask.video.samples import Samples
from stream_unmask.video.source import CopiedPacket, Item

__all__ = ["EncoderSettings", "FileSink", "Origin"]


class Origin(Protocol):
    """What a sink needs to know of a source."""

    @property
    def info(self) -> SourceInfo: ...
    @property
    def copied_streams(self) -> Mapping[int, Stream]: ...
    def samples(self) -> Samples: ...


class FileSink:
    """Writes frames and copied packets to a hidden file beside ``path``, and renames it when it is done.

    It is used by one thread at a time. After an error nothing of it is left on disk.

    Args:
        path: where the finished file goes; its suffix decides the container.
        source: what the frames come from. Its timing, colours, rotation, tags and chapters are carried over.
        settings: how the video is encoded.
        overwrite: replace what lies at ``path``.
        width_factor: how many times wider than the source's the written frames are (2 for side by side).
        metadata: tags to add to the source's.
        private: leave out tags and tracks that may say where, by whom and with what it was taken.
        seal: is given the finished file before it gets its name.
        copy_untouched: copy what of the video nothing changed; see
            :class:`stream_unmask.output.splicing.splicer.Splicer`.

    Attributes:
        frames_written: video frames so far.

    Raises:
        OutputError: the output cannot be, or would destroy something, or the encoder refuses.
    """

    def __init__(
        self,
        path: str | Path,
        source: Origin,
        settings: EncoderSettings | None = None,
        *,
        overwrite: bool = False,
        width_factor: int = 1,
        metadata: Mapping[str, str] | None = None,
        private: bool = False,
        seal: Callable[[Path], None] | None = None,
        copy_untouched: bool = False,
    ) -> None:
        self._seal = seal
        self._path = Path(path).absolute()
        self._overwrite = overwrite
        check_output(self._path, source.info.uri, overwrite=overwrite)
        self._part: PartFile | None = None
        self._container: OutputContainer | None = None
        self._timeline = Timeline()
        self._written: dict[int, Written] = {}
        self._refused = 0
        self.frames_written = 0
        self._notes: list[str] = []
        self._private = private
        self._copy_untouched = copy_untouched
        source_tags = private_tags(source.info.metadata) if private else source.info.metadata
        tags = written_tags(self._path.suffix.lower(), source_tags, metadata or {})
        info = source.info
        self._told = Told(
            (metadata or {}).get("comment", ""),
            tags,
            len(info.chapters),
            info.stream_metadata.get("timecode", ""),
        )
        try:
            container = self._container = self._open(source.info.time_base, tags)
            self._begin(container, source, settings or EncoderSettings(), width_factor, tags)
        except BaseException:
            self.discard()
            raise

    @property
    def warnings(self) -> list[str]:
        """A sentence for each thing of the source that is lost or changed, as far as it is known by now."""
        return [*self._encoder.warnings, *self._copies.warnings, *self._notes]

    @property
    def repaired_timestamps(self) -> int:
        """How often a timestamp went back or was missing, and what came with it was moved."""
        return self._encoder.repaired_timestamps + self._copies.repaired_timestamps + self._timeline.restarts

    def write(self, item: Item) -> None:
        """Write the next frame or packet. What comes back as another one is fitted in as far as it can be.

        Raises:
            OutputError: the file cannot be written any further; it is gone then.
        """
        container = self._opened()
        try:
            if isinstance(item, Frame):
                self._mux(container, self._encoder.encode(item))
                self.frames_written += 1
            elif isinstance(item, CopiedPacket):
                self._mux(container, self._copies.packets(item.packet, item.stream_index))
        except UnmaskError:
            self.discard()
            raise
        except (av.FFmpegError, OSError) as error:
            self._fail(error)

    @property
    def frames_copied(self) -> int:
        """Video frames so far that were copied without being encoded."""
        return self._encoder.copied if isinstance(self._encoder, Splicer) else 0

    def write_encoded(self, packet: Packet[Any]) -> None:
        """Write the next packet of video as another sink's encoder, with the same settings, made it.

        Frames and such packets are not to be mixed.

        Args:
            packet: of one frame; its times are in ticks of ``video_time_base``.

        Raises:
            OutputError: the file cannot be written any further; it is gone then.
        """
        container = self._opened()
        packet.stream, packet.time_base = self._encoder.stream, self.video_time_base
        try:
            self._mux(container, [packet])
        except (av.FFmpegError, OSError) as error:
            self._fail(error)
        self.frames_written += 1

    @property
    def video_time_base(self) -> Fraction:
        """Seconds in a tick of the video."""
        return self._encoder.time_base

    def close(self) -> Path:
        """Finish the file and give it its name.

        Raises:
            OutputError: it could not be finished, or no frame was written; nothing is left then.
        """
        if not self.frames_written:
            self.discard()
            raise OutputError(f"No frame was written to {self._path}.", path=self._path)
        part = self._finish()
        try:
            written = part.publish(overwrite=self._overwrite)
        except OSError as error:
            raise OutputError(
                f"{self._path} cannot be written: {reason(error)}; the video is in {part.path}.",
                path=self._path,
            ) from error
        if written != part.target:
            raise OutputExistsError(
                f"{self._path} appeared in the meantime; the result is in {written}.", path=self._path
            )
        return self._path

    def keep(self) -> Path | None:
        """Finish what is there as a playable file whose name says that it was interrupted.

        Returns:
            Its path, or None where no frame was written; nothing is left then.

        Raises:
            OutputError: it could not be finished; nothing is left then.
        """
        if self._container is None or not self.frames_written:
            self.discard()
            return None
        return self._finish().interrupt()

    def discard(self) -> None:
        """Remove what was written. Does nothing once the file is finished."""
        container, self._container = self._container, None
        part, self._part = self._part, None
        if container is not None:
            with contextlib.suppress(av.FFmpegError, OSError):  # the trailer of a file that is not wanted
                container.close()
        if part is not None:
            part.discard()

    def _opened(self) -> OutputContainer:
        if self._container is None:
            raise ValueError("the sink is closed")
        return self._container

    def _open(self, time_base: Fraction, tags: Mapping[str, str]) -> OutputContainer:
        check_container(self._path)
        suffix = self._path.suffix.lower()
        self._part = PartFile.claim(self._path.resolve() if self._path.is_symlink() else self._path)
        try:
            return av.open(
                str(self._part.path),
                "w",
                container_options=container_options(suffix, time_base, tags),
                metadata_errors="surrogateescape",
            )
        except OSError as error:
            raise OutputError(f"{self._path} cannot be written: {reason(error)}.", path=self._path) from error

    def _begin(
        self,
        container: OutputContainer,
        source: Origin,
        settings: EncoderSettings,
        width_factor: int,
        tags: Mapping[str, str],
    ) -> None:
        info = source.info
        samples = source.samples()
        self._copies = StreamCopies(
            container,
            self._timeline,
            timecode=info.stream_metadata.get("timecode", ""),
            chapters=info.chapters,
        )
        for index in sorted([info.stream_index, *source.copied_streams]):
            if index == info.stream_index:
                self._encoder = self._encoder_for(container, info, settings, width_factor)
                own = private_tags(info.stream_metadata) if self._private else info.stream_metadata
                self._encoder.stream.metadata.update(kept_tags(own))
                self._encoder.stream.disposition = Disposition(info.disposition)
                self._encoder.stream.set_display_matrix(info.display_matrix)
                if info.display_matrix and container.format.name not in ROTATING_FORMATS:
                    self._notes.append(
                        "Such a file cannot say how a video is to be turned: it will play as it was recorded."
                    )
            elif not (self._private and source.copied_streams[index].type == "data"):
                self._copies.add(source.copied_streams[index], samples.get(index, []))
        for stream in (self._encoder.stream, *self._copies.streams):
            if not is_cover(stream):
                self._written[stream.index] = Written(stream.type)
        container.metadata.update(tags)
        container.set_chapters(list(info.chapters))
        try:
            container.start_encoding()
        except (av.FFmpegError, ValueError, OSError) as error:
            raise OutputError(f"{self._path} cannot be started: {reason(error)}.", path=self._path) from error

    def _encoder_for(
        self, container: OutputContainer, info: SourceInfo, settings: EncoderSettings, width_factor: int
    ) -> VideoEncoder | Splicer:
        if self._copy_untouched:
            return Splicer(container, info, settings, self._timeline)
        return VideoEncoder(container, info, settings, self._timeline, width_factor)

    def _finish(self) -> PartFile:
        """Write what is left, close the file, and have it sealed."""
        container, part = self._opened(), self._part
        assert part is not None
        try:
            self._mux(container, self._encoder.flush())
            self._mux(container, self._copies.flush())
            self._close(container)
            with part.path.open("rb+") as file:
                os.fsync(file.fileno())
            lost = check_written(part.path, self._written, self._told, counted=self._refused > 0)
        except (av.FFmpegError, OSError, UnmaskError) as error:
            self._fail(error)
        self._container = self._part = None
        self._notes += [*self._copies_lost(), *lost]
        if self._seal is not None:
            try:
                self._seal(part.path)
            except UnmaskError as error:
                kept = part.interrupt()
                raise OutputError(f"{error} The unsigned video is in {kept}.", path=kept) from error
        return part

    def _mux(self, container: OutputContainer, packets: Iterable[Packet[Any]]) -> None:
        """Hand packets to the muxer, and go on where it refuses one.

        Since it sorts them first, it may say so only at a later one. Whether all of the video is in the file
        is looked at when it is finished.
        """
        for packet in packets:
            if packet.stream.index in self._written:
                self._written[packet.stream.index].add(packet)
            try:
                container.mux_one(packet)
            except (av.InvalidDataError, av.ArgumentError):
                if not self._copies.streams:
                    raise
                self._refused += 1

    def _close(self, container: OutputContainer) -> None:
        """Write the trailer. What is refused here may be a last packet of sound, or the whole file."""
        try:
            container.close()
        except (av.InvalidDataError, av.ArgumentError):
            if not self._copies.streams:
                raise
            self._refused += 1

    def _copies_lost(self) -> Iterator[str]:
        """A sentence for packets beside the video that are missing."""
        lost = {"was refused by the container": self._refused, "could not be decoded": self._copies.damaged}
        for why, count in lost.items():
            if count == 1:
                yield f"A packet of sound or data {why} and is missing."
            elif count:
                yield f"{count} packets of sound or data {why.replace('was', 'were')} and are missing."

    def _fail(self, error: Exception) -> None:
        self.discard()
        raise OutputError(f"{self._path} cannot be written: {reason(error)}.", path=self._path) from error


def check_container(path: Path) -> None:
    """Refuse an output whose name is not one of a container for video.

    Raises:
        OutputError: it is not.
    """
    if path.suffix.lower() not in OUTPUT_SUFFIXES:
        raise OutputError(
            f"A video cannot be written to {path.name}; name it {path.stem}.mp4, .mkv, .mov, .webm, .avi or"
            " .ts.",
            path=path,
        )
