"""Descriptions of upper faces."""

from __future__ import annotations

import numpy as np
import pytest

from engines.backends.openvino_cpu import OpenVINOEngine
from engines.engine import EngineError
from stream_unmask.bundled import BUNDLED_SETS
from stream_unmask.faces import weights
from stream_unmask.inpainting.stand_ins.bundled import bundled_stand_ins
from stream_unmask.inpainting.stand_ins.describing import UpperFace


def test_only_the_upper_half_is_described() -> None:
    describer = UpperFace()
    free = bundled_stand_ins(BUNDLED_SETS["open"].folder)
    first, second = free[30].picture, free[74].picture
    row = round(0.45 * len(first))
    own = describer.describe(first)
    lower, upper = first.copy(), first.copy()
    lower[row:], upper[:row] = second[row:], second[:row]
    assert np.allclose(describer.describe(lower), own, atol=1e-5)
    assert np.linalg.norm(describer.describe(upper) - own) > 0.1 * np.linalg.norm(own)


def test_a_layer_that_is_not_there_is_said_in_a_sentence() -> None:
    with pytest.raises(EngineError, match="no layer nowhere"):
        OpenVINOEngine(weights.centerface(), 1, [(1, 3, 64, 64)], layers=["nowhere"])
