"""From training runs to the ONNX files that the engines run."""

from __future__ import annotations

from pathlib import Path

from engines.contract import GENERATOR, SEGMENTER, WEARER, read_weights
from engines.parity import Agreement
from trainer.crops import sample_crops
from trainer.tracing import export_network


def _told(run: Path, note: str) -> str:
    """What the manifest says of where weights come from."""
    from trainer.checkpoint import run_summary

    return f"{run_summary(run)} {note}".strip()


def export_segmenter(data: Path, run: Path, weights: Path, note: str, size: int) -> Agreement:
    import torch

    from trainer.checkpoint import load_averaged
    from trainer.networks.segmenter import Segmenter

    trained = Segmenter().eval()
    load_averaged(trained, run)
    crops = torch.from_numpy(sample_crops(data, 16, size))
    return export_network(trained, SEGMENTER, weights, _told(run, note), (crops,))


def export_wearer(data: Path, run: Path, weights: Path, note: str) -> Agreement:
    """Export what puts masks on, for crops of the side of its training."""
    import torch

    from trainer.evaluation.runs import size_of, trained_wearer

    wearer = trained_wearer(run)
    crops = torch.from_numpy(sample_crops(data, 16, size_of(run), masked=0.0))
    styles = torch.randn(len(crops), WEARER.inputs["style"], 1, 1, generator=torch.Generator().manual_seed(0))
    return export_network(wearer, WEARER, weights, _told(run, note), (crops, styles))


def export_generator(
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
