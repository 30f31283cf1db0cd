"""fp16 and int8 files: what is in them, what they cost, and that bad ones are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from engines.backends.onnxruntime_cpu import ONNXRuntimeEngine
from engines.contract import GENERATOR, MANIFEST, SEGMENTER, Network, enter_weights, read_weights
from engines.engine import EngineError
from engines.files.half import to_half
from stream_unmask.cli.quantize import quantize as command
from tests.engines.tiny import SIZE, crops, tiny_weights, write_network
from trainer import quantize
from trainer.quantize import PrecisionCost, draw_inputs, make, measure


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return tiny_weights(tmp_path)


@pytest.fixture(autouse=True)
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The masks of a network that has learnt nothing are near 0.5 everywhere: IoU says little of them."""
    monkeypatch.setitem(quantize.LIMITS, "int8", PrecisionCost(0.6, 38.0, 0.9))


def test_half_keeps_inputs_ends_and_sums_in_float(weights: Path) -> None:
    to_half(weights / "segmenter.onnx", weights / "half.onnx")
    graph = onnx.load(weights / "half.onnx").graph
    assert [(node.op_type, *node.input) for node in graph.node if node.op_type == "Cast"] == [
        ("Cast", "crop"),
        ("Cast", "up"),
    ]
    halves = {each.name for each in graph.initializer if each.data_type == TensorProto.FLOAT16}
    assert halves == {"w0_half", "w1_half", "b1_half"}
    assert {port.type.tensor_type.elem_type for port in (*graph.input, *graph.output)} == {TensorProto.FLOAT}


def test_half_does_not_overflow_where_pixels_are_summed(weights: Path) -> None:
    bright = np.full((1, 3, SIZE, SIZE), 60.0, np.float32)  # the sum is beyond what half can hold
    assert bright.sum() > np.finfo(np.float16).max
    to_half(weights / "segmenter.onnx", weights / "half.onnx")
    cost = measure(weights / "segmenter.onnx", weights / "half.onnx", SEGMENTER, {"crop": bright})
    assert cost.worst < 0.01


@pytest.mark.parametrize("network", [SEGMENTER, GENERATOR], ids=lambda network: network.name)
def test_int8_is_symmetric_and_spares_the_first_and_last(weights: Path, network: Network) -> None:
    samples, held_out = (draw_inputs(weights, crops(8, seed))[network.name] for seed in (0, 1))
    cost = make(weights, network, "int8", samples, held_out)
    assert 0 < cost.worst < 0.1
    graph = onnx.load(read_weights(weights, network, "int8").path).graph
    stored = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    made_by = {name: node for node in graph.node for name in node.output}
    quantised = {
        node.name
        for node in graph.node
        if node.op_type == "Conv" and made_by[node.input[0]].op_type == "DequantizeLinear"
    }
    assert quantised == {"middle"}
    zero_points = [stored[node.input[2]] for node in graph.node if node.op_type == "QuantizeLinear"]
    assert zero_points
    assert all(point.dtype == np.int8 and not point.any() for point in zero_points)
    assert stored["b1"].dtype == np.float32
    assert any(values.dtype == np.int8 and values.ndim == 4 for values in stored.values())


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_made_files_are_in_the_manifest_until_the_fp32_file_changes(
    weights: Path, precision: quantize.Made
) -> None:
    with pytest.raises(EngineError, match=f"no {precision} segmenter"):
        read_weights(weights, SEGMENTER, precision)
    samples = {"crop": crops(4)}
    make(weights, SEGMENTER, precision, samples, samples)
    made = read_weights(weights, SEGMENTER, precision)
    assert (made.path.name, made.size, made.run) == (f"segmenter.{precision}.onnx", SIZE, "tiny")
    SEGMENTER.check(ONNXRuntimeEngine(made.path, 1), SIZE)
    enter_weights(read_weights(weights, SEGMENTER), SEGMENTER)
    with pytest.raises(EngineError, match=f"no {precision} segmenter"):
        read_weights(weights, SEGMENTER, precision)


def test_a_file_that_is_too_bad_is_refused_and_nothing_changes(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(quantize.LIMITS, "int8", PrecisionCost(1.0, 99.0))
    before = {path.name: path.read_bytes() for path in weights.iterdir()}
    samples = draw_inputs(weights, crops(2))["generator"]
    with pytest.raises(EngineError, match=r"int8 generator is not fit for use: it differs .* dB"):
        make(weights, GENERATOR, "int8", samples, samples)
    assert {path.name: path.read_bytes() for path in weights.iterdir()} == before


def test_values_that_are_no_numbers_are_refused(weights: Path) -> None:
    model = onnx.load(weights / "segmenter.onnx")
    (weight,) = (each for each in model.graph.initializer if each.name == "w2")
    weight.CopyFrom(numpy_helper.from_array(np.full((1, 8, 3, 3), np.nan, np.float32), "w2"))
    onnx.save(model, weights / "broken.onnx")
    with pytest.raises(EngineError, match="broken.onnx gives values that are not numbers"):
        measure(weights / "segmenter.onnx", weights / "broken.onnx", SEGMENTER, {"crop": crops(1)})


def test_inputs_are_those_of_the_product(weights: Path) -> None:
    samples = draw_inputs(weights, crops(5))
    segmenter = ONNXRuntimeEngine(weights / "segmenter.onnx", 1)
    np.testing.assert_array_equal(samples["segmenter"]["crop"], crops(5))
    np.testing.assert_allclose(samples["generator"]["mask"], segmenter.run(crops(5))[0], atol=1e-5)


def test_a_smaller_generator_gets_smaller_pictures(weights: Path) -> None:
    write_network(weights, GENERATOR, size=SIZE // 2)
    samples = draw_inputs(weights, crops(2))["generator"]
    assert samples["crop"].shape == (2, 3, SIZE // 2, SIZE // 2)
    assert samples["mask"].shape == (2, 1, SIZE // 2, SIZE // 2)
    pairs = crops(2).reshape(2, 3, SIZE // 2, 2, SIZE // 2, 2)
    np.testing.assert_allclose(samples["crop"], pairs.mean((3, 5)), atol=1e-5)


def test_the_command_makes_all(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def noise(
        data: Path, count: int, size: int, seed: int, *, held_out: bool = True, only: tuple[str, ...]
    ) -> NDArray[np.float32]:
        assert (size, only) == (SIZE, ("core",))
        return crops(count, seed)

    monkeypatch.setattr("stream_unmask.cli.quantize.sample_crops", noise)
    arguments = ["--data", "photos", "--weights", str(weights), "--count", "4", "--only", "core"]
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 0, done.output
    assert done.output.count("PSNR") == 4
    manifest = json.loads((weights / MANIFEST).read_text())
    assert {name: set(entry["made"]) for name, entry in manifest.items()} == {
        "segmenter": {"fp16", "int8"},
        "generator": {"fp16", "int8"},
    }
