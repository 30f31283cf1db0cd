"""The command line: ``stream-unmask INPUT -o OUTPUT``, and the other commands beside it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from stream_unmask.cli.arguments import hide_passwords
from stream_unmask.cli.hints import with_hint
from stream_unmask.cli.ledger import Ledger
from stream_unmask.cli.printable import printable
from stream_unmask.cli.tree import Entry, LazyGroup
from stream_unmask.errors import UnmaskError, missing_extra
from stream_unmask.version import program_version

COMMANDS = {
    "unmask": Entry("stream_unmask.cli.unmask:unmask", "Take face masks off, or put some on (the default)."),
    "live": Entry("stream_unmask.cli.live:live", "Take masks off what several cameras see, from a file."),
    "serve": Entry("stream_unmask.cli.serve:serve", "Show a page to watch cameras and to try files."),
    "fleet": Entry("stream_unmask.cli.fleet:fleet", "Do whole archives, and many cameras, on many machines."),
    "sheet": Entry("stream_unmask.cli.sheet:sheet", "Draw input, mask and output of faces side by side."),
    "faces": Entry("stream_unmask.cli.faces:faces", "Draw the stand-ins, or those that fit a video."),
    "verify": Entry("stream_unmask.cli.verify:verify", "Tell whether a file was made by stream-unmask."),
    "demo": Entry("stream_unmask.cli.demo:demo", "Make a masked clip, unmask it, and say where to look."),
    "doctor": Entry("stream_unmask.cli.doctor:doctor", "Show what this machine has and what will run."),
    "bench": Entry("stream_unmask.cli.bench:bench", "Measure how fast this machine unmasks."),
    "engines": Entry("stream_unmask.cli.engines:engines", "Build TensorRT engines for an NVIDIA GPU."),
    "data": Entry("stream_unmask.cli.data:data", "Draw masks on photos; turn photos into training data."),
    "train": Entry("stream_unmask.cli.train:train", "Train a network."),
    "plot": Entry("stream_unmask.cli.plot:plot", "Draw the curves of training runs."),
    "evaluate": Entry("stream_unmask.cli.evaluate:evaluate", "Measure networks on held-out photos."),
    "crops": Entry("stream_unmask.cli.evaluate:crops", "Draw held-out faces as networks inpaint them."),
    "export": Entry("stream_unmask.cli.export:export", "Export trained networks to ONNX."),
    "quantize": Entry("stream_unmask.cli.quantize:quantize", "Make fp16 and int8 files of networks."),
    "measure": Entry("stream_unmask.cli.measure:measure", "Measure again what the documentation claims."),
}

_DECODING = ("unmask", "sheet", "faces", "verify")
_ABOUT = ("--help", "--version")


class _BareFirst(LazyGroup):
    """A group whose first command may be called without its name."""

    entries = COMMANDS

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.entries and args[0] not in _ABOUT:
            args = ["unmask", *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands; where none begins like this, files for INPUT."""
        return super().shell_complete(ctx, incomplete) or [CompletionItem(incomplete, type="file")]

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "INPUT [-o OUTPUT] [OPTIONS]")
        formatter.write_usage(ctx.command_path, "COMMAND [ARGS]...", prefix="   or: ")


def _version(ctx: click.Context, _option: click.Parameter, asked: bool) -> None:
    if asked:
        click.echo(f"stream-unmask {program_version()}")
        ctx.exit()


@click.group(cls=_BareFirst, no_args_is_help=True, context_settings={"max_content_width": 110})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version."
)
def cli() -> None:
    """Take the face masks off the people in a video.

    INPUT is a video file, a picture, a folder of either, an rtsp:// camera or a webcam (webcam:0).
    `stream-unmask unmask --help` lists the options. A folder that is called like a command needs a slash:
    `stream-unmask data/`.

    What comes out is a guess of a face, not evidence of one. Never use it to identify anyone.
    """
    import cv2

    # Decoding, computing and encoding have threads of their own, which OpenCV's would only fight.
    cv2.setNumThreads(1)


def main() -> None:
    """Run the command line, what decodes files of others in a process of its own; see :func:`run`."""
    hide_passwords(sys.argv)
    if sys.platform != "linux" or not _decodes(sys.argv[1:]):
        run(Ledger())
    from stream_unmask.cli.apart import work_apart

    try:
        run(work_apart())
    except SystemExit as end:
        _leave(end.code if isinstance(end.code, int) else 0)


def _leave(code: int) -> NoReturn:
    """End at once: to take networks and libraries down in order takes half a second, and serves nobody.

    All files are closed when a command ends.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # who reads it is gone
            stream.flush()
    os._exit(code)


def _decodes(arguments: Sequence[str]) -> bool:
    """Whether a command decodes what may make decoders crash, and ends with that.

    The page's server has a worker for what visitors send, and what serves many cameras is begun again by who
    looks after it.
    """
    return bool(arguments) and (arguments[0] in _DECODING or arguments[0] not in (*COMMANDS, *_ABOUT))


def run(ledger: Ledger) -> NoReturn:
    """Run the command line in this process.

    Exit codes: 1 for what the user can mend, 2 for wrong usage, 130 for Ctrl-C.

    Args:
        ledger: what is known of the command's work.
    """
    try:
        # An exit code is what click returns here when a command raises its Exit.
        sys.exit(_run(ledger))
    except UnmaskError as error:
        click.echo(printable(f"stream-unmask: {with_hint(error)}"), err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stream-unmask: stopped.", err=True)
        sys.exit(130)


def _run(ledger: Ledger) -> Any:
    try:
        return cli.main(prog_name="stream-unmask", standalone_mode=False, obj=ledger)
    except ModuleNotFoundError as error:
        wanted = missing_extra(error)
        if wanted is None:
            raise
        raise wanted from error
