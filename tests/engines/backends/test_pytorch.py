"""The PyTorch engine computes what ONNX Runtime does: on the CPU everywhere, on a GPU where there is one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import Tensor

from engines.backends import pytorch_cuda, pytorch_graph
from engines.backends.onnxruntime_cpu import ONNXRuntimeEngine
from engines.backends.pytorch_cuda import MAX_BATCH, Computed, PyTorchEngine
from engines.backends.pytorch_graph import OnnxModule
from engines.contract import GENERATOR, SEGMENTER, Network
from engines.engine import RECORDING, DeviceEngine, EngineError
from engines.parity import compare
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
    model.graph.node[-1].CopyFrom(helper.make_node("Erf", ["raw"], ["mask"], "squash"))
    onnx.save(model, path)
    with pytest.raises(EngineError, match="does not know the operators Erf"):
        PyTorchEngine(path, device="cpu")


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "n.onnx"
    path.write_bytes(b"not a network")
    with pytest.raises(EngineError, match="n.onnx is not a network"):
        PyTorchEngine(path, device="cpu")


def _whole(*asked: Any) -> Tensor:
    return torch.relu(torch.conv2d(*asked))


def _none(*asked: Any) -> Tensor:
    raise RuntimeError("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED")


class _OverWhatLiesThere:
    """Adds 0 times the memory that it is given, which is what was made last."""

    def __init__(self) -> None:
        self._last = torch.zeros(())

    def __call__(self, *asked: Any) -> Tensor:
        made = _whole(*asked)
        if self._last.shape == made.shape:
            made += 0 * self._last
        self._last = made
        return made


@pytest.mark.parametrize("kernel", [_whole, _none, _OverWhatLiesThere()], ids=["whole", "none", "reads"])
def test_convolution_and_relu_are_one_kernel_where_it_can_be_trusted(
    kernel: Callable[..., Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[torch.Size] = []

    def cudnn_convolution_relu(x: Tensor, *others: Any) -> Tensor:
        asked.append(x.shape)
        return kernel(x, *others)

    engine = PyTorchEngine(BUNDLED_WEIGHTS / "generator.onnx", precision="fp32", device="cpu")
    rng = np.random.default_rng(0)
    faces = [[rng.random((batch, *port.shape[1:]), np.float32) for port in engine.inputs] for batch in (1, 2)]
    plain = [engine.run(*given)[0].copy() for given in faces]
    monkeypatch.setattr(pytorch_graph, "_FUSING", ("cpu",))
    monkeypatch.setattr(torch, "cudnn_convolution_relu", cudnn_convolution_relu)
    for given, wanted in zip(faces, plain, strict=True):
        engine.run(*given)
        tried = len(asked)
        assert tried > 10
        np.testing.assert_array_equal(engine.run(*given)[0], wanted)
        assert (len(asked) - tried > 10) if kernel is _whole else (len(asked) == tried)


def test_a_convolution_that_others_read_keeps_its_own_values() -> None:
    constants = [
        numpy_helper.from_array(np.full((1, 1, 1, 1), -1, np.float32), "weight"),
        numpy_helper.from_array(np.zeros(1, np.float32), "bias"),
    ]
    nodes = [
        helper.make_node("Conv", ["x", "weight", "bias"], ["before"]),
        helper.make_node("Relu", ["before"], ["after"]),
        helper.make_node("Add", ["before", "after"], ["both"]),
        helper.make_node("Conv", ["x", "weight", "bias"], ["shown"]),
        helper.make_node("Relu", ["shown"], ["cut"]),
    ]
    x, both, shown, cut = (
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 1, 2, 2])
        for name in ("x", "both", "shown", "cut")
    )
    module = OnnxModule(helper.make_model(helper.make_graph(nodes, "g", [x], [both, shown, cut], constants)))
    given = torch.tensor([[[[1.0, -2.0], [3.0, -4.0]]]])
    plain = module(given)
    module.fuse()
    for found, wanted in zip(module(given), plain, strict=True):
        assert torch.equal(found, wanted)
    assert torch.equal(plain[1], -given)


def test_a_gpu_that_torch_has_no_kernels_for_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def ones(*_: object, device: str) -> Tensor:
        raise RuntimeError("CUDA error: no kernel image is available\nCompile with `TORCH_USE_CUDA_DSA`.\n")

    monkeypatch.setattr("torch.version.cuda", "13.0")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.ones", ones)
    wanted = "torch cannot compute on it: CUDA error: no kernel image is available."
    assert pytorch_cuda.why_not() == wanted


class OnCpu(PyTorchEngine):
    """As on a GPU, in single precision."""

    def __init__(self, path: Path, *, precision: Computed) -> None:
        super().__init__(path, precision="fp32", device="cpu")


class Black(OnCpu):
    """Its kernels overflow."""

    def run(self, *inputs: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        return tuple(made * np.float32(np.nan) for made in super().run(*inputs))


class Full(OnCpu):
    """There is no memory left for it."""

    def run(self, *inputs: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nSee documentation.")


def test_no_engine_of_a_gpu_is_used_that_computes_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tiny_weights(tmp_path) / "generator.onnx"
    monkeypatch.setattr(pytorch_cuda, "PyTorchEngine", OnCpu)
    assert pytorch_cuda.load_checked(path, "fp16").description
    monkeypatch.setattr(pytorch_cuda, "PyTorchEngine", Black)
    with pytest.raises(EngineError, match="generator.onnx as it should. It gives values that are not num"):
        pytorch_cuda.load_checked(path, "fp16")
    monkeypatch.setattr(pytorch_cuda, "PyTorchEngine", Full)
    with pytest.raises(EngineError, match="cannot run generator.onnx: CUDA out of memory. Tried .* 2 GiB.$"):
        pytorch_cuda.load_checked(path, "fp16")


@BOTH
@pytest.mark.gpu
@NO_GPU
@pytest.mark.parametrize("precision", ["fp16", "bf16", "fp32"])
def test_the_bundled_networks_pass_the_check_on_a_gpu(network: Network, precision: Computed) -> None:
    engine = pytorch_cuda.load_checked(BUNDLED_WEIGHTS / f"{network.name}.onnx", precision)
    reference = ONNXRuntimeEngine(BUNDLED_WEIGHTS / f"{network.name}.onnx", 1)
    assert compare(engine, reference, (1, 2, 3, 8), precision).psnr > 40


def test_only_one_graph_is_recorded_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = PyTorchEngine(tiny_weights(tmp_path) / "segmenter.onnx", precision="fp32", device="cpu")
    held: list[bool] = []
    monkeypatch.setattr(engine, "_stream", "a stream")
    monkeypatch.setattr(engine, "_graphs", {})
    monkeypatch.setattr(engine, "_recorded", lambda batch, stream: held.append(RECORDING.locked()))
    engine._record(2)
    assert held == [True]
    assert not RECORDING.locked()


@pytest.mark.gpu
@NO_GPU
def test_engines_record_in_several_threads_at_once(tmp_path: Path) -> None:
    path = tiny_weights(tmp_path) / "segmenter.onnx"
    (wanted,) = ONNXRuntimeEngine(path, 1).run(crops(5))

    def work(_: int) -> bool:
        engine = PyTorchEngine(path, precision="fp32", device="cuda")
        made = [engine.run(crops(5)[:batch])[0].copy() for batch in range(1, 6)]
        return all(np.allclose(each, wanted[: len(each)], atol=1e-4) for each in made)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(8)))
