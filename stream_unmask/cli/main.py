"""The command line: ``stream-unmask INPUT -o OUTPUT``, and subcommands beside it."""

from __future__ import annotations

import sys
from importlib.metadata import version

import click
import cv2

from engines.engine import EngineError
from stream_unmask.cli.bench import bench
from stream_unmask.cli.demo import demo
from stream_unmask.cli.doctor import doctor
from stream_unmask.cli.engines import engines
from stream_unmask.cli.sheet import sheet
from stream_unmask.cli.unmask import unmask
from stream_unmask.errors import UnmaskError


class _BareFirst(click.Group):
    """A group whose first command may be called without its name."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("--help", "--version"):
            args = [unmask.name or "", *args]
        return super().parse_args(ctx, args)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "INPUT [-o OUTPUT] [OPTIONS]")
        formatter.write_usage(ctx.command_path, "COMMAND [ARGS]...", prefix="   or: ")


@click.group(cls=_BareFirst, no_args_is_help=True)
@click.version_option(version("stream-unmask"), prog_name="stream-unmask")
def cli() -> None:
    """Take the face masks off the people in a video.

    INPUT is a video file, a picture, a folder of either, an rtsp:// camera or a webcam (webcam:0).
    `stream-unmask unmask --help` lists the options.

    What comes out is a guess of a face, not evidence of one. Never use it to identify anyone.
    """


for _command in (unmask, bench, demo, doctor, engines, sheet):
    cli.add_command(_command)


def main() -> None:
    """Run the command line. Exit codes: 1 for what the user can mend, 2 for wrong usage, 130 for Ctrl-C."""
    # Decoding, computing and encoding have threads of their own, which OpenCV's would only fight.
    cv2.setNumThreads(1)
    try:
        # An exit code is what click returns here when a command raises its Exit.
        sys.exit(cli.main(prog_name="stream-unmask", standalone_mode=False))
    except (UnmaskError, EngineError) as error:
        click.echo(f"stream-unmask: {error}", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stream-unmask: stopped.", err=True)
        sys.exit(130)
