"""Smaller, faster files from a network's fp32 file: fp16 for GPUs, int8 for CPUs and GPUs.

TensorRT 11 takes a network's precision from its file alone, and OpenVINO computes in int8 only where a file
says how. Each file is compared with its fp32 one on faces that calibration has not seen, and refused if it
is worse than :data:`LIMITS`.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from engines.backends.onnxruntime_cpu import ONNXRuntimeEngine
from engines.contract import (
    GENERATOR,
    SEGMENTER,
    Network,
    NetworkName,
    WeightsFile,
    enter_weights,
    read_weights,
)
from engines.engine import EngineError
from engines.files.half import last_layers, to_half
from engines.parity import psnr
from engines.whole import replacing
from trainer.crops import at_side

Made = Literal["fp16", "int8"]
FloatArray = NDArray[np.float32]
Inputs = dict[str, FloatArray]
"""For each input of a network N,C,S,S."""


@dataclass(frozen=True, slots=True)
class PrecisionCost:
    """What a file's precision costs, over all its outputs.

    Attributes:
        worst: largest absolute difference from fp32, values spanning 2 (inpainted crop) or 1 (mask).
        psnr: peak signal-to-noise ratio to fp32 in dB; of an inpainted crop inside the mask.
        iou: of masks at 0.5 with those of fp32, intersection over union; 1 for an inpainted crop.
    """

    worst: float
    psnr: float
    iou: float = 1.0

    def __str__(self) -> str:
        return f"differs by at most {self.worst:.3f}, PSNR {self.psnr:.1f} dB, IoU {self.iou:.4f}"


LIMITS: dict[Made, PrecisionCost] = {
    "fp16": PrecisionCost(0.1, 55.0, 0.998),
    "int8": PrecisionCost(0.6, 38.0, 0.98),
}
"""The worst that passes. An inpainted crop at 38 dB is within three grey levels of fp32. Single pictures
say nothing of flicker, which the trainer's evaluation measures."""


def to_int8(source: Path, target: Path, samples: Inputs) -> None:
    """Write a network whose convolutions take int8, by explicit QuantizeLinear and DequantizeLinear nodes.

    Weights have a scale for each channel. All is symmetric and biases stay float, as TensorRT wants it. The
    first and the last convolutions stay float: few channels gain little speed and lose most.

    Args:
        source: the fp32 ``.onnx`` file.
        target: where to write.
        samples: what to measure the features' ranges on.
    """
    graph = onnx.load(source, load_external_data=False).graph
    with tempfile.TemporaryDirectory() as folder:
        shaped = Path(folder) / source.name
        quant_pre_process(source, shaped, skip_optimization=True, skip_symbolic_shape=True)
        quantize_static(
            shaped,
            target,
            _Reader(samples),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=sorted(_first_convolutions(graph) | last_layers(graph)),
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            extra_options={"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False},
        )


class _Reader(CalibrationDataReader):  # type: ignore[misc]  # ONNX Runtime's classes are untyped
    """Gives samples one by one."""

    def __init__(self, samples: Inputs) -> None:
        self._feeds = _one_by_one(samples)

    def get_next(self) -> Inputs | None:
        return next(self._feeds, None)


def _one_by_one(samples: Inputs) -> Iterator[Inputs]:
    for number in range(len(next(iter(samples.values())))):
        yield {name: values[number : number + 1] for name, values in samples.items()}


def _first_convolutions(graph: onnx.GraphProto) -> set[str]:
    """Names of the convolutions that no other comes before."""
    fed: set[str] = set()
    first = set()
    for node in graph.node:
        if node.op_type == "Conv" and fed.isdisjoint(node.input):
            first.add(node.name)
        if node.op_type == "Conv" or not fed.isdisjoint(node.input):
            fed.update(node.output)
    return first


def draw_inputs(weights: Path, crops: FloatArray) -> dict[NetworkName, Inputs]:
    """Inputs of both networks as they occur: the generator's masks are the segmenter's.

    Args:
        weights: folder of the fp32 networks.
        crops: N,3,S,S.

    Returns:
        For each network its inputs, at its own side.

    Raises:
        EngineError: the folder's weights are incomplete or damaged.
    """
    segmenter = ONNXRuntimeEngine(read_weights(weights, SEGMENTER).path, 0)
    masks = np.concatenate([segmenter.run(crop[None])[0] for crop in crops])
    side = read_weights(weights, GENERATOR).size
    return {
        "segmenter": {"crop": crops},
        "generator": {"crop": at_side(crops, side), "mask": at_side(masks, side)}
        | _no_guide(len(crops), side),
    }


def _no_guide(count: int, side: int) -> Inputs:
    return {
        name: np.zeros((count, GENERATOR.inputs[name], side, side), np.float32) for name in ("guide", "trust")
    }


def measure(reference: Path, made: Path, network: Network, samples: Inputs) -> PrecisionCost:
    """Compare a file with its fp32 one.

    Args:
        reference: the fp32 file.
        made: the other.
        network: which network both are.
        samples: its inputs; see :func:`draw_inputs`.

    Raises:
        EngineError: the file gives values that are not numbers, or cannot be run.
    """
    found, wanted = (_outputs(path, samples) for path in (made, reference))
    if not np.isfinite(found).all():
        raise EngineError(f"{made.name} gives values that are not numbers.")
    gap = np.abs(found - wanted)
    if network is SEGMENTER:
        either, both = (found > 0.5) | (wanted > 0.5), (found > 0.5) & (wanted > 0.5)
        return PrecisionCost(float(gap.max()), psnr(gap, 1.0), float(both.sum() / max(either.sum(), 1)))
    inside = np.broadcast_to(samples["mask"] > 0.5, gap.shape)
    return PrecisionCost(float(gap.max()), psnr(gap[inside], 2.0))


def _outputs(path: Path, samples: Inputs) -> FloatArray:
    engine = ONNXRuntimeEngine(path, 0)
    return np.concatenate([engine.run(*feeds.values())[0] for feeds in _one_by_one(samples)])


def make(
    weights: Path, network: Network, precision: Made, calibration: Inputs, held_out: Inputs
) -> PrecisionCost:
    """Write ``<network>.<precision>.onnx`` beside the fp32 file and enter it into the manifest.

    Args:
        weights: the folder.
        network: which one.
        precision: what to make.
        calibration: inputs that int8 measures the features' ranges on; see :func:`draw_inputs`.
        held_out: inputs to compare on.

    Raises:
        EngineError: the folder's weights are incomplete or damaged, or the new file is worse than
            :data:`LIMITS`; nothing is changed then.
    """
    source = read_weights(weights, network)
    path = weights / f"{network.name}.{precision}.onnx"
    with replacing(path) as part:
        if precision == "fp16":
            to_half(source.path, part)
        else:
            to_int8(source.path, part, calibration)
        cost, limit = measure(source.path, part, network, held_out), LIMITS[precision]
        if cost.worst > limit.worst or cost.psnr < limit.psnr or cost.iou < limit.iou:
            raise EngineError(f"The {precision} {network.name} is not fit for use: it {cost}.")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    enter_weights(WeightsFile(path, sha256, source.size, source.run, precision), network)
    return cost
