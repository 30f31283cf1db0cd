"""The cameras that the page shows: how each of them is, and what can be done with it."""

from __future__ import annotations

import asyncio
import io
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import PIL.Image

from stream_unmask.cameras import CameraAtWork, CameraConfig, Cameras
from stream_unmask.errors import UnmaskError
from stream_unmask.output.live.delays import Delays
from stream_unmask.output.live.naming import Names
from stream_unmask.output.live.outputs import Output
from stream_unmask.output.live.targets import RecordingTarget
from stream_unmask.output.photo import written_exif
from stream_unmask.output.session import Session
from stream_unmask.video.camera import CameraSource
from stream_unmask.video.files import reason, redact
from stream_unmask.web.feeds import Feed
from stream_unmask.web.targets import Clock, PageTarget, StillsTarget

InputState = Literal["stopped", "connecting", "live", "lost"]

_MOST_PACKETS = 30
"""Coded pictures that may wait for a viewer, about a second of them."""

_STILL_QUALITY = 92


@dataclass(slots=True)
class Recording:
    """What is recorded from the page.

    Attributes:
        path: the file.
        output: writes it.
        began: by ``time.time``.
    """

    path: Path
    output: Output
    began: float


@dataclass(slots=True)
class Counted:
    """Figures of one second."""

    at: float
    frames: int
    dropped: int


@dataclass(slots=True, eq=False)
class Input:
    """One camera of the page.

    Attributes:
        config: the camera.
        packets: for WebRTC.
        fragments: for fragmented MP4.
        stills: for JPEGs.
        delays: from the camera's frame to those who watch.
        clock: of what they get.
        wanted: it is to run.
        recording: what is recorded from the page, if anything is.
        shown_delay: median and 95th percentile of the last second with viewers.
        fps: frames that were done in the last second.
        counted: what was counted last.
    """

    config: CameraConfig
    packets: Feed
    fragments: Feed
    stills: Feed
    delays: Delays
    clock: Clock = field(default_factory=Clock)
    wanted: bool = True
    recording: Recording | None = None
    shown_delay: tuple[float, float] | None = None
    fps: float = 0.0
    counted: Counted = field(default_factory=lambda: Counted(time.monotonic(), 0, 0))

    @property
    def viewers(self) -> int:
        return self.packets.viewers + self.fragments.viewers + self.stills.viewers


