"""Many cameras in one process, which begin, fail and end each on its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from stream_unmask.api import Unmasker
from stream_unmask.errors import UnmaskError
from stream_unmask.output.session import Session
from stream_unmask.output.writing import OutputOptions, Progress
from stream_unmask.video.camera import Backoff
from stream_unmask.video.camera_options import CameraOptions

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """One camera.

    Attributes:
        name: what it is called.
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


class Cameras:
    """Cameras at work, a thread each, which fail and begin again each on its own.

    Args:
        unmasker: serves all of them.
        say: gets a sentence for what a user should know.
        began: is told in a camera's thread that it is there, whenever that is.
    """

    def __init__(
        self,
        unmasker: Unmasker,
        say: Callable[[str], None],
        began: Callable[[CameraAtWork, Session], None] | None = None,
    ) -> None:
        self.say = say
        self._unmasker, self._began = unmasker, began
        self._at_work: dict[str, CameraAtWork] = {}

    def become(self, wanted: dict[str, CameraConfig]) -> None:
        """Stop the cameras that are not wanted, or not as they are, and begin those that are new."""
        changed = [name for name, camera in self._at_work.items() if wanted.get(name) != camera.config]
        for name in changed:
            self._at_work[name].stop.set()
        for name in changed:
            self._at_work.pop(name).join()
        for name, config in wanted.items():
            if name not in self._at_work:
                self._at_work[name] = CameraAtWork(config, self._unmasker, self.say, self._began)

    def get(self, name: str) -> CameraAtWork | None:
        """The camera of this name; None where it is not at work."""
        return self._at_work.get(name)


class CameraAtWork(threading.Thread):
    """One camera: begun again whenever it ends, until it is told to stop.

    Args:
        config: the camera.
        unmasker: works on it.
        say: gets a sentence for what a user should know.
        began: is told that it is there.

    Attributes:
        session: its way to its outputs; None while it is not there.
        said: the last sentence about it.
        frames: that were done since it is at work.
        dropped: that were left out.
        faces: in the last frame that wear a mask.
        since: when it was last there, by ``time.monotonic``.
    """

    def __init__(
        self,
        config: CameraConfig,
        unmasker: Unmasker,
        say: Callable[[str], None],
        began: Callable[[CameraAtWork, Session], None] | None = None,
    ) -> None:
        super().__init__(name=config.name)
        self.config, self.stop = config, threading.Event()
        self.session: Session | None = None
        self.said = ""
        self.frames = self.dropped = self.faces = 0
        self._dropped_before = 0
        self.since = time.monotonic()
        self._unmasker, self._say, self._began = unmasker, say, began
        self.start()

    def run(self) -> None:
        backoff = Backoff()
        while not self.stop.is_set():
            ended = False
            try:
                self._once()
                ended = True
            except UnmaskError as error:
                self._tell(str(error))
            except Exception:  # a defect in one camera's work must not end the others
                _log.exception("%s failed", self.config.name)
                self._tell("It failed; see the log.")
            finally:
                self.session = None
            if ended and self.config.repeat:
                continue
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
            notify=self._tell,
            progress=self._progress,
            stop=self.stop,
            began=self._begin,
        )
        for warning in report.warnings:
            self._tell(f"Warning: {warning}")
        if config.outputs:
            self._tell(self._unmasker.summary(report))

    def _begin(self, session: Session) -> None:
        self.since, self.session = time.monotonic(), session
        self._dropped_before = self.dropped
        if self._began is not None:
            self._began(self, session)

    def _progress(self, progress: Progress) -> None:
        self.frames += not progress.looking
        self.dropped, self.faces = self._dropped_before + progress.dropped, progress.faces

    def _tell(self, sentence: str) -> None:
        self.said = sentence
        self._say(f"{self.config.name}: {sentence}")
