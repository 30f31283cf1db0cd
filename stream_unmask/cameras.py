"""Many cameras in one process: each begins, fails and begins again by itself."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from stream_unmask import api
from stream_unmask.errors import UnmaskError
from stream_unmask.heap import settle_memory
from stream_unmask.output.session import Session
from stream_unmask.output.writing import OutputOptions, Progress
from stream_unmask.video.camera import Backoff
from stream_unmask.video.camera_options import CameraOptions

_log = logging.getLogger(__name__)

_RECENT = 5.0
"""Seconds over which the rate and the delay of a camera are told."""


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """One camera of the file.

    Attributes:
        name: what it is called there.
        source: its address, its login not yet in it.
        outputs: where it goes.
        camera: how it is read.
        options: what is written.
        repeat: it is a file, which begins again at its end.
    """

    name: str
    source: str
    outputs: tuple[str, ...]
    camera: CameraOptions
    options: OutputOptions
    repeat: bool = False


def again(config: CameraConfig) -> CameraConfig:
    """The same camera, where it was begun before: its recordings go on in further files."""
    live = replace(config.options.live, again=True)
    return replace(config, options=replace(config.options, live=live))


class Pulse:
    """How one camera is, as of the last seconds. Written by its thread, read by any.

    Attributes:
        said: the last sentence about it; empty at first.
    """

    def __init__(self) -> None:
        self.said = ""
        self._beats: deque[tuple[float, float | None]] = deque(maxlen=600)

    def beat(self, progress: Progress) -> None:
        """Another frame is done."""
        self._beats.append((time.monotonic(), progress.delay))

    @property
    def fps(self) -> float:
        """Frames a second; 0 where none came of late."""
        return len(self._recent()) / _RECENT

    @property
    def delay(self) -> float | None:
        """Median seconds from a frame's arrival until it is done; None where none came of late."""
        delays = sorted(delay for _, delay in self._recent() if delay is not None)
        return delays[len(delays) // 2] if delays else None

    def _recent(self) -> list[tuple[float, float | None]]:
        since = time.monotonic() - _RECENT
        return [beat for beat in list(self._beats) if beat[0] >= since]


class Cameras:
    """Cameras at work, a thread each, which fail and begin again each on its own.

    Args:
        unmasker: serves all of them.
        say: gets a sentence for what a user should know.
        began: is told in a camera's thread that it is there, whenever that is.
    """

    def __init__(
        self,
        unmasker: api.Unmasker,
        say: Callable[[str], None],
        began: Callable[[CameraAtWork, Session], None] | None = None,
    ) -> None:
        self.say = say
        settle_memory()
        self._unmasker, self._began = unmasker, began
        self._at_work: dict[str, CameraAtWork] = {}

    def get(self, name: str) -> CameraAtWork | None:
        """The camera of this name; None where it is not at work."""
        return self._at_work.get(name)

    def pulses(self) -> dict[str, Pulse]:
        """How each camera at work is, by name."""
        return {name: worker.pulse for name, worker in self._at_work.items()}

    def become(self, wanted: dict[str, CameraConfig]) -> None:
        """Stop the cameras that are not wanted, or not as they are, and begin those that are new."""
        changed = [name for name, worker in self._at_work.items() if wanted.get(name) != worker.config]
        for name in changed:
            self._at_work[name].stop.set()
        for name in changed:
            self._at_work.pop(name).join()
        for name, config in wanted.items():
            if name not in self._at_work:
                begun = name in changed
                self._at_work[name] = CameraAtWork(config, self._unmasker, self.say, self._began, begun=begun)


class CameraAtWork(threading.Thread):
    """One camera: begun again whenever it ends, until it is told to stop.

    Args:
        config: the camera.
        unmasker: works on it.
        say: gets a sentence for what a user should know.
        began: is told that it is there.
        begun: it was at work before.

    Attributes:
        pulse: how it is.
        session: its way to its outputs; None while it is not there.
        frames: that were done since it is at work.
        dropped: that were left out.
        faces: in the last frame that wear a mask.
    """

    def __init__(
        self,
        config: CameraConfig,
        unmasker: api.Unmasker,
        say: Callable[[str], None],
        began: Callable[[CameraAtWork, Session], None] | None = None,
        *,
        begun: bool = False,
    ) -> None:
        super().__init__(name=config.name)
        self.config, self.stop, self.pulse = config, threading.Event(), Pulse()
        self.session: Session | None = None
        self.frames = self.dropped = self.faces = 0
        self._dropped_before = 0
        self._unmasker, self._say, self._began, self._begun = unmasker, say, began, begun
        self.start()

    def run(self) -> None:
        backoff, config = Backoff(), again(self.config) if self._begun else self.config
        while not self.stop.is_set():
            try:
                self._once(config)
            except UnmaskError as error:
                self._tell(str(error))
            except Exception:  # a defect in one camera's work must not end the others
                _log.exception("%s failed", self.config.name)
                self._tell("It failed; see the log.")
            finally:
                if self.frames:
                    config = again(config)
                self.session = None
            pause = backoff.next(refused=False)
            if not self.stop.wait(pause):
                self._tell("It is begun again.")

    def _once(self, config: CameraConfig) -> None:
        report = self._unmasker.video(
            config.source,
            config.outputs,
            config.options,
            camera=config.camera,
            progress=self._progress,
            notify=self._tell,
            stop=self.stop,
            began=None if self._began is None else self._begin,
            repeat=config.repeat,
        )
        for warning in report.warnings:
            self._tell(f"Warning: {warning}")
        if config.outputs:
            self._tell(self._unmasker.summary(report))

    def _begin(self, session: Session) -> None:
        self.session, self._dropped_before = session, self.dropped
        if self._began is not None:
            self._began(self, session)

    def _progress(self, progress: Progress) -> None:
        self.pulse.beat(progress)
        self.frames += not progress.looking
        self.dropped, self.faces = self._dropped_before + progress.dropped, progress.faces

    def _tell(self, sentence: str) -> None:
        self.pulse.said = sentence
        self._say(f"{self.config.name}: {sentence}")
