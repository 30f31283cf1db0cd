"""Weights of others: nothing is read outside their folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from engines.contract import SEGMENTER, read_weights, stray_data
from engines.engine import EngineError


def entry(location: str) -> bytes:
    """A tensor's entry that names the file of its numbers, as protobuf writes it."""
    name = location.encode()
    pair = b"\x0a\x08location\x12" + bytes([len(name)]) + name
    return b"\x6a" + bytes([len(pair)]) + pair


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


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "a/../../secret"])
def test_numbers_from_outside_the_folder_are_refused(tmp_path: Path, location: str) -> None:
    folder = weights(tmp_path, "segmenter.onnx", b"\x08\x0a" + entry(location) + b"\x10\x01")
    with pytest.raises(EngineError, match="outside its folder"):
        read_weights(folder, SEGMENTER)


def test_numbers_of_a_link_that_leads_outside_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "numbers.bin").symlink_to(tmp_path / "secret")
    assert stray_data(entry("numbers.bin"), folder) == "numbers.bin"


def test_numbers_in_the_folder_or_the_file_are_taken(tmp_path: Path) -> None:
    folder = weights(tmp_path, "segmenter.onnx", b"\x08\x0a" + entry("numbers.bin"))
    assert read_weights(folder, SEGMENTER).size == 128
    assert stray_data(b"location of a mask", folder) is None


def test_onnx_writes_such_entries(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    tensor = onnx.TensorProto(name="a", dims=[1], data_type=1, data_location=1)
    tensor.external_data.add(key="location", value="../secret")
    graph = onnx.helper.make_graph([], "g", [], [], [tensor])
    assert stray_data(onnx.helper.make_model(graph).SerializeToString(), tmp_path) == "../secret"
