"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

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


StandIn = Literal["auto", "none"] | dict[int, int | Literal["none"]]


def _stand_in(_context: click.Context, _option: click.Parameter, said: Sequence[str]) -> StandIn:
    """``auto``, ``none``, N for all faces, FACE=N or FACE=none for one; as ``Settings.stand_in`` takes it."""
    if not said or list(said) == ["auto"]:
        return "auto"
    if list(said) == ["none"]:
        return "none"
    wishes: dict[int, int | Literal["none"]] = {}
    for each in said:
        match = re.fullmatch(r"(?:([1-9]\d*)=)?(none|[1-9]\d*)", each)
        if match is None:
            raise click.BadParameter(f"{each!r} is none of auto, none, N, FACE=N and FACE=none.")
        wishes[int(match[1] or 0)] = "none" if match[2] == "none" else int(match[2])
    return wishes


def _reference(
    _context: click.Context, _option: click.Parameter, said: Sequence[str]
) -> Literal["auto", "none"] | dict[int, str]:
    """``auto``, ``none``, PHOTO, FACE=PHOTO or FACE=frame:N; as ``Settings.reference`` takes it."""
    if not said or list(said) == ["auto"]:
        return "auto"
    if list(said) == ["none"]:
        return "none"
    pictures: dict[int, str] = {}
    for each in said:
        match = re.fullmatch(r"(?:([1-9]\d*)=)?(.+)", each, re.DOTALL)
        picture = match[2] if match else ""
        is_frame = re.fullmatch(r"frame:\d+", picture) is not None
        if match is None or picture in ("auto", "none") or (is_frame and not match[1]):
            raise click.BadParameter(f"{each!r} is none of auto, none, PHOTO, FACE=PHOTO and FACE=frame:N.")
        if not is_frame and not Path(picture).is_file():
            raise click.BadParameter(f"There is no photo {picture!r}.")
        pictures[int(match[1] or 0)] = picture
    return pictures


reference_option = click.option(
    "--reference",
    multiple=True,
    callback=_reference,
    metavar="auto|none|[FACE=]PHOTO",
    help="A person's own bare face, where there is one: found in the same video, none, a PHOTO, or frame:N "
    "of INPUT in its place; FACE is a face's number in the report.  [default: auto]",
)
"""``--reference``; gives what ``Settings.reference`` takes."""


stand_in_option = click.option(
    "--stand-in",
    multiple=True,
    callback=_stand_in,
    metavar="auto|none|[FACE=]N",
    help="The face beneath a mask: one that fits, none, or number N of those that `faces` draws; FACE is a "
    "face's number in the report.  [default: auto]",
)
"""``--stand-in``; gives what ``Settings.stand_in`` takes."""
