"""What is measured of the networks alone, and how it is shown."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import networks
from benchmarks.networks import Batches, measure, time_batch
from benchmarks.tables import show_networks
from engines.backends.openvino_cpu import multiply_adds
from engines.backends.pytorch_cuda import PyTorchEngine
from engines.contract import GENERATOR, SEGMENTER
from stream_unmask.bundled import BUNDLED_WEIGHTS
from tests.engines.tiny import SIZE, tiny_weights


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "_LEAST_RUNS", 3)


def load(folder: Path, *sizes: int) -> Batches:
    weights = tiny_weights(folder)
    return Batches(
        backend="onnxruntime", precision="fp32", threads=1, sizes=sizes, seconds=0, weights=weights
    )


def test_multiply_adds_are_those_of_the_convolutions(tmp_path: Path) -> None:
    path = tiny_weights(tmp_path) / "segmenter.onnx"
    half, whole = (SIZE // 2) ** 2, SIZE**2
    assert multiply_adds(path) == 9 * (half * 3 * 8 + half * 8 * 8 + whole * 8 * 1)
    assert multiply_adds(BUNDLED_WEIGHTS / "segmenter.onnx") > 1e8


def test_an_engine_that_takes_one_face_is_not_said_to_take_more(tmp_path: Path) -> None:
    times = measure(load(tmp_path, 8, 2))
    assert (times.max_batch, [each.batch for each in times.times]) == (1, [1])
    console = Console(record=True, width=80, file=io.StringIO())
    show_networks("onnxruntime fp32", times, console)
    assert "onnxruntime fp32 takes 1 face a run at most." in console.export_text()


def test_figures_belong_together(tmp_path: Path) -> None:
    weights = tiny_weights(tmp_path)
    engines = [
        PyTorchEngine(weights / f"{each.name}.onnx", precision="fp32", device="cpu")
        for each in (SEGMENTER, GENERATOR)
    ]
    time = time_batch((engines[0], engines[1]), 3, 0.5, 0)
    assert time.both.runs == time.segment.runs == 3
    assert time.both.total == pytest.approx(time.segment.total + time.generate.total)
    assert time.faces_per_second == pytest.approx(3000 / time.both.p50)
    # Half a thousand million multiply-adds a face are a thousand million operations.
    assert time.gflops == pytest.approx(time.faces_per_second)