class Inputs:
    """All cameras of the page.

    Args:
        loop: that of the server.
        recordings: folder for what is recorded from the page.
        label: what the metadata of pictures and recordings say.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, recordings: Path, label: str) -> None:
        self._loop, self._folder, self._label = loop, recordings, label
        self._inputs: dict[str, Input] = {}
        self._cameras: Cameras | None = None
        self._busy = threading.Lock()

    def serve(self, cameras: Cameras) -> None:
        """Run cameras by this; before it, they are known and stopped."""
        self._cameras = cameras

    def __iter__(self) -> Iterator[Input]:
        return iter(list(self._inputs.values()))

    def __getitem__(self, name: str) -> Input:
        """The camera of this name.

        Raises:
            KeyError: there is none.
        """
        return self._inputs[name]

    def become(self, configs: Mapping[str, CameraConfig]) -> None:
        """Have these cameras and no others; those that are as they were go on."""
        with self._busy:
            for name in [name for name in self._inputs if name not in configs]:
                del self._inputs[name]
            for name, config in configs.items():
                if name in self._inputs:
                    self._inputs[name].config = config
                else:
                    self._inputs[name] = self._input(config)
            self._run()

    def switch(self, name: str, *, on: bool) -> None:
        """Start or stop a camera, and wait until it has ended."""
        with self._busy:
            self._inputs[name].wanted = on
            self._run()

    def end(self) -> None:
        """Stop all, and wait until they have ended."""
        with self._busy:
            for each in self._inputs.values():
                each.wanted = False
            self._run()

    def began(self, camera: CameraAtWork, session: Session) -> None:
        """A camera is there: show it. In its thread."""
        each = self._inputs.get(camera.config.name)
        if each is None:
            return
        each.recording = None
        session.fanout.add(PageTarget(each.packets, each.fragments, each.delays, each.clock))
        session.fanout.add(StillsTarget(each.stills, each.delays, each.clock))

    def at_work(self, each: Input) -> CameraAtWork | None:
        return None if self._cameras is None else self._cameras.get(each.config.name)

    def session(self, each: Input) -> Session | None:
        """Its way to its outputs; None while it is not there."""
        camera = self.at_work(each)
        return None if camera is None else camera.session

    def state(self, each: Input) -> InputState:
        if not each.wanted:
            return "stopped"
        session = self.session(each)
        if session is None or session.fanout.newest is None:
            return "connecting"
        source = session.source
        return "lost" if isinstance(source, CameraSource) and source.away_since is not None else "live"

    def record(self, name: str) -> Recording:
        """Begin to record what a camera shows, unmasked.

        Raises:
            UnmaskError: it is not there, is recorded already, or nothing can be written.
        """
        each = self._inputs[name]
        with self._busy:
            if each.recording is not None:
                raise UnmaskError(f"{name} is being recorded already.")
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UnmaskError(f"Nothing can be recorded: {reason(error)}.") from error
            path = self._free_name(name)
            each.recording = Recording(path, self.record_to(name, path), time.time())
        return each.recording

    def record_to(self, name: str, path: Path) -> Output:
        """Begin to write what a camera shows into a file.

        Raises:
            UnmaskError: it is not there, or nothing can be written.
        """
        session = self.session(self._inputs[name])
        if session is None:
            raise UnmaskError(f"{name} is not there now.")
        return session.fanout.add(RecordingTarget(Names(path), "mp4", tags={"comment": self._label}))

    def stop_recording(self, name: str) -> Path | None:
        """End it; the file, None where nothing was written.

        Raises:
            UnmaskError: nothing is recorded.
        """
        each = self._inputs[name]
        with self._busy:
            recording, each.recording = each.recording, None
        if recording is None:
            raise UnmaskError(f"{name} is not being recorded.")
        self.end_output(name, recording.output)
        return next(iter(recording.output.files), None)

    def end_output(self, name: str, output: Output) -> None:
        """End what was begun by :meth:`record_to`, and wait until it is whole."""
        session = self.session(self._inputs[name]) if name in self._inputs else None
        if session is not None and output in session.fanout.outputs:
            session.fanout.remove(output)

    def snapshot(self, name: str) -> bytes:
        """What a camera shows now, unmasked, as a JPEG that says what in it is synthetic.

        Raises:
            UnmaskError: it shows nothing.
        """
        session = self.session(self._inputs[name])
        frame = None if session is None else session.fanout.newest
        if frame is None:
            raise UnmaskError(f"{name} shows nothing now.")
        rotation = 0 if session is None else session.source.info.rotation
        picture = PIL.Image.fromarray(np.rot90(frame.to_ndarray(), -rotation // 90))
        file = io.BytesIO()
        exif = b"Exif\0\0" + written_exif(b"", self._label, picture.size)
        picture.save(file, "JPEG", quality=_STILL_QUALITY, exif=exif)
        return file.getvalue()

    def count(self) -> None:
        """Take the figures of the last second; once a second."""
        now = time.monotonic()
        for each in self._inputs.values():
            frames, dropped = self.frames(each)
            passed = max(now - each.counted.at, 0.1)
            each.fps = max(0, frames - each.counted.frames) / passed
            each.counted = Counted(now, frames, dropped)
            each.shown_delay = each.delays.recent() or (each.shown_delay if each.viewers else None)

    def frames(self, each: Input) -> tuple[int, int]:
        """Frames that were done and dropped since it was started."""
        camera = self.at_work(each)
        return (0, 0) if camera is None else (camera.frames, camera.dropped)

    def describe(self, each: Input) -> dict[str, Any]:
        """How it is, as plain values."""
        camera, session = self.at_work(each), self.session(each)
        info = None if session is None else session.source.info
        problems = None if session is None else session.source.problems
        delay = each.shown_delay
        return {
            "name": each.config.name,
            "source": redact(each.config.source),
            "state": self.state(each),
            "said": "" if camera is None else camera.pulse.said,
            "width": None if info is None else info.width,
            "height": None if info is None else info.height,
            "fps": round(each.fps, 1),
            "frames": each.counted.frames,
            "dropped": each.counted.dropped,
            "faces": 0 if camera is None else camera.faces,
            "reconnects": 0 if problems is None else problems.reconnects,
            "viewers": each.viewers,
            "delay_p50_ms": None if delay is None else round(1000 * delay[0], 1),
            "delay_p95_ms": None if delay is None else round(1000 * delay[1], 1),
            "recording_since": None if each.recording is None else each.recording.began,
        }

    def _run(self) -> None:
        if self._cameras is not None:
            wanted = {name: each.config for name, each in self._inputs.items() if each.wanted}
            self._cameras.become(wanted)

    def _input(self, config: CameraConfig) -> Input:
        name = config.name

        def refresh() -> None:
            session = self.session(self._inputs[name]) if name in self._inputs else None
            if session is not None:
                session.fanout.refresh("page")

        feeds = [Feed(self._loop, most, refresh) for most in (_MOST_PACKETS, _MOST_PACKETS, 1)]
        return Input(config, feeds[0], feeds[1], feeds[2], Delays())

    def _free_name(self, name: str) -> Path:
        stem = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)[:60]
        return self._folder / f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}.mp4"
