"""Training runs that were not exported, as contestants."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from engines.contract import GENERATOR, SEGMENTER
from stream_unmask.bundled import BUNDLED_WEIGHTS
from stream_unmask.errors import UnmaskError
from trainer.about import description
from trainer.checkpoint import load_averaged
from trainer.evaluation.contestants import NetworksContestant, onnx_network, torch_network
from trainer.networks.generator import PaintingGenerator
from trainer.networks.segmenter import UNetSegmenter
from trainer.networks.translator import Dresser, MaskRemover, Translator, TranslatorPair
from trainer.recipes import RECIPES
from trainer.recipes.job import RecipeConfig, changed


def _read(run: Path) -> tuple[str, RecipeConfig, int]:
    """Recipe, its settings, and side of the crops, as :func:`trainer.about.describe` noted them."""
    about = description(run)
    recipe = about.get("recipe")
    if recipe not in RECIPES:
        raise UnmaskError(f"{run} was trained by a recipe that is not known: {recipe}.", path=run)
    return recipe, changed(RECIPES[recipe], about["changes"]), int(about["size"])


def _network(run: Path) -> tuple[str, nn.Module, int]:
    """Recipe, network with its averaged weights, and side of the crops of a run."""
    recipe, config, size = _read(run)
    network = config.architecture()
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
        return NetworksContestant(
            run.name, torch_network(network, size), onnx_network(beside, GENERATOR, threads)
        )
    segmenter = onnx_network(beside, SEGMENTER, threads)
    if isinstance(network, TranslatorPair):
        network = MaskRemover(network.unmask)
    if isinstance(network, PaintingGenerator | MaskRemover):
        return NetworksContestant(run.name, segmenter, torch_network(network, size))
    raise UnmaskError(f"The network of {run} ({recipe}) does not inpaint faces.", path=run)


def trained_generator(run: Path) -> nn.Module:
    """What paints beneath masks, from a crop and its mask, with a run's averaged weights, for evaluation.

    Raises:
        UnmaskError: the folder is not that of a run, or what it trained is not a generator.
    """
    recipe, network, _ = _network(run)
    if isinstance(network, TranslatorPair):
        return MaskRemover(network.unmask).eval()
    if not isinstance(network, PaintingGenerator):
        raise UnmaskError(f"The network of {run} ({recipe}) is not a generator.", path=run)
    return network.eval()


def trained_wearer(run: Path) -> Translator:
    """What puts masks on, with a run's averaged weights, in evaluation mode.

    Raises:
        UnmaskError: the folder is not that of a run, or what it trained puts no masks on.
    """
    recipe, network, _ = _network(run)
    if not isinstance(network, Dresser | TranslatorPair):
        raise UnmaskError(f"The network of {run} ({recipe}) puts no masks on.", path=run)
    return network.wear.eval()
