"""Where outputs go: what ``-o`` names, and how each kind is begun and ended."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from stream_unmask.errors import OutputError, UnmaskError
from stream_unmask.output.live.encoding import Kind
from stream_unmask.output.live.muxing import FORMATS, Muxer, Place
from stream_unmask.output.live.naming import Names, next_boundary, unused
from stream_unmask.output.live.packets import EncodedPacket, LiveProgram
from stream_unmask.output.live.retention import Retention
from stream_unmask.output.live.sending import Sender
from stream_unmask.output.parts import FolderLock, PartFile, WholeFile, left_over, rescue
from stream_unmask.video.files import check_output, reason

_SYNC = 2.0
"""Seconds after which what was recorded is brought to the disk: the power may fail."""

_PLAYLIST = "index.m3u8"


class Opened(Protocol):
    """Something that packets go into, from a keyframe on."""

    @property
    def program(self) -> LiveProgram: ...
    @property
    def started(self) -> bool:
        """Whether it is known to be taken where it goes."""
        ...

    def write(self, packet: EncodedPacket) -> bool: ...
    def is_over(self) -> bool:
        """Whether the next one should begin at the next keyframe."""
        ...

    def close(self, *, interrupted: bool) -> Path | None:
        """Finish it; the file that it became, if any."""
        ...

    def kill(self) -> None:
        """Let go of it from another thread, where its own hangs in it."""
        ...


class Target(Protocol):
    """Where an output goes.

    Attributes:
        shown: what messages call it.
        format: FFmpeg's name of its container.
        kind: what pictures are encoded for.
        retries: it is begun again when it fails.
        wanted: somebody takes what goes there now; pictures are not encoded for nobody.
    """

    format: str
    kind: Kind

    @property
    def shown(self) -> str: ...
    @property
    def retries(self) -> bool: ...
    @property
    def wanted(self) -> bool: ...
    def check(self) -> None: ...
    def prepare(self, notify: Callable[[str], None]) -> None: ...
    def open(self, first: EncodedPacket) -> Opened: ...
    def end(self) -> None: ...


@dataclass(slots=True)
class OpenStream:
    """A pipe, a device, or a folder of HLS that is written."""

    muxer: Muxer

    @property
    def program(self) -> LiveProgram:
        return self.muxer.program

    @property
    def started(self) -> bool:
        return True

    def write(self, packet: EncodedPacket) -> bool:
        return self.muxer.write(packet)

    def is_over(self) -> bool:
        return False

    def close(self, *, interrupted: bool) -> None:
        if interrupted:
            self.muxer.abandon()
        else:
            self.muxer.close()

    def kill(self) -> None:
        pass


class Sent:
    """A stream that a process of its own sends to a server."""

    def __init__(self, target: StreamTarget, first: EncodedPacket) -> None:
        self._shown = target.shown
        self._sender = Sender(target.uri, target.format)
        self._muxer = Muxer(Place(self._sender, "nut", target.shown, sent_as=target.format), first, {})

    @property
    def program(self) -> LiveProgram:
        return self._muxer.program

    @property
    def started(self) -> bool:
        return self._sender.started

    def write(self, packet: EncodedPacket) -> bool:
        try:
            return self._muxer.write(packet)
        except OutputError as error:
            done = "written" if self.started else "opened"
            why = self._sender.finish() or "it hung up"
            raise OutputError(f"{self._shown} cannot be {done}: {why}.", path=self._shown) from error

    def is_over(self) -> bool:
        return False

    def close(self, *, interrupted: bool) -> None:
        self._muxer.abandon()
        why = self._sender.finish()
        if why and not interrupted:
            raise OutputError(f"{self._shown} cannot be finished: {why}.", path=self._shown)

    def kill(self) -> None:
        self._sender.kill()


class PlainTarget:
    """Nothing about it is known before it is opened, and nothing is left when it is closed."""

    __slots__ = ()

    def check(self) -> None:
        """Nothing to refuse."""

    def prepare(self, notify: Callable[[str], None]) -> None:
        """Nothing to make ready."""

    def end(self) -> None:
        """Nothing to clear away."""


@dataclass(slots=True)
class StreamTarget(PlainTarget):
    """A server that takes a stream."""

    uri: str
    format: str
    shown: str
    kind: Kind = "live"
    retries: bool = True
    wanted: bool = True

    def open(self, first: EncodedPacket) -> Sent:
        return Sent(self, first)


class StandardOutput:
    """The standard output, as PyAV takes a file: who reads it slowly holds up nothing but it."""

    def write(self, data: bytes) -> int:
        return WholeFile(1).write(data)


@dataclass(slots=True)
class DirectTarget(PlainTarget):
    """The standard output, or a virtual camera of Video4Linux.

    Attributes:
        device: the camera; None for the standard output.
    """

    format: str
    shown: str
    kind: Kind
    retries: bool
    wanted: bool = True
    device: str | None = None

    def open(self, first: EncodedPacket) -> OpenStream:
        file = StandardOutput() if self.device is None else self.device
        return OpenStream(Muxer(Place(file, self.format, self.shown), first, {}))


@dataclass(slots=True)
class HlsTarget(PlainTarget):
    """A folder with a playlist and its newest segments, for a web server; no other run writes there."""

    folder: Path
    format: str = "hls"
    kind: Kind = "live"
    retries: bool = True
    wanted: bool = True
    _lock: FolderLock | None = None

    @property
    def shown(self) -> str:
        return str(self.folder)

    def check(self) -> None:
        if self.folder.exists():
            FolderLock(self.folder).release()

    def prepare(self, notify: Callable[[str], None]) -> None:
        _make(self.folder, parents=False)
        self._lock = FolderLock(self.folder)

    def open(self, first: EncodedPacket) -> OpenStream:
        options = {"hls_segment_filename": str(self.folder / "segment%d.ts")}
        place = Place(str(self.folder / _PLAYLIST), self.format, self.shown, options)
        return OpenStream(Muxer(place, first, {}))

    def end(self) -> None:
        """Tell players that no more comes."""
        with contextlib.suppress(OSError), (self.folder / _PLAYLIST).open("a") as playlist:
            playlist.write("#EXT-X-ENDLIST\n")
        if self._lock is not None:
            self._lock.release()


class Recording:
    """One file of a camera: playable while it is written, an ordinary one when it is closed."""

    def __init__(self, target: RecordingTarget, path: Path, first: EncodedPacket, *, overwrite: bool) -> None:
        self._target, self._overwrite = target, overwrite
        self._part = PartFile.claim(path)
        try:
            place = Place(self._part.file, target.format, str(path))
            self.muxer = Muxer(place, first, target.tags)
        except OutputError:
            self._part.discard()
            raise
        now = time.time()
        self._ends = next_boundary(now, target.segment) if target.segment is not None else None
        self._began = self._synced = time.monotonic()
        self._closed = False

    @property
    def program(self) -> LiveProgram:
        return self.muxer.program

    @property
    def started(self) -> bool:
        return True

    def kill(self) -> None:
        pass

    def write(self, packet: EncodedPacket) -> bool:
        written = self.muxer.write(packet)
        if time.monotonic() - self._synced > _SYNC:
            self._synced = time.monotonic()
            try:
                self._part.sync()
            except OSError as error:
                target = self._part.target
                raise OutputError(f"{target} cannot be written: {reason(error)}.", path=target) from error
        return written

    def is_over(self) -> bool:
        if self._ends is None or self._target.segment is None:
            return False
        # The machine's clock may have been set back.
        return time.time() >= self._ends or time.monotonic() - self._began >= self._target.segment

    def close(self, *, interrupted: bool) -> Path | None:
        if self._closed:  # it was tried in vain, and what became of it is told
            return None
        self._closed = True
        if interrupted:
            self.muxer.abandon()
            return self._part.interrupt()
        try:
            self.muxer.close()
            self._part.sync()
            if self._target.seal is not None:
                self._target.seal(self._part.path)
        except (UnmaskError, OSError) as error:
            kept = self._part.interrupt()
            why = str(error) if isinstance(error, UnmaskError) else f"{reason(error)}."
            raise OutputError(f"{why} What was recorded is in {kept}.", path=kept) from error
        return self._part.publish(overwrite=self._overwrite, numbered=True)


@dataclass(slots=True)
class RecordingTarget:
    """Files of a camera, one after the other.

    Attributes:
        names: what they are called.
        format: FFmpeg's name of their container.
        segment: seconds after which the next one begins; None for never.
        retention: which of them go.
        overwrite: the first one may replace what bears its name.
        again: the first one gets another name where its own is taken, as all others do.
        tags: their metadata.
        seal: is given each file before it gets its name.
    """

    names: Names
    format: str
    segment: float | None = None
    retention: Retention = field(default_factory=Retention)
    overwrite: bool = False
    again: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    seal: Callable[[Path], None] | None = None
    kind: Kind = "recording"
    wanted: bool = True
    _first: bool = True

    @property
    def shown(self) -> str:
        return str(self.names.target(time.time()))

    @property
    def retries(self) -> bool:
        """Where there is a name for the next one, and old ones may make room."""
        return self.names.many

    def check(self) -> None:
        """Refuse what cannot be.

        Raises:
            OutputError: the folder is missing or closed to us.
            OutputExistsError: the name is taken.
        """
        target = self.names.target(time.time())
        if self.names.many:
            _make(target.parent)
        check_output(target, None, overwrite=self.overwrite or self.again or self.names.many)

    def prepare(self, notify: Callable[[str], None]) -> None:
        """Keep what earlier runs left unfinished.

        Raises:
            OutputError: nothing can be written there.
        """
        self.check()
        target = self.names.target(time.time())
        for name in left_over(target.parent) if self.names.many else {target}:
            for kept in rescue(name):
                notify(f"What an earlier run left unfinished is in {kept}.")

    def open(self, first: EncodedPacket) -> Recording:
        self.retention.apply(self.names)
        target = self.names.target(time.time())
        if self.names.many:
            _make(target.parent)
        overwrite = self._first and self.overwrite and not self.names.many
        path = target if overwrite else unused(target)
        recording = Recording(self, path, first, overwrite=overwrite)
        self._first = False
        return recording

    def end(self) -> None:
        self.retention.apply(self.names)


def _make(folder: Path, *, parents: bool = True) -> None:
    try:
        folder.mkdir(parents=parents, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {folder} cannot be made: {reason(error)}.", path=folder) from error


def recording_format(path: Path) -> str:
    """FFmpeg's format for a file of a camera.

    Raises:
        OutputError: nothing is known of such a suffix.
    """
    found = FORMATS.get(path.suffix.lower())
    if found is None:
        known = ", ".join(sorted(FORMATS))
        sentence = f"A camera cannot be recorded to {path.name}; name it with one of {known}."
        raise OutputError(sentence, path=path)
    return found
