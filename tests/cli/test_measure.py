"""What measurements say of themselves."""

from __future__ import annotations

from pathlib import Path

import click
from click.testing import CliRunner

from stream_unmask.cli.measure.common import command_line


def test_a_command_is_told_as_others_would_type_it() -> None:
    @click.command("it")
    @click.argument("videos", nargs=-1, type=click.Path(path_type=Path))
    @click.option("--kind", "kinds", multiple=True)
    @click.option("--count", type=int, default=3)
    @click.option("--quick", is_flag=True)
    @click.option("--folder", type=click.Path(path_type=Path))
    def measure(**_: object) -> None:
        click.echo(command_line())

    given = ["--kind", "a", "--kind", "b", "--quick", "--folder", "/home/me", "/home/me/a.mp4", "b.mp4"]
    told = CliRunner().invoke(measure, given).output.strip()
    assert told == "stream-unmask measure it VIDEOS --kind a --kind b --quick --folder FOLDER"
