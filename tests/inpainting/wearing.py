"""Weights that put masks on, without training."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from engines.contract import WEARER, WeightsFile, enter_weights
from stream_unmask.bundled import BUNDLED_WEIGHTS
from tests.inpainting.faces import soft_mask

SIDE = 64


def without_wearer(folder: Path) -> Path:
    """The bundled networks, but for the one that puts masks on."""
    folder.mkdir()
    for name in ("segmenter.onnx", "segmenter.int8.onnx", "generator.onnx", "stand_ins.npz"):
        shutil.copy(BUNDLED_WEIGHTS / name, folder)
    told = json.loads((BUNDLED_WEIGHTS / "manifest.json").read_text())
    del told["wearer"]
    (folder / "manifest.json").write_text(json.dumps(told))
    return folder


def with_wearer(folder: Path) -> Path:
    """The bundled networks, and one that draws a mask in the colour of its style where mouths are.

    Through both, colour and alpha, shines a little of the face.
    """
    without_wearer(folder)
    constants = {
        "some": np.float32(0.3),
        "shape": soft_mask(SIDE)[None, None],
        "colours": np.eye(3, 8, dtype=np.float32).reshape(3, 8, 1, 1),
        "little": np.full((1, 3, 1, 1), 0.05, np.float32),
    }
    nodes = [
        helper.make_node("Mul", ["crop", "some"], ["face"]),
        helper.make_node("Conv", ["style", "colours"], ["colour"]),
        helper.make_node("Add", ["face", "colour"], ["raw"]),
        helper.make_node("Tanh", ["raw"], ["worn"]),
        helper.make_node("Conv", ["face", "little"], ["doubt"]),
        helper.make_node("Add", ["doubt", "shape"], ["alpha"]),
    ]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", channels, side, side])
        for (name, channels), side in zip(
            [*WEARER.inputs.items(), *WEARER.outputs.items()], (SIDE, 1, SIDE, SIDE), strict=True
        )
    ]
    stored = [numpy_helper.from_array(np.asarray(values), name) for name, values in constants.items()]
    graph = helper.make_graph(nodes, "wearer", ports[:2], ports[2:], stored)
    path = folder / "wearer.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    enter_weights(WeightsFile(path, hashlib.sha256(path.read_bytes()).hexdigest(), SIDE, "drawn"), WEARER)
    return folder
