"""``stream-unmask serve``: the page."""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from stream_unmask.cameras import CameraConfig
from stream_unmask.cli.amounts import DURATION, SIZE
from stream_unmask.cli.config import read_config
from stream_unmask.cli.live import signals
from stream_unmask.cli.logs import log_options, log_to_stderr
from stream_unmask.cli.options import stand_in_option, weights_option
from stream_unmask.errors import InputError, UnmaskError
from stream_unmask.heap import keep_memory_together
from stream_unmask.output.live.naming import default_name
from stream_unmask.output.writing import OutputOptions
from stream_unmask.settings import Settings
from stream_unmask.video.camera_options import CameraOptions
from stream_unmask.video.files import is_address, reason
from stream_unmask.video.logins import environment_login
from stream_unmask.web.options import Limits, ServeOptions

_FOR_EVER = float("inf")
_TOKEN_BYTES = 24
_LOOK = 0.2

Configs = Mapping[str, CameraConfig]


@click.command()
@click.argument("inputs", nargs=-1)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Cameras from a file, as `live` takes it.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8000, show_default=True, help="0 for any.")
@click.option(
    "--allow-host", multiple=True, metavar="NAME", help="A name that browsers may use, as behind a proxy."
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with the token that visitors must know; it is made where it is missing.",
)
@click.option(
    "--certificate", type=click.Path(path_type=Path, dir_okay=False), help="Serve over TLS with this chain."
)
@click.option("--key", type=click.Path(path_type=Path, dir_okay=False), help="The certificate's key.")
@click.option(
    "--recordings",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("recordings"),
    show_default=True,
    help="Folder for what is recorded from the page.",
)
@click.option("--keep", type=DURATION, default="1h", show_default=True, help="Delete uploads after so long.")
@click.option("--max-upload", type=SIZE, default="512M", show_default=True, help="Size of a file.")
@click.option("--max-length", type=DURATION, default="10m", show_default=True, help="Length of a video.")
@click.option(
    "--max-uploads", type=click.IntRange(1), default=32, show_default=True, help="Files kept at once."
)
@click.option("--max-webcams", type=click.IntRange(1), default=2, show_default=True, help="Webcams at once.")
@click.option("--wear", is_flag=True, help="Put masks on bare faces instead.")
@click.option(
    "--threads", type=click.IntRange(0), default=0, help="Threads of each network, 0 for all cores."
)
@click.option("--backend", default="auto", show_default=True, help="What runs the networks.")
@weights_option
@stand_in_option
@log_options
def serve(
    inputs: tuple[str, ...], config: Path | None, log_level: str | None, log_json: bool, **chosen: Any
) -> None:
    """Show a page: watch INPUTS with and without masks, try files and a webcam, read numbers.

    INPUTS are cameras as everywhere (rtsp://, webcam:0), or video files, which are shown again and again.
    Files and browsers' webcams can be tried without any. The page is for this machine alone unless --host or
    --allow-host says otherwise; then visitors need a token, which is printed at the start. SIGHUP reads
    --config again.
    """
    try:
        options = _options(chosen)
        settings = _settings(chosen)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error
    if config is not None:
        settings = read_config(config, outputs_needed=False).settings
    keep_memory_together()
    with log_to_stderr(log_level, as_json=log_json, serves=True) as logged:

        def say(sentence: str) -> None:
            if not logged:
                click.echo(sentence, err=True)

        _serve(options, settings, lambda: _configs(inputs, config), say)


def _serve(
    options: ServeOptions, settings: Settings, read: Callable[[], Configs], say: Callable[[str], None]
) -> None:
    from stream_unmask.web.app import serve as run

    configs = read()
    with signals() as (stop, reload):
        asyncio.run(run(options, settings, configs, say, _changes(read, stop, reload, say)))


async def _changes(
    read: Callable[[], Configs],
    stop: threading.Event,
    reload: threading.Event,
    say: Callable[[str], None],
) -> AsyncIterator[Configs]:
    """The cameras, whenever the file is to be read again, until ``stop``."""
    while not stop.is_set():
        await asyncio.sleep(_LOOK)
        if reload.is_set():
            reload.clear()
            try:
                yield read()
            except UnmaskError as error:
                say(f"{error} The cameras go on as they were.")


def _settings(chosen: Mapping[str, Any]) -> Settings:
    same = ("wear", "weights", "backend", "threads", "stand_in")
    return Settings(reconnect=_FOR_EVER, **{name: chosen[name] for name in same})


def _options(chosen: Mapping[str, Any]) -> ServeOptions:
    limits = Limits(
        upload_bytes=int(chosen["max_upload"]),
        upload_seconds=chosen["max_length"],
        uploads=chosen["max_uploads"],
        keep=chosen["keep"],
        webcams=chosen["max_webcams"],
    )
    names, file = frozenset(chosen["allow_host"]), chosen["token_file"]
    common: dict[str, Any] = {
        "host": chosen["host"],
        "port": chosen["port"],
        "names": names,
        "certificate": chosen["certificate"],
        "key": chosen["key"],
        "recordings": chosen["recordings"].absolute(),
        "limits": limits,
    }
    if file is not None:
        return ServeOptions(token=_token(file), **common)
    made = secrets.token_urlsafe(_TOKEN_BYTES)
    found = ServeOptions(token=made, shows_token=True, **common)
    return found if found.is_open else ServeOptions(**common)


def _token(file: Path) -> str:
    """The token in a file, which is made where it is missing, for its owner's eyes alone.

    Raises:
        InputError: it cannot be read or made.
    """
    try:
        if not file.exists():
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as made:
                made.write(f"{secrets.token_urlsafe(_TOKEN_BYTES)}\n")
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {reason(error)}.", path=file) from error


def _configs(inputs: Sequence[str], config: Path | None) -> Configs:
    """The cameras that are named, and those of the file.

    Raises:
        InputError: the file makes no sense, or an input is missing.
    """
    found = {} if config is None else dict(read_config(config, outputs_needed=False).cameras)
    for source in inputs:
        if not is_address(source) and not Path(source).is_file():
            raise InputError(f"{source} is neither a camera nor a file.", path=source)
        name = _name(source, found)
        camera = CameraOptions(wait=_FOR_EVER, login=environment_login())
        repeat = not is_address(source)
        found[name] = CameraConfig(name, source, (), camera, OutputOptions(), repeat)
    return found


def _name(source: str, taken: Mapping[str, object]) -> str:
    """What an input is called: its host, or its file, and a number where that is taken."""
    if source.startswith("webcam:"):
        stem = source.replace(":", "-")
    elif is_address(source):
        stem = default_name(source, "x").rsplit("-%", 2)[0].removesuffix("-%Y%m%d")
    else:
        stem = Path(source).stem
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}"
    return name
