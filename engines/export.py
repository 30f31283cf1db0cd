"""From training runs to the ONNX files that the engines run.

python -m engines.export --data PHOTOS --segmenter runs/seg --generator runs/gen --weights FOLDER
python -m engines.export --data PHOTOS --wearer runs/wearer --weights FOLDER
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from engines.contract import GENERATOR, SEGMENTER, WEARER, Network, WeightsFile, enter_weights, read_weights
from engines.engine import EngineError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from trainer.networks.generator import Painter
    from trainer.networks.sizes import Size

OPSET = 18
LARGEST = 25_000_000
"""Bytes that a network's file may have."""

_WORST = 2e-3
"""Largest difference of a value between PyTorch and ONNX Runtime that passes; values span 2."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How near the exported network is to the trained one, over all outputs.

    Attributes:
        worst: largest absolute difference, values spanning 2 (patch) or 1 (map).
        psnr: peak signal-to-noise ratio in dB between both, the lowest of all outputs.
    """

    worst: float
    psnr: float


def fold_norms(network: nn.Module) -> nn.Module:
    """A copy of ``network`` in evaluation mode whose batch norms are folded into its convolutions."""
    from copy import deepcopy

    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    folded = deepcopy(network).eval()
    for part in folded.modules():
        if not isinstance(part, nn.Sequential):
            continue
        for place in range(len(part) - 1):
            first, second = part[place], part[place + 1]
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                part[place] = fuse_conv_bn_eval(first, second)
                part[place + 1] = nn.Identity()
    return folded


def compare(network: nn.Module, path: Path, samples: tuple[Tensor, ...]) -> Agreement:
    """Run ``samples`` through PyTorch and through ONNX Runtime.

    Args:
        network: the trained network.
        path: its exported file.
        samples: one batch of N for each of its inputs, in order.

    Raises:
        EngineError: the exported network gives something that is not a number.
    """
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feeds = {port.name: sample.numpy() for port, sample in zip(session.get_inputs(), samples, strict=True)}
    with torch.no_grad():
        made = network.eval()(*samples)
    worst, psnr = 0.0, np.inf
    for found, wanted in zip(
        session.run(None, feeds), made if isinstance(made, tuple) else (made,), strict=True
    ):
        if not np.isfinite(found).all():
            raise EngineError(f"{path.name} gives values that are not numbers.")
        gap = np.abs(found - wanted.numpy())
        error = max(float((gap.astype(np.float64) ** 2).mean()), 1e-20)
        worst, psnr = max(worst, float(gap.max())), min(psnr, float(10 * np.log10(4 / error)))
    return Agreement(worst, psnr)


