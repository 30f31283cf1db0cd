"""``stream-unmask fleet``: archives and cameras that are more than one machine can do."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
import ray
from rich.progress import BarColumn, TextColumn

from stream_unmask import api
from stream_unmask.cli.amounts import DURATION
from stream_unmask.cli.config import read_config
from stream_unmask.cli.console import PlainConsole
from stream_unmask.cli.unmask import chosen_options, chosen_settings
from stream_unmask.cli.unmask import unmask as of_one
from stream_unmask.cli.watching import ctrl_c
from stream_unmask.errors import OutputError, UnmaskError
from stream_unmask.fleet import cluster
from stream_unmask.fleet.cluster import Share
from stream_unmask.fleet.hosts import Row
from stream_unmask.fleet.page import write_report
from stream_unmask.fleet.planning import plan
from stream_unmask.fleet.records import Record
from stream_unmask.fleet.running import Archive, Standing, is_begun
from stream_unmask.fleet.wall import Wall, board
from stream_unmask.fleet.work import How
from stream_unmask.output.live.options import LiveOptions
from stream_unmask.terminal import ProgressLine
from stream_unmask.video.files import redact

C = TypeVar("C", bound=click.Command)

_AS_OF_ONE = frozenset(
    (
        *("wear", "codec", "quality", "preset", "overwrite", "compare", "watermark", "private", "credential"),
        *(
            "reference",
            "stand_in",
            "weights",
            "backend",
            "precision",
            "device",
            "gpu_decode",
            "detect_every",
            "min_face",
            "blend",
        ),
        *("no_smooth", "no_mark", "quiet"),
    )
)
"""Options of ``unmask`` that mean the same for each file of many."""

_address = click.option(
    "--address",
    metavar="auto|HOST:PORT",
    help="A Ray cluster that runs; auto is the one that this machine belongs to.  [default: start one here]",
)


def _with_options_of_one(command: C) -> C:
    command.params += [option for option in of_one.params if option.name in _AS_OF_ONE]
    return command


@click.group()
def fleet() -> None:
    """Do whole archives, and many cameras, on all cores of one machine or of many (Ray)."""


@_with_options_of_one
@fleet.command()
@click.argument("inputs", nargs=-1, required=True)
@click.option("-o", "--output", required=True, help="Folder to write to: a path, s3://, gs://, ...")
@_address
@click.option("--resume", is_flag=True, help="Go on with a run: do only what is missing in OUTPUT.")
@click.option("--cores", type=click.IntRange(1), default=1, show_default=True, help="CPU cores a worker.")
@click.option(
    "--gpu-share",
    type=click.FloatRange(0, 1),
    default=Share().gpu,
    show_default=True,
    help="Share of a GPU that a worker on one takes; 0 leaves GPUs alone.",
)
@click.option(
    "--span",
    type=DURATION,
    default=600,
    help="Cut long files into spans that several workers do: so many seconds each, or 5m, 1h.  [600]",
)
@click.option("--no-cut", is_flag=True, help="Do each file in one go, however long.")
@click.option("--no-sheets", is_flag=True, help="Draw no faces into the report.")
def run(
    inputs: tuple[str, ...],
    output: str,
    address: str | None,
    resume: bool,
    cores: int,
    gpu_share: float,
    span: float,
    no_cut: bool,
    no_sheets: bool,
    quiet: bool,
    **chosen: Any,
) -> None:
    """Unmask all files that INPUTS name: one task a file, on whatever workers are free.

    INPUTS are videos, pictures, folders, patterns ('in/*.mp4') and manifests (.csv with a column source, and
    output if wanted; .jsonl with the same keys), on disks that all nodes see, or s3://, gs://, http(s)://.
    What fails is listed, with its reason, in OUTPUT/fleet, and the others go on.
    """
    try:
        settings = chosen_settings({**chosen, "threads": 0, "reconnect": 0.0})
        options = chosen_options({**chosen, "save_masks": False, "copy_untouched": False}, LiveOptions())
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error
    items = plan(inputs, output)
    if is_begun(output) and not (resume or options.overwrite):
        raise UnmaskError(
            f"{redact(output)} holds a run already: --resume it, or name another folder.", path=redact(output)
        )
    console = PlainConsole(quiet=quiet)
    share = Share(cores, gpu_share)
    with cluster.connected(address):
        how = How.on(cores, settings, options, sheets=not no_sheets, span=None if no_cut else max(span, 5.0))
        began = time.monotonic()
        with ctrl_c() as stop, _shown(console) as tell:
            records = Archive(items, output, how, share, tell).run(stop)
    try:
        where = write_report(output, records, time.monotonic() - began)
        console.say(f"The report is {redact(where)}.")
    except OutputError as error:  # on a full disk what failed is still to be known
        console.say(f"There is no report. {error}")
    _end(records, stopped=stop.is_set())


def _end(records: list[Record], *, stopped: bool) -> None:
    """Say what failed, by the exit code too."""
    failed = [record for record in records if record.state == "failed"]
    if failed:
        most = "\n".join(f"{record.source}: {record.why}" for record in failed[:20])
        more = f"\n{len(failed) - 20} more are in the report." if len(failed) > 20 else ""
        raise UnmaskError(f"{len(failed)} of {len(records)} files failed.\n{most}{more}")
    if stopped:
        raise click.exceptions.Exit(130)


@contextmanager
def _shown(console: PlainConsole) -> Iterator[Callable[[Standing], None]]:
    """How far a run is: a bar on a terminal, else a line a minute, and one at the end."""
    last: list[Standing] = []
    with ProgressLine(
        console, BarColumn(), TextColumn("{task.fields[said]}", markup=False), transient=True, said=""
    ) as line:

        def show(standing: Standing) -> None:
            last[:] = [standing]
            said = standing.sentence()
            line.update(lambda: said, completed=standing.share, total=1.0, said=said)

        yield show
    if last:
        console.say(f"{last[0].sentence()}.")


@fleet.command()
@click.argument("config", type=click.Path(path_type=Path, dir_okay=False))
@_address
@click.option(
    "--cores",
    type=click.FloatRange(0),
    default=1,
    show_default=True,
    help="CPU cores that Ray keeps free a node.",
)
def live(config: Path, address: str | None, cores: float) -> None:
    """Take the face masks off what the cameras of CONFIG see, over all nodes of a cluster.

    CONFIG is the TOML file of `stream-unmask live`. Each camera goes to the node with the least to do, and to
    another one within ten seconds when that is lost.
    """
    read = read_config(config)
    for camera in read.cameras.values():
        api.check_job(camera.source, camera.outputs, camera.options, picture=False)
    console = PlainConsole()
    with cluster.connected(address), ctrl_c() as stop:
        Wall(read.settings, read.cameras, cores, console.say).run(stop)


@fleet.command()
@_address
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def status(address: str | None, as_json: bool) -> None:
    """Show all cameras of a cluster: node, state, frames a second, delay."""
    with cluster.connected(address or "auto"):
        rows: list[Row] = ray.get(board().look.remote())
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(row) for row in rows], indent=2))
        return
    for row in rows:
        late = "" if row.delay is None else f", {1000 * row.delay:.0f} ms"
        click.echo(
            f"{row.name}: {row.state} on {row.node[:8] or 'no node'}, {row.fps:.1f} fps{late}. {row.said}"
        )


@fleet.command()
@click.argument("node")
@_address
@click.option("--back", is_flag=True, help="Use the node again.")
def drain(node: str, address: str | None, back: bool) -> None:
    """Move all cameras off NODE, one after the other; NODE is the beginning of an id that `status` shows."""
    with cluster.connected(address or "auto"):
        ray.get(board().drain.remote(cluster.node_of(node), back=back))
