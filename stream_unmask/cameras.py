"""Many cameras in one process: each begins, fails and begins again by itself."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from stream_unmask import api
from stream_unmask.errors import UnmaskError
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
    """

    name: str
    source: str
    outputs: tuple[str, ...]
    camera: CameraOptions
    options: OutputOptions


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
    """

    def __init__(self, unmasker: api.Unmasker, say: Callable[[str], None]) -> None:
        self.say = say
        self._unmasker = unmasker
        self._at_work: dict[str, _Worker] = {}

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
                self._at_work[name] = _Worker(config, self._unmasker, self.say)


class _Worker(threading.Thread):
    """One camera: begun again whenever it ends, until it is told to stop."""

    def __init__(self, config: CameraConfig, unmasker: api.Unmasker, say: Callable[[str], None]) -> None:
        super().__init__(name=config.name)
        self.config, self.stop, self.pulse = config, threading.Event(), Pulse()
        self._unmasker, self._say = unmasker, say
        self.start()

    def run(self) -> None:
        backoff = Backoff()
        while not self.stop.is_set():
            try:
                self._once()
            except UnmaskError as error:
                self._tell(str(error))
            except Exception:  # a defect in one camera's work must not end the others
                _log.exception("%s failed", self.config.name)
                self._tell("It failed; see the log.")
            pause = backoff.next(refused=False)
            if not self.stop.wait(pause):
                self._tell("It is begun again.")

    def _once(self) -> None:
        config = self.config
        report = self._unmasker.video(
            config.source,
            config.outputs,
            config.options,
            camera=config.camera,
            progress=self.pulse.beat,
            notify=self._tell,
            stop=self.stop,
        )
        for warning in report.warnings:
            self._tell(f"Warning: {warning}")
        self._tell(self._unmasker.summary(report))

    def _tell(self, sentence: str) -> None:
        self.pulse.said = sentence
        self._say(f"{self.config.name}: {sentence}")
