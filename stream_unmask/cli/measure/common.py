"""What the commands that measure share."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from benchmarks.results import Result, write_result

CHECKOUT = Path(__file__).parents[3]

json_option = click.option(
    "--json",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the figures, with date, commit and machine, to this file.",
)


def command_line() -> str:
    """The command that is running, as others would type it: paths of this machine are left out."""
    context = click.get_current_context()
    words = ["stream-unmask measure", str(context.info_name)]
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        if source is not ParameterSource.COMMANDLINE or option.name == "target":
            continue
        given = context.params[option.name or ""]
        for value in given if option.multiple else [given]:
            if isinstance(option, click.Option):
                words.append(option.opts[0])
            if value is not True:
                named = isinstance(value[0] if isinstance(value, tuple) else value, Path)
                words.append(str(option.name).upper() if named else str(value))
    return " ".join(words)


def tell(result: Result, target: Path | None) -> None:
    """Print the figures, and write them to ``target`` if there is one."""
    click.echo(result)
    if target is not None:
        write_result(target, result)
