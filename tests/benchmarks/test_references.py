"""The measure of references, on a clip made on the spot."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.clips import portrait
from benchmarks.deep import deep_distance
from benchmarks.references import WAYS, as_result, masked, measure


def test_pictures_that_differ_more_are_further_apart() -> None:
    truth = portrait(256)
    where = np.zeros((256, 256), np.bool_)
    where[100:200, 60:200] = True
    soft = np.asarray(cv2.GaussianBlur(truth, (0, 0), 2), np.uint8)
    softer = np.asarray(cv2.GaussianBlur(truth, (0, 0), 6), np.uint8)
    distances = [deep_distance(each, truth, where) for each in (truth, soft, softer)]
    assert distances[0] == pytest.approx(0, abs=1e-6)
    assert distances[0] < distances[1] < distances[2]


def test_a_mask_is_drawn_from_a_frame_on_and_the_truth_kept(bare_clip: Path) -> None:
    known = list(masked(bare_clip, start=2, frames=4, seed=0))
    assert [bool(each.mask.any()) for each in known] == [False, False, True, True]
    assert (known[0].worn == known[0].truth).all()
    assert (known[3].worn != known[3].truth).any()


@pytest.mark.slow
def test_a_persons_own_face_is_nearer_to_the_truth(bare_clip: Path) -> None:
    found = measure(bare_clip, start=6, frames=24, seed=0)
    assert list(found) == list(WAYS)
    assert found["own face"].own > 0.9
    assert found["stand-in"].own == 0
    alone, own = (np.mean(found[way].deep) for way in ("generator alone", "own face"))
    assert own < alone
    assert len(as_result([found], "stream-unmask measure references").rows) == len(WAYS)
