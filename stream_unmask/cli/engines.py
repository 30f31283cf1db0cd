"""``stream-unmask engines``: build TensorRT engines for this machine's GPU, list, check and delete them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from engines.backends.tensorrt.build import parse
from engines.backends.tensorrt.cache import EngineCache
from engines.backends.tensorrt.cuda import find_gpu
from engines.backends.tensorrt.files import file_to_compile
from engines.backends.tensorrt.flavour import find_flavour
from engines.backends.tensorrt.plan import BuildOptions, Plan, this_machine
from engines.backends.tensorrt.ready import kept_engines, make_ready, needed_engine, plan_for, verify
from engines.contract import (
    FILE_PRECISIONS,
    NETWORKS,
    WEARER,
    FilePrecision,
    Network,
    WeightsFile,
    has_weights,
    read_weights,
)
from engines.engine import EngineError
from engines.parity import Agreement
from stream_unmask.cli.options import weights_option


@click.group()
def engines() -> None:
    """Build TensorRT engines for this machine's NVIDIA GPU once; all videos then run on them.

    Engines are kept in ~/.cache/stream-unmask/engines (or $XDG_CACHE_HOME, or $STREAM_UNMASK_CACHE itself).
    """


@engines.command()
@weights_option
@click.option(
    "--precision",
    type=click.Choice(FILE_PRECISIONS),
    help="Number format to compute in.  [default: fp16 if possible, else fp32]",
)
@click.option(
    "--batch", type=click.IntRange(1, 64), default=8, show_default=True, help="Most faces in one run."
)
@click.option(
    "--tune",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Number of faces to be fastest at.",
)
@click.option(
    "--level", type=click.IntRange(0, 5), default=3, show_default=True, help="TensorRT's optimisation level."
)
@click.option(
    "--workspace",
    type=click.IntRange(16),
    default=1024,
    show_default=True,
    help="Memory that one layer may use, in MiB.",
)
@click.option(
    "--refit", is_flag=True, help="Build engines whose weights can be exchanged, at some cost in speed."
)
@click.option("--dry-run", is_flag=True, help="Only print the plan; needs no GPU.")
def build(
    weights: Path,
    precision: FilePrecision | None,
    batch: int,
    tune: int,
    level: int,
    workspace: int,
    refit: bool,
    dry_run: bool,
) -> None:
    """Build an engine for each network, check it against ONNX Runtime, and keep it."""
    options = BuildOptions(batch, tune, level, workspace, refit)
    cache = EngineCache()
    console = Console(soft_wrap=True, highlight=False, markup=False)
    for network in _networks(weights):
        source = read_weights(weights, network).sha256
        with file_to_compile(weights, network, precision) as file:
            if dry_run:
                console.print(_plan(network, file, source, options, cache))
                continue
            entry = make_ready(file.path, plan_for(file, source, options), cache, console.print)
        console.print(
            f"{network.name}: ready in {entry.plan.precision}, {cache.size(entry) / 2**20:.1f} MiB, built in "
            f"{entry.seconds:.0f} s, {_agreement(entry.agreement)}"
        )


def _agreement(found: Agreement) -> str:
    return f"within {found.worst:.1g} of ONNX Runtime ({found.psnr:.0f} dB)"


@engines.command("list")
def list_engines() -> None:
    """List the engines that are kept."""
    cache = EngineCache()
    table = Table("Network", "Faces", "MiB", "Built", "To ONNX Runtime", "For")
    for entry in cache.entries():
        plan = entry.plan
        table.add_row(
            f"{entry.name}, {plan.precision}",
            f"1..{plan.options.max_batch}",
            f"{cache.size(entry) / 2**20:.1f}",
            time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.built)),
            f"{entry.agreement.psnr:.0f} dB",
            f"{plan.machine.gpu.name}, {plan.machine.flavour} {plan.machine.version}",
        )
    if table.row_count:
        Console().print(table)
    else:
        click.echo(f"No engine is kept in {cache.folder}.")


@engines.command("verify")
@weights_option
def verify_engines(weights: Path) -> None:
    """Check the engines that this machine would use against ONNX Runtime again."""
    machine, cache = this_machine(), EngineCache()
    for network in _networks(weights):
        source = read_weights(weights, network)
        needed_engine(source.path, machine, cache)  # or says that there is none
        for entry in kept_engines(source.sha256, machine, cache):
            precision = entry.plan.precision
            with file_to_compile(weights, network, precision) as file:
                agreement = verify(entry, file.path, cache)
            click.echo(f"{network.name}, {precision}: good, {_agreement(agreement)}")


@engines.command()
@weights_option
@click.option("--all", "everything", is_flag=True, help="Delete every engine.")
def prune(weights: Path, everything: bool) -> None:
    """Delete the engines that this machine would not use.

    Of each network it uses, for each precision, the one that was built last for its GPU, driver and TensorRT.
    What OpenVINO has compiled goes, too, if that was another version.
    """
    from engines.backends.openvino_cpu import forget_kept

    cache = EngineCache()
    used: set[str] = set()
    if not everything:
        machine = this_machine()
        for network in _networks(weights):
            entries = kept_engines(read_weights(weights, network).sha256, machine, cache)
            used |= {entry.plan.key for entry in entries}
    count, freed = cache.prune(lambda entry: entry.plan.key in used)
    freed += forget_kept(everything=everything)
    click.echo(f"Deleted {count} engines; {freed / 2**20:.1f} MiB are free again.")


def _networks(weights: Path) -> tuple[Network, ...]:
    """Those that a folder holds; it may do without one that puts masks on."""
    return tuple(each for each in NETWORKS if each != WEARER or has_weights(weights, each, "fp32"))


def _plan(
    network: Network, file: WeightsFile, source: str, options: BuildOptions, cache: EngineCache
) -> Table:
    """All that a build would do, as far as it can be known on this machine."""
    sides = f"{file.size}x{file.size}"
    faces = f"1..{options.max_batch} faces, fastest at {options.tuned_batch}"
    ports = ", ".join(
        f"{name} Nx{channels}x{'1x1' if name in network.numbers else sides}"
        for name, channels in (network.inputs | network.outputs).items()
    )
    table = Table.grid(padding=(0, 2))
    table.add_row(
        network.name.capitalize(), f"{file.path.name}, {file.precision}, sha256 {file.sha256[:12]}..."
    )
    table.add_row("Batch", f"{faces}: {ports}")
    table.add_row(
        "Builder",
        f"strongly typed, level {options.level}, at most {options.workspace} MiB for a layer, no TF32, no "
        f"streams of its own, weights {'exchangeable' if options.refittable else 'fixed'}",
    )
    table.add_row("TensorRT", _told(lambda: _parsed(file)))
    table.add_row("GPU", _told(_gpu))
    table.add_row("Engine", _told(lambda: _place(plan_for(file, source, options), cache)))
    return table


def _told(question: Callable[[], str]) -> str:
    """The answer, or why there is none."""
    try:
        return question()
    except EngineError as error:
        return str(error)


def _parsed(file: WeightsFile) -> str:
    flavour = find_flavour()
    network = parse(file.path, flavour.api.Builder(flavour.log), flavour)
    return f"{flavour.name} {flavour.version}, which reads the network as {network.num_layers} layers"


def _gpu() -> str:
    gpu = find_gpu()
    return f"{gpu.name}, compute capability {gpu.capability}, driver {gpu.driver}"


def _place(plan: Plan, cache: EngineCache) -> str:
    return f"{cache.path(plan.key)}, {'to be built' if cache.find(plan) is None else 'built already'}"
