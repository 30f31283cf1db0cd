"""From training runs to the ONNX files that the engines run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from engines.contract import (
    GENERATOR,
    SEGMENTER,
    WEARER,
    FilePrecision,
    enter_weights,
    has_weights,
    read_weights,
)
from engines.parity import Agreement
from stream_unmask.bundled import BUNDLED_WEIGHTS
from stream_unmask.synth.pairs import PairSettings
from stream_unmask.whole import write_whole
from trainer.crops import sample_crops
from trainer.data import held_out_sets, read_photos, training_sets
from trainer.pairs import unpack
from trainer.tracing import export_network

if TYPE_CHECKING:
    from torch import Tensor

_SAMPLES, _SEED = 16, 5


def _told(run: Path, note: str) -> str:
    """What the manifest says of where weights come from."""
    from trainer.checkpoint import run_summary

    return f"{run_summary(run)} {note}".strip()


def export_segmenter(data: Path, run: Path, weights: Path, note: str) -> Agreement:
    """Export what finds masks, for crops of the product's side, which is that of its training.

    Raises:
        UnmaskError: the run has no segmenter, or one of crops of another side.
    """
    import torch

    from trainer.recipes.job import SEGMENTER_SIDE, read_segmenter

    trained = read_segmenter(run)
    crops = torch.from_numpy(sample_crops(data, _SAMPLES, SEGMENTER_SIDE))
    return export_network(trained, SEGMENTER, weights, _told(run, note), (crops,))


def copy_segmenter(weights: Path) -> None:
    """Put the bundled segmenter, in every precision that it comes in, into a folder of weights.

    Raises:
        EngineError: the bundled weights are damaged.
        UnmaskError: the folder cannot be written.
    """
    for precision in get_args(FilePrecision):
        if has_weights(BUNDLED_WEIGHTS, SEGMENTER, precision):
            bundled = read_weights(BUNDLED_WEIGHTS, SEGMENTER, precision)
            copied = replace(bundled, path=weights / bundled.path.name)
            write_whole(copied.path, bundled.path.read_bytes())
            enter_weights(copied, SEGMENTER)


def export_wearer(data: Path, run: Path, weights: Path, note: str) -> Agreement:
    """Export what puts masks on, for crops of the side of its training."""
    import torch

    from trainer.about import size_of
    from trainer.evaluation.runs import trained_wearer

    wearer = trained_wearer(run)
    crops = torch.from_numpy(sample_crops(data, _SAMPLES, size_of(run), masked=0.0))
    styles = torch.randn(len(crops), WEARER.inputs["style"], 1, 1, generator=torch.Generator().manual_seed(0))
    return export_network(wearer, WEARER, weights, _told(run, note), (crops, styles))


def export_generator(data: Path, run: Path, weights: Path, note: str, inner: int | None) -> Agreement:
    """Export a generator for the side of its training, or ``inner``; see :func:`with_guide`."""
    from trainer.about import size_of
    from trainer.evaluation.runs import trained_generator
    from trainer.networks.guided import with_guide

    samples = _guided_samples(data, inner or size_of(run))
    return export_network(with_guide(trained_generator(run)), GENERATOR, weights, _told(run, note), samples)


def _guided_samples(data: Path, size: int) -> tuple[Tensor, ...]:
    """What generators take: crops, roughened masks, strangers' faces, their trust."""
    from torch.utils.data import default_collate

    from trainer.guides import GuidedData, bank_of

    photos = read_photos(data, held_out_sets(data) or training_sets(data))
    settings = PairSettings(size=size, masked=1.0, distracted=0.0)
    made = GuidedData(photos, bank_of(photos), settings, _SEED, _SAMPLES)
    batch = default_collate([made[number] for number in range(_SAMPLES)])
    return tuple(unpack(batch[name]) for name in ("crop", "rough", "guide", "trust"))
