"""ONNX Runtime with the TensorRT-RTX plugin: it runs on a supported GPU or says why not, never on the CPU."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from engines.backends import onnxruntime_rtx
from engines.backends.onnxruntime_cpu import ONNXRuntimeEngine
from engines.backends.onnxruntime_rtx import ONNXRuntimeRTXEngine, why_not
from engines.engine import EngineError
from tests.engines.tiny import crops, tiny_weights


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What one test learnt of the plugin, the next one learns anew."""
    onnxruntime_rtx._devices.cache_clear()
    yield
    onnxruntime_rtx._devices.cache_clear()


def plugin(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    module = SimpleNamespace(get_ep_name=lambda: "RTX", get_library_path=lambda: library)
    monkeypatch.setitem(sys.modules, "onnxruntime_ep_nv_tensorrt_rtx", module)


def test_a_plugin_that_does_not_load_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "plugin.so").write_bytes(b"no library")
    plugin(monkeypatch, str(tmp_path / "plugin.so"))
    with pytest.raises(EngineError, match="plugin does not load: .*plugin.so"):
        ONNXRuntimeRTXEngine(tiny_weights(tmp_path) / "segmenter.onnx")


def test_without_a_gpu_that_it_supports_it_does_not_run_on_the_cpu(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plugin(monkeypatch, "plugin.so")
    monkeypatch.setattr("onnxruntime.register_execution_provider_library", lambda name, path: None)
    assert why_not() == "TensorRT-RTX supports no GPU of this machine."


@pytest.mark.gpu
def test_it_computes_what_onnxruntime_does_on_the_cpu(tmp_path: Path) -> None:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    path = tiny_weights(tmp_path) / "segmenter.onnx"
    engine, reference = ONNXRuntimeRTXEngine(path), ONNXRuntimeEngine(path, 1)
    for count in (1, 3):
        np.testing.assert_allclose(engine.run(crops(count))[0], reference.run(crops(count))[0], atol=2e-2)
