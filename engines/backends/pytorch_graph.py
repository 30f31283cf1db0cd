"""An ONNX file as a PyTorch module, for the operators that our networks are made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from engines.engine import EngineError

Ints = list[int]
Attributes = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Step:
    """One node of the graph."""

    compute: Callable[..., Any]
    attributes: Attributes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class OnnxModule(nn.Module):
    """Computes what an ONNX graph says, in the types that it says.

    Tensors are tensors; shapes and other whole numbers are lists, so that nothing on the way waits for a GPU
    and a CUDA graph or an exported program can be made of a run.
    """

    def __init__(self, model: onnx.ModelProto, half: torch.dtype = torch.float16) -> None:
        """Take over nodes and constants.

        Args:
            model: as PyTorch exports ours.
            half: what to compute in where the graph says float16.

        Raises:
            EngineError: it has an operator that is not known here.
        """
        super().__init__()
        graph = model.graph
        self.input_names = [port.name for port in graph.input]
        self.output_names = [port.name for port in graph.output]
        unknown = sorted({node.op_type for node in graph.node} - _OPERATORS.keys())
        if unknown:
            raise EngineError(f"The PyTorch engine does not know the operators {', '.join(unknown)}.")
        scales = {node.input[2] for node in graph.node if node.op_type == "Resize" and len(node.input) > 2}
        self._lists: dict[str, list[Any]] = {}
        self._buffer_of: dict[str, str] = {}
        for number, each in enumerate(graph.initializer):
            values = numpy_helper.to_array(each)
            if each.data_type == TensorProto.INT64 or each.name in scales:
                self._lists[each.name] = values.reshape(-1).tolist()
            else:
                constant = torch.from_numpy(values.copy())
                self._buffer_of[each.name] = f"constant{number}"
                self.register_buffer(
                    f"constant{number}", constant.to(half) if constant.dtype == torch.float16 else constant
                )
        self._steps = [
            _Step(
                _OPERATORS[node.op_type],
                _attributes(node, half),
                tuple(node.input),
                tuple(node.output),
            )
            for node in graph.node
        ]

    def fuse(self) -> None:
        """Have each convolution that nothing but a ReLU reads bring that along, in one kernel where there is
        one: on a GPU, a small network's time is its number of kernels. Not for what is to be exported."""
        readers = Counter(name for step in self._steps for name in step.inputs)
        readers.update(self.output_names)
        relus = {step.inputs[0]: step for step in self._steps if step.compute is _relu}
        fused: list[_Step] = []
        gone: set[str] = set()
        for step in self._steps:
            made = step.outputs[0]
            if made in gone:
                continue  # the ReLU itself
            if step.compute is _conv and len(step.inputs) == 3 and made in relus and readers[made] == 1:
                gone.update(relus[made].outputs)
                step = replace(step, compute=_ConvRelu(), outputs=relus[made].outputs)
            fused.append(step)
        self._steps = fused

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """One tensor for each of the graph's inputs to one for each of its outputs."""
        values: dict[str, Any] = dict(zip(self.input_names, inputs, strict=True))
        values |= self._lists
        values |= {name: self.get_buffer(buffer) for name, buffer in self._buffer_of.items()}
        values[""] = None
        for step in self._steps:
            made = step.compute(step.attributes, *(values[name] for name in step.inputs))
            values.update(zip(step.outputs, made if len(step.outputs) > 1 else (made,), strict=True))
        return tuple(values[name] for name in self.output_names)


def _attributes(node: onnx.NodeProto, half: torch.dtype) -> Attributes:
    found = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    if node.op_type == "Cast":
        found["to"] = {TensorProto.FLOAT: torch.float32, TensorProto.FLOAT16: half}[found["to"]]
    return found


