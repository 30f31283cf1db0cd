"""torch-tensorrt: what it is given here, what is kept where; compiling and running need a GPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from engines.backends.onnxruntime_cpu import ONNXRuntimeEngine
from engines.backends.pytorch_cuda import MAX_BATCH, read_module
from engines.backends.torch_tensorrt import TorchTensorRTEngine, exported, program_path, why_not
from engines.contract import GENERATOR, SEGMENTER, Network
from engines.engine import EngineError
from stream_unmask.bundled import BUNDLED_WEIGHTS
from tests.engines.tiny import crops, tiny_weights


@pytest.mark.parametrize("network", [SEGMENTER, GENERATOR], ids=lambda network: network.name)
def test_the_bundled_networks_export_for_any_batch(network: Network) -> None:
    module, ports = read_module(BUNDLED_WEIGHTS / f"{network.name}.onnx", "fp16")
    program = exported(module, ports)
    (range_,) = program.range_constraints.values()
    assert (range_.lower, range_.upper) == (1, MAX_BATCH)
    given = [torch.rand(3, *port.shape[1:]) for port in ports[0]]
    torch.testing.assert_close(program.module()(*given), module(*given))


@pytest.fixture
def versions(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    found = {"torch-tensorrt": "2.13.0", "tensorrt": "11.0.0"}
    monkeypatch.setattr("engines.backends.torch_tensorrt.version", found.__getitem__)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda *_: "RTX 9000")
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda *_: (12, 0))
    return found


def test_programs_are_kept_by_all_that_they_depend_on(
    tmp_path: Path, versions: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAM_UNMASK_CACHE", str(tmp_path / "cache"))
    weights = tiny_weights(tmp_path)
    segmenter = weights / "segmenter.onnx"
    names = {program_path(segmenter, "fp16"), program_path(segmenter, "fp32")}
    names.add(program_path(weights / "generator.onnx", "fp16"))
    versions["tensorrt"] = "11.1.0"
    names.add(program_path(segmenter, "fp16"))
    assert len(names) == 4
    assert {path.parent for path in names} == {tmp_path / "cache" / "torch-tensorrt"}


def test_auto_waits_for_what_is_compiled(
    tmp_path: Path, versions: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAM_UNMASK_CACHE", str(tmp_path / "cache"))
    segmenter = tiny_weights(tmp_path) / "segmenter.onnx"
    reason = why_not([segmenter])
    assert reason is not None
    assert "ask for torch-tensorrt by its name" in reason
    kept = program_path(segmenter, "fp16")
    kept.parent.mkdir(parents=True)
    kept.touch()
    assert why_not([segmenter]) is None


def test_without_it_the_reason_is_said(tmp_path: Path) -> None:
    try:
        import torch_tensorrt  # noqa: F401
    except Exception:
        with pytest.raises(EngineError, match="torch_tensorrt is not installed|does not load"):
            TorchTensorRTEngine(tiny_weights(tmp_path) / "segmenter.onnx")
    else:
        pytest.skip("torch-tensorrt is installed")


@pytest.mark.gpu
def test_it_computes_what_onnxruntime_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not torch.cuda.is_available():
        pytest.skip("torch-tensorrt needs an NVIDIA GPU")
    pytest.importorskip("torch_tensorrt", reason="torch-tensorrt is not installed")
    monkeypatch.setenv("STREAM_UNMASK_CACHE", str(tmp_path / "cache"))
    path = tiny_weights(tmp_path) / "segmenter.onnx"
    reference = ONNXRuntimeEngine(path, 1)
    for _ in range(2):  # compiled, then loaded
        engine = TorchTensorRTEngine(path)
        for count in (1, 3):
            np.testing.assert_allclose(engine.run(crops(count))[0], reference.run(crops(count))[0], atol=2e-2)
    stream, (buffer,), (maps,) = torch.cuda.Stream(), *engine.on_device()
    with torch.cuda.stream(stream):
        buffer[:2].copy_(torch.from_numpy(crops(2, seed=1)))
        engine.enqueue(2, stream.cuda_stream)
        queued = maps[:2].clone()
    stream.synchronize()
    np.testing.assert_allclose(queued.cpu(), reference.run(crops(2, seed=1))[0], atol=2e-2)
