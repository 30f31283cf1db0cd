"""``stream-unmask train``: one network, by one recipe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import torch
from click.core import ParameterSource

from stream_unmask.bundled import BUNDLED_SETS, BUNDLED_WEIGHTS
from stream_unmask.errors import UnmaskError
from stream_unmask.synth.pairs import PairSettings
from trainer.about import BUNDLED, describe, description
from trainer.bundled import bundled_generator, bundled_segmenter, revive_norms
from trainer.checkpoint import LAST, load_averaged
from trainer.data import HELD_OUT, Photo, held_out_sets, read_photos, training_sets
from trainer.devices import PrecisionName, default_workers
from trainer.loop import Loop, LoopSettings
from trainer.networks.generator import LightGenerator
from trainer.networks.guided import GuidedGenerator
from trainer.networks.segmenter import UNetSegmenter
from trainer.pairs import PairData, unpack
from trainer.recipe import Batch, OwnTrials, Recipe
from trainer.recipes import RECIPES
from trainer.recipes.job import TrainingJob, changed

_HELD_OUT = 12
_HELD_OUT_SEED = 2026
_FOLDER = click.Path(path_type=Path, file_okay=False)


class _Resumable(click.Command):
    """Lets a run go on with the options that it began with, where the command line does not say others."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command."""
        if context.params["resume"]:
            begun_with = description(context.params["run"])
            for option in self.params:
                unsaid = context.get_parameter_source(option.name or "") is ParameterSource.DEFAULT
                if unsaid and option.name in begun_with:
                    context.params[option.name] = option.type_cast_value(context, begun_with[option.name])
        return super().invoke(context)


@click.command(cls=_Resumable, epilog=f"RECIPE is one of {', '.join(RECIPES)}.")
@click.argument("recipe", type=click.Choice(list(RECIPES)), metavar="RECIPE")
@click.option("--data", type=_FOLDER, required=True, help="Folder of photo shards.")
@click.option(
    "--run", type=_FOLDER, required=True, help="Folder of the run: checkpoints, log, sample sheets."
)
@click.option(
    "--only",
    "sets",
    multiple=True,
    metavar="SET",
    help="Learn from this set of photos; may be repeated.",
)
@click.option(
    "--share",
    "shares",
    multiple=True,
    metavar="SET=N",
    help="Draw a photo of this set N times as often as one of a set that is not named; may be repeated.",
)
@click.option("--steps", type=click.IntRange(1), help="Stop after this many steps in all.")
@click.option(
    "--minutes", type=click.FloatRange(0, min_open=True), help="Stop after this many minutes in all."
)
@click.option(
    "--until",
    type=click.FloatRange(0, min_open=True),
    help="Stop so many seconds after the command began, reading of photos and all.",
)
@click.option("--resume", is_flag=True, help="Go on from the run's checkpoint, with the same options.")
@click.option(
    "--batch",
    type=click.IntRange(2),
    default=16,
    show_default=True,
    help="Samples per step and process.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    default=1e-3,
    show_default=True,
    help="Highest learning rate.",
)
@click.option(
    "--echo",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Steps that each batch serves, where samples are made more slowly than learnt from.",
)
@click.option(
    "--save-minutes",
    type=click.FloatRange(0, min_open=True),
    default=2.0,
    show_default=True,
    help="Time between trials and checkpoints.",
)
@click.option("--size", type=int, default=256, show_default=True, help="Side of the crops in pixels.")
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True, help="Threads of PyTorch.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of weights and samples."
)
@click.option(
    "--init",
    metavar="RUN",
    help="Start from the averaged weights of a run or its best.pt, or from 'bundled' or 'open' ones.",
)
@click.option(
    "--segmenter",
    type=_FOLDER,
    default="bundled",
    show_default=True,
    help="Run of the segmenter that makes the generator's masks.",
)
@click.option("--encoder", type=_FOLDER, help="Run of the encoder, for the perceptual loss.")
@click.option(
    "--real", type=_FOLDER, help="Also learn from this folder of photos of masked people, without truth."
)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="NAME=VALUE",
    help="Change a setting of the recipe; may be repeated.",
)
@click.option(
    "--precision",
    type=click.Choice(["auto", "32", "bf16", "16"]),
    default="auto",
    show_default="what the device is best at",
    help="Number format to compute in.",
)
@click.option(
    "--workers",
    type=click.IntRange(0),
    help="Processes that make samples.  [default: all cores but one]",
)
@click.option(
    "--ray",
    "on_ray",
    type=click.IntRange(1),
    metavar="N",
    help="Train on N workers of Ray; one that dies is replaced, and all go on from the last checkpoint.",
)
@click.option(
    "--address", metavar="auto|HOST:PORT", help="The Ray cluster of --ray.  [default: start one here]"
)
def train(
    recipe: str,
    data: Path,
    run: Path,
    sets: tuple[str, ...],
    shares: tuple[str, ...],
    steps: int | None,
    minutes: float | None,
    until: float | None,
    resume: bool,
    batch: int,
    rate: float,
    echo: int,
    save_minutes: float,
    size: int,
    threads: int,
    seed: int,
    init: str | None,
    segmenter: Path,
    encoder: Path | None,
    real: Path | None,
    changes: tuple[str, ...],
    precision: PrecisionName,
    workers: int | None,
    on_ray: int | None,
    address: str | None,
) -> None:
    """Train one network by RECIPE. Ctrl-C keeps what was learnt; torchrun and --ray train on several GPUs.

    All processes together learn from the same samples as one with as large a batch: halve --batch for two.
    """
    if not resume and (run / LAST).exists():
        raise UnmaskError(f"{run} holds a training already: --resume it, or name another folder.", path=run)
    if on_ray is not None:
        _train_on_ray(dict(click.get_current_context().params), on_ray, address)
        return
    torch.manual_seed(seed)
    names = _sets(data, sets)
    photos = _shared(read_photos(data, names), shares, names)
    settings = LoopSettings(
        run=run,
        steps=steps,
        minutes=minutes,
        until=until,
        echo=echo,
        save_minutes=save_minutes,
        batch=batch,
        rate=rate,
        seed=seed,
        threads=threads,
        workers=default_workers() if workers is None else workers,
        precision=precision,
    )
    job = TrainingJob(photos, size, resume or init is not None, segmenter, encoder, real, click.echo)
    made = _made(recipe, changes, job, None if resume else init, seed)
    held_out = _held_out(made, data, [f"{HELD_OUT}{name}" for name in names], size)
    about: dict[str, Any] = {"recipe": recipe, "size": size, "changes": changes, "sets": names, "real": real}
    about |= {"batch": batch, "rate": rate, "echo": echo, "seed": seed}
    about |= {"segmenter": segmenter, "encoder": encoder, "shares": shares}
    _run(Loop(made, settings, held_out), run, about, data if held_out is None else None, resume=resume)


