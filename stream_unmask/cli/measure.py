"""``stream-unmask measure``: what the documentation claims, measured on your machine."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
from click.core import ParameterSource

from benchmarks.clips import ClipOptions, make_clip
from benchmarks.results import Result, fill_pages, write_result
from engines import PRECISIONS, Precision
from stream_unmask.cli.options import weights_option
from stream_unmask.settings import Settings

if TYPE_CHECKING:
    from trainer.devices import PrecisionName


_CHECKOUT = Path(__file__).parents[2]

_json_option = click.option(
    "--json",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the figures, with date, commit and machine, to this file.",
)


_portraits_option = click.option(
    "--portraits",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="Folder or tar of faker-js/assets-person-portrait's pictures (CC0).",
)


def _command() -> str:
    """The command that is running, as others would type it: paths of this machine are left out."""
    context = click.get_current_context()
    words = ["stream-unmask measure", str(context.info_name)]
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        if source is not ParameterSource.COMMANDLINE or option.name == "target":
            continue
        value = context.params[option.name or ""]
        if isinstance(option, click.Option):
            words.append(option.opts[0])
        if value is not True:
            named = isinstance(value[0] if isinstance(value, tuple) else value, Path)
            words.append(str(option.name).upper() if named else str(value))
    return " ".join(words)


def _tell(result: Result, target: Path | None) -> None:
    click.echo(result)
    if target is not None:
        write_result(target, result)


@click.group()
def measure() -> None:
    """Measure again what the documentation claims. Every command says what it measured, and on what."""


@measure.command()
@click.argument("video", type=click.Path(exists=True, path_type=Path), required=False)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--preset", default="faster", show_default=True, help="Preset of libx264.")
@click.option("--quality", type=int, default=20, show_default=True, help="CRF of libx264.")
@click.option(
    "--deface", type=click.Path(exists=True, path_type=Path), help="Also time this executable of deface."
)
@_json_option
def speed(
    video: Path | None, rounds: int, preset: str, quality: int, deface: Path | None, target: Path | None
) -> None:
    """Time unmasking VIDEO, by default a made 720p clip of one masked face."""
    from benchmarks.speed import measure as run

    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        clip = video or make_clip(work / "masked720.mp4", ClipOptions(frames=300))
        found = run(
            clip, work, rounds=rounds, preset=preset, quality=quality, deface=deface, command=_command()
        )
    _tell(found, target)


@measure.command()
@click.argument("video", type=click.Path(exists=True, path_type=Path), required=False)
@click.option("--frames", type=click.IntRange(1), default=100, show_default=True, help="To be counted.")
def stages(video: Path | None, frames: int) -> None:
    """Tell what each stage of unmasking VIDEO costs one core, by default of a made 720p clip.

    Processor time is counted, not time: other programs change the figures little.
    """
    from benchmarks.stages import measure as run

    with tempfile.TemporaryDirectory() as folder:
        clip = video or make_clip(Path(folder) / "masked.mp4", ClipOptions(frames=frames + 10, sound=False))
        click.echo(run(clip, Settings(threads=1), frames))


@measure.command("stand-ins")
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of photo shards."
)
@click.option(
    "--set", "sets", multiple=True, help="Measure on this set; may be repeated.  [default: all held-out sets]"
)
@click.option("--limit", type=click.IntRange(4), help="Use only this many photos of each set.")
@weights_option
def stand_ins(data: Path, sets: tuple[str, ...], limit: int | None, weights: Path) -> None:
    """Tell how real faces look as a crowd, with stand-ins and without, on held-out photos."""
    from benchmarks.stand_ins import measure as run
    from trainer.data import held_out_sets, read_photos
    from trainer.evaluation.heldout import held_out

    for name in sets or held_out_sets(data):
        faces = [face for face in held_out(read_photos(data, [name])) if face.inside.any()][:limit]
        for way in ("none", "auto"):
            click.echo(f"{name}, --stand-in {way}: {run(Settings(weights=weights, stand_in=way), faces)}")


@measure.command()
@click.argument("clips", type=click.Path(exists=True, path_type=Path), nargs=-1, required=True)
@click.option(
    "--start",
    type=click.IntRange(1),
    default=45,
    show_default=True,
    help="Frame that a mask is worn from.",
)
@click.option(
    "--frames", type=click.IntRange(10), default=125, show_default=True, help="Read this many of each clip."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the first mask.")
@_json_option
def references(clips: tuple[Path, ...], start: int, frames: int, seed: int, target: Path | None) -> None:
    """Tell what a person's own face is worth, on CLIPS of bare faces.

    Masks are drawn on from a frame on, so that the truth is known.
    """
    from benchmarks.references import as_result
    from benchmarks.references import measure as run

    found = []
    for number, clip in enumerate(clips):
        found.append(run(clip, start=start, frames=frames, seed=seed + number))
        click.echo("\n".join(f"{clip.name}, {way}: {figures}" for way, figures in found[-1].items()))
    _tell(as_result(found, _command()), target)


@measure.command()
@click.argument("video", type=click.Path(exists=True, path_type=Path), required=False)
@_json_option
def fidelity(video: Path | None, target: Path | None) -> None:
    """Compare what comes out of VIDEO with what went in, by default of two made clips, one without a mask."""
    from benchmarks.fidelity import as_result
    from benchmarks.fidelity import measure as run

    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        clips = (
            [video]
            if video
            else [
                make_clip(work / "bare.mp4", ClipOptions(frames=50, masked=False)),
                make_clip(work / "masked.mp4", ClipOptions(frames=50)),
            ]
        )
        found = [run(clip, work) for clip in clips]
        for clip, each in zip(clips, found, strict=True):
            click.echo(f"{clip.name}: {each}")
    _tell(as_result(found, _command()), target)


@measure.command()
@click.option("--early", type=click.IntRange(1), default=2_000, show_default=True)
@click.option("--late", type=click.IntRange(2), default=20_000, show_default=True)
@_json_option
def memory(early: int, late: int, target: Path | None) -> None:
    """Compare resident memory early and late in a long 720p video of one masked face."""
    from benchmarks.memory import measure as run

    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        clip = make_clip(work / "masked.mp4", ClipOptions(frames=250, sound=False))
        found = run(clip, work, early=early, late=late)
    click.echo(found)
    _tell(found.result(_command()), target)


@measure.command()
@click.argument("video", type=click.Path(exists=True, path_type=Path), required=False)
@click.option("--no-smooth", is_flag=True, help="Measure without temporal smoothing.")
@click.option("--stand-in", type=click.Choice(["auto", "none"]), default="auto", show_default=True)
@weights_option
@click.option("--precision", type=click.Choice(PRECISIONS), default="auto", show_default=True)
@_json_option
def flicker(
    video: Path | None,
    no_smooth: bool,
    stand_in: Literal["auto", "none"],
    weights: Path,
    precision: Precision,
    target: Path | None,
) -> None:
    """Compare flicker in the inpainted part with that of the skin around it.

    VIDEO shows a masked face that does not move; by default, one is made.
    """
    from benchmarks.flicker import measure as run

    with tempfile.TemporaryDirectory() as folder:
        clip = video or make_clip(Path(folder) / "still.mp4", ClipOptions(frames=75, moving=False))
        settings = Settings(smooth=not no_smooth, stand_in=stand_in, weights=weights, precision=precision)
        found = run(clip, settings)
    click.echo(found)
    _tell(found.result(_command()), target)


@measure.command()
@click.argument("masked", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.argument("bare", type=click.Path(path_type=Path, file_okay=False), required=False)
@_json_option
def marks(masked: Path | None, bare: Path | None, target: Path | None) -> None:
    """Tell how faint marks are and what they outlive, of a made clip or of the videos of two folders.

    MASKED holds videos of masked faces, BARE such without any mark.
    """
    from benchmarks.marks import measure as run
    from stream_unmask.video.files import list_media

    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        clips = (
            [make_clip(work / "masked.mp4", ClipOptions(frames=110, sound=False))]
            if masked is None
            else list_media(masked)
        )
        others = (
            [make_clip(work / "bare.mp4", ClipOptions(frames=110, masked=False, sound=False))]
            if bare is None
            else list_media(bare)
        )
        _tell(run(clips, others, work, _command()), target)


@measure.command()
@weights_option
@click.option("--rounds", default=3, show_default=True, help="Times that each engine is measured.")
@click.option("--seconds", default=2.0, show_default=True, help="Length of each round in seconds.")
@click.option(
    "--threads",
    type=click.IntRange(1),
    multiple=True,
    help="CPU threads; may be repeated.  [default: 1, 2, 4, 8, up to the cores]",
)
def engines(weights: Path, rounds: int, seconds: float, threads: tuple[int, ...]) -> None:
    """Compare the engines that run on a CPU.

    For each: milliseconds and CPU time per run, speed and PSNR against ONNX Runtime in fp32.
    """
    from benchmarks.engines import measure as run

    def progress(line: str) -> None:
        click.echo(line, err=True)

    found = run(weights, rounds=rounds, seconds=seconds, threads=threads, progress=progress)
    click.echo(found)


@measure.command()
@click.argument("shards", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--set",
    "sets",
    multiple=True,
    help="Set of photos; may be repeated.  [default: the first one to train on]",
)
@click.option("--size", default=256, show_default=True, help="Side of the crops in pixels.")
@click.option("--count", type=click.IntRange(1), default=300, show_default=True, help="Samples per round.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
def pairs(shards: Path, sets: tuple[str, ...], size: int, count: int, rounds: int) -> None:
    """Time how fast one core makes training pairs and clips from the photos in SHARDS."""
    from benchmarks.pairs import measure as run

    click.echo(run(shards, sets=sets, size=size, count=count, rounds=rounds))


@measure.command()
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Folder of photo shards.",
)
@click.option("--recipe", default="release", show_default=True)
@click.option(
    "--size", type=click.IntRange(32), default=192, show_default=True, help="Side of the crops in pixels."
)
@click.option("--batch", type=click.IntRange(2), default=16, show_default=True, help="Samples per step.")
@click.option("--seconds", type=click.FloatRange(1), default=60.0, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True, help="Threads of PyTorch.")
@click.option(
    "--workers", type=click.IntRange(0), help="Processes that make samples.  [default: all cores but one]"
)
@click.option("--precision", type=click.Choice(["auto", "32", "bf16", "16"]), default="auto")
def training(
    data: Path,
    recipe: str,
    size: int,
    batch: int,
    seconds: float,
    threads: int,
    workers: int | None,
    precision: PrecisionName,
) -> None:
    """Train for some seconds: images per second, time spent waiting for data, bound of the arithmetic."""
    from benchmarks.training import TrainingPlan
    from benchmarks.training import measure as run
    from trainer.devices import default_workers
    from trainer.recipes import RECIPES

    if recipe not in RECIPES:
        raise click.BadParameter(f"{recipe} is not one of {', '.join(RECIPES)}.", param_hint="--recipe")
    plan = TrainingPlan(
        data=data,
        recipe=recipe,
        size=size,
        batch=batch,
        seconds=seconds,
        threads=threads,
        workers=default_workers() if workers is None else workers,
        precision=precision,
    )
    click.echo(run(plan, lambda sentence: click.echo(sentence, err=True)))


@measure.command()
@click.argument("target", type=click.Path(path_type=Path))
def gpu_networks(target: Path) -> None:
    """Time every way in which PyTorch runs the networks on a GPU, into the JSON file TARGET."""
    from benchmarks.gpu_networks import measure as run

    run(target, click.echo)


@measure.command()
@click.argument("target", type=click.Path(path_type=Path))
@click.argument("table", type=click.Path(path_type=Path))
def gpu_frames(target: Path, table: Path) -> None:
    """Time a GPU's work on the pixels of faces into the JSON file TARGET, kernel by kernel into TABLE."""
    from benchmarks.gpu_frames import measure as run

    run(target, table, click.echo)


