"""``stream-unmask live cameras.toml``: many cameras in one process."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from stream_unmask import api
from stream_unmask.cli.config import CameraConfig, Config, read_config
from stream_unmask.cli.logs import log_options, log_to_stderr
from stream_unmask.errors import UnmaskError
from stream_unmask.video.camera import Backoff

_log = logging.getLogger(__name__)


@click.command()
@click.argument("config", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--check", is_flag=True, help="Only say whether CONFIG makes sense.")
@log_options
def live(config: Path, check: bool, log_level: str | None, log_json: bool) -> None:
    """Take the face masks off the people that several cameras see.

    CONFIG is a TOML file of cameras and their outputs. SIGHUP reads it again: cameras that changed begin
    anew, the others go on.
    """
    read = read_config(config)
    for camera in read.cameras.values():
        api.check_job(camera.source, camera.outputs, camera.options, picture=False)
    if check:
        click.echo(f"{config} names {len(read.cameras)} cameras.")
        return
    with log_to_stderr(log_level, as_json=log_json) as logged:
        unmasker = api.Unmasker(read.settings)

        def say(sentence: str) -> None:
            if not logged:
                click.echo(sentence, err=True)

        say(f"Engine: {unmasker.networks.engine}")
        cameras = Cameras(unmasker, say)
        with _signals() as (stop, reload):
            _serve(cameras, read, config, stop, reload)


def _serve(
    cameras: Cameras, read: Config, config: Path, stop: threading.Event, reload: threading.Event
) -> None:
    """Run until ``stop``; read the file again whenever ``reload`` is set."""
    cameras.become(read.cameras)
    try:
        while not stop.wait(0.2):
            if not reload.is_set():
                continue
            reload.clear()
            try:
                again = read_config(config)
            except UnmaskError as error:
                cameras.say(f"{error} The cameras go on as they were.")
                continue
            if again.settings != read.settings:
                cameras.say("Other [settings] count when the program is started again.")
            cameras.become(again.cameras)
    finally:
        cameras.become({})


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
        self.config, self.stop = config, threading.Event()
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
            notify=self._tell,
            stop=self.stop,
        )
        for warning in report.warnings:
            self._tell(f"Warning: {warning}")
        self._tell(self._unmasker.summary(report))

    def _tell(self, sentence: str) -> None:
        self._say(f"{self.config.name}: {sentence}")


@contextmanager
def _signals() -> Iterator[tuple[threading.Event, threading.Event]]:
    """Events for the end (Ctrl-C, a polite kill) and for reading the file again (SIGHUP)."""
    stop, reload = threading.Event(), threading.Event()

    def end(signum: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signum, signal.default_int_handler)

    def again(_signum: int, _frame: FrameType | None) -> None:
        reload.set()

    handlers = {signal.SIGINT: end, signal.SIGTERM: end, signal.SIGHUP: again}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield stop, reload
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
