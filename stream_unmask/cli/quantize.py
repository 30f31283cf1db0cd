"""``stream-unmask quantize``: smaller, faster files of networks."""

from __future__ import annotations

from pathlib import Path

import click

from engines.contract import GENERATOR, SEGMENTER, read_weights
from stream_unmask.bundled import weights_folder
from trainer.crops import sample_crops
from trainer.quantize import LIMITS, Made, draw_inputs, make


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder of photo shards.")
@click.option(
    "--weights",
    type=weights_folder,
    metavar="NAME|FOLDER",
    required=True,
    help="Folder of the networks, or a bundled set.",
)
@click.option(
    "--only", multiple=True, metavar="SET", help="Calibrate on this set of photos; may be repeated."
)
@click.option(
    "--precision",
    "precisions",
    type=click.Choice(["fp16", "int8"]),
    multiple=True,
    help="Make only this one.",
)
@click.option(
    "--count", default=64, show_default=True, help="Faces to calibrate on; half as many are compared."
)
@click.option("--seed", default=0, show_default=True)
def quantize(
    data: Path, weights: Path, only: tuple[str, ...], precisions: tuple[Made, ...], count: int, seed: int
) -> None:
    """Make fp16 and int8 files beside the fp32 networks of a folder."""
    size = read_weights(weights, SEGMENTER).size
    click.echo(f"Drawing {count} faces to calibrate on and {count // 2} to compare on.")
    calibration = draw_inputs(weights, sample_crops(data, count, size, seed, held_out=False, only=only))
    held_out = draw_inputs(weights, sample_crops(data, max(count // 2, 1), size, seed + 1, only=only))
    for precision in precisions or LIMITS:
        for network in (SEGMENTER, GENERATOR):
            cost = make(weights, network, precision, calibration[network.name], held_out[network.name])
            megabytes = (weights / f"{network.name}.{precision}.onnx").stat().st_size / 1e6
            click.echo(f"{network.name}: {precision}, {megabytes:.1f} MB, {cost}")
