"""The options of cameras and of what goes out live, for any command that reads one."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path

import click

from stream_unmask.cli.amounts import DURATION, SIZE, picture_size
from stream_unmask.output.live.holding import ON_LOSS
from stream_unmask.output.live.options import PIPE_FORMATS, LiveOptions
from stream_unmask.output.live.parsing import WINDOW_NAME
from stream_unmask.output.live.retention import Retention
from stream_unmask.video.camera_options import TRANSPORTS, CameraOptions
from stream_unmask.video.files import redact
from stream_unmask.video.logins import Login, environment_login, read_login, split_login

_DEFAULTS = CameraOptions()


_OPTIONS = (
    click.option(
        "--stall",
        type=DURATION,
        default=_DEFAULTS.stall,
        show_default=True,
        help="Seconds without a picture after which a camera is lost.",
    ),
    click.option("--wait", type=DURATION, default=0, help="How long a camera that is off is called. [0]"),
    click.option(
        "--rtsp-transport",
        type=click.Choice(TRANSPORTS),
        default=_DEFAULTS.transport,
        show_default=True,
        help="What RTP comes over; auto tries TCP, then UDP.",
    ),
    click.option(
        "--credentials-file",
        type=click.Path(path_type=Path),
        help="File with a camera's user and password, a line each.",
    ),
    click.option("--webcam-size", metavar="WxH", help="Size to ask a webcam for, such as 1280x720."),
    click.option("--webcam-rate", type=click.FloatRange(1), help="Frames per second to ask a webcam for."),
    click.option("--webcam-format", help="Format to ask a webcam for, such as mjpeg or yuyv422."),
    click.option("--segment", type=DURATION, help="Begin a new file so often, by the clock: 10m, 1h."),
    click.option("--keep", type=DURATION, help="Remove recordings that are older: 7d."),
    click.option("--keep-free", type=SIZE, help="Remove the oldest recordings to keep so much free: 10G."),
    click.option(
        "--on-loss",
        type=click.Choice(ON_LOSS),
        default="hold",
        show_default=True,
        help="What live outputs show while the camera is away.",
    ),
    click.option("--show", is_flag=True, help="Also show what goes out, in a window."),
    click.option(
        "--format",
        "pipe_format",
        type=click.Choice(PIPE_FORMATS),
        default="mpegts",
        show_default=True,
        help="What goes to the standard output with -o -.",
    ),
)


def camera_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options.

    The command gets them as ``camera`` and ``live``. It has a ``source``, its input, and ``outputs``, to
    which ``--show`` adds one.
    """

    @functools.wraps(command)
    def with_objects(
        *,
        source: str,
        outputs: tuple[str, ...] = (),
        show: bool,
        stall: float,
        wait: float,
        rtsp_transport: str,
        credentials_file: Path | None,
        webcam_size: str | None,
        webcam_rate: float | None,
        webcam_format: str | None,
        segment: float | None,
        keep: float | None,
        keep_free: float | None,
        on_loss: str,
        pipe_format: str,
        **others: object,
    ) -> None:
        try:
            camera = CameraOptions(
                stall=stall,
                wait=wait,
                transport=rtsp_transport,  # type: ignore[arg-type]
                login=_login(source, credentials_file),
                size=None if webcam_size is None else picture_size(webcam_size),
                rate=webcam_rate,
                input_format=webcam_format,
            )
            retention = Retention(keep, None if keep_free is None else int(keep_free))
            live = LiveOptions(
                segment=segment,
                retention=retention,
                on_loss=on_loss,  # type: ignore[arg-type]
                pipe_format=pipe_format,  # type: ignore[arg-type]
            )
        except ValueError as error:
            raise click.UsageError(f"{error}.") from error
        shown = (*outputs, WINDOW_NAME) if show else outputs
        command(source=source, outputs=shown, camera=camera, live=live, **others)

    for option in reversed(_OPTIONS):
        with_objects = option(with_objects)
    return with_objects


def _login(source: str, file: Path | None) -> Login | None:
    """Who we are to a camera: from a file, the environment, or a question."""
    if file is not None:
        return read_login(file)
    _, user, password = split_login(source)
    login = environment_login()
    if login is not None or user is None or password is not None or not sys.stdin.isatty():
        return login
    typed = click.prompt(f"Password for {user} at {redact(source)}", hide_input=True, err=True)
    return Login(user, typed)