@measure.command()
@click.option(
    "--count", type=click.IntRange(1), default=10_000, show_default=True, help="Inputs, of all kinds."
)
@click.option("--kind", "kinds", multiple=True, help="Only inputs of this kind; may be repeated.")
@click.option("--seed", type=click.IntRange(0), help="Of the breaking.  [default: always the same]")
@click.option(
    "--longest", type=click.FloatRange(1), default=10.0, show_default=True, help="Seconds for one input."
)
@click.option(
    "--corpora",
    type=click.Path(exists=True, path_type=Path, file_okay=False),
    default=_CHECKOUT / "tests" / "fuzz" / "corpora",
    help="Whole inputs, a folder for each kind.  [default: those of the checkout]",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("fuzz"),
    show_default=True,
    help="Folder for what was found; a run that was broken off goes on from there.",
)
@_json_option
def fuzz(
    count: int,
    kinds: tuple[str, ...],
    seed: int | None,
    longest: float,
    corpora: Path,
    output: Path,
    target: Path | None,
) -> None:
    """Break files, a camera's replies and settings at random, and count what the program makes of them.

    Each input must be read, or refused in a sentence: no traceback, no crash, no hang. Exits with 1 where one
    was neither, and keeps it.
    """
    from benchmarks.fuzzing.running import SEED, Plan, as_result, run, shares
    from benchmarks.fuzzing.targets import TARGETS

    if unknown := sorted(set(kinds) - set(TARGETS)):
        raise click.BadParameter(f"{unknown[0]} is not one of {', '.join(TARGETS)}.", param_hint="--kind")
    plan = Plan(
        corpora=corpora,
        folder=output,
        counts=shares(count, kinds),
        seed=SEED if seed is None else seed,
        longest=longest,
    )
    counts = run(plan, lambda sentence: click.echo(sentence, err=True))
    _tell(as_result(counts, plan, _command()), target)
    if any(each.findings for each in counts.values()):
        raise click.exceptions.Exit(1)


