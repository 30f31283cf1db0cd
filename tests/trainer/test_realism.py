"""Whether made faces look like photographs, as a crowd."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from trainer.evaluation import realism


def test_a_crowd_is_not_far_from_itself_and_far_from_another() -> None:
    rng = np.random.default_rng(0)
    one, alike, other = (rng.normal(middle, 1, (200, 16)) for middle in (0, 0, 1))
    assert abs(realism.squared_discrepancy(one, alike)) < 0.1
    assert realism.squared_discrepancy(one, other) > 1


@pytest.mark.skipif(not realism.is_there(), reason=realism.LACKING)
def test_soft_pictures_are_farther_from_sharp_ones_than_those_are_from_each_other() -> None:
    rng = np.random.default_rng(0)
    sharp = [_picture(rng) for _ in range(24)]
    soft = [np.asarray(cv2.GaussianBlur(each, (0, 0), 3), np.uint8) for each in sharp]
    assert realism.kernel_distance(soft, sharp) > 10 + realism.kernel_distance(sharp, sharp)


def _picture(rng: np.random.Generator) -> realism.Bytes:
    """Cells of random colours."""
    cells = rng.integers(0, 256, (32, 32, 3), np.uint8)
    return np.asarray(cv2.resize(cells, (256, 256), interpolation=cv2.INTER_NEAREST), np.uint8)
