"""A network's graph in half precision.

ONNX Runtime has a converter too, but it leaves casts to half and back between layers that shall stay float,
names casts twice and does not sort them; TensorRT takes every cast as meant.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_FLOAT_INPUTS = {"Resize": (1, 2)}
"""Inputs that ONNX wants in float32 whatever the rest of the node is in: regions and scales."""


_FLOAT_OPS = ("Div", "InstanceNormalization", "LayerNormalization", "ReduceMean", "ReduceSum", "Softmax")
"""What stays float32: sums over pictures overflow or lose their last digits, and so do norms and mean
colours that are made of them."""


def in_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Turn a float32 network into one that computes in float16, with casts only where both meet.

    Sums, norms and means, the last convolutions and what follows them stay float32.

    Args:
        model: an ONNX model without subgraphs and constant nodes, as PyTorch exports ours.

    Returns:
        A new model with the same float32 inputs and outputs.
    """
    floats = last_layers(model.graph)
    floats |= {node.name for node in model.graph.node if node.op_type in _FLOAT_OPS}
    typed = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    known = [*typed.value_info, *typed.output]
    real = {value.name for value in known if value.type.tensor_type.elem_type == TensorProto.FLOAT}
    tensors = _Tensors(typed)
    for node in typed.node:
        half = node.name not in floats
        kept = _FLOAT_INPUTS.get(node.op_type, ())
        for place, name in enumerate(node.input):
            if name in tensors.halves:
                node.input[place] = tensors.named(name, half and place not in kept)
        tensors.halves.update((name, half) for name in node.output if name in real)
        tensors.nodes.append(node)
    used = {name for node in tensors.nodes for name in node.input}
    stored = [each for each in (*typed.initializer, *tensors.constants.values()) if each.name in used]
    graph = helper.make_graph(tensors.nodes, model.graph.name, model.graph.input, model.graph.output, stored)
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)


def to_half(source: Path, target: Path) -> None:
    """Write a network whose weights and features are float16; see :func:`in_half`.

    Args:
        source: the fp32 ``.onnx`` file.
        target: where to write.
    """
    half = in_half(onnx.load(source))
    onnx.checker.check_model(half)
    onnx.save(half, target)


def last_layers(graph: onnx.GraphProto) -> set[str]:
    """Names of the nodes after which no convolution comes: the last convolutions and what follows them."""
    feeding: set[str] = set()
    last = set()
    for node in reversed(graph.node):
        before_another = not feeding.isdisjoint(node.output)
        if not before_another:
            last.add(node.name)
        if before_another or node.op_type == "Conv":
            feeding.update(node.input)
    return last


class _Tensors:
    """Which real tensors are half, and the others' counterparts, made when first wanted.

    Attributes:
        nodes: the new graph's, in order.
        constants: in half, by name.
        halves: for each real tensor of the old graph whether the new one makes it in half.
    """

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._floats = {each.name: each for each in graph.initializer if each.data_type == TensorProto.FLOAT}
        self._made: set[str] = set()
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self.halves = dict.fromkeys([*(value.name for value in graph.input), *self._floats], False)

    def named(self, name: str, half: bool) -> str:
        """Name of the tensor that holds the same in half, or in float."""
        if self.halves[name] == half:
            return name
        other = f"{name}_{'half' if half else 'float'}"
        if other in self._made:
            return other
        self._made.add(other)
        if name in self._floats:
            values = numpy_helper.to_array(self._floats[name]).astype(np.float16)
            self.constants[other] = numpy_helper.from_array(values, other)
        else:
            kind = TensorProto.FLOAT16 if half else TensorProto.FLOAT
            self.nodes.append(helper.make_node("Cast", [name], [other], f"{other}_cast", to=kind))
        return other
