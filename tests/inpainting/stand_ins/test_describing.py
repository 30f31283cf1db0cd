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
    first, second = free[29].picture, free[73].picture
    row = round(0.45 * len(first))
    own = describer.describe(first)
    lower, upper = first.copy(), first.copy()
    lower[row:], upper[:row] = second[row:], second[:row]
    assert np.allclose(describer.describe(lower), own, atol=1e-5)
    assert np.linalg.norm(describer.describe(upper) - own) > 0.1 * np.linalg.norm(own)


def test_features_are_of_brows_to_chin_and_not_of_what_is_around() -> None:
    describer = UpperFace()
    free = bundled_stand_ins(BUNDLED_SETS["open"].folder)
    first, second = free[29].picture, free[73].picture
    own, size = describer.describe_features(first), len(first)
    around, mouth, eyes = first.copy(), first.copy(), first.copy()
    around[: size // 12] = second[: size // 12]
    around[:, : size // 16] = second[:, : size // 16]
    low, high = slice(round(0.55 * size), round(0.8 * size)), slice(round(0.22 * size), round(0.42 * size))
    mouth[low], eyes[high] = second[low], second[high]
    changed = [
        float(np.linalg.norm(describer.describe_features(each) - own)) for each in (around, eyes, mouth)
    ]
    assert changed[0] < 0.5 * changed[1] < 0.9 * changed[2]


def test_a_layer_that_is_not_there_is_said_in_a_sentence() -> None:
    with pytest.raises(EngineError, match="no layer nowhere"):
        OpenVINOEngine(weights.centerface(), 1, [(1, 3, 64, 64)], layers=["nowhere"])