def export_network(
    network: nn.Module, kind: Network, folder: Path, run: str, samples: tuple[Tensor, ...]
) -> Agreement:
    """Write one network as ``<folder>/<name>.onnx`` and enter it into the manifest.

    The file is checked before it takes the old one's place, and the manifest changes last.

    Args:
        network: the trained network, batch norms and all.
        kind: which one it is.
        folder: of the weights; made if need be.
        run: where the weights come from, for the manifest.
        samples: what to compare on, one batch of N in the contract's ranges for each input, the crop first.

    Raises:
        EngineError: the exported file is too large or does not do what the network does.
    """
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{kind.name}.part.onnx"
    one = tuple(sample[:2].contiguous() for sample in samples)
    torch.onnx.export(
        fold_norms(network),
        one,
        str(part),
        input_names=list(kind.inputs),
        output_names=list(kind.outputs),
        opset_version=OPSET,
        dynamo=True,
        external_data=False,
        dynamic_shapes=tuple({0: torch.export.Dim("batch")} for _ in one),
        verbose=False,
    )
    agreement = compare(network, part, samples)
    if agreement.worst > _WORST or part.stat().st_size > LARGEST:
        size, part_name = part.stat().st_size, part.name
        part.unlink()
        raise EngineError(f"{part_name} is not fit for use: {agreement}, {size} bytes.")
    path = folder / f"{kind.name}.onnx"
    part.replace(path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    enter_weights(WeightsFile(path, sha256, int(samples[0].shape[-1]), run), kind)
    return agreement


def sample_crops(
    data: Path,
    count: int,
    size: int,
    sets: Sequence[str] = ("val_core",),
    seed: int = 5,
    masked: float = 1.0,
) -> NDArray[np.float32]:
    """Crops of faces, as the synthesiser makes them of photos.

    Args:
        data: folder of photo shards.
        count: how many.
        size: side S in pixels.
        sets: of photos to draw from.
        seed: the same crops for the same seed.
        masked: share of the faces that have masks on.

    Returns:
        (count, 3, S, S) RGB in [-1, 1].

    Raises:
        UnmaskError: a set is missing or damaged.
    """
    from trainer.data import read_photos
    from trainer.synth.pairs import PairData, PairSettings, unpack

    pairs = PairData(read_photos(data, sets), PairSettings(size=size, masked=masked), seed, count)
    return np.concatenate([unpack(pairs[number]["crop"][None]).numpy() for number in range(count)])


def at_side(pictures: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """N,C,S,S pictures at another side, bilinearly, as the product makes them."""
    if pictures.shape[-1] == side:
        return pictures
    sized = [cv2.resize(plane, (side, side)) for picture in pictures for plane in picture]
    return np.asarray(sized, np.float32).reshape(*pictures.shape[:2], side, side)


def _export_wearer(data: Path, run: Path, weights: Path, note: str) -> Agreement:
    """Export what puts masks on, for crops of the side of its training."""
    import torch

    from trainer.checkpoint import run_summary
    from trainer.evaluation.runs import size_of, trained_wearer

    wearer = trained_wearer(run)
    crops = torch.from_numpy(sample_crops(data, 16, size_of(run), masked=0.0))
    styles = torch.randn(len(crops), WEARER.inputs["style"], 1, 1, generator=torch.Generator().manual_seed(0))
    return export_network(wearer, WEARER, weights, f"{run_summary(run)} {note}".strip(), (crops, styles))


def _export_generator(
    trained: Painter, data: Path, size: int, inner: int | None, weights: Path, run: str
) -> Agreement:
    """Export a generator, compared with itself on maps of the folder's segmenter."""
    import torch
    from torch.nn import functional

    from trainer.bundled import bundled_segmenter

    finder = bundled_segmenter(read_weights(weights, SEGMENTER).path.parent)
    crops = torch.from_numpy(sample_crops(data, 16, size))
    with torch.no_grad():
        maps = finder(crops)
        if inner is not None:
            crops, maps = (
                functional.interpolate(each, (inner, inner), mode="bilinear") for each in (crops, maps)
            )
    return export_network(trained, GENERATOR, weights, run, (crops, maps))


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder of photo shards.")
@click.option("--segmenter", type=click.Path(path_type=Path), help="Run of the segmenter.")
@click.option("--generator", type=click.Path(path_type=Path), help="Run of the generator.")
@click.option("--wearer", type=click.Path(path_type=Path), help="Run of wearer or cyclegan.")
@click.option(
    "--network",
    type=click.Choice(["light", "full"]),
    default="light",
    show_default=True,
    help="Size of the generator.",
)
@click.option("--weights", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
@click.option("--size", default=256, show_default=True, help="Side of the crops in pixels.")
@click.option("--inner", type=int, help="Side of the generator's pictures, if not that of the crops.")
@click.option("--note", default="", help="What to say of the runs in the manifest.")
def main(
    data: Path,
    segmenter: Path | None,
    generator: Path | None,
    wearer: Path | None,
    network: Size,
    weights: Path,
    size: int,
    inner: int | None,
    note: str,
) -> None:
    """Export trained networks, compare them with PyTorch, put them in their place."""
    import torch

    from trainer.checkpoint import load_averaged, run_summary
    from trainer.networks.segmenter import Segmenter
    from trainer.networks.sizes import GENERATORS

    if segmenter is None and generator is None and wearer is None:
        raise click.UsageError("Name the run of a --segmenter, a --generator or a --wearer.")
    if wearer is not None:
        click.echo(f"wearer: {_export_wearer(data, wearer, weights, note)}")
    if segmenter is not None:
        finder = Segmenter().eval()
        load_averaged(finder, segmenter)
        crops = torch.from_numpy(sample_crops(data, 16, size))
        run = f"{run_summary(segmenter)} {note}".strip()
        click.echo(f"segmenter: {export_network(finder, SEGMENTER, weights, run, (crops,))}")
    if generator is not None:
        trained = GENERATORS[network]().eval()
        load_averaged(trained, generator)
        run = f"{run_summary(generator)} {note}".strip()
        click.echo(f"generator: {_export_generator(trained, data, size, inner, weights, run)}")


if __name__ == "__main__":
    from stream_unmask.errors import UnmaskError

    try:
        main()
    except (EngineError, UnmaskError) as error:
        sys.exit(str(error))
