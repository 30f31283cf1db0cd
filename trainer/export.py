"""From training runs to the ONNX files that the engines run.

python -m trainer.export --data PHOTOS --segmenter runs/seg --generator runs/gen --weights FOLDER
python -m trainer.export --data PHOTOS --wearer runs/wearer --weights FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from engines.contract import GENERATOR, SEGMENTER, WEARER, read_weights
from engines.engine import EngineError
from stream_unmask.bundled import weights_folder
from trainer.crops import sample_crops
from trainer.tracing import Agreement, export_network


def _told(run: Path, note: str) -> str:
    """What the manifest says of where weights come from."""
    from trainer.checkpoint import run_summary

    return f"{run_summary(run)} {note}".strip()


def _export_segmenter(data: Path, run: Path, weights: Path, note: str, size: int) -> Agreement:
    import torch

    from trainer.checkpoint import load_averaged
    from trainer.networks.segmenter import Segmenter

    trained = Segmenter().eval()
    load_averaged(trained, run)
    crops = torch.from_numpy(sample_crops(data, 16, size))
    return export_network(trained, SEGMENTER, weights, _told(run, note), (crops,))


def _export_wearer(data: Path, run: Path, weights: Path, note: str) -> Agreement:
    """Export what puts masks on, for crops of the side of its training."""
    import torch

    from trainer.evaluation.runs import size_of, trained_wearer

    wearer = trained_wearer(run)
    crops = torch.from_numpy(sample_crops(data, 16, size_of(run), masked=0.0))
    styles = torch.randn(len(crops), WEARER.inputs["style"], 1, 1, generator=torch.Generator().manual_seed(0))
    return export_network(wearer, WEARER, weights, _told(run, note), (crops, styles))


def _export_generator(
    data: Path, run: Path, weights: Path, note: str, size: int, inner: int | None
) -> Agreement:
    """Export a generator for the side of its training, compared on maps of the folder's segmenter."""
    import torch
    from torch.nn import functional

    from trainer.bundled import bundled_segmenter
    from trainer.evaluation.runs import size_of, trained_generator

    trained, inner = trained_generator(run), inner or size_of(run)
    finder = bundled_segmenter(read_weights(weights, SEGMENTER).path.parent)
    crops = torch.from_numpy(sample_crops(data, 16, size))
    with torch.no_grad():
        maps = finder(crops)
        if inner != size:
            crops, maps = (
                functional.interpolate(each, (inner, inner), mode="bilinear") for each in (crops, maps)
            )
    return export_network(trained, GENERATOR, weights, _told(run, note), (crops, maps))


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder of photo shards.")
@click.option("--segmenter", type=click.Path(path_type=Path), help="Run of the segmenter.")
@click.option("--generator", type=click.Path(path_type=Path), help="Run of the generator.")
@click.option("--wearer", type=click.Path(path_type=Path), help="Run of wearer or cyclegan.")
@click.option(
    "--weights",
    type=weights_folder,
    metavar="NAME|FOLDER",
    required=True,
    help="Folder to write to, or a bundled set.",
)
@click.option("--size", default=256, show_default=True, help="Side of the crops in pixels.")
@click.option("--inner", type=int, help="Side of the generator's pictures, if not that of its training.")
@click.option("--note", default="", help="What to say of the runs in the manifest.")
def main(
    data: Path,
    segmenter: Path | None,
    generator: Path | None,
    wearer: Path | None,
    weights: Path,
    size: int,
    inner: int | None,
    note: str,
) -> None:
    """Export trained networks, compare them with PyTorch, put them in their place."""
    if segmenter is None and generator is None and wearer is None:
        raise click.UsageError("Name the run of a --segmenter, a --generator or a --wearer.")
    if wearer is not None:
        click.echo(f"wearer: {_export_wearer(data, wearer, weights, note)}")
    if segmenter is not None:
        click.echo(f"segmenter: {_export_segmenter(data, segmenter, weights, note, size)}")
    if generator is not None:
        click.echo(f"generator: {_export_generator(data, generator, weights, note, size, inner)}")


if __name__ == "__main__":
    from stream_unmask.errors import UnmaskError

    try:
        main()
    except (EngineError, UnmaskError) as error:
        sys.exit(str(error))
