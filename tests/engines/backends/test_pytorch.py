"""The PyTorch engine computes what ONNX Runtime does: on the CPU everywhere, on a GPU where there is one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper

from engines.backends.onnxruntime_cpu import ONNXRuntimeEngine
from engines.backends.pytorch_cuda import MAX_BATCH, Computed, PyTorchEngine
from engines.contract import GENERATOR, SEGMENTER, Network
from engines.engine import DeviceEngine, EngineError
from stream_unmask.bundled import BUNDLED_WEIGHTS
from tests.engines.tiny import SIZE, crops, tiny_weights
from trainer.quantize import draw_inputs

BOTH = pytest.mark.parametrize("network", [SEGMENTER, GENERATOR], ids=lambda network: network.name)
NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs need an NVIDIA GPU")
DEVICES = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, NO_GPU])])
# A difference that is too small is that of a better precision.
PRECISIONS = pytest.mark.parametrize(
    ("precision", "least", "most"), [("fp32", 0, 1e-4), ("fp16", 1e-4, 2e-2), ("bf16", 1.5e-3, 5e-2)]
)


@BOTH
@DEVICES
@PRECISIONS
def test_batches_of_any_size_give_what_onnxruntime_gives(
    tmp_path: Path, network: Network, device: str, precision: Computed, least: float, most: float
) -> None:
    weights = tiny_weights(tmp_path)
    path = weights / f"{network.name}.onnx"
    engine = PyTorchEngine(path, precision=precision, device=device)
    network.check(engine, SIZE)
    reference = ONNXRuntimeEngine(path, 1)
    samples = draw_inputs(weights, crops(5))[network.name]
    gaps = []
    for batch in (1, 5, 2, 1):
        given = [samples[name][:batch] for name in network.inputs]
        (found,), (wanted,) = engine.run(*given), reference.run(*given)
        assert found.dtype == np.float32
        gaps.append(np.abs(found - wanted).max())
    assert least < max(gaps) < most


@BOTH
@DEVICES
def test_the_bundled_networks_run(network: Network, device: str) -> None:
    path = BUNDLED_WEIGHTS / f"{network.name}.onnx"
    engine = PyTorchEngine(path, precision="fp32", device=device)
    rng = np.random.default_rng(0)
    given = [rng.uniform(0, 1, port.shape).astype(np.float32) for port in engine.inputs]
    np.testing.assert_allclose(engine.run(*given)[0], ONNXRuntimeEngine(path, 1).run(*given)[0], atol=1e-3)


@DEVICES
def test_a_run_is_queued_between_the_callers_own_work(tmp_path: Path, device: str) -> None:
    weights = tiny_weights(tmp_path)
    engine = PyTorchEngine(weights / "generator.onnx", precision="fp32", device=device)
    assert isinstance(engine, DeviceEngine)
    held = [[torch.as_tensor(each, device=engine.device) for each in ports] for ports in engine.on_device()]
    inputs, (patches,) = held
    samples = [torch.from_numpy(each) for each in draw_inputs(weights, crops(4))["generator"].values()]
    stream = None if device == "cpu" else torch.cuda.Stream()
    found = []
    with torch.cuda.stream(stream):
        for batch in (4, 2, 4):  # the first of each size is prepared, the last one replayed
            for view, values in zip(inputs, samples, strict=True):
                view[:batch].copy_(values[-batch:].to(engine.device))
            engine.enqueue(batch, 0 if stream is None else stream.cuda_stream)
            found.append(patches[:batch].clone())
    if stream is not None:
        stream.synchronize()
    for each in found:
        (wanted,) = engine.run(*(values[-len(each) :].numpy() for values in samples))
        np.testing.assert_allclose(each.cpu(), wanted, atol=1e-6)
        # What run() was given lies where enqueue() looks for it, in memory that is always the same.
        torch.testing.assert_close(inputs[0][: len(each)].cpu(), samples[0][-len(each) :])
    assert [view.data_ptr() for view in inputs] == [each.data_ptr() for each in engine.on_device()[0]]


def test_too_large_a_batch_is_refused(tmp_path: Path) -> None:
    engine = PyTorchEngine(tiny_weights(tmp_path) / "segmenter.onnx", device="cpu")
    with pytest.raises(EngineError, match=f"1 to {MAX_BATCH} faces, not of {MAX_BATCH + 1}"):
        engine.run(crops(MAX_BATCH + 1))
    with pytest.raises(EngineError, match="not of 0"):
        engine.enqueue(0, 0)


def test_operators_that_are_not_known_are_named(tmp_path: Path) -> None:
    path = tiny_weights(tmp_path) / "segmenter.onnx"
    model = onnx.load(path)
    model.graph.node[-1].CopyFrom(helper.make_node("Erf", ["raw"], ["map"], "squash"))
    onnx.save(model, path)
    with pytest.raises(EngineError, match="does not know the operators Erf"):
        PyTorchEngine(path, device="cpu")


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "n.onnx"
    path.write_bytes(b"not a network")
    with pytest.raises(EngineError, match="n.onnx is not a network"):
        PyTorchEngine(path, device="cpu")