@measure.command()
def networks() -> None:
    """Print the parameters and multiply-adds (MAC) of every network for one picture."""
    from trainer.networks.catalogue import CATALOGUE
    from trainer.networks.catalogue import measure as run

    click.echo(f"{'network':20}{'side':>6}{'parameters':>14}{'GMAC':>10}")
    for name, listed in CATALOGUE.items():
        for size in listed.sizes:
            cost = run(listed, size)
            click.echo(f"{name:20}{size:6}{cost.parameters:14,}{cost.multiply_adds / 1e9:10.2f}")


@measure.command()
@click.option("--seconds", type=click.FloatRange(1), default=15.0, show_default=True, help="Of watching.")
@click.option("--viewers", type=click.IntRange(1), multiple=True, default=(1, 10), show_default=True)
@click.option("--visits", type=click.IntRange(1), default=1000, show_default=True)
@_json_option
def page(seconds: float, viewers: tuple[int, ...], visits: int, target: Path | None) -> None:
    """Tell how late `serve` shows a camera in Chromium, and what visits leave of memory and threads."""
    from benchmarks.page import measure as run

    _tell(run(_command(), seconds=seconds, viewers=viewers, visits=visits), target)


@measure.command(hidden=True)
@_portraits_option
@click.option(
    "-o",
    "--output",
    type=click.Path(exists=True, path_type=Path, file_okay=False),
    default=Path("docs"),
    show_default=True,
    help="Folder for the pictures.",
)
def screens(portraits: Path, output: Path) -> None:
    """Take the documentation's pictures of the page."""
    from benchmarks.screens import draw

    draw(portraits, output, click.echo)


