"""Training runs that were not exported, as contestants; and what a run says about itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from engines.contract import GENERATOR, SEGMENTER
from stream_unmask.bundled import BUNDLED_WEIGHTS
from stream_unmask.errors import UnmaskError
from trainer.checkpoint import load_averaged
from trainer.evaluation.contestants import FloatArray, NetworksContestant, Run, onnx_network, torch_network
from trainer.networks.generator import PaintingGenerator
from trainer.networks.segmenter import UNetSegmenter
from trainer.networks.translator import Dresser, Translator, TranslatorPair
from trainer.recipes import RECIPES
from trainer.recipes.job import RecipeConfig, TrainingJob, changed

_ABOUT = "recipe.json"


def describe(run: Path, recipe: str, size: int, changes: Sequence[str], **others: object) -> None:
    """Note in a run's folder what is trained in it and how, for :func:`trained` and for going on.

    Args:
        run: folder of the run.
        recipe: its name.
        size: side of the crops in pixels.
        changes: what ``--set`` changed.
        others: the training's other options, by their names.

    Raises:
        UnmaskError: the folder cannot be written.
    """
    about = {"recipe": recipe, "size": size, "changes": list(changes)} | others
    try:
        run.mkdir(parents=True, exist_ok=True)
        (run / _ABOUT).write_text(json.dumps(about, default=str) + "\n")
    except OSError as error:
        raise UnmaskError(f"Cannot write to {run}: {error.strerror}.") from error


def size_of(run: Path) -> int:
    """Side of the crops in pixels that a run learnt from.

    Args:
        run: folder of the run, or a file in it: ``best.pt``, ``averaged.safetensors``.

    Raises:
        UnmaskError: the folder is not that of a run.
    """
    return _read(run)[2]


def description(run: Path) -> dict[str, Any]:
    """What :func:`describe` noted of a run.

    Args:
        run: folder of the run, or a file in it: ``best.pt``, ``averaged.safetensors``.

    Raises:
        UnmaskError: the folder is not that of a run.
    """
    folder = run.parent if run.is_file() else run
    try:
        return dict(json.loads((folder / _ABOUT).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise UnmaskError(
            f"{run} is not the folder of a training run: its {_ABOUT} cannot be read."
        ) from error


def _read(run: Path) -> tuple[str, RecipeConfig, int]:
    """Recipe, its settings, and side of the crops, as :func:`describe` noted them."""
    about = description(run)
    recipe = about.get("recipe")
    if recipe not in RECIPES:
        raise UnmaskError(f"{run} was trained by a recipe that is not known: {recipe}.")
    return recipe, changed(RECIPES[recipe], about["changes"]), int(about["size"])


def _network(run: Path) -> tuple[str, nn.Module, int]:
    """Recipe, network with its averaged weights, and side of the crops of a run."""
    recipe, config, size = _read(run)
    network = config.build(TrainingJob([], size, begun=True)).network
    load_averaged(network, run)
    return recipe, network, size


def trained(run: Path, threads: int = 2, beside: Path = BUNDLED_WEIGHTS) -> NetworksContestant:
    """A run's averaged network.

    Args:
        run: folder of the run.
        threads: of the network beside it.
        beside: exported weights; a generator gets the masks of their segmenter, a segmenter gives its masks
            to their generator.

    Raises:
        UnmaskError: the folder is not that of a run, or its network does not inpaint faces.
    """
    recipe, network, size = _network(run)
    if isinstance(network, UNetSegmenter):
        return NetworksContestant(run.name, torch_network(network), onnx_network(beside, GENERATOR, threads))
    segmenter = onnx_network(beside, SEGMENTER, threads)
    if isinstance(network, PaintingGenerator):
        return NetworksContestant(run.name, segmenter, torch_network(network, size))
    if isinstance(network, TranslatorPair):
        return NetworksContestant(run.name, segmenter, _of_the_crop_alone(torch_network(network, size)))
    raise UnmaskError(f"The network of {run} ({recipe}) does not inpaint faces.")


def trained_generator(run: Path) -> PaintingGenerator:
    """What paints beneath masks, of the size that was trained, with a run's averaged weights, for evaluation.

    Raises:
        UnmaskError: the folder is not that of a run, or what it trained is not a generator.
    """
    recipe, network, _ = _network(run)
    if not isinstance(network, PaintingGenerator):
        raise UnmaskError(f"The network of {run} ({recipe}) is not a generator.")
    return network.eval()


def trained_wearer(run: Path) -> Translator:
    """What puts masks on, with a run's averaged weights, in evaluation mode.

    Raises:
        UnmaskError: the folder is not that of a run, or what it trained puts no masks on.
    """
    recipe, network, _ = _network(run)
    if not isinstance(network, Dresser | TranslatorPair):
        raise UnmaskError(f"The network of {run} ({recipe}) puts no masks on.")
    return network.wear.eval()


def _of_the_crop_alone(translate: Run) -> Run:
    def paint(crop: FloatArray, _mask: FloatArray) -> FloatArray:
        return translate(crop)

    return paint
