"""Weights of others: nothing is read but the files that their manifest vouches for."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.contract import SEGMENTER, has_weights, read_weights
from engines.engine import EngineError
from engines.errors import WeightsError
from engines.external import has_external_numbers


def weights(folder: Path, file: str, content: bytes) -> Path:
    (folder / file).write_bytes(content)
    described = {"file": file, "sha256": hashlib.sha256(content).hexdigest(), "size": 128, "run": "a"}
    (folder / "manifest.json").write_text(json.dumps({"segmenter": described}))
    return folder


@pytest.mark.parametrize("file", ["../a.onnx", "deeper/../../a.onnx", "/a.onnx", "deeper/a.onnx"])
def test_a_manifest_names_files_of_its_own_folder_only(tmp_path: Path, file: str) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    described = {"file": file, "sha256": "0", "size": 128, "run": "a"}
    (folder / "manifest.json").write_text(json.dumps({"segmenter": described}))
    with pytest.raises(EngineError, match="outside its folder"):
        read_weights(folder, SEGMENTER)


@pytest.mark.parametrize("text", ["[" * 50_000, "{}", "[]", "7", '{"segmenter": 7}', "\\", ""])
def test_what_describes_no_network_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(WeightsError, match="does not describe a segmenter"):
        read_weights(tmp_path, SEGMENTER)
    assert not has_weights(tmp_path, SEGMENTER, "fp16")


@pytest.mark.parametrize(("key", "value"), [("sha256", 7), ("sha256", {}), ("size", "x"), ("file", None)])
def test_values_of_another_kind_are_refused(tmp_path: Path, key: str, value: object) -> None:
    described = {"file": "a.onnx", "sha256": "0", "size": 128, "run": "a", key: value}
    (tmp_path / "a.onnx").write_bytes(b"")
    (tmp_path / "manifest.json").write_text(json.dumps({"segmenter": described}))
    with pytest.raises(WeightsError):
        read_weights(tmp_path, SEGMENTER)


def external(**fields: Any) -> onnx.TensorProto:
    tensor = onnx.TensorProto(name="a", dims=[1], data_type=1, **fields)
    tensor.external_data.add(key="location", value="../secret")
    return tensor


def in_graph(**parts: Any) -> onnx.ModelProto:
    return onnx.ModelProto(ir_version=10, graph=onnx.GraphProto(name="g", **parts))


def in_node(**attribute: Any) -> onnx.NodeProto:
    return onnx.NodeProto(op_type="Constant", attribute=[onnx.AttributeProto(name="value", **attribute)])


PLACES: dict[str, Callable[[onnx.TensorProto], onnx.ModelProto]] = {
    "initializer": lambda tensor: in_graph(initializer=[tensor]),
    "sparse": lambda tensor: in_graph(sparse_initializer=[onnx.SparseTensorProto(indices=tensor)]),
    "constant": lambda tensor: in_graph(node=[in_node(t=tensor)]),
    "constants": lambda tensor: in_graph(node=[in_node(tensors=[tensor])]),
    "branch": lambda tensor: in_graph(node=[in_node(g=onnx.GraphProto(node=[in_node(t=tensor)]))]),
    "function": lambda tensor: onnx.ModelProto(
        ir_version=10, functions=[onnx.FunctionProto(name="f", node=[in_node(t=tensor)])]
    ),
}
"""Where in a network a tensor may be."""


@pytest.mark.parametrize("place", PLACES)
def test_a_network_that_is_more_than_its_file_is_refused(tmp_path: Path, place: str) -> None:
    content = PLACES[place](external(data_location=1)).SerializeToString()
    with pytest.raises(WeightsError, match="numbers from another file"):
        read_weights(weights(tmp_path, "segmenter.onnx", content), SEGMENTER)
    plain = PLACES[place](onnx.TensorProto(name="location", data_type=1, raw_data=b"location" * 4))
    assert read_weights(weights(tmp_path, "segmenter.onnx", plain.SerializeToString()), SEGMENTER).size == 128


def test_the_order_in_which_such_an_entry_is_written_is_no_way_around(tmp_path: Path) -> None:
    value, key = b"\x12\x09../secret", b"\x0a\x88\x00location"  # with a length of two bytes, too
    pair = value + key
    tensor = b"\x6a" + bytes([len(pair)]) + pair
    graph = b"\x2a" + bytes([len(tensor)]) + tensor
    content = b"\x3a" + bytes([len(graph)]) + graph
    found = onnx.ModelProto.FromString(content).graph.initializer[0].external_data[0]
    assert (found.key, found.value) == ("location", "../secret")
    with pytest.raises(WeightsError, match="numbers from another file"):
        read_weights(weights(tmp_path, "segmenter.onnx", content), SEGMENTER)


@pytest.mark.parametrize("content", [b"no network", b"\x08", b"\x3a\x7f\x01", b"\x0b", b"\xff" * 20])
def test_what_is_no_network_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(WeightsError, match="is not a network"):
        read_weights(weights(tmp_path, "segmenter.onnx", content), SEGMENTER)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_network_or_not(content: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert has_external_numbers(content) in (True, False)