@measure.command(hidden=True)
@_portraits_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("docs/unmasked.webp"),
    show_default=True,
    help="Picture to write; it replaces the one that is there.",
)
@click.option(
    "--keep", type=click.Path(path_type=Path, file_okay=False), help="Keep both videos in this folder."
)
def picture(portraits: Path, output: Path, keep: Path | None) -> None:
    """Make the README's moving picture: portraits of nobody, in masks and out of them."""
    from benchmarks.picture import draw

    with tempfile.TemporaryDirectory() as folder:
        click.echo(draw(portraits, output, keep or Path(folder)))


@measure.command(hidden=True)
@click.option(
    "--root",
    type=click.Path(exists=True, path_type=Path, file_okay=False),
    default=_CHECKOUT,
    help="Checkout with the pages and the folder results.  [default: the one that this is run from]",
)
def tables(root: Path) -> None:
    """Write the tables of the README and its pages anew, from the figures in results/."""
    for page in fill_pages(root):
        click.echo(page)


@measure.command("fleet")
@click.option("--files", type=click.IntRange(2), default=60, show_default=True, help="Short files.")
@click.option("--frames", type=click.IntRange(2), default=50, show_default=True, help="Of each.")
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True, help="At the same time.")
@_json_option
def fleet_(files: int, frames: int, workers: int, target: Path | None) -> None:
    """Time Ray beside plain processes, and a long file in spans beside one go."""
    from benchmarks.fleet import measure as run

    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), files=files, frames=frames, workers=workers, command=_command())
    _tell(found, target)


@measure.command("fleet-simulation")
@click.option("--cameras", type=click.IntRange(1), default=10_000, show_default=True)
@click.option("--nodes", type=click.IntRange(2), default=500, show_default=True)
@click.option("--cores", type=click.IntRange(1), default=16, show_default=True, help="Of a node.")
@click.option("--cost", type=float, default=0.65, show_default=True, help="Cores that a camera needs.")
@click.option("--days", type=float, default=30.0, show_default=True)
@click.option("--between-failures", type=float, default=60.0, show_default=True, help="Days, for each node.")
@click.option("--seed", type=int, default=1, show_default=True)
@_json_option
def fleet_simulation(target: Path | None, **values: float) -> None:
    """Simulate a large wall of cameras whose nodes fail."""
    from benchmarks.fleet_simulation import Plan
    from benchmarks.fleet_simulation import measure as run

    _tell(run(Plan(**values), _command()), target)  # type: ignore[arg-type]
