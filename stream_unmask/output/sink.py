"""Writing a file that is whole or not there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream

from stream_unmask.errors import OutputError, OutputExistsError, UnmaskError
from stream_unmask.output.codecs import EncoderSettings
from stream_unmask.output.copies import StreamCopies, kept_tags
from stream_unmask.output.encoder import VideoEncoder
from stream_unmask.output.timeline import Timeline
from stream_unmask.video.files import OUTPUT_SUFFIXES, check_output, interrupted_path, partial_path, reason
from stream_unmask.video.frame import Frame
from stream_unmask.video.info import SourceInfo
from stream_unmask.video.source import CopiedPacket

__all__ = ["EncoderSettings", "FileSink", "Origin"]

_MOVIE_SUFFIXES = frozenset((".mp4", ".m4v", ".mov", ".3gp", ".3g2"))

_MOVIE_TAGS = frozenset(
    (
        *("title", "artist", "album_artist", "album", "composer", "comment", "copyright", "date", "genre"),
        *("description", "synopsis", "lyrics", "grouping", "show", "episode_id", "network", "keywords"),
        *("encoder", "creation_time", "location", "track", "disc", "compilation", "media_type", "hd_video"),
    )
)
"""Tags that MP4 has boxes for; others need another way of writing all of them."""

_ROTATING_FORMATS = frozenset(("mp4", "mov", "ipod", "3gp", "3g2", "matroska", "webm"))

_FORMAT_TAGS = frozenset(("major_brand", "minor_version", "compatible_brands"))


class Origin(Protocol):
    """What a sink needs to know of a source."""

    @property
    def info(self) -> SourceInfo: ...
    @property
    def copied_streams(self) -> Mapping[int, Stream]: ...


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
        seal: is given the finished file before it gets its name.

    Attributes:
        warnings: a sentence for each thing of the source that this container cannot hold.
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
        seal: Callable[[Path], None] | None = None,
    ) -> None:
        self._seal = seal
        self._path = Path(path).absolute()
        self._overwrite = overwrite
        check_output(self._path, source.info.uri, overwrite=overwrite)
        self._partial = partial_path(self._path)
        self._container: OutputContainer | None = None
        self._timeline = Timeline()
        self._damaged = 0
        self.frames_written = 0
        self.warnings: list[str] = []
        tags = {**kept_tags(source.info.metadata), **(metadata or {})}
        tags = {name: value for name, value in tags.items() if name not in _FORMAT_TAGS}
        try:
            container = self._container = self._open(source.info.time_base, tags)
            self._begin(container, source, settings or EncoderSettings(), width_factor, tags)
        except BaseException:
            self.discard()
            raise

    @property
    def repaired_timestamps(self) -> int:
        """How often a timestamp went back or was missing, and what came with it was moved."""
        return self._encoder.repaired_timestamps + self._copies.repaired_timestamps + self._timeline.restarts

    def write(self, item: Frame | CopiedPacket) -> None:
        """Write the next frame or packet.

        Raises:
            OutputError: the file cannot be written any further; it is gone then.
        """
        container = self._opened()
        try:
            if isinstance(item, Frame):
                self._mux(container, self._encoder.encode(item))
                self.frames_written += 1
            else:
                packet = self._copies.packet(item.packet, item.stream_index)
                self._mux(container, [packet] if packet is not None else [])
        except (av.FFmpegError, OSError) as error:
            self._fail(error)

    def close(self) -> Path:
        """Finish the file and give it its name.

        Raises:
            OutputError: it could not be finished, or no frame was written; nothing is left then.
        """
        if not self.frames_written:
            self.discard()
            raise OutputError(f"No frame was written to {self._path}.", path=self._path)
        if self._path.exists() and not self._overwrite:
            kept = self.keep()
            raise OutputExistsError(
                f"{self._path} appeared in the meantime; the result is in {kept}.", path=self._path
            )
        self._finish()
        return self._rename(self._path)

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
        self._finish()
        return self._rename(interrupted_path(self._path))

    def discard(self) -> None:
        """Remove what was written. Does nothing once the file is finished."""
        container, self._container = self._container, None
        if container is None:
            return
        with contextlib.suppress(av.FFmpegError, OSError):  # the trailer of a file that is not wanted
            container.close()
        self._partial.unlink(missing_ok=True)

    def _opened(self) -> OutputContainer:
        if self._container is None:
            raise ValueError("the sink is closed")
        return self._container

    def _open(self, time_base: Fraction, tags: Mapping[str, str]) -> OutputContainer:
        check_container(self._path)
        suffix = self._path.suffix.lower()
        try:
            self._partial.open("wb").close()
            return av.open(
                str(self._partial),
                "w",
                container_options=_container_options(suffix, time_base, tags),
                metadata_errors="surrogateescape",
            )
        except OSError as error:
            with contextlib.suppress(OSError):
                self._partial.unlink(missing_ok=True)
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
        self._copies = StreamCopies(container, self._timeline)
        for index in sorted([info.stream_index, *source.copied_streams]):
            if index == info.stream_index:
                self._encoder = VideoEncoder(container, info, settings, self._timeline, width_factor)
                self._encoder.stream.metadata.update(kept_tags(info.stream_metadata))
                self._encoder.stream.disposition = Disposition(info.disposition)
                self._encoder.stream.set_display_matrix(info.display_matrix)
                if info.rotation and container.format.name not in _ROTATING_FORMATS:
                    self.warnings.append(
                        f"A {container.format.name} file cannot say that its video is to be rotated"
                        f" by {info.rotation} degrees: it will play as it was recorded."
                    )
            else:
                self._copies.add(source.copied_streams[index])
        self.warnings += [*self._encoder.warnings, *self._copies.warnings]
        container.metadata.update(tags)
        container.set_chapters(list(info.chapters))
        try:
            container.start_encoding()
        except (av.FFmpegError, ValueError, OSError) as error:
            raise OutputError(f"{self._path} cannot be started: {reason(error)}.", path=self._path) from error

    def _finish(self) -> None:
        container = self._opened()
        try:
            self._mux(container, self._encoder.flush())
            with self._damage_counted():
                container.close()
            with self._partial.open("rb+") as file:
                os.fsync(file.fileno())
        except (av.FFmpegError, OSError) as error:
            self._fail(error)
        self._container = None
        if self._damaged:
            self.warnings.append(f"{self._damaged} damaged packets of sound or data could not be copied.")
        if self._seal is None:
            return
        try:
            self._seal(self._partial)
        except UnmaskError as error:
            kept = self._rename(interrupted_path(self._path))
            raise OutputError(f"{error} The unsigned video is in {kept}.") from error

    def _mux(self, container: OutputContainer, packets: Sequence[Packet[Any]]) -> None:
        for packet in packets:
            with self._damage_counted():
                container.mux_one(packet)

    @contextlib.contextmanager
    def _damage_counted(self) -> Iterator[None]:
        """Go on where a copied packet makes no sense to the muxer, which may say so only at a later one."""
        try:
            yield
        except (av.InvalidDataError, av.ArgumentError):
            self._damaged += 1

    def _rename(self, name: Path) -> Path:
        try:
            self._partial.replace(name)
        except OSError as error:
            raise OutputError(
                f"{name} cannot be written: {reason(error)}; the video is in {self._partial}.", path=name
            ) from error
        return name

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


def _container_options(suffix: str, time_base: Fraction, tags: Mapping[str, str]) -> dict[str, str]:
    options = {}
    if suffix in _MOVIE_SUFFIXES:
        if time_base.numerator == 1:
            # The muxer would choose ticks of its own, and round the start of each stream to milliseconds.
            options["video_track_timescale"] = str(time_base.denominator)
            options["movie_timescale"] = str(max(1000, time_base.denominator))
        if not _MOVIE_TAGS.issuperset(tags):
            options["movflags"] = "use_metadata_tags"
    elif suffix == ".avi":
        # It counts frames instead of timing them: moved by the sound's priming, one would be doubled.
        options["avoid_negative_ts"] = "disabled"
    return options
