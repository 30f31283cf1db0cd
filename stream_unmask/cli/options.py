"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

from stream_unmask.bundled import BUNDLED_SETS, weights_folder


def weights_that_are_there(weights: str | Path) -> Path:
    """The same as a click type, for weights that are read.

    Raises:
        click.BadParameter: there is no such folder.
    """
    folder = weights_folder(weights)
    if folder.is_dir():
        return folder
    raise click.BadParameter(f"{str(weights)!r} is neither {' nor '.join(BUNDLED_SETS)} nor a folder.")


weights_option = click.option(
    "--weights",
    type=weights_that_are_there,
    metavar="NAME|FOLDER",
    default="default",
    show_default=True,
    help=f"A bundled set of networks ({', '.join(BUNDLED_SETS)}), or a folder of your own.",
)
"""``--weights`` of the commands that run networks; gives the folder."""