def _run(loop: Loop, run: Path, about: dict[str, Any], unheld: Path | None, *, resume: bool) -> None:
    """Train, and tell of it; no photos of the folder ``unheld`` are held out."""
    if resume:
        loop.resume()
    if loop.leads:
        describe(run, **about)
        if unheld is not None:
            click.echo(f"No photos are held out in {unheld}: nothing tells which weights are the best.")
    done = loop.run()
    if loop.leads:
        click.echo(f"{done} steps done; the checkpoint is {run / LAST}.")


def _train_on_ray(params: dict[str, Any], workers: int, address: str | None) -> None:
    from stream_unmask.fleet.cluster import connected
    from trainer.on_ray import train_on_ray

    # Ray's workers begin elsewhere.
    there = {name: each.absolute() if isinstance(each, Path) else each for name, each in params.items()}
    there |= {"on_ray": None, "address": None}
    params["run"].mkdir(parents=True, exist_ok=True)
    with connected(address):
        train_on_ray(partial(_train_there, there), params["run"], workers=workers, cores=1)


def _train_there(params: dict[str, Any]) -> None:
    """In one of several workers, which may have been begun before."""
    begun = (params["run"] / LAST).exists()
    assert train.callback is not None
    train.callback(**{**params, "resume": params["resume"] or begun})


def _sets(data: Path, only: Sequence[str]) -> list[str]:
    """What to learn from, in the order of :func:`training_sets`."""
    there = training_sets(data)
    if stray := next((name for name in only if name not in there), None):
        raise UnmaskError(
            f"There is no set '{stray}' to train on in {data}, only: {', '.join(there) or 'none'}.", path=data
        )
    return [name for name in there if not only or name in only]


def _shared(photos: list[Photo], shares: Sequence[str], names: Sequence[str]) -> list[Photo]:
    """The photos with what ``--share`` gives their sets."""
    given = {}
    for text in shares:
        name, _, number = text.partition("=")
        with suppress(ValueError):
            given[name] = float(number)
        if name not in names or not 0 < given.get(name, 0) < math.inf:
            raise click.BadParameter(
                f"'{text}' is not SET=N with one of the sets {', '.join(names)} and a number above 0.",
                param_hint="--share",
            )
    return [replace(photo, share=given.get(photo.set, 1.0)) for photo in photos]


def _held_out(recipe: Recipe, data: Path, sets: Sequence[str], size: int) -> Batch | None:
    """A few samples that no training sees, the same in every run; None if no such set is there."""
    there = [name for name in held_out_sets(data) if name in sets]
    if not there:
        return None
    pairs = PairSettings(size=size, masked=1.0, distracted=0.0, damage=0.3, varied=False)
    photos = read_photos(data, there)
    make = recipe.trials if isinstance(recipe, OwnTrials) else PairData
    samples = make(photos, pairs, _HELD_OUT_SEED, _HELD_OUT)
    batch: Batch = torch.utils.data.default_collate([samples[number] for number in range(_HELD_OUT)])
    return batch


def _made(name: str, changes: Sequence[str], job: TrainingJob, init: str | None, seed: int) -> Recipe:
    """The recipe, with the weights to begin with if there are any."""
    recipe = changed(RECIPES[name], changes).build(job)
    if init is not None:
        _begin_with(recipe, init, seed)
    return recipe


def _begin_with(recipe: Recipe, init: str, seed: int) -> None:
    if init not in (str(BUNDLED), *BUNDLED_SETS):
        load_averaged(recipe.network, Path(init))
        return
    folder = BUNDLED_WEIGHTS if init == str(BUNDLED) else BUNDLED_SETS[init].folder
    if isinstance(recipe.network, UNetSegmenter):
        recipe.network.load_state_dict(bundled_segmenter(folder).state_dict())
        data = recipe.data(seed, 64)
        revive_norms(recipe.network, [unpack(data[number]["crop"][None]) for number in range(64)])
    elif isinstance(recipe.network, GuidedGenerator):
        recipe.network.load_state_dict(bundled_generator(folder).state_dict())
    elif isinstance(recipe.network, LightGenerator):
        recipe.network.load_state_dict(bundled_generator(folder).without_guide().state_dict())
    else:
        raise UnmaskError(f"There are no bundled weights of this recipe's network: leave out --init {init}.")
