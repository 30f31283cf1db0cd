"""Tiny networks that keep to the contract, made of the operators that the bundled ones are made of."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from engines.contract import GENERATOR, SEGMENTER, Network, WeightsFile, enter_weights

SIZE = 32
_WIDTH = 8


def _constant(name: str, values: NDArray[np.generic]) -> onnx.TensorProto:
    return numpy_helper.from_array(values, name)


def tiny_model(network: Network, size: int = SIZE) -> onnx.ModelProto:
    """Three convolutions on the joined inputs, one at half size; the mean colour is added at the end."""
    rng = np.random.default_rng(0)
    inputs = sum(network.inputs.values())
    (output, channels), *_ = network.outputs.items()
    constants = [
        _constant("w0", rng.normal(0, 0.15, (_WIDTH, inputs, 3, 3)).astype(np.float32)),
        _constant("w1", rng.normal(0, 0.15, (_WIDTH, _WIDTH, 3, 3)).astype(np.float32)),
        _constant("b1", rng.normal(0, 0.1, _WIDTH).astype(np.float32)),
        _constant("w2", rng.normal(0, 0.5, (channels, _WIDTH, 3, 3)).astype(np.float32)),
        _constant("axes", np.array([1, 2, 3])),
        _constant("twice", np.array([1, 1, 2, 2], np.float32)),
        _constant("many", np.array(float(size * size * 3), np.float32)),
    ]
    around: dict[str, Any] = {"pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Concat", list(network.inputs), ["all"], "join", axis=1),
        helper.make_node("Conv", ["all", "w0"], ["c0"], "first", strides=[2, 2], **around),
        helper.make_node("Relu", ["c0"], ["r0"], "relu0"),
        helper.make_node("Conv", ["r0", "w1", "b1"], ["c1"], "middle", **around),
        helper.make_node("Relu", ["c1"], ["r1"], "relu1"),
        helper.make_node("Resize", ["r1", "", "twice"], ["up"], "double", mode="linear"),
        helper.make_node("Conv", ["up", "w2"], ["c2"], "last", **around),
        helper.make_node("ReduceSum", ["crop", "axes"], ["sum"], "sum", keepdims=1),
        helper.make_node("Div", ["sum", "many"], ["mean"], "mean"),
        helper.make_node("Add", ["c2", "mean"], ["raw"], "shift"),
        helper.make_node("Sigmoid" if network is SEGMENTER else "Tanh", ["raw"], [output], "squash"),
    ]

    def port(name: str, count: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ("n", count, size, size))

    graph = helper.make_graph(
        nodes,
        network.name,
        [port(name, count) for name, count in network.inputs.items()],
        [port(output, channels)],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def write_network(folder: Path, network: Network, size: int = SIZE) -> None:
    """Put a tiny network into a folder of weights."""
    path = folder / f"{network.name}.onnx"
    onnx.save(tiny_model(network, size), path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    enter_weights(WeightsFile(path, sha256, size, "tiny"), network)


def tiny_weights(folder: Path) -> Path:
    """Fill a folder with both networks and their manifest."""
    for network in (SEGMENTER, GENERATOR):
        write_network(folder, network)
    return folder


def crops(count: int, seed: int = 0) -> NDArray[np.float32]:
    """(count, 3, SIZE, SIZE) soft blots in -1..1."""
    coarse = np.random.default_rng(seed).uniform(-1, 1, (count * 3, 4, 4)).astype(np.float32)
    planes = [cv2.resize(plane, (SIZE, SIZE)) for plane in coarse]
    return np.asarray(planes, np.float32).reshape(count, 3, SIZE, SIZE)
