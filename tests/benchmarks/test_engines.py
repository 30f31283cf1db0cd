"""The comparison of engines runs what it says it runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.engines import TimedEngine, _plan, _run, _table
from engines import Precision
from engines.backends.openvino_cpu import _core
from engines.contract import GENERATOR
from engines.parity import psnr
from tests.engines.tiny import SIZE, crops, tiny_weights
from trainer.quantize import draw_inputs


def _computes_bf16() -> bool:
    return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@pytest.mark.parametrize(
    ("backend", "precision", "least"),
    [("openvino", "fp32", 80), ("openvino", "bf16", 40), ("pytorch", "fp32", 80)],
)
def test_every_face_of_every_engine_is_compared(
    tmp_path: Path, backend: str, precision: Precision, least: float
) -> None:
    if precision == "bf16" and not _computes_bf16():
        pytest.skip("this CPU does not compute in bf16")
    weights = tiny_weights(tmp_path)
    inputs = draw_inputs(weights, crops(3))["generator"]
    reference, other = (
        _run((weights, GENERATOR, name, kind, 1), inputs, 0.0)  # type: ignore[arg-type]
        for name, kind in (("onnxruntime", "fp32"), (backend, precision))
    )
    assert other.outputs.shape == (3, 3, SIZE, SIZE)
    assert psnr(other.outputs - reference.outputs, 2.0) > least
    assert other.wall > 0
    assert other.cpu > 0


def test_the_threads_asked_for_are_those_measured(tmp_path: Path) -> None:
    timed = list(_plan(tiny_weights(tmp_path), (3,)))
    assert {each.threads for each in timed} == {3}
    assert not any(each.precision == "int8" for each in timed)  # there are no such files
    assert timed[0].backend == "onnxruntime"


def test_the_table_compares_with_the_reference_of_the_same_network_and_threads() -> None:
    slow = TimedEngine(GENERATOR, "onnxruntime", "fp32", 1, [8.0, 9.0], [8.0, 8.0], 120.0)
    fast = TimedEngine(GENERATOR, "openvino", "int8", 1, [5.0, 4.0], [4.0, 4.5], 45.25)
    lines = _table([slow, fast], 2).splitlines()
    assert lines[-2].endswith("| 8.00 | 8.00 | 1.00 | reference |")
    assert lines[-1].endswith("| 4.00 | 4.00 | 2.00 | 45.2 |")


def test_identical_outputs_are_the_reference() -> None:
    assert psnr(np.zeros(3, np.float32), 1.0) >= 119
