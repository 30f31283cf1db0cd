"""Of what the program makes of broken input."""

from __future__ import annotations

from pathlib import Path

import click

from stream_unmask.cli.measure.common import CHECKOUT, command_line, json_option, tell


@click.command()
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
    default=CHECKOUT / "tests" / "fuzz" / "corpora",
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
@json_option
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
    tell(as_result(counts, plan, command_line()), target)
    if any(each.findings for each in counts.values()):
        raise click.exceptions.Exit(1)