def _conv(a: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    x, pads = _padded(a, x)
    ones = [1] * (weight.ndim - 2)
    strides, dilations = a.get("strides", ones), a.get("dilations", ones)
    return functional.conv2d(x, weight, bias, strides, pads, dilations, a.get("group", 1))


def _clip(a: Attributes, x: Tensor, least: Tensor | None = None, most: Tensor | None = None) -> Tensor:
    return x.clamp(least, most)


def _relu(a: Attributes, x: Tensor) -> Tensor:
    return functional.relu(x)


class _ConvRelu:
    """One convolution of a network, its bias and a ReLU: in one kernel of cuDNN, if it can be trusted.

    ``torch.cudnn_convolution_relu`` hands the memory of its output to cuDNN as a summand, times 0. Memory
    that nobody has written may hold NaN, and 0 times NaN is NaN, where a kernel reads it at all. So the first
    run of each shape, which nobody records, is one over NaN.
    """

    def __init__(self) -> None:
        self._trusted: dict[torch.Size, bool] = {}

    def __call__(self, a: Attributes, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        if x.device.type not in _FUSING or a.get("group", 1) != 1:
            return functional.relu(_conv(a, x, weight, bias))
        if x.shape not in self._trusted:
            self._trusted[x.shape] = self._try(a, x, weight, bias)
        if self._trusted[x.shape]:
            return self._fused(a, x, weight, bias)
        return functional.relu(_conv(a, x, weight, bias))

    def _try(self, a: Attributes, x: Tensor, weight: Tensor, bias: Tensor) -> bool:
        """Whether cuDNN has a kernel for this shape, and it does not read what it is to write."""
        try:
            first = self._fused(a, x, weight, bias)
            first.fill_(torch.nan)
            del first  # the allocator hands out next what was given back last
            return bool(self._fused(a, x, weight, bias).isfinite().all())
        except torch.OutOfMemoryError:
            raise
        except RuntimeError:
            return False

    @staticmethod
    def _fused(a: Attributes, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        x, pads = _padded(a, x)
        strides, dilations = a.get("strides", [1, 1]), a.get("dilations", [1, 1])
        return torch.cudnn_convolution_relu(x, weight, bias, strides, pads, dilations, 1)


_FUSING = ("cuda",)
"""Kinds of device for which torch has that kernel."""


def _max_pool(a: Attributes, x: Tensor) -> Tensor:
    kernel = a["kernel_shape"]
    pads = a.get("pads", [0, 0, 0, 0])[:2]
    return functional.max_pool2d(x, kernel, a.get("strides", [1, 1]), pads)


def _padded(a: Attributes, x: Tensor) -> tuple[Tensor, Ints]:
    """The picture and the zeros to put around it: functions take the same on both sides only."""
    top, left, bottom, right = a.get("pads", [0, 0, 0, 0])
    if (top, left) == (bottom, right):
        return x, [top, left]
    return functional.pad(x, (left, right, top, bottom)), [0, 0]


def _resize(
    a: Attributes, x: Tensor, _: None = None, scales: Sequence[float] | None = None, sizes: Ints | None = None
) -> Tensor:
    side = sizes or [round(side * scale) for side, scale in zip(x.shape, scales or (), strict=True)]
    how = (a.get("mode", b"nearest"), a.get("coordinate_transformation_mode", b"half_pixel"))
    if how == (b"linear", b"half_pixel"):
        return functional.interpolate(x, side[2:], mode="bilinear", align_corners=False)
    if how == (b"nearest", b"asymmetric") and a.get("nearest_mode") == b"floor":
        return functional.interpolate(x, side[2:], mode="nearest")
    raise EngineError(f"The PyTorch engine does not resize {how[0].decode()} and {how[1].decode()}.")


def _slice(a: Attributes, x: Any, starts: Ints, ends: Ints, axes: Ints, steps: Ints | None = None) -> Any:
    for axis, start, end, step in zip(axes, starts, ends, steps or [1] * len(axes), strict=True):
        if isinstance(x, list):
            x = x[start:end:step]
        else:
            x = x[(slice(None),) * (axis % x.ndim) + (slice(start, end, step),)]
    return x


def _concat(a: Attributes, *parts: Any) -> Any:
    return list(chain(*parts)) if isinstance(parts[0], list) else torch.cat(parts, a["axis"])


def _split(a: Attributes, x: Tensor, sizes: Ints | None = None) -> tuple[Tensor, ...]:
    axis = a.get("axis", 0)
    return torch.split(x, sizes, axis) if sizes else x.chunk(a["num_outputs"], axis)


def _depth_to_space(a: Attributes, x: Tensor) -> Tensor:
    if a.get("mode") != b"CRD":
        raise EngineError("The PyTorch engine shuffles pixels as PyTorch does only.")
    return functional.pixel_shuffle(x, a["blocksize"])


def _reduce(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda a, x, axes: function(x, axes, keepdim=bool(a.get("keepdims", 1)))


_OPERATORS: dict[str, Callable[..., Any]] = {
    "Add": lambda a, x, y: x + y,
    "Cast": lambda a, x: x.to(a["to"]),
    "Clip": _clip,
    "Concat": _concat,
    "Conv": _conv,
    "DepthToSpace": _depth_to_space,
    "Div": lambda a, x, y: x / y,
    "AveragePool": lambda a, x: functional.avg_pool2d(x, a["kernel_shape"], a.get("strides", [1, 1])),
    "Elu": lambda a, x: functional.elu(x, a.get("alpha", 1.0)),
    "Exp": lambda a, x: x.exp(),
    "Log": lambda a, x: x.log(),
    "Sqrt": lambda a, x: x.sqrt(),
    "MatMul": lambda a, x, y: x @ y,
    "Max": lambda a, x, y: torch.maximum(x, y),
    "Min": lambda a, x, y: torch.minimum(x, y),
    "MaxPool": _max_pool,
    "Mul": lambda a, x, y: x * y,
    "Neg": lambda a, x: -x,
    "ReduceMean": _reduce(torch.mean),
    "ReduceSum": _reduce(torch.sum),
    "Relu": _relu,
    "Reshape": lambda a, x, shape: x.reshape(shape),
    "Resize": _resize,
    "Shape": lambda a, x: list(x.shape)[a.get("start", 0) : a.get("end")],
    "Sigmoid": lambda a, x: x.sigmoid(),
    "Slice": _slice,
    "Split": _split,
    "Sub": lambda a, x, y: x - y,
    "Tanh": lambda a, x: x.tanh(),
    "Transpose": lambda a, x: x.permute(a["perm"]),
}
"""What each operator computes, given its attributes and inputs."""
