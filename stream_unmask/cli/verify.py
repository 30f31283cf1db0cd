"""``stream-unmask verify``: whether a file was made by this program."""

from __future__ import annotations

import json
from pathlib import Path

import click

from stream_unmask.cli.ledger import ledger_of
from stream_unmask.cli.printable import printable
from stream_unmask.verifying.verify import verify as look


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def verify(file: Path, as_json: bool) -> None:
    """Tell whether FILE, a video or picture, was made by stream-unmask.

    Looks for a content credential (C2PA), for the label in its metadata, and for the mark in the pixels of
    every face. Exits with 0 when one of them is found, with 1 when none is: which proves nothing, for each
    can be removed.
    """
    ledger_of(click.get_current_context()).begin(file)
    found = look(file)
    if as_json:
        click.echo(json.dumps(found.as_dict(), indent=2))
    else:
        for sentence in found.sentences():
            click.echo(printable(sentence))
    if not found.made_here:
        raise click.exceptions.Exit(1)
