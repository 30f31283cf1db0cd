"""``stream-unmask live cameras.toml``: many cameras in one process."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from stream_unmask import api
from stream_unmask.cameras import Cameras
from stream_unmask.cli.config import Config, read_config
from stream_unmask.cli.logs import log_options, log_to_stderr
from stream_unmask.errors import UnmaskError
from stream_unmask.heap import keep_memory_together


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
    keep_memory_together()
    with log_to_stderr(log_level, as_json=log_json, serves=True) as logged:
        unmasker = api.Unmasker(read.settings)

        def say(sentence: str) -> None:
            if not logged:
                click.echo(sentence, err=True)

        say(f"Engine: {unmasker.networks.engine}")
        cameras = Cameras(unmasker, say)
        with signals() as (stop, reload):
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


@contextmanager
def signals() -> Iterator[tuple[threading.Event, threading.Event]]:
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
